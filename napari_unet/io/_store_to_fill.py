"""A store that is filled block by block, as plain values: so that it can be opened by any process. Computes nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from napari_unet.core.addresses import is_url
from napari_unet.core.errors import UserError

from ._far_store import open_files
from ._lock_owner import has_lock
from ._mask_info import MaskInfo
from ._pyramid import PyramidSink
from .ome_zarr import OmeZarr


@dataclasses.dataclass(frozen=True)
class StoreToFill:
    """What a process needs to write blocks of a class image: plain values, so that it can be sent there.

    Parameters
    ----------
    folder : Path or str
        Where the unfinished store lies; text is an address.
    shape : tuple of int
        Of the labels, rows and columns last.
    info : MaskInfo
    format : OmeZarr
    lock, run : str
        Where the lock lies, and the name of the run that has it.
    """

    folder: Path | str
    shape: tuple[int, ...]
    info: MaskInfo
    format: OmeZarr
    lock: str = ""
    run: str = ""

    def sink(self, begun: bool = True) -> PyramidSink:
        """Open the store, or make it."""
        return self.format.create(self.folder, self.shape, self.info, begun=begun)

    def is_wanted(self) -> bool:
        """Say whether the run that wants the blocks still has the store for its own."""
        try:
            if is_url(self.folder):
                files, _ = open_files(str(self.folder))
                return has_lock(files.cat_file(self.lock), self.run)
            return has_lock(Path(self.lock).read_bytes(), self.run)
        except FileNotFoundError:
            return False


class BlockWriter:
    """Takes painted ids and puts what the store holds: for processes that only write.

    A run that has ended, or lost the store to another, gets nothing more written.
    """

    def __init__(self, store: StoreToFill) -> None:
        self._store, self._sink = store, store.sink()

    def __setitem__(self, where: Any, painted: Any) -> None:
        if not self._store.is_wanted():
            raise UserError("the run that asked for it has ended; nothing was written.")
        self._sink[where] = self._store.info.encode(painted)
