"""Locks of runs that write: the system lets go of them however a run ends. Know not what is written."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_PATIENCE = 20.0
"""Seconds that one run waits for another to change a small file."""

BUSY = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
"""Why a file cannot be locked that somebody else has locked."""


class RunLock:
    """An empty file that is locked as long as this run lives, or until :meth:`release`.

    Parameters
    ----------
    path : Path
        A name that nobody else uses.

    Raises
    ------
    OSError
        If the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = _taken(path)

    def release(self) -> None:
        """Let go and remove the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)


@contextlib.contextmanager
def taking_turns(path: Path) -> Iterator[None]:
    """Let only one run at a time into the block; the others wait.

    Where there are no locks, or one is held for very long, nobody is kept out.

    Parameters
    ----------
    path : Path
        A file that is there only while somebody is in the block.
    """
    file = _taken(path)
    try:
        yield
    finally:
        _remove_open(file, path)


def _remove_open(file: int, path: Path) -> None:
    """Close and remove a file that is locked."""
    if sys.platform == "win32":
        os.close(file)
    with contextlib.suppress(OSError):
        path.unlink()
    if sys.platform != "win32":
        os.close(file)  # only now: whoever waits sees that the file it has opened is no longer there


def _taken(path: Path) -> int:
    """Open and lock a file as soon as nobody else has it, or looks whether somebody has."""
    end = time.monotonic() + _PATIENCE
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            lock_file(file)
            free = True
        except OSError as error:
            free = error.errno not in BUSY  # else there are no locks here
        with contextlib.suppress(OSError):
            if (free and os.path.samestat(os.fstat(file), os.stat(path))) or time.monotonic() > end:
                return file
        os.close(file)
        time.sleep(0.01)


@contextlib.contextmanager
def looked_at(path: Path) -> Iterator[bool]:
    """Say whether the run that made a lock lives; where that cannot be told, it does. No lock: it does not.

    If it does not, nobody else looks nor takes the lock while one is in the block; afterwards the lock is gone.

    Parameters
    ----------
    path : Path
        Of a :class:`RunLock`.
    """
    file, made = None, False
    with contextlib.suppress(OSError):
        file, made = open_or_make(path, 0o600)
    # not there any more: somebody else has put things right meanwhile
    dead = file is not None and _is_free(file, made) and is_there(file, path)
    try:
        yield not dead
    finally:
        if file is not None and dead:
            _remove_open(file, path)
        elif file is not None:
            os.close(file)


def _is_free(file: int, made: bool) -> bool:
    """Lock the open file of a run if it lives no more; where there are no locks, that is known if it had none."""
    try:
        lock_file(file)
    except OSError as error:
        return made and error.errno not in BUSY
    return True


def open_or_make(path: Path, mode: int) -> tuple[int | None, bool]:
    """Open a file, made for it if it was not there; says whether it was. None: look again."""
    flags = os.O_RDWR | getattr(os, "O_BINARY", 0)
    try:
        return os.open(path, flags | os.O_CREAT | os.O_EXCL, mode), True
    except FileExistsError:
        try:
            return os.open(path, flags), False
        except FileNotFoundError:
            return None, False


def is_there(file: int, path: Path) -> bool:
    """Say whether an open file is the one that has a name."""
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False


def lock_file(file: int) -> None:
    """Lock an open file, or raise OSError at once."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
