"""What is found block by block, on disk until it is put together; goes on where an earlier run ended. Finds nothing.

Beside ``cells.zarr`` lies, until it is whole, the folder ``.cells.zarr.objects``: ``asked.json``, what was asked for;
``numbers``, an array of each block's own numbers; and for each block that is done a file of what it knows of them. That
file comes last and at once, so that a block is done if its file is there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError

from ._output import writing
from ._store_lock import StoreLock
from ._unfinished import remove

_VERSION = 1
_ENDING = ".npz"


class ObjectScratch:
    """Numbers of objects on their way.

    Parameters
    ----------
    place : Path
        Where the finished objects go.
    shape : tuple of int
    chunks : tuple of int
        Blocks are made of whole ones.
    asked : mapping
        What is looked for, as plain values: a run goes on only with what asked for the same.
    overwrite : bool
        Whether something else that is unfinished may go.

    Raises
    ------
    UserError
        If another run is at it, or what is unfinished is something else.
    """

    def __init__(
        self, place: Path, shape: tuple[int, ...], chunks: tuple[int, ...], asked: Mapping[str, Any],
        overwrite: bool = False,
    ) -> None:
        import zarr

        self._place = place
        self._folder = place.with_name(f".{place.name}.objects")
        header = json.dumps({"version": _VERSION, "shape": list(shape), "chunks": list(chunks), **asked},
                            sort_keys=True, default=str)
        with writing(place):
            self._lock = StoreLock(self._folder.with_name(f"{self._folder.name}.lock"), str(place))
            try:
                self._begin(header, overwrite)
                self._numbers: Any = zarr.open_array(
                    str(self._folder / "numbers"), mode="a", shape=shape, chunks=chunks, dtype="uint32", fill_value=0,
                    zarr_format=3)
                self.finished = {int(one.stem) for one in self._folder.glob(f"*{_ENDING}") if one.stem.isdigit()}
            except BaseException:
                self._lock.release()
                raise

    def _begin(self, header: str, overwrite: bool) -> None:
        told = self._folder / "asked.json"
        try:
            known = told.read_text(encoding="utf-8")
        except (FileNotFoundError, UnicodeDecodeError):
            known = ""
        if known == header:
            return
        if known and not overwrite:
            raise UserError(
                f"An unfinished search for other objects lies beside {self._place} (another mask, way or setting). Ask "
                "for the same as then to go on, or add --overwrite to begin anew.")
        remove(self._folder)
        self._folder.mkdir()
        told.write_text(header, encoding="utf-8")

    def put(
        self, number: int, where: tuple[int | slice, ...], numbers: NDArray[Any], known: Mapping[str, NDArray[Any]]
    ) -> None:
        """Keep the numbers of a block, and then what it knows of them."""
        if self._lock.is_lost:
            raise UserError(f"Another run has taken {self._place} over, as this one gave no sign of life for minutes. "
                            "Let that one go on.")
        with writing(self._place):
            self._numbers[where] = numbers
            unfinished = self._folder / f"{number}.partial"
            with unfinished.open("wb") as file:
                np.savez_compressed(file, **known)  # type: ignore[arg-type]  # its stubs take names for options
            os.replace(unfinished, self._folder / f"{number}{_ENDING}")
        self.finished.add(number)

    def known(self, number: int, *names: str) -> list[NDArray[Any]]:
        """Return what a block knows, by name.

        Raises
        ------
        UserError
            If its file is damaged.
        """
        path = self._folder / f"{number}{_ENDING}"
        try:
            with np.load(path, allow_pickle=False) as file:
                return [file[name] for name in names]
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise UserError(f"{path} is damaged ({error}). Add --overwrite to begin anew.") from error

    def numbers(self, where: tuple[int | slice, ...]) -> NDArray[np.uint32]:
        """Return the numbers that blocks have given."""
        return np.asarray(self._numbers[where], np.uint32)

    def release(self) -> None:
        """Let go; what is there stays for the next run, if anything is."""
        if not self.finished and not self._lock.is_lost:
            remove(self._folder)
        self._lock.release()

    def remove(self) -> None:
        """Remove all of it: the objects are put together."""
        remove(self._folder)
        self._lock.release()
