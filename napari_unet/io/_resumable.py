"""A class image that is written block by block, over several runs if need be. Computes nothing.

Beside ``cells.zarr`` lie, until it is whole: ``.cells.zarr.unfinished``, the store (at an address it is at its place at
once); ``.cells.zarr.unfinished.blocks``, its journal: what was asked for, then the number of each block that is
written; and a lock while a run lives. A run that was killed, or found the disk full, leaves them there, and the next
one that asks for the same goes on. The finished bytes are those of a run that was never interrupted.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.addresses import is_url
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.provenance import Provenance, now

from ._far_run import FarRun
from ._far_store import open_files
from ._lock_owner import has_lock
from ._mask_info import MaskInfo, Runs, SavedCode
from ._pyramid import PyramidSink
from ._reading import file_stem
from ._run_differences import differences
from ._run_files import LocalRun
from ._saving import checked_origin, checked_place
from ._unfinished import Unfinished
from ._zarr_settling import settle_zarr
from .ome_zarr import OmeZarr
from .provenance_file import is_provenance, provenance_name, provenance_text

MOST_AT_ONCE = 2**28
"""Pixels of a mask that is put together in memory to become a TIFF as others are; a larger one is written in tiles."""

_TORN = ".partial"
"""How the names of files end that zarr was writing when it was killed."""
_JOURNAL_VERSION = 1


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


class ResumableMask:
    """A mask on its way, block by block.

    Parameters
    ----------
    path : path
        As for :func:`napari_unet.io.create_mask`, but not inside an image. A TIFF is made of the finished store.
    shape : tuple of int
    classes : ClassTable
    geometry : Geometry
    asked : mapping
        What is computed, as plain values: a run goes on only with what asked for the same.
    code : {"mask", "painted", "objects"}
    overwrite : bool
    format : OmeZarr, optional
    provenance : Provenance, optional
    dtype, objects
        As for :func:`napari_unet.io.create_mask`.

    Raises
    ------
    UserError
        If it cannot be saved there, another run is writing it, or what is unfinished is something else.
    """

    def __init__(
        self, path: str | Path, shape: tuple[int, ...], *, classes: ClassTable, geometry: Geometry,
        asked: Mapping[str, Any], code: SavedCode = "mask", overwrite: bool = False, format: OmeZarr | None = None,
        provenance: Provenance | None = None, dtype: str = "uint8", objects: Runs = (),
    ) -> None:
        self._overwrite, self._provenance = overwrite, provenance
        self._run: LocalRun | FarRun
        self.path: Path | str
        self._single = False
        if is_url(path):
            self.path, self._run = str(path), FarRun(str(path), overwrite)
        else:
            self.path, place, entry = checked_place(Path(path), overwrite)
            if place is not None:
                raise UserError(f"{path} lies inside an image, where nothing is written block by block. Choose "
                                "another.")
            self._single, self._run = entry.name == "tiff", LocalRun(self.path)
            self._origin = checked_origin(self.path, overwrite, provenance)
        role = "objects" if code == "objects" else ""
        info = MaskInfo(classes, geometry, code, file_stem(path), role, dtype, objects)
        format = format or OmeZarr()
        header = json.dumps({"version": _JOURNAL_VERSION, "shape": list(shape), "info": repr(info),
                             "format": repr(format), **asked}, sort_keys=True, default=str)
        with self._run.guard():
            self._lock = self._run.lock(str(self.path))
            self.note_of_lock = self._lock.note
            try:
                self.finished = self._resumed(header)
                if not self.finished:
                    self._run.begin(header)
                self.store = StoreToFill(self._run.store, shape, info, format, self._run.lock_path,
                                         self._lock.owner.run)
                self._sink = self.store.sink(begun=bool(self.finished))
            except BaseException:
                self._lock.release()
                raise

    def _resumed(self, header: str) -> set[int]:
        """Return which blocks an earlier run has finished."""
        text = self._run.journal()
        if text is None:
            return set()
        *whole, torn = text.split("\n")  # what follows the last end of a line was being written
        if not whole or not self._run.is_begun():
            return set()
        if whole[0] != header:
            if not self._overwrite:
                raise UserError(
                    f"An unfinished run of something else lies beside {self.path}: {differences(whole[0], header)}. "
                    "Ask for the same as then to go on, choose another name, or add --overwrite to begin anew."
                )
            return set()
        self._run.cut(torn)
        return {int(line) for line in whole[1:] if line.isdigit()}

    def __setitem__(self, where: Any, painted: Any) -> None:
        """Put painted ids."""
        with self._run.guard():
            self._check_ours()
            self._sink[where] = self.store.info.encode(painted)

    def note(self, number: int) -> None:
        """Remember that a block is written."""
        with self._run.guard():
            self._check_ours()
            self._run.note(number)
        self.finished.add(number)

    def _check_ours(self) -> None:
        if self._lock.is_lost or not self.store.is_wanted():  # the next sign of life may be long in coming
            raise UserError(f"Another run has taken {self.path} over, as this one gave no sign of life for minutes. "
                            "Let that one go on.")

    def finish(self) -> Path | str:
        """Make smaller levels, write the metadata and give the mask its name."""
        with self._run.guard():
            self._check_ours()
            self._check_there()
            if isinstance(self._run, FarRun):
                self._finish_far(self._run)
            else:
                self._finish_here(self._run)
            self._run.remove()
        self.release()
        return self.path

    def _check_there(self) -> None:
        """Make sure that nobody has removed the store: zarr would give nothing but zeros, and write on."""
        if not self._run.is_begun():
            raise UserError(f"{self.store.folder}, where the blocks of {self.path} were kept, was removed or damaged "
                            "meanwhile. Run the same again: it begins anew.")

    def _finish_far(self, run: FarRun) -> None:
        self._sink.close()
        self._check_there()
        run.tell(provenance_name(str(self.path).rstrip("/").rpartition("/")[2]), self._origin_text())

    def _finish_here(self, run: LocalRun) -> None:
        path = Path(self.path)
        unfinished, told = Unfinished(path), None
        try:
            if self._single:
                self._write_tiff(unfinished.path)
            else:
                self._sink.close()
                for torn in run.store.rglob(f"*{_TORN}"):
                    torn.unlink()
            self._check_there()
            if (text := self._origin_text()) is not None:
                told = Unfinished(self._origin)
                told.path.write_text(text, encoding="utf-8")
            if not self._single:
                os.replace(run.store, unfinished.path)
            unfinished.take_name(self._overwrite)
            if told is not None:
                told.take_name(True)
            elif is_provenance(self._origin):
                self._origin.unlink()
        finally:
            if not self._single and unfinished.path.is_dir():  # it could not take its name: nothing of it is lost
                os.replace(unfinished.path, run.store)
            unfinished.discard()
            if told is not None:
                told.discard()

    def release(self) -> None:
        """Let go of the files; what is written so far stays, for the next run."""
        settle_zarr()
        try:
            # what goes wrong here too must not stand in the way of the error that ended the run; blocks that are not
            # noted are done again
            with contextlib.suppress(UserError), self._run.guard():
                self._run.close(self._lock.is_lost)
        finally:
            self._lock.release()

    def _origin_text(self) -> str | None:
        if self._provenance is None:
            return None
        return provenance_text(dataclasses.replace(self._provenance, ended=self._provenance.ended or now()))

    def _write_tiff(self, path: Path) -> None:
        from .tiff import Tiff, write_tiled

        if math.prod(self.store.shape) <= MOST_AT_ONCE:  # as Fiji opens it
            whole = Tiff().create(path, self.store.shape, self.store.info)
            for plane in np.ndindex(*self.store.shape[:-2]):
                whole[plane] = self._sink[(*plane, slice(None), slice(None))]
            whole.close()
            return
        write_tiled(path, self._tiles(), self.store.shape, self.store.info, self.store.format.chunk)

    def _tiles(self) -> Iterator[NDArray[Any]]:
        """Yield the chunks of all planes, row by row."""
        side, shape = self.store.format.chunk, self.store.shape
        for plane in np.ndindex(*shape[:-2]):
            for y in range(0, shape[-2], side):
                for x in range(0, shape[-1], side):
                    yield self._sink[(*plane, slice(y, min(y + side, shape[-2])), slice(x, min(x + side, shape[-1])))]
