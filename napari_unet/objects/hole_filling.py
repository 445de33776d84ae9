"""Holes: of a mask before it is parted, of single objects after. Parts nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.components import label_components

LIKELY = 0.3
"""A hole where the answer is at least this sure of the class, on average, is a hole in the answer alone."""


def number_holes(mask: NDArray[np.bool_]) -> NDArray[np.integer[Any]]:
    """Number what a mask encloses on all sides, from 1; 0 elsewhere."""
    outside = label_components(~mask, corners=False)
    rim = np.zeros(int(outside.max(initial=0)) + 1, bool)
    for axis in range(outside.ndim):
        for end in (0, -1):
            rim[np.unique(np.take(outside, end, axis))] = True
    rim[0] = True
    numbers: NDArray[np.integer[Any]] = np.where(rim[outside], 0, outside)
    return numbers


def without_holes(
    mask: NDArray[np.bool_], free: NDArray[np.bool_], most: float = np.inf, sure: NDArray[np.float32] | None = None
) -> NDArray[np.bool_]:
    """Return a mask with holes filled.

    Parameters
    ----------
    mask : ndarray of bool
    free : ndarray of bool
        Where it may be filled.
    most : float
        Larger holes may be the gap between objects, and stay.
    sure : ndarray of float32, optional
        Probability of the class: a hole where it is :data:`LIKELY` is filled, however large.
    """
    if mask.size == 0 or not mask.any():
        return mask
    holes = number_holes(mask)
    sizes = np.bincount(holes.ravel())
    filled = sizes <= most
    if sure is not None:
        filled |= np.bincount(holes.ravel(), sure.ravel()) >= LIKELY * sizes
    filled[0] = False
    found: NDArray[np.bool_] = mask | (filled[holes] & free)
    return found


def without_own_holes(numbers: NDArray[Any], free: NDArray[np.bool_]) -> NDArray[Any]:
    """Return objects with those holes filled that lie within a single one."""
    from scipy import ndimage

    taken = numbers > 0
    if not taken.any():
        return numbers
    holes = number_holes(taken)
    inside = np.nonzero(holes)
    if not len(inside[0]):
        return numbers
    top = int(numbers.max()) + 1
    highest = ndimage.maximum_filter(numbers, 3)[inside]
    lowest = top - ndimage.maximum_filter(np.where(taken, top - numbers, 0), 3)[inside]
    hole = holes[inside]
    count = int(hole.max()) + 1
    most, least = np.zeros(count, numbers.dtype), np.full(count, top, numbers.dtype)
    np.maximum.at(most, hole, highest)
    np.minimum.at(least, hole, lowest)
    found = numbers.copy()
    found[inside] = np.where((most == least)[hole] & free[inside], most[hole], 0)
    return found
