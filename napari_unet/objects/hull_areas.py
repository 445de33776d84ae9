"""Pixels in the convex hulls of all objects of a plane at once, in whole numbers. Knows nothing but where pixels are.

The hull is that of ``skimage.morphology.convex_hull_image``: around the middles of the four sides of every pixel, so in
twice the coordinates of pixels its corners are whole numbers. Of an object only the first and last pixel of each row
matter. What is not a corner lies on or above the chord of two others; all such points are taken away in every round,
until none is left.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .pixel_sums import Extents, slabs

_FAR = np.iinfo(np.int64).max // 4


def hull_areas(numbers: NDArray[np.uint32], extent: Extents) -> Iterator[NDArray[np.int64] | None]:
    """Count the pixels of convex hulls.

    Parameters
    ----------
    numbers : ndarray of uint32, shape (Y, X)
    extent : Extents
        Of the same objects.

    Yields
    ------
    None or ndarray of int64, shape (n + 1,)
        None after every slab, in the end the pixels of each hull by number, 0 where there is no object.
    """
    heights = (extent.high - extent.low)[:, 0]
    starts = np.concatenate([[0], np.cumsum(heights)])
    first, last = np.full(starts[-1], _FAR), np.full(starts[-1], -_FAR)
    for part in slabs(numbers.shape):
        y, x = np.nonzero(numbers[part])
        found = numbers[part][y, x]
        row = starts[found] + y + part.start - extent.low[found, 0]
        np.minimum.at(first, row, x)
        np.maximum.at(last, row, x)
        yield None
    left = _envelope(first, heights)
    yield None
    right = -_envelope(-last, heights)
    owner = np.repeat(np.arange(len(heights)), heights)
    # a row of a thin, slanted part of a hull may hold no pixel at all
    yield np.bincount(owner, weights=np.maximum(right - left + 1, 0), minlength=len(heights)).astype(np.int64)


def _envelope(edge: NDArray[np.int64], heights: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the first pixel of a hull in each row, from the first pixels of objects in each row."""
    owner, time, value = _corners(edge, heights)
    while True:
        inside = np.zeros(len(owner), bool)
        inside[1:-1] = (owner[1:-1] == owner[:-2]) & (owner[1:-1] == owner[2:])
        at = np.flatnonzero(inside)
        before, after = at - 1, at + 1
        chord = (value[after] - value[before]) * (time[at] - time[before])
        spare = (value[at] - value[before]) * (time[after] - time[before]) >= chord
        if not spare.any():
            break
        kept = np.ones(len(owner), bool)
        kept[at[spare]] = False
        owner, time, value = owner[kept], time[kept], value[kept]
    asked = np.repeat(np.arange(len(heights)), heights)
    row = 2 * (np.arange(len(asked)) - np.repeat(np.cumsum(heights) - heights, heights))
    span = 2 * int(heights.max(initial=0)) + 2
    # corners lie half a row above the first row and below the last: there is one on either side of each row
    after = np.searchsorted(owner * span + time + 1, asked * span + row + 1, side="right")
    before = after - 1
    width = time[after] - time[before]
    share = value[before] * width + (value[after] - value[before]) * (row - time[before])
    return np.asarray(-(-share // (2 * width)))


def _corners(
    edge: NDArray[np.int64], heights: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return points that may be corners on one side of a hull: object, row and column, twice the coordinates of pixels.

    In every row the middle of the side of the first pixel; half a row above and below, that pixel's own middle.
    """
    count = np.arange(len(heights))
    # each row of an object has an even place of its own, and there is an odd one before, between and after them
    sizes = np.where(heights > 0, 2 * heights + 1, 0)
    owner = np.repeat(count, sizes)
    time = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes) - 1
    value = np.full(len(owner), _FAR)
    there = np.abs(edge) < _FAR
    middle = np.flatnonzero(time % 2 == 0)[there]
    value[middle] = 2 * edge[there] - 1
    np.minimum.at(value, middle - 1, 2 * edge[there])
    np.minimum.at(value, middle + 1, 2 * edge[there])
    known = value < _FAR
    return owner[known], time[known], value[known]
