"""Which strokes of neighbouring planes are pieces of one. Reads no image; does not know what planes are neighbours."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Mapping
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

Place = TypeVar("Place", bound=Hashable)


class NumberedPlane(Protocol):
    """A painted plane: its ids and the numbers of its strokes (Y, X), 0 = not painted."""

    painted: NDArray[np.uint8]
    numbers: NDArray[np.int32]


class JoinedPieces(Generic[Place]):
    """Finds the strokes that touch in planes directly behind one another; looks again only at planes that changed."""

    def __init__(self) -> None:
        self._links: dict[tuple[Place, Place], tuple[NumberedPlane, NumberedPlane, set[tuple[int, int]]]] = {}

    def groups(self, planes: Mapping[Place, NumberedPlane], behind: Iterable[tuple[Place, Place]]) -> dict[int, int]:
        """Return for each stroke that touches another the smallest number of all that are one with it.

        Parameters
        ----------
        planes : mapping of place to NumberedPlane
            A plane that has changed is another object.
        behind : iterable of (place, place)
            Planes, and those directly behind them.
        """
        links = {}
        for places in behind:
            one, other = planes[places[0]], planes[places[1]]
            old = self._links.get(places)
            known = old is not None and old[0] is one and old[1] is other
            links[places] = old if old is not None and known else (one, other, touching_strokes(one, other))
        self._links = links
        return _smallest(pair for *_, pairs in links.values() for pair in pairs)


def touching_strokes(plane: NumberedPlane, behind: NumberedPlane) -> set[tuple[int, int]]:
    """Return the numbers of strokes of one class that touch (26 neighbours) in two planes behind one another."""
    box = _around(plane.numbers > 0)
    numbers, painted = plane.numbers[box], plane.painted[box]
    others, ids = behind.numbers[box], behind.painted[box]
    found: set[tuple[int, int]] = set()
    beside_others = maximum_filter(others, 3) != minimum_filter(others, 3)  # elsewhere the neighbours tell nothing new
    for where, reach in ((numbers > 0, (0,)), ((numbers > 0) & beside_others, (-1, 0, 1))):
        rows, columns = np.nonzero(where)
        for down, right in itertools.product(reach, reach):
            inside = ((rows + down) % len(numbers) == rows + down) & (
                (columns + right) % numbers.shape[1] == columns + right)
            here = rows[inside], columns[inside]
            there = here[0] + down, here[1] + right
            same = (others[there] > 0) & (painted[here] == ids[there])
            found |= _pairs(numbers[here][same], others[there][same])
    return found


def _around(painted: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the smallest part of a plane that holds all paint and its neighbours."""
    rows, columns = (np.flatnonzero(painted.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(max(0, rows[0] - 1), rows[-1] + 2), slice(max(0, columns[0] - 1), columns[-1] + 2)


def _pairs(numbers: NDArray[np.int32], others: NDArray[np.int32]) -> set[tuple[int, int]]:
    """Return the pairs of numbers that there are; most are those just before, and to sort them all takes long."""
    both = numbers.astype(np.int64) << 32 | others
    different = np.unique(both[np.diff(both, prepend=-1) != 0])
    return {(int(pair) >> 32, int(pair) & 0xFFFFFFFF) for pair in different}


def _smallest(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return for each number in a pair the smallest that it is connected with."""
    least: dict[int, int] = {}

    def root(number: int) -> int:
        while (above := least.setdefault(number, number)) != number:
            least[number] = number = least[above]
        return number

    for one, other in pairs:
        ends = root(one), root(other)
        least[max(ends)] = min(ends)
    return {number: root(number) for number in tuple(least)}
