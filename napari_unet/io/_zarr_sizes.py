"""How large a zarr array says it is, against what lies in its folder. Reads no pixels."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from ._sizes import check_size

_MOST_PLANES = 100_000
"""Planes that are gone through without asking whether anything is stored of them."""
_BYTES_A_PLANE = 2**14
"""A smaller plane takes as long to find as one of this size."""
_PLANES_A_BYTE = 64
"""Many masks have nothing on most planes; nobody's have this little."""


def check_array_size(path: Path, array: Any) -> None:
    """Hold what has to be in memory at once to read an array, a plane or a block, against what is stored.

    Parameters
    ----------
    path : Path
        Folder of the array.
    array : zarr.Array

    Raises
    ------
    UserError
        If it is far more than the folder holds and larger than the limit.
    """
    shape, width = tuple(map(int, array.shape)), array.dtype.itemsize
    blocks = [shape[-2:], *(getattr(array, name, None) or () for name in ("chunks", "shards"))]
    largest = max(math.prod(map(int, block)) for block in blocks)
    check_size(str(path), largest * width, lambda least: holds(path, least))
    planes = math.prod(shape[:-2])
    if planes > _MOST_PLANES:  # each is small, and all together take for ever
        declared = max(math.prod(shape) * width, planes * _BYTES_A_PLANE)
        check_size(str(path), declared, lambda _: holds(path, planes // _PLANES_A_BYTE))


def check_read(path: Path, n_bytes: int) -> None:
    """Hold what is about to be read at once against what is stored; see :func:`check_array_size`."""
    check_size(str(path), n_bytes, lambda least: holds(path, least))


def holds(path: Path, least: int) -> bool:
    """Say whether the files below a folder have at least so many bytes; stops as soon as that is sure."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += os.stat(os.path.join(folder, name)).st_size
            except OSError:
                continue
            if total >= least:
                return True
    return False
