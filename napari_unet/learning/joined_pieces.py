"""Which strokes of neighbouring planes are pieces of one. Reads no image; does not know what planes are neighbours."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

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
    found: set[tuple[int, int]] = set()
    rows, columns = np.nonzero(plane.numbers)
    height, width = plane.numbers.shape
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            inside = ((rows + down) % height == rows + down) & ((columns + right) % width == columns + right)
            here = rows[inside], columns[inside]
            there = here[0] + down, here[1] + right
            same = (behind.numbers[there] > 0) & (plane.painted[here] == behind.painted[there])
            pairs = np.unique(np.stack([plane.numbers[here][same], behind.numbers[there][same]], axis=1), axis=0)
            found.update((int(one), int(other)) for one, other in pairs)
    return found


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
