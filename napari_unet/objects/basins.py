"""Basins of a height map and the graph of their borders; basins are merged on the graph alone. Knows no classes.

A basin is what flows up to one maximum, each pixel to its highest neighbour (steepest ascent, as the watershed of the
negative). All is counted in whole arrays, so that ten thousand objects cost no more than ten.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from functools import partial

import numpy as np
from numpy.typing import NDArray

from .halves import by_halves, flat_places, looked_up, put_into, shared, small_parts

CROWD = 0.15
"""How much shallower a waist is cut where its two sides are together twice as large as is typical."""

ROUGH = 1.25
"""Pixels by which the half width of a strand or a shell varies along it: such a waist is the roughness of a border."""

SLENDER = 5.0
"""Times the largest disc (or ball) inside: two basins that together are more are a strand or shell, not two bodies."""

MOST = 0.98
"""Share of the peak that a saddle cannot fall short of but by the noise of a border."""

_OUTSIDE = -1024
"""Lower than any pixel, by more than all steps together."""


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
    inside = flat_places(mask)
    values = looked_up(np.asarray(height, np.float32).ravel(), inside)
    np.maximum(values, 0, out=values)
    highest = _way_up(values, inside, mask.shape)
    places = np.zeros(mask.size, np.int32)
    own = np.arange(len(inside), dtype=np.int32)
    put_into(places, inside, own)
    to = np.empty(len(inside), np.intp)

    def look(half: slice) -> None:
        to[half] = places.take(highest[half], mode="clip")

    by_halves(look, len(to))
    up = way_ends(to)
    tops = up == own
    numbers = np.zeros(mask.shape, np.int32)
    basin = looked_up(np.cumsum(tops, dtype=np.int32), up)
    put_into(numbers, inside, basin)
    peaks = np.concatenate([np.zeros(1, np.float32), values[tops]])
    sizes = np.bincount(basin, minlength=len(peaks))
    return Basins(numbers, peaks, sizes, *_borders(numbers, np.asarray(height, np.float32)))


def way_ends(to: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return where each place ends that leads from place to place; an end leads to itself."""
    while True:
        further = looked_up(to, to)
        if all(by_halves(partial(_are_same, further, to), len(to))):
            return to
        to = further


def _are_same(one: NDArray[np.intp], other: NDArray[np.intp], half: slice) -> bool:
    return np.array_equal(one[half], other[half])


def _way_up(
    values: NDArray[np.float32], inside: NDArray[np.intp], shape: tuple[int, ...]
) -> NDArray[np.intp]:
    """Return the place in the flat array of the highest of each pixel and its neighbours, by a corner too.

    The bits of a float from 0 upwards order as it does. In place of the lowest four (five in a volume) stands where a
    pixel lies, seen from the one that looks: so the highest neighbour brings its direction along, and of equal ones
    the last is taken: a plain has one way up.
    """
    axes = len(shape)
    weights = 3 ** np.arange(axes)[::-1]
    here = int(weights.sum())  # the code of no step at all; each axis adds or takes its weight
    spare = 2 ** math.ceil(math.log2(3**axes)) - 1
    keys = np.full(math.prod(shape), _OUTSIDE, np.int32)
    bits = values.view(np.int32)

    def put_keys(half: slice) -> None:
        own = bits[half] & ~np.int32(spare)
        own |= np.int32(here)
        keys.reshape(-1)[inside[half]] = own

    by_halves(put_keys, len(inside))
    keys = keys.reshape(shape)
    found = np.empty_like(keys)
    for axis, weight in enumerate(weights.astype(np.int32)):
        across = 1 if axis == 0 else 0
        parts = [(slice(None),) * across + (part,) for part in small_parts(keys.shape[across], keys.size)]
        shared([partial(_highest_along, keys[part], axis, weight, found[part]) for part in parts], keys.size)
        keys, found = found, keys
    sides = [math.prod(shape[axis + 1:]) for axis in range(axes)]
    steps = np.array([int(np.dot(step, sides)) for step in itertools.product((-1, 0, 1), repeat=axes)])
    flat, highest = keys.ravel(), np.empty(len(inside), np.intp)

    def look(part: slice) -> None:
        here = inside[part]
        np.add(here, steps.take(flat.take(here) & spare), out=highest[part])

    shared([partial(look, part) for part in small_parts(len(inside), len(inside))], len(inside))
    return highest


