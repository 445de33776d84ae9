"""A lock that says that a run lives: the system lets go of it however the run ends. Knows not what is written."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path


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
                _lock(self._file)
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


def lives(path: Path) -> bool:
    """Say whether the run that made this lock lives; where that cannot be told, it does. No lock: it does not."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        _lock(file)
    except OSError:
        return True
    finally:
        os.close(file)
    return False


def _lock(file: int) -> None:
    """Lock an open file, or raise OSError at once."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
