"""Sums over the pixels of every object at once, a slab of the array at a time. Knows no units and no classes.

What ``regionprops`` of scikit-image gives object by object (20 000 objects: ten seconds and more) is here counted for
all objects together; the tests hold both against each other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SLAB = 2**22
"""Pixels looked at in one go: what is needed at a time fits into some hundred megabytes."""


@dataclasses.dataclass(frozen=True, eq=False)
class Extents:
    """Where objects lie, all by number (row 0 is no object).

    Parameters
    ----------
    area : ndarray of int64, shape (n + 1,)
        Pixels.
    low, high : ndarray of int64, shape (n + 1, axes)
        The box: first index, and the one after the last, along each axis.
    center : ndarray of float64, shape (n + 1, axes)
        Mean index; NaN for numbers without pixels.
    moments : ndarray of float64, shape (n + 1, axes, axes)
        Mean of the products of distances from the center, in pixels.
    """

    area: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    center: NDArray[np.float64]
    moments: NDArray[np.float64]

    def touching(self, shape: Sequence[int]) -> NDArray[np.bool_]:
        """Say which objects touch the border of an array; an axis of one element has no border."""
        open_axes = np.array([size > 1 for size in shape])
        return np.asarray((((self.low == 0) | (self.high == np.array(shape))) & open_axes).any(axis=1))


@dataclasses.dataclass(frozen=True, eq=False)
class Intensities:
    """Values of one channel inside objects, by number; NaN for numbers without a value."""

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def slabs(shape: Sequence[int]) -> list[slice]:
    """Return parts of the first axis with about :data:`SLAB` pixels each."""
    step = max(1, SLAB // max(1, int(np.prod(shape[1:]))))
    return [slice(start, min(start + step, shape[0])) for start in range(0, shape[0], step)]


def extents(numbers: NDArray[np.uint32], size: int) -> Iterator[Extents | None]:
    """Measure where objects lie.

    Parameters
    ----------
    numbers : ndarray of uint32, shape (Y, X) or (Z, Y, X)
    size : int
        The largest number and one.

    Yields
    ------
    None or Extents
        None after every slab, in the end the result.
    """
    axes = numbers.ndim
    area = np.zeros(size, np.int64)
    low = np.full((size, axes), np.iinfo(np.int64).max)
    high = np.zeros((size, axes), np.int64)
    sums, products = np.zeros((axes, size)), np.zeros((axes, axes, size))
    # from the middle of the array: whole numbers of a square stay exact, and what is taken away from them is small
    middle = np.array(numbers.shape) // 2
    for part in slabs(numbers.shape):
        slab = numbers[part]
        places = np.nonzero(slab)
        found = slab[places]
        area += np.bincount(found, minlength=size)
        shifted = []
        for axis, at in enumerate(places):
            at = at + (part.start if axis == 0 else 0)
            np.minimum.at(low[:, axis], found, at)
            np.maximum.at(high[:, axis], found, at + 1)
            shifted.append((at - middle[axis]).astype(np.float64))
            sums[axis] += np.bincount(found, weights=shifted[axis], minlength=size)
        for one in range(axes):
            for other in range(one, axes):
                products[one, other] += np.bincount(found, weights=shifted[one] * shifted[other], minlength=size)
        yield None
    with np.errstate(invalid="ignore", divide="ignore"):
        center = (sums / area).T
        moments = np.empty((size, axes, axes))
        for one in range(axes):
            for other in range(one, axes):
                mean = products[one, other] / area - center[:, one] * center[:, other]
                moments[:, one, other] = moments[:, other, one] = mean
    low[area == 0] = 0
    yield Extents(area, low, high, center + middle, moments)


def perimeters(numbers: NDArray[np.uint32], size: int) -> Iterator[NDArray[np.float64] | None]:
    """Measure the perimeter of objects of a plane in pixels, as ``skimage.measure.perimeter`` does of one object.

    Parameters
    ----------
    numbers : ndarray of uint32, shape (Y, X)
    size : int
        The largest number and one.

    Yields
    ------
    None or ndarray of float64, shape (size,)
        None after every slab, in the end the perimeters.
    """
    padded = np.pad(numbers, 2)
    total = np.zeros(size)
    for part in slabs(numbers.shape):
        # two rows more on either side: the border of an object, and what its pixels have beside them
        here = padded[part.start : part.stop + 4]
        total += _perimeter_of_rows(here, size)
        yield None
    yield total


def _perimeter_of_rows(here: NDArray[np.uint32], size: int) -> NDArray[np.float64]:
    """Measure the perimeter that lies in the rows of an array but for the two outer ones on each side."""
    inner = here[1:-1, 1:-1]
    edge = np.zeros(here.shape, bool)
    edge[1:-1, 1:-1] = (inner > 0) & (
        (inner != here[:-2, 1:-1]) | (inner != here[2:, 1:-1]) | (inner != here[1:-1, :-2]) | (inner != here[1:-1, 2:]))
    edge[:1], edge[-1:] = False, False
    width = here.shape[1]
    flat, border = here.ravel(), edge.ravel()
    at = np.flatnonzero(edge)
    at = at[(at >= 2 * width) & (at < flat.size - 2 * width)]
    mine = flat[at]
    code = np.ones(at.size, np.intp)
    for step, weight in ((1, 2), (-1, 2), (width, 2), (-width, 2), (width + 1, 10), (width - 1, 10), (1 - width, 10),
                         (-1 - width, 10)):
        beside = at + step
        code += weight * (border[beside] & (flat[beside] == mine))
    return np.bincount(mine, weights=_LENGTHS[code], minlength=size).astype(np.float64)


def _lengths() -> NDArray[np.float64]:
    """Return the length that a border pixel stands for, by which of its neighbours are border too (Benkrid 2000)."""
    lengths = np.zeros(50)
    lengths[[5, 7, 15, 17, 25, 27]] = 1
    lengths[[21, 33]] = np.sqrt(2)
    lengths[[13, 23]] = (1 + np.sqrt(2)) / 2
    return lengths


_LENGTHS = _lengths()


def intensities(
    numbers: NDArray[np.uint32], channel: NDArray[Any], size: int
) -> Iterator[Intensities | None]:
    """Measure one channel inside objects; what is no finite number is left out.

    Parameters
    ----------
    numbers : ndarray of uint32
    channel : ndarray of bool, integers or real numbers, same shape
    size : int
        The largest number and one.

    Yields
    ------
    None or Intensities
        None after every slab (gone through twice), in the end the result.
    """
    count, total, squares = np.zeros(size, np.int64), np.zeros(size), np.zeros(size)
    low, high = np.full(size, np.inf), np.full(size, -np.inf)
    parts = slabs(numbers.shape)
    for part in parts:
        found, values = _values(numbers[part], channel[part])
        count += np.bincount(found, minlength=size)
        total += np.bincount(found, weights=values, minlength=size)
        np.minimum.at(low, found, values)
        np.maximum.at(high, found, values)
        yield None
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / count
        for part in parts:
            found, values = _values(numbers[part], channel[part])
            # from the mean: a small spread on a large offset is not lost
            squares += np.bincount(found, weights=(values - mean[found]) ** 2, minlength=size)
            yield None
        spread = np.sqrt(squares / count)
    without = count == 0
    low[without] = high[without] = np.nan
    yield Intensities(mean, spread, low, high)


def _values(slab: NDArray[np.uint32], channel: NDArray[Any]) -> tuple[NDArray[np.uint32], NDArray[np.float64]]:
    """Return numbers and values of the pixels of objects that hold a number."""
    inside = slab > 0
    values = np.asarray(channel)[inside].astype(np.float64)
    found, good = slab[inside], np.isfinite(values)
    return (found, values) if good.all() else (found[good], values[good])
