"""Files that appear whole or not at all. Knows no format."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError
from napari_unet.core.provenance import Provenance, now
from napari_unet.core.readable import can_be_named

from ._contents import Sink
from ._unfinished import Unfinished, no_regular_file
from ._zarr_settling import settle_zarr
from .provenance_file import is_provenance, provenance_text


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure of the file system into a message about ``path``."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{path} could not be written ({error.strerror or error}). What was there before is untouched. "
            "Choose a folder you may write to, with enough space."
        ) from error


def check_place(
    path: Path, overwrite: bool, may_replace: Callable[[Path], str], folder: Path | None = None
) -> Path:
    """Return the real path behind ``path`` after checking that it may be written.

    What is unfinished lies in ``folder``, by default that of ``path``.

    Raises
    ------
    UserError
        If the folder is missing or cannot be written, or something is there that is not to be replaced.
    """
    if not can_be_named(str(path)):
        raise UserError(f"{str(path)!r} holds a character that no name of a file can hold. Choose another name.")
    path = Path(os.path.realpath(path.expanduser()))
    if folder is None and not path.parent.is_dir():
        raise UserError(f"There is no folder {path.parent} to save {path.name} in. Make it, or choose another.")
    if os.path.lexists(path):
        if reason := no_regular_file(path):
            raise UserError(f"{path} is not written: {reason}. Choose the name of a file.")
        if not overwrite:
            raise UserError(
                f"{path} exists already and is not overwritten. Choose another name, or allow it (--overwrite)."
            )
        reason = may_replace(path)
        if reason:
            raise UserError(f"{path} is not overwritten: {reason}. Choose another name, or remove it yourself.")
    trial = (folder or path.parent) / f".napari-unet-{uuid.uuid4().hex[:8]}"
    with writing(path):
        trial.touch(exist_ok=False)
        trial.unlink()
    return path


def replace_file(path: Path) -> str:
    """Say why an existing path must not be replaced by a file, or return ``""``."""
    return "" if path.is_file() else "it is not a file"


@contextlib.contextmanager
def appearing(path: Path, overwrite: bool) -> Iterator[Path]:
    """Give a temporary path to write a file to; at the end of the block it takes its name, or after an error it goes.

    Parameters
    ----------
    path : Path
        As returned by :func:`check_place`.
    overwrite : bool

    Raises
    ------
    UserError
        If it cannot be written, or something has taken the name meanwhile.
    """
    with writing(path):
        unfinished = Unfinished(path)
        try:
            yield unfinished.path
            unfinished.take_name(overwrite)
        finally:
            unfinished.discard()


class Host(Protocol):
    """A folder that what is saved becomes a part of, and that has to know about it."""

    @property
    def image(self) -> Path:
        """The folder, in which what is unfinished lies too."""

    def open_group(self) -> None:
        """Make room, before the result gets its name."""

    def enlist(self) -> None:
        """Take the result into the list of parts, once it has its name."""


class Output:
    """A class image or probabilities being saved: ``with ... as out: out[patch.where] = patch.labels``.

    Everything goes to a temporary name beside ``path``. Leaving the block finishes the file and gives it its name;
    leaving it through an exception (Ctrl-C as well) removes it, and what was there before stays.

    Parameters
    ----------
    path : Path
        As returned by :func:`check_place`.
    shape : tuple of int
        Shape that is indexed.
    start : callable
        Makes the :class:`Sink` under the temporary name.
    encode : callable
        Turns what is put into values of the file.
    overwrite : bool
    preview : callable, optional
        Called with (temporary path, all values); writes a second file, which is put at ``preview_path``.
    preview_path : Path, optional
    host : Host, optional
        What the result becomes a part of.
    note : str
        What people should know about what is saved: said by whoever saves.
    origin : Path, optional
        Where it is told where the result comes from.
    provenance : Provenance, optional
        What is told there; without, what is told of an earlier result goes.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        start: Callable[[Path], Sink],
        encode: Callable[[Any], NDArray[Any]],
        overwrite: bool = False,
        preview: Callable[[Path, NDArray[Any]], None] | None = None,
        preview_path: Path | None = None,
        host: Host | None = None,
        note: str = "",
        origin: Path | None = None,
        provenance: Provenance | None = None,
    ) -> None:
        self.path, self.shape, self.preview_path, self.note = path, shape, preview_path, note
        self._encode, self._overwrite, self._preview = encode, overwrite, preview
        self._host = host
        self._open = True
        self._origin, self._provenance = origin, provenance
        self._unfinished: list[Unfinished] = []
        self._beside: list[Unfinished] = []
        try:
            with writing(path):
                for place in (path, preview_path) if preview is not None and preview_path is not None else (path,):
                    self._unfinished.append(Unfinished(place, None if host is None else host.image))
                self._sink = start(self._unfinished[0].path)
                self._unfinished[0].note_beginning()
        except BaseException:
            self.abandon()
            raise

    def __setitem__(self, where: Any, values: Any) -> None:
        with writing(self.path):
            self._sink[where] = self._encode(values)

    def __enter__(self) -> Output:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self.abandon()

    def finish(self) -> None:
        """Finish the file and give it its name.

        Raises
        ------
        UserError
            If the disk is full, say; what was there before is untouched.
        """
        if not self._open:
            return
        try:
            with writing(self.path):
                self._sink.close()
                if self._preview is not None:
                    self._preview(self._unfinished[-1].path, np.asarray(self._sink))
                if self._host is not None:
                    self._host.open_group()
                told = self._told_origin()
                for one in self._unfinished:
                    one.take_name(self._overwrite)
                if told is not None:
                    told.take_name(True)  # allowed or ours, as was checked at the beginning
                elif self._origin is not None and is_provenance(self._origin):
                    self._origin.unlink()  # it tells of the result that was replaced
                if self._host is not None:
                    self._host.enlist()
        finally:
            self.abandon()

    def _told_origin(self) -> Unfinished | None:
        """Write down where the result comes from, still under a temporary name."""
        if self._provenance is None or self._origin is None:
            return None
        told = Unfinished(self._origin)
        self._beside.append(told)
        whole = dataclasses.replace(self._provenance, ended=self._provenance.ended or now())
        told.path.write_text(provenance_text(whole), encoding="utf-8")
        return told

    def abandon(self) -> None:
        """Remove what was written so far; nothing appears under the final name."""
        if self._open:
            self._open = False
            settle_zarr()
            for one in (*self._unfinished, *self._beside):
                one.discard()
