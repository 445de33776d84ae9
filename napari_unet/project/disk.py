"""Every step by which a project touches the disk: whole files or none. Knows not what they hold."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from pathlib import Path

PARTIAL = ".partial"
"""Ending of what is not whole yet; it lies beside its place, and the next opening of the project clears it away."""

_PAUSES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
"""Seconds between tries to rename over a file that somebody reads at the moment: Windows does not allow that."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.EIO}


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that whoever opens it, at any moment, sees all of the old one or all of the new one.

    Raises
    ------
    OSError
        If it cannot be written; what was there before is untouched.
    """
    partial = path.with_name(path.name + PARTIAL)
    try:
        file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o666)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(file, left):]
            os.fsync(file)
        finally:
            os.close(file)
        take_place(partial, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise


def take_place(partial: Path, path: Path) -> None:
    """Give a finished file or folder its name; an open file in its place is waited for where that is needed.

    Raises
    ------
    OSError
        If it cannot be renamed.
    """
    for pause in _PAUSES if os.name == "nt" else ():
        try:
            os.replace(partial, path)
        except PermissionError:
            time.sleep(pause)
        else:
            return
    os.replace(partial, path)


def settle_folder(path: Path) -> None:
    """Make sure that new names in a folder outlive a loss of power, where the system can promise that."""
    if os.name == "nt":
        return
    with contextlib.suppress(OSError):
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def make_directory(path: Path) -> None:
    """Make a folder in one that is there; no error if it is there already."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(path)


def remove_file(path: Path) -> None:
    """Remove a file; no error if it is gone already."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def append_line(path: Path, line: bytes) -> None:
    """Add a line to a file in one write, so that lines are not mixed."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
    try:
        os.write(file, line)
    finally:
        os.close(file)


def why_not_written(error: OSError, path: Path) -> str:
    """Say in a sentence why a project could not be written, and what mends it."""
    if error.errno in _FULL:
        return f"The disk of {path} is full. Make room there; what is not saved yet stays in memory until then."
    if error.errno in _FORBIDDEN:
        return (f"{path} may not be written any more. Allow it again, or save the project elsewhere; what is not saved "
                "yet stays in memory until then.")
    if error.errno in _GONE:
        return (f"{path} cannot be reached any more: moved, renamed, or its disk is gone. Put it back, or save the "
                "project elsewhere; what is not saved yet stays in memory until then.")
    return (f"{path} could not be written ({error.strerror or error}). What is not saved yet stays in memory, and is "
            "tried again.")
