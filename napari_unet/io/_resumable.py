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
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_unet.core.addresses import is_url
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.provenance import Provenance, now

from ._far_run import FarRun
from ._mask_info import MaskInfo, Runs, SavedCode
from ._reading import file_stem
from ._run_differences import differences, is_written_since
from ._run_files import LocalRun
from ._saving import checked_origin, checked_place
from ._store_tiff import tiff_of_store
from ._store_to_fill import StoreToFill
from ._unfinished import Unfinished
from ._zarr_settling import settle_zarr
from .ome_zarr import OmeZarr
from .provenance_file import is_provenance, provenance_name, provenance_text

_TORN = ".partial"
"""How the names of files end that zarr was writing when it was killed."""
_JOURNAL_VERSION = 1


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
    same_input : callable, optional
        Says of blocks that are done, by what was noted with each, whether they would come out the same of what is there
        now: then a run goes on although ``asked["changed"]``, when its input was written, is another.

    Raises
    ------
    UserError
        If it cannot be saved there, another run is writing it, or what is unfinished is something else.
    """

    def __init__(
        self, path: str | Path, shape: tuple[int, ...], *, classes: ClassTable, geometry: Geometry,
        asked: Mapping[str, Any], code: SavedCode = "mask", overwrite: bool = False, format: OmeZarr | None = None,
        provenance: Provenance | None = None, dtype: str = "uint8", objects: Runs = (),
        same_input: Callable[[Mapping[int, str]], bool] | None = None,
    ) -> None:
        self._overwrite, self._provenance, self._same_input = overwrite, provenance, same_input
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
            self.remarks = self._lock.note
            try:
                if isinstance(self._run, LocalRun):
                    self._run.recover()
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
        notes = _notes_in(whole[1:])
        if whole[0] != header and not self._is_kept(whole[0], header, notes):
            if not self._overwrite:
                raise UserError(
                    f"An unfinished run of something else lies beside {self.path}: {differences(whole[0], header)}. "
                    "Ask for the same as then to go on, choose another name, or add --overwrite to begin anew."
                )
            return set()
        self._run.cut(torn)
        if whole[0] != header:
            self._run.renew(header)
        return set(notes)

    def _is_kept(self, then: str, now: str, notes: Mapping[int, str]) -> bool:
        """Say whether what is done stays although the input was written since: it is the same wherever that was read.
        """
        if self._same_input is None or not is_written_since(then, now) or not self._same_input(notes):
            return False
        if notes:
            told = f"the image was written since, but all that {len(notes)} blocks were made of is the same: they stay"
            self.remarks = "; ".join(filter(None, (self.remarks, told)))
        return True

    def __setitem__(self, where: Any, painted: Any) -> None:
        """Put painted ids."""
        with self._run.guard():
            self._check_ours()
            self._sink[where] = self.store.info.encode(painted)

    def note(self, number: int, made_of: str = "") -> None:
        """Remember that a block is written, and in a line what it was made of."""
        with self._run.guard():
            self._check_ours()
            self._run.note(f"{number} {made_of}".rstrip())
        self.finished.add(number)

    def _check_ours(self) -> None:
        if self._lock.is_lost or not self.store.is_wanted():  # the next sign of life may be long in coming
            raise UserError(f"Another run has taken {self.path} over, as this one gave no sign of life for minutes. "
                            "Let that one go on.")

    def finish(self, then: Callable[[], None] = lambda: None) -> Path | str:
        """Make smaller levels, write the metadata and give the mask its name.

        Parameters
        ----------
        then : callable
            What is to be done before anybody takes the run for ended: :func:`._named_run.finish_named` does the rest of
            a run that is killed meanwhile.
        """
        with self._run.guard():
            self._check_ours()
            self._check_there()
            if isinstance(self._run, FarRun):
                self._finish_far(self._run)
            else:
                self._finish_here(self._run)
            then()
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
        run.note_named()
        run.tell(provenance_name(str(self.path).rstrip("/").rpartition("/")[2]), origin_text(self._provenance))

    def _finish_here(self, run: LocalRun) -> None:
        path = Path(self.path)
        unfinished, told = Unfinished(path), None
        try:
            if self._single:
                tiff_of_store(unfinished.path, self._sink, self.store)
                run.note_named(unfinished.path)
            else:
                self._sink.close()
                for torn in run.store.rglob(f"*{_TORN}"):
                    torn.unlink()
            self._check_there()
            if (text := origin_text(self._provenance)) is not None:
                told = Unfinished(self._origin)
                told.path.write_text(text, encoding="utf-8")
            if not self._single:
                run.note_named(run.store)
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


def origin_text(provenance: Provenance | None) -> str | None:
    """Return what is written beside a result that is whole now; None if nothing is."""
    if provenance is None:
        return None
    return provenance_text(dataclasses.replace(provenance, ended=provenance.ended or now()))


def _notes_in(lines: Sequence[str]) -> dict[int, str]:
    """Return by number of a block that is done what was noted with it."""
    parted = (line.partition(" ") for line in lines)
    return {int(number): note for number, _, note in parted if number.isdecimal()}
