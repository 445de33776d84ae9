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
        while True:
            self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            with contextlib.suppress(OSError):  # some network drives have no locks: then nobody removes what is ours
                lock_file(self._file)
            if path.exists():  # or else it was taken for a leftover before it was locked
                return
            os.close(self._file)

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
        if sys.platform == "win32":
            os.close(file)
        with contextlib.suppress(OSError):
            path.unlink()
        if sys.platform != "win32":
            os.close(file)  # only now: whoever waits sees that the file it has opened is no longer there


def _taken(path: Path) -> int:
    """Open and lock a file as soon as nobody else has it."""
    end = time.monotonic() + _PATIENCE
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            lock_file(file)
            free = True
        except OSError as error:
            free = error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK)  # else there are no locks here
        with contextlib.suppress(OSError):
            if (free and os.path.samestat(os.fstat(file), os.stat(path))) or time.monotonic() > end:
                return file
        os.close(file)
        time.sleep(0.01)


def lives(path: Path) -> bool:
    """Say whether the run that made this lock lives; where that cannot be told, it does. No lock: it does not."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        lock_file(file)
    except OSError:
        return True
    finally:
        os.close(file)
    return False


def lock_file(file: int) -> None:
    """Lock an open file, or raise OSError at once."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
