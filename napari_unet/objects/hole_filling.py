"""Holes: of a mask before it is parted, of single objects after. Parts nothing."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.components import label_components

from .halves import by_halves

LIKELY = 0.3
"""A hole where the answer is at least this sure of the class, on average, is a hole in the answer alone."""


Holes = tuple[NDArray[np.int64], NDArray[np.integer[Any]]]
"""Places in the flat array, and the number of the hole of each."""


def holes_of(mask: NDArray[np.bool_]) -> Holes:
    """Return what a mask encloses on all sides: places in order, numbers greater than 0, with gaps."""
    outside = label_components(~mask, corners=False)
    if not outside.any():
        return np.zeros(0, np.int64), outside[outside > 0]
    rim = np.concatenate([np.take(outside, end, axis).ravel() for axis in range(outside.ndim) for end in (0, -1)])
    open_ones = np.bincount(rim, minlength=int(outside.max(initial=0)) + 1)
    open_ones[0] = 0
    # the ground around everything is most of the array: it is left out before anything is looked up
    around, flat = open_ones.argmax(), outside.ravel()
    halves = by_halves(lambda half: half.start + np.flatnonzero((flat[half] != 0) & (flat[half] != around)), flat.size)
    places = np.concatenate(halves)
    numbers = flat[places]
    closed = open_ones[numbers] == 0
    return places[closed], numbers[closed]


def without_holes(
    mask: NDArray[np.bool_], free: NDArray[np.bool_], most: float = np.inf, sure: NDArray[np.float32] | None = None,
    holes: Holes | None = None
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
    holes : tuple of ndarray, optional
        :func:`holes_of` the mask, if they are known.
    """
    if mask.size == 0 or not mask.any():
        return mask
    inside, hole = holes_of(mask) if holes is None else holes
    sizes = np.bincount(hole)
    filled = sizes <= most
    if sure is not None:
        filled |= np.bincount(hole, sure.ravel()[inside]) >= LIKELY * sizes
    found = np.array(mask, order="C")
    found.ravel()[inside] |= filled[hole] & free.ravel()[inside]
    return found


def without_own_holes(numbers: NDArray[Any], free: NDArray[np.bool_]) -> NDArray[Any]:
    """Return objects with those holes filled that lie within a single one."""
    taken = numbers > 0
    if not taken.any():
        return numbers
    inside, hole = holes_of(taken)
    if not len(inside):
        return numbers
    found = np.array(numbers, order="C")
    flat = found.ravel()
    count = int(hole.max()) + 1
    most, least = np.zeros(count, numbers.dtype), np.full(count, int(numbers.max()) + 1, numbers.dtype)
    # a hole never reaches the rim of the array, so that every neighbour is a whole row and column away
    sides = np.array(found.strides) // found.itemsize
    for step in itertools.product((-1, 0, 1), repeat=numbers.ndim):
        beside = flat[inside + int(np.dot(step, sides))]
        there = beside > 0
        np.maximum.at(most, hole[there], beside[there])
        np.minimum.at(least, hole[there], beside[there])
    flat[inside] = np.where((most == least)[hole] & free.ravel()[inside], most[hole], 0)
    return found
