"""What is being written has a temporary name beside its place until it is whole. Knows no format.

Beside ``cells.zarr`` these names may lie, hidden where dots hide: ``.cells.zarr.TOKEN.partial``, what is written;
``.cells.zarr.TOKEN.old``, what was there before, for the moment in which both change places; and
``.cells.zarr.TOKEN.lock``, which says that the run lives. What a killed run leaves is put right by the next run to the
same place.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

from napari_unet.core.errors import UserError

from ._run_lock import RunLock, looked_at

_ENDINGS = (".partial", ".old", ".lock")
_TOKEN = re.compile("[0-9a-f]{8}")
_STREAMS = ("/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/self/fd/")
_LONGEST = 200  # bytes of a name that is repeated in a temporary one; file systems take 255 together


class Unfinished:
    """A temporary place beside a path.

    Leftovers of runs that were killed are removed first; those of a run that lives are left alone.

    Parameters
    ----------
    place : Path
        Where the finished thing goes.
    folder : Path, optional
        Where the temporary names lie; default the folder of ``place``. It must be on the same disk.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """

    def __init__(self, place: Path, folder: Path | None = None) -> None:
        clear_leftovers(place, folder)
        self.place = place
        token = uuid.uuid4().hex[:8]
        self._lock = RunLock(leftover_path(place, token, ".lock", folder))
        self.path = leftover_path(place, token, ".partial", folder)
        self._old = leftover_path(place, token, ".old", folder)
        self._began: tuple[Path, ...] = ()

    def note_beginning(self) -> None:
        """Remember what a format puts down first: :meth:`take_name` makes sure that it is still there.

        Zarr makes a folder that somebody has removed anew for the next block, but not the description of its array.
        """
        self._began = tuple(self.path.rglob("*"))

    def take_name(self, overwrite: bool) -> None:
        """Give the finished file or folder its name; what had it before goes only once the new one is there.

        Raises
        ------
        UserError
            If something has taken the name meanwhile; the finished result stays under its temporary name.
        OSError
            If what was written is not there any more, or cannot be moved.
        """
        if not all(one.exists() for one in self._began):
            raise OSError("somebody removed part of it while it was written")
        identity = _identity(self.path)
        if os.path.lexists(self.place) and not overwrite:
            kept = self.path.with_suffix(".kept")  # a name that no run takes for a leftover
            os.replace(self.path, kept)
            raise UserError(f"Something else was saved as {self.place} meanwhile. The finished result is kept as "
                            f"{kept}.")
        if self.place.is_dir():  # a folder cannot be replaced in one step
            os.replace(self.place, self._old)
            try:
                os.replace(self.path, self.place)
            except OSError:
                os.replace(self._old, self.place)
                raise
            remove(self._old)
        else:
            os.replace(self.path, self.place)
        if _identity(self.place) != identity:
            raise UserError(f"Another run saved something else as {self.place} in the same moment; that is there now. "
                            "Save again, or choose another name.")

    def discard(self) -> None:
        """Remove what is still under the temporary name, and let go of the lock."""
        remove(self.path)
        self._lock.release()


def leftover_path(place: Path, token: str, ending: str, folder: Path | None = None) -> Path:
    """Return the temporary name of a run; ``token`` tells runs apart."""
    return (folder or place.parent) / f"{_beginning(place)}{token}{ending}"


def dead_tokens(place: Path, endings: tuple[str, ...] = _ENDINGS, folder: Path | None = None) -> Iterator[str]:
    """Yield the tokens of runs that left something beside a place and live no more.

    Nobody else has to do with a token while it is the one that was yielded last; then its lock is removed.
    """
    start = _beginning(place)
    found = {entry.name for entry in (folder or place.parent).iterdir()
             if entry.name.startswith(start) and entry.name.endswith(endings)}
    for token in sorted({name[len(start):].rpartition(".")[0] for name in found}):
        if _TOKEN.fullmatch(token):
            with looked_at(leftover_path(place, token, ".lock", folder)) as lives:
                if not lives:
                    yield token


def clear_leftovers(place: Path, folder: Path | None = None) -> None:
    """Remove what killed runs have left beside a place; what was there before them comes back if nothing is there.

    What cannot be removed stays; it is in nobody's way.
    """
    with contextlib.suppress(OSError):
        for token in dead_tokens(place, folder=folder):
            partial, old = (leftover_path(place, token, ending, folder) for ending in (".partial", ".old"))
            if old.exists() and not os.path.lexists(place):
                os.replace(old, place)
            for one in (partial, old):
                remove(one)


def remove(path: Path) -> None:
    """Remove a file or a folder of our own if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def no_regular_file(path: Path) -> str:
    """Say what a path is if bytes written to it would not become a file (a device, a pipe), or return ``""``."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return ""
    # an open stream may be a file at the moment, but that is the business of whoever has opened it
    usual = (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) and not os.path.abspath(path).startswith(_STREAMS)
    return "" if usual else "it is no file but a device, a pipe or the like"


def _beginning(place: Path) -> str:
    name = place.name.encode("utf-8", "surrogateescape")[:_LONGEST].decode("utf-8", "ignore")
    return f".{name}."


def unfinished_beside(place: Path) -> Iterator[Path]:
    """Yield what runs that live no more were writing beside a place."""
    for token in dead_tokens(place, (".partial",)):
        yield leftover_path(place, token, ".partial")


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino
