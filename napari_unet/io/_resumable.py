"""A class image that is written block by block, over several runs if need be. Computes nothing.

Beside ``cells.zarr`` lie, until it is whole: ``.cells.zarr.unfinished``, the store; ``.cells.zarr.unfinished.blocks``,
its journal: what was asked for, then the number of each block that is written; and a lock while a run lives. A run that
was killed, or found the disk full, leaves them there, and the next one that asks for the same goes on. The finished
bytes are those of a run that was never interrupted.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.provenance import Provenance, now

from ._mask_info import MaskInfo, Runs, SavedCode
from ._output import writing
from ._pyramid import PyramidSink
from ._reading import file_stem
from ._run_lock import RunLock, lives
from ._saving import checked_origin, checked_place
from ._unfinished import Unfinished, remove
from ._zarr_settling import settle_zarr
from .ome_zarr import OmeZarr
from .provenance_file import is_provenance, provenance_text

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
    folder : Path
        Where the unfinished store lies.
    shape : tuple of int
        Of the labels, rows and columns last.
    info : MaskInfo
    format : OmeZarr
    """

    folder: Path
    shape: tuple[int, ...]
    info: MaskInfo
    format: OmeZarr

    def sink(self) -> PyramidSink:
        """Open the store, or make it."""
        return self.format.create(self.folder, self.shape, self.info, begun=self.folder.exists())


class BlockWriter:
    """Takes painted ids and puts what the store holds: for processes that only write."""

    def __init__(self, store: StoreToFill) -> None:
        self._sink, self._encode = store.sink(), store.info.encode

    def __setitem__(self, where: Any, painted: Any) -> None:
        self._sink[where] = self._encode(painted)


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
    dtype : str
        Of the values; other than ``uint8`` for ``objects`` only.
    objects : tuple of (int, int, int)
        For ``objects``, the class of each.

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
        self.path, place, entry = checked_place(Path(path), overwrite)
        if place is not None:
            raise UserError(f"{path} lies inside an image, where nothing is written block by block. Choose another.")
        self._overwrite, self._provenance, self._single = overwrite, provenance, entry.name == "tiff"
        self._origin = checked_origin(self.path, overwrite, provenance)
        role = "objects" if code == "objects" else ""
        info = MaskInfo(classes, geometry, code, file_stem(path), role, dtype, objects)
        folder = self.path.with_name(f".{self.path.name}.unfinished")
        self.store = StoreToFill(folder, shape, info, format or OmeZarr())
        self._journal = folder.with_name(f"{folder.name}.blocks")
        lock = folder.with_name(f"{folder.name}.lock")
        if lives(lock):
            raise UserError(f"Another run is writing {self.path} at this moment. Wait for it, or choose another name.")
        header = json.dumps({"version": _JOURNAL_VERSION, "shape": list(shape), "info": repr(info),
                             "format": repr(self.store.format), **asked}, sort_keys=True, default=str)
        with writing(self.path):
            self._lock = RunLock(lock)
            try:
                self.finished = self._resumed(header)
                if not self.finished:
                    remove(folder)
                    self._journal.write_text(f"{header}\n", encoding="utf-8")
                self._sink = self.store.sink()
                self._notes = self._journal.open("a", encoding="ascii")
            except BaseException:
                self._lock.release()
                raise

    def _resumed(self, header: str) -> set[int]:
        """Return which blocks an earlier run has finished."""
        try:
            lines = self._journal.read_text(encoding="utf-8").split("\n")
        except (FileNotFoundError, UnicodeDecodeError):
            return set()
        whole, torn = lines[:-1], lines[-1]  # what follows the last end of a line was being written
        if not whole or not self.store.folder.is_dir():
            return set()
        if whole[0] != header:
            if not self._overwrite:
                raise UserError(
                    f"An unfinished run of something else lies beside {self.path} (another model, image or settings). "
                    f"Ask for the same as then to go on, or add --overwrite to begin anew."
                )
            return set()
        if torn:
            with self._journal.open("r+b") as file:
                file.truncate(file.seek(0, os.SEEK_END) - len(torn.encode()))
        return {int(line) for line in whole[1:] if line.isdigit()}

    def __setitem__(self, where: Any, painted: Any) -> None:
        """Put painted ids."""
        with writing(self.path):
            self._sink[where] = self.store.info.encode(painted)

    def note(self, number: int) -> None:
        """Remember that a block is written."""
        with writing(self.path):
            self._notes.write(f"{number}\n")
            self._notes.flush()
        self.finished.add(number)

    def finish(self) -> Path:
        """Make smaller levels, write the metadata and give the mask its name."""
        with writing(self.path):
            unfinished, told = Unfinished(self.path), None
            try:
                if self._single:
                    self._write_tiff(unfinished.path)
                else:
                    self._sink.close()
                    for torn in self.store.folder.rglob(f"*{_TORN}"):
                        torn.unlink()
                told = self._told_origin()
                if not self._single:
                    os.replace(self.store.folder, unfinished.path)
                unfinished.take_name(self._overwrite)
                if told is not None:
                    told.take_name(True)
                elif is_provenance(self._origin):
                    self._origin.unlink()
            finally:
                unfinished.discard()
                if told is not None:
                    told.discard()
            self._notes.close()
            remove(self._journal)
            remove(self.store.folder)
        self.release()
        return self.path

    def release(self) -> None:
        """Let go of the files; what is written so far stays, for the next run."""
        settle_zarr()
        self._notes.close()
        self._lock.release()

    def _told_origin(self) -> Unfinished | None:
        if self._provenance is None:
            return None
        told = Unfinished(self._origin)
        whole = dataclasses.replace(self._provenance, ended=self._provenance.ended or now())
        told.path.write_text(provenance_text(whole), encoding="utf-8")
        return told

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
