"""Basins of a height map and the graph of their borders; basins are merged on the graph alone. Knows no classes.

A basin is what flows up to one maximum, each pixel to its highest neighbour (steepest ascent, as the watershed of the
negative). All is counted in whole arrays, so that ten thousand objects cost no more than ten.
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
from numpy.typing import NDArray

CROWD = 0.15
"""How much shallower a waist is cut where its two sides are together twice as large as is typical."""

MOST = 0.98
"""Share of the peak that a saddle cannot fall short of but by the noise of a border."""


@dataclasses.dataclass(frozen=True, eq=False)
class Basins:
    """Basins and where they touch.

    Parameters
    ----------
    numbers : ndarray of int32
        0 outside, 1, 2, ... = basins.
    peaks : ndarray of float32, shape (n + 1,)
        Greatest height of each basin; ``peaks[0]`` means nothing.
    sizes : ndarray of int64, shape (n + 1,)
        Pixels of each basin.
    pairs : ndarray of int64, shape (E, 2)
        Basins that touch, the smaller number first.
    saddles : ndarray of float32, shape (E,)
        The highest way across each border: the most, over neighbouring pixels, of the lower of the two.
    contacts : ndarray of int64, shape (E,)
        Pairs of neighbouring pixels across each border.
    """

    numbers: NDArray[np.int32]
    peaks: NDArray[np.float32]
    sizes: NDArray[np.int64]
    pairs: NDArray[np.int64]
    saddles: NDArray[np.float32]
    contacts: NDArray[np.int64]


def find_basins(height: NDArray[np.float32], mask: NDArray[np.bool_]) -> Basins:
    """Divide what a mask holds into basins; the inputs are never changed."""
    inside = np.flatnonzero(mask)
    values = np.maximum(np.asarray(height, np.float32).ravel()[inside], 0)
    # the bits of a float from 0 upwards order as it does; with its place below, no two pixels are of one height, so
    # that a plain has one way up, and the highest neighbour brings its place along
    keys = np.full(mask.size, -1, np.int64)
    keys[inside] = (values.view(np.int32).astype(np.int64) << 32) | inside
    highest = _highest(keys.reshape(mask.shape)).ravel()[inside] & 0xFFFFFFFF
    places = np.zeros(mask.size, np.int32)
    own = np.arange(len(inside), dtype=np.int32)
    places[inside] = own
    up = _ends(places[highest].astype(np.intp))
    tops = up == own
    basin = np.cumsum(tops, dtype=np.int32)
    numbers = np.zeros(mask.shape, np.int32)
    basin = basin[up]
    numbers.ravel()[inside] = basin
    peaks = np.concatenate([np.zeros(1, np.float32), values[tops]])
    sizes = np.bincount(basin, minlength=len(peaks))
    return Basins(numbers, peaks, sizes, *_borders(numbers, np.asarray(height, np.float32)))


def _ends(to: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return where each place ends that leads from place to place; an end leads to itself."""
    while True:
        further = np.take(to, to, mode="clip")  # nothing is to be clipped, but no bounds are looked at: faster
        if np.array_equal(further, to):
            return to
        to = further


