"""Smaller copies of class images, by the class that is most frequent. Reads and writes arrays only."""

from __future__ import annotations

import itertools
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.threads import available_cores

BLOCK = 2048
"""Rows and columns of the finer level that are in memory at a time."""


def most_frequent(values: NDArray[Any], factors: tuple[int, ...]) -> NDArray[Any]:
    """Return the most frequent value of each block; of equally frequent ones the largest, so that thin classes stay.

    Parameters
    ----------
    values : ndarray of int
        Incomplete blocks at the ends count what they have.
    factors : tuple of int
        Elements of a block along each axis.
    """
    shape = [-(-size // factor) for size, factor in zip(values.shape, factors, strict=True)]
    missing = [(0, count * factor - size) for count, factor, size in zip(shape, factors, values.shape, strict=True)]
    padded = np.pad(values, missing, mode="edge") if any(end for _, end in missing) else values
    members = [padded[tuple(slice(start, None, factor) for start, factor in zip(place, factors, strict=True))]
               for place in itertools.product(*map(range, factors))]
    best = np.zeros(shape, values.dtype)
    most = np.zeros(shape, np.uint8)
    for value in np.unique(values):
        count = np.zeros(shape, np.uint8)
        for member in members:
            count += member == value
        better = count >= np.maximum(most, 1)
        best[better], most[better] = value, count[better]
    return best


def write_smaller(finer: Any, coarser: Any, factors: tuple[int, ...], shard: int = 0) -> None:
    """Fill a level from the finer one, block by block, a shard at least; nothing larger is ever in memory.

    As many blocks at a time as there are cores, where no two of them lie in one chunk.
    """
    steps = [*factors[:-2], *(max(BLOCK, factor * shard) for factor in factors[-2:])]
    written = getattr(coarser, "shards", None) or coarser.chunks
    apart = all(step // factor % size == 0 for step, factor, size in zip(steps, factors, written, strict=True))

    def fill(corner: tuple[int, ...]) -> None:
        source = tuple(slice(at, min(at + step, size))
                       for at, step, size in zip(corner, steps, finer.shape, strict=True))
        target = tuple(slice(one.start // factor, -(-one.stop // factor))
                       for one, factor in zip(source, factors, strict=True))
        coarser[target] = most_frequent(np.asarray(finer[source]), factors)

    corners = itertools.product(*(range(0, size, step) for size, step in zip(finer.shape, steps, strict=True)))
    with ThreadPoolExecutor(available_cores() if apart else 1) as pool:
        deque(pool.map(fill, corners), 0)
