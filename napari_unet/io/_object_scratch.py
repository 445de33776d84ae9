"""What is found block by block, kept until it is put together; goes on where an earlier run ended. Finds nothing.

Beside ``cells.zarr`` lies, until it is whole, the folder ``.cells.zarr.objects``: ``asked.json``, what was asked for;
``numbers``, an array of each block's own numbers; and for each block that is done a file of what it knows of them. That
file comes last and at once, so that a block is done if its file is there. At an address all of this are objects.
"""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.addresses import is_url
from napari_unet.core.errors import UserError

from ._run_differences import is_written_since
from ._scratch_place import FarScratch, LocalScratch

_VERSION = 2
_ENDING = ".npz"
_ASKED = "asked.json"


class ObjectScratch:
    """Numbers of objects on their way.

    Parameters
    ----------
    place : Path or str
        Where the finished objects go; text is an address.
    shape : tuple of int
    chunks : tuple of int
        Blocks are made of whole ones.
    asked : mapping
        What is looked for, as plain values: a run goes on only with what asked for the same.
    overwrite : bool
        Whether something else that is unfinished may go.
    same_input : callable, optional
        Says of this whether blocks that are done would come out the same of what is there now: then a search goes on
        although ``asked["changed"]``, when its input was written, is another.

    Raises
    ------
    UserError
        If another run is at it, or what is unfinished is something else.
    """

    def __init__(
        self, place: Path | str, shape: tuple[int, ...], chunks: tuple[int, ...], asked: Mapping[str, Any],
        overwrite: bool = False, same_input: Callable[[ObjectScratch], bool] | None = None,
    ) -> None:
        import zarr

        self._place = place
        self._files = FarScratch(str(place)) if is_url(place) else LocalScratch(Path(place))
        header = json.dumps({"version": _VERSION, "shape": list(shape), "chunks": list(chunks), **asked},
                            sort_keys=True, default=str)
        with self._files.guard():
            self._lock = self._files.lock()
            try:
                self.finished = self._done()
                self._begin(header, overwrite, same_input)
                self._numbers: Any = zarr.open_array(
                    self._files.store("numbers"), mode="a", shape=shape, chunks=chunks, dtype="uint32", fill_value=0,
                    zarr_format=3)
            except BaseException:
                self._lock.release()
                raise

    def _done(self) -> set[int]:
        stems = [one.removesuffix(_ENDING) for one in self._files.names() if one.endswith(_ENDING)]
        return {int(stem) for stem in stems if stem.isdigit()}

    def _begin(
        self, header: str, overwrite: bool, same_input: Callable[[ObjectScratch], bool] | None
    ) -> None:
        try:
            known = self._files.read(_ASKED).decode("utf-8")
        except (FileNotFoundError, UnicodeDecodeError):
            known = ""
        if known == header:
            return
        if same_input is not None and is_written_since(known, header) and same_input(self):
            self._files.write(_ASKED, header.encode())
            return
        if known and not overwrite:
            raise UserError(
                f"An unfinished search for other objects lies beside {self._place} (another mask, way, setting or "
                "version). Ask for the same as then to go on, or add --overwrite to begin anew.")
        self._files.begin()
        self.finished = set()
        self._files.write(_ASKED, header.encode())

    def put(
        self, number: int, where: tuple[int | slice, ...], numbers: NDArray[Any], known: Mapping[str, NDArray[Any]]
    ) -> None:
        """Keep the numbers of a block, and then what it knows of them."""
        if self._lock.is_lost:
            raise UserError(f"Another run has taken {self._place} over, as this one gave no sign of life for minutes. "
                            "Let that one go on.")
        told = io.BytesIO()
        np.savez_compressed(told, **known)  # type: ignore[arg-type]  # its stubs take names for options
        with self._files.guard():
            self._numbers[where] = numbers
            self._files.write(f"{number}{_ENDING}", told.getvalue())
        self.finished.add(number)

    def known(self, number: int, *names: str) -> list[NDArray[Any]]:
        """Return what a block knows, by name.

        Raises
        ------
        UserError
            If its file is damaged: then it goes, and the next run does the block again.
        """
        name = f"{number}{_ENDING}"
        try:
            with np.load(io.BytesIO(self._files.read(name)), allow_pickle=False) as file:
                return [file[one] for one in names]
        except UserError:  # of the server
            raise
        except OSError as error:
            raise UserError(f"{self._files.path(name)} could not be read ({error.strerror or error}). Run the same "
                            "again to go on.") from error
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            with contextlib.suppress(UserError), self._files.guard():
                self._files.drop(name)
            raise UserError(f"{self._files.path(name)}, what is known of a block that is done, is damaged. Run the "
                            "same again: that block is done anew.") from error

    def numbers(self, where: tuple[int | slice, ...]) -> NDArray[np.uint32]:
        """Return the numbers that blocks have given."""
        with self._files.guard():
            return np.asarray(self._numbers[where], np.uint32)

    def release(self) -> None:
        """Let go; what is there stays for the next run, if anything is."""
        try:
            if not self.finished and not self._lock.is_lost:
                with contextlib.suppress(UserError), self._files.guard():  # the error that ended the run is told
                    self._files.remove()
        finally:
            self._lock.release()

    def remove(self) -> None:
        """Remove all of it: the objects are put together."""
        with self._files.guard():
            self._files.remove()
        self._lock.release()


def remove_scratch(place: Path | str) -> None:
    """Remove what a search has left whose objects are put together."""
    files = FarScratch(str(place)) if is_url(place) else LocalScratch(Path(place))
    with files.guard():
        lock = files.lock()
        try:
            files.remove()
        finally:
            lock.release()