def _highest(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the most of each pixel and its neighbours, by a corner too."""
    for axis in range(keys.ndim):
        lower = (slice(None),) * axis + (slice(None, -1),)
        upper = (slice(None),) * axis + (slice(1, None),)
        found = keys.copy()
        np.maximum(found[upper], keys[lower], out=found[upper])
        np.maximum(found[lower], keys[upper], out=found[lower])
        keys = found
    return keys


def _borders(
    numbers: NDArray[np.int32], height: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """Return pairs of basins that touch, the saddle between them and how long their border is."""
    keys, lows = [], []
    inside = numbers > 0
    count = int(numbers.max(initial=0)) + 1
    for step in itertools.product((-1, 0, 1), repeat=numbers.ndim):
        if step <= (0,) * numbers.ndim:
            continue
        here = tuple(slice(max(0, -one), -one if one > 0 else None) for one in step)
        there = tuple(slice(max(0, one), one if one < 0 else None) for one in step)
        first, second = numbers[here], numbers[there]
        differ = first != second
        differ &= inside[here]
        differ &= inside[there]
        apart = np.unravel_index(np.flatnonzero(differ), differ.shape)
        one, other = first[apart].astype(np.int64), second[apart].astype(np.int64)
        keys.append(np.minimum(one, other) * count + np.maximum(one, other))
        lows.append(np.minimum(height[here][apart], height[there][apart]))
    key, low = np.concatenate(keys), np.concatenate(lows)
    if not len(key):
        return np.zeros((0, 2), np.int64), low, np.zeros(0, np.int64)
    order = np.argsort(key, kind="stable")
    key, low = key[order], low[order]
    starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    pairs = np.stack([key[starts] // count, key[starts] % count], axis=1)
    return pairs, np.maximum.reduceat(low, starts), np.diff(np.append(starts, len(key)))


class Groups:
    """Which basins are one object: joined two by two.

    Parameters
    ----------
    basins : Basins
    """

    def __init__(self, basins: Basins) -> None:
        self._of = list(range(len(basins.peaks)))
        self.peaks = basins.peaks.tolist()
        self.sizes = basins.sizes.tolist()

    def of(self, basin: int) -> int:
        """Return the number of the group of a basin."""
        of = self._of
        while of[basin] != basin:
            of[basin] = of[of[basin]]
            basin = of[basin]
        return basin

    def join(self, one: int, other: int) -> None:
        """Make two groups one, by their numbers; it keeps the number of the higher."""
        if self.peaks[one] < self.peaks[other]:
            one, other = other, one
        self._of[other] = one
        self.sizes[one] += self.sizes[other]

    def roots(self) -> NDArray[np.intp]:
        """Return the number of the group of each basin."""
        return _ends(np.array(self._of, np.intp))

    def numbers(self) -> NDArray[np.int32]:
        """Return the group of each basin, numbered from 1 without gaps; 0 for 0."""
        roots = self.roots()
        first = np.zeros(len(roots), bool)
        first[roots] = True
        found: NDArray[np.int32] = (np.cumsum(first, dtype=np.int32) - np.int32(1))[roots]
        return found


def merged_basins(
    basins: Basins, neck: float, smallest: float = 0, typical: float = 0
) -> NDArray[np.int32]:
    """Return the group of each basin (n + 1,): what has no narrow border between is one group.

    Parameters
    ----------
    basins : Basins
    neck : float
        Groups are joined, the highest saddle first, where the saddle is at least this share of the lower peak.
    smallest : float
        Groups of fewer pixels are joined to the neighbour across the highest saddle, if they have one.
    typical : float
        Pixels that an object has typically, 0 = not known: the larger two groups would be together, the less of a waist
        is asked for to keep them apart.
    """
    groups = Groups(basins)
    order = np.argsort(-basins.saddles, kind="stable")
    pairs, saddles = basins.pairs[order], basins.saddles[order].astype(np.float64)
    peaks, sizes, of = groups.peaks, groups.sizes, groups.of
    # groups only become higher and larger: most borders are seen at once to stay
    low = np.flatnonzero(saddles >= neck * basins.peaks.astype(np.float64)[pairs].min(axis=1))
    for one, other, saddle in zip(*pairs[low].T.tolist(), saddles[low].tolist(), strict=True):
        a, b = of(one), of(other)
        if a == b or saddle < neck * min(peaks[a], peaks[b]):
            continue
        crowd = CROWD * min(1.0, max(0.0, (sizes[a] + sizes[b]) / typical - 1)) if typical else 0.0
        if saddle >= min(neck + crowd, MOST) * min(peaks[a], peaks[b]):
            groups.join(a, b)
    if smallest > 0:
        roots = groups.roots()
        small = np.flatnonzero((np.array(sizes)[roots[pairs]].min(axis=1) < smallest)
                               & (roots[pairs[:, 0]] != roots[pairs[:, 1]]))
        for one, other in pairs[small].tolist():
            a, b = of(one), of(other)
            if a != b and min(sizes[a], sizes[b]) < smallest:
                groups.join(a, b)
    return groups.numbers()
