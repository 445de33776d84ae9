"""How bright objects are: one channel inside all of them, added up part by part. Knows no units and no classes.

Whole numbers of up to 16 bits are added up without rounding: whatever the parts are and their order, the result is the
same. The tests hold it against ``regionprops`` of scikit-image.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .pixel_sums import slabs

_EXACT = 65535
"""Whole numbers up to this are added up without rounding, so that the order of the parts does not matter."""

_AT_ONCE = 2**21
"""So many squares of them stay below 2**53, up to which whole numbers are exact in float64."""


@dataclasses.dataclass(frozen=True, eq=False)
class Intensities:
    """Values of one channel inside objects, by number; NaN for numbers without a value."""

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


class IntensitySums:
    """One channel inside objects, added up part by part; what is no finite number is left out.

    Parameters
    ----------
    size : int
        The largest number and one.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._count = np.zeros(size, np.int64)
        self._total, self._whole, self._squares = np.zeros(size), np.zeros(size, np.int64), np.zeros(size, np.int64)
        self._low, self._high = np.full(size, np.inf), np.full(size, -np.inf)
        self._around: NDArray[np.float64] | None = None
        self._exact = True

    @property
    def needs_second(self) -> bool:
        """Whether all parts have to be gone through once more, by :meth:`add_again`: for numbers with fractions."""
        return not self._exact

    def add(self, numbers: NDArray[np.integer[Any]], channel: NDArray[Any]) -> None:
        """Take in a part."""
        found, values = _values(numbers, channel)
        self._count += np.bincount(found, minlength=self._size)
        np.minimum.at(self._low, found, values)
        np.maximum.at(self._high, found, values)
        self._exact = self._exact and bool((np.abs(values) <= _EXACT).all() and (values == np.rint(values)).all())
        self._total += np.bincount(found, weights=values, minlength=self._size)
        if self._exact:
            for start in range(0, len(found), _AT_ONCE):
                some, own = found[start : start + _AT_ONCE], values[start : start + _AT_ONCE]
                self._whole += np.bincount(some, weights=own, minlength=self._size).astype(np.int64)
                self._squares += np.bincount(some, weights=own * own, minlength=self._size).astype(np.int64)

    def add_again(self, numbers: NDArray[np.integer[Any]], channel: NDArray[Any]) -> None:
        """Take in a part for the second time: distances from the mean, so that a small spread is not lost."""
        if self._around is None:
            self._around = np.zeros(self._size)
        found, values = _values(numbers, channel)
        self._around += np.bincount(found, weights=(values - self._mean()[found]) ** 2, minlength=self._size)

    def _mean(self) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((self._whole if self._exact else self._total) / self._count)

    def result(self) -> Intensities:
        """Return what was added up."""
        without = self._count == 0
        count = np.maximum(self._count, 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            if self._exact:
                # distances from the whole number below the mean; what runs over on the way runs back, as the outcome
                # fits into 64 bits
                below = self._whole // count
                around = self._squares - 2 * below * self._whole + count * below * below
                spread = np.sqrt(np.maximum(around / count - ((self._whole - below * count) / count) ** 2, 0))
            else:
                assert self._around is not None
                spread = np.sqrt(self._around / count)
        low, high, spread = (np.where(without, np.nan, one) for one in (self._low, self._high, spread))
        return Intensities(self._mean(), spread, low, high)


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
        None after every slab (gone through twice where there are fractions), in the end the result.
    """
    sums, parts = IntensitySums(size), slabs(numbers.shape)
    for part in parts:
        sums.add(numbers[part], channel[part])
        yield None
    for part in parts if sums.needs_second else ():
        sums.add_again(numbers[part], channel[part])
        yield None
    yield sums.result()


def _values(slab: NDArray[np.integer[Any]], channel: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return numbers and values of the pixels of objects that hold a number."""
    inside = slab > 0
    values = np.asarray(channel)[inside].astype(np.float64)
    found, good = slab[inside], np.isfinite(values)
    return (found, values) if good.all() else (found[good], values[good])
