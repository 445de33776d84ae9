"""How large a zarr array says it is, against what lies in its folder. Reads no pixels."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ._sizes import check_size

_MOST_BLOCKS = 100_000
"""Planes or blocks that are gone through without asking whether anything is stored of them."""
_BYTES_A_BLOCK = 2**15
"""A smaller one takes as long to find as one of this size."""
_BLOCKS_A_BYTE = 16
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
    many = max(math.prod(shape[:-2]), *(_count(shape, block) for block in blocks[1:2]))
    if many > _MOST_BLOCKS:  # each is small, and all together take for ever
        declared = max(math.prod(shape) * width, many * _BYTES_A_BLOCK)
        check_size(str(path), declared, lambda _: holds(path, many // _BLOCKS_A_BYTE))


def _count(shape: tuple[int, ...], block: Sequence[int]) -> int:
    """Return in how many blocks an array lies."""
    if len(block) != len(shape) or min(block, default=0) < 1:
        return 0
    return math.prod(-(-size // int(step)) for size, step in zip(shape, block, strict=True))


def check_read(path: Path, n_bytes: int) -> None:
    """Hold what is about to be read at once against what is stored; see :func:`check_array_size`."""
    check_size(str(path), n_bytes, lambda least: holds(path, least))


def holds(path: Path, least: int) -> bool:
    """Say whether the files below a folder have at least so many bytes; stops as soon as that is sure."""
    if path.is_file():
        return path.stat().st_size >= least
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
