"""Which objects lie beside which: shared borders, and the nearest center. Finds and measures no object."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray


def touching_pairs(numbers: NDArray[np.uint32], size: int) -> NDArray[np.int64]:
    """Return the pairs of objects that touch, by a corner too.

    Parameters
    ----------
    numbers : ndarray of uint32, shape (Y, X) or (Z, Y, X)
    size : int
        The largest number and one.

    Returns
    -------
    ndarray of int64, shape (pairs, 2)
        Each pair once, the smaller number first.
    """
    found = [np.zeros(0, np.int64)]
    for step in itertools.product((-1, 0, 1), repeat=numbers.ndim):
        if step <= (0,) * numbers.ndim:
            continue  # the other half are the same pairs seen from the other side
        one = numbers[tuple(_from(shift) for shift in step)]
        other = numbers[tuple(_from(-shift) for shift in step)]
        meet = (one != other) & (one > 0) & (other > 0)
        first, second = one[meet].astype(np.int64), other[meet].astype(np.int64)
        found.append(np.unique(np.minimum(first, second) * size + np.maximum(first, second)))
    keys = np.unique(np.concatenate(found))
    return np.stack([keys // size, keys % size], axis=1)


def neighbour_counts(pairs: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return how many others each object touches, by number; ``pairs`` are those of :func:`touching_pairs`."""
    return np.bincount(pairs.ravel(), minlength=size)


def nearest_centers(centers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance from each center (rows of coordinates) to the nearest other one; NaN if there is no other."""
    from scipy.spatial import KDTree

    if len(centers) < 2:
        return np.full(len(centers), np.nan)
    distances: NDArray[Any] = KDTree(centers).query(centers, k=2)[0]
    return distances[:, 1].astype(np.float64)


def _from(shift: int) -> slice:
    """Return the part of an axis that has a partner at a distance of one."""
    return slice(1, None) if shift > 0 else slice(None, -1) if shift < 0 else slice(None)
