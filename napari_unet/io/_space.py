"""Space on disk that is taken before it is needed. Knows no format."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_BLOCK = 2**22


def reserve(path: Path, size: int) -> None:
    """Take the space of a file that exists, so that writing into it later cannot fail for lack of it.

    A file that is mapped into memory and lies on a full disk ends the process (SIGBUS) where nothing can be caught.

    Parameters
    ----------
    path : Path
    size : int
        Bytes from the beginning of the file; what it holds already stays.

    Raises
    ------
    OSError
        If there is not as much; says how much is needed and how much is free.
    """
    with path.open("r+b") as file:
        try:
            _take(file.fileno(), size)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            raise OSError(error.errno, f"{error.strerror}: it needs {_amount(size)}, {_free(path)}") from error


def _take(file: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file, 0, size)
            return
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
                raise
    # where nothing can be reserved, what is written is there: zeros behind what the file holds
    begun = os.fstat(file).st_size
    held = os.lseek(file, 0, os.SEEK_SET)
    while held < size:
        block = os.pread(file, min(_BLOCK, size - held), held) if hasattr(os, "pread") and held < begun else b""
        held += os.write(file, block.ljust(min(_BLOCK, size - held), b"\0"))


def _amount(size: float) -> str:
    """Write a number of bytes for people."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def _free(path: Path) -> str:
    import shutil

    try:
        return f"{_amount(shutil.disk_usage(path.parent).free)} are free"
    except OSError:
        return "and there is not as much"
