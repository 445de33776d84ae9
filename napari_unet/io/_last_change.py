"""When a file, or anything in the folders of a store, was written last. Reads no pixels."""

from __future__ import annotations

import os
from typing import Any

import numpy as np


def last_change(path: str | os.PathLike[str]) -> int:
    """Return when a file was written last, or anything in the folders of a store; 0 of what is far away.

    Chunks are written anew under another name, which a folder remembers: so not every chunk has to be looked at.
    """
    try:
        return max(os.stat(one).st_mtime_ns for one in (path, *(folder for folder, _, _ in os.walk(path))))
    except OSError:
        return 0


def change_of_pixels(data: Any) -> int:
    """Return the same of the file that an array is read from, as far as the array tells; 0 if it does not."""
    while isinstance(data, np.ndarray) and not isinstance(data, np.memmap):
        data = data.base
    path = data.filename if isinstance(data, np.memmap) else getattr(data, "path", None)
    return 0 if path is None else last_change(path)