def _highest_along(keys: NDArray[np.int32], axis: int, weight: np.int32, found: NDArray[np.int32]) -> None:
    """Put the most of each pixel and its two neighbours along an axis into ``found``."""
    lower = (slice(None),) * axis + (slice(None, -1),)
    upper = (slice(None),) * axis + (slice(1, None),)
    np.copyto(found, keys)
    np.maximum(found[lower], keys[upper] + weight, out=found[lower])
    np.maximum(found[upper], keys[lower] - weight, out=found[upper])


def _borders(
    numbers: NDArray[np.int32], height: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """Return pairs of basins that touch, the saddle between them and how long their border is."""
    count = int(numbers.max(initial=0)) + 1
    steps = [one for one in itertools.product((-1, 0, 1), repeat=numbers.ndim) if one > (0,) * numbers.ndim]

    def across(part: slice) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        block, heights = (array[part.start : part.stop + 1] for array in (numbers, height))
        inside, found = block > 0, []
        for step in steps:  # along the first axis none goes back
            rows = min(part.stop - part.start, len(block) - step[0])
            here = (slice(0, rows), *(slice(max(0, -one), -one if one > 0 else None) for one in step[1:]))
            there = (slice(step[0], rows + step[0]),
                     *(slice(max(0, one), one if one < 0 else None) for one in step[1:]))
            first, second = block[here], block[there]
            differ = first != second
            differ &= inside[here]
            differ &= inside[there]
            apart = np.unravel_index(np.flatnonzero(differ), differ.shape)
            one, other = first[apart].astype(np.int64), second[apart].astype(np.int64)
            found.append((np.minimum(one, other) * count + np.maximum(one, other),
                          np.minimum(heights[here][apart], heights[there][apart])))
        return found

    parts = shared([partial(across, part) for part in small_parts(len(numbers), numbers.size)], numbers.size)
    pieces = [piece for part in parts for piece in part] or [(np.zeros(0, np.int64), np.zeros(0, np.float32))]
    key, low = (np.concatenate(some) for some in zip(*pieces, strict=True))
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
        return way_ends(np.array(self._of, np.intp))

    def numbers(self) -> NDArray[np.int32]:
        """Return the group of each basin, numbered from 1 without gaps; 0 for 0."""
        roots = self.roots()
        first = np.zeros(len(roots), bool)
        first[roots] = True
        found: NDArray[np.int32] = (np.cumsum(first, dtype=np.int32) - np.int32(1))[roots]
        return found


def merged_basins(
    basins: Basins, neck: float, smallest: float = 0, typical: float = 0, rough: float = 0, pixel: float = 1
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
    rough : float
        Of strands and shells (:data:`SLENDER`), groups are joined, too, where the saddle is lower than the lower peak
        by less than this; heights are distances then. Without it, rings and filaments fall into pieces.
    pixel : float
        Area (volume) of a pixel in that of one as long as the finest axis on all sides.
    """
    groups = Groups(basins)
    order = np.argsort(-basins.saddles, kind="stable")
    pairs, saddles = basins.pairs[order], basins.saddles[order].astype(np.float64)
    peaks, sizes, of = groups.peaks, groups.sizes, groups.of
    # groups only become higher and larger: most borders are seen at once to stay
    dims = basins.numbers.ndim
    inscribed = math.pi if dims == 2 else 4 / 3 * math.pi
    lower = basins.peaks.astype(np.float64)[pairs].min(axis=1)
    low = np.flatnonzero(saddles >= np.minimum(neck * lower, lower - rough))
    for one, other, saddle in zip(*pairs[low].T.tolist(), saddles[low].tolist(), strict=True):
        a, b = of(one), of(other)
        if a == b:
            continue
        peak = min(peaks[a], peaks[b])
        size = sizes[a] + sizes[b]
        crowd = CROWD * min(1.0, max(0.0, size / typical - 1)) if typical else 0.0
        if saddle >= min(neck + crowd, MOST) * peak or (
                saddle > peak - rough and size * pixel > SLENDER * inscribed * max(peaks[a], peaks[b]) ** dims):
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
