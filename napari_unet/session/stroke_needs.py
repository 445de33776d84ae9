"""How many strokes each class has, and how many are missing before a network can be judged. Reads no image."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..core.classes import ClassTable
from ..core.scribbles import TrainingSet
from ..learning.strokes import stroke_components

STROKES_TO_JUDGE = 8
"""Separate strokes that each of two classes needs before a network can be judged; a test holds it to what judging
takes (two held-out strokes, of which one in four is held out). Not imported from there, because that imports torch."""


SPARSE = 50
"""Where less than one pixel in so many is painted, strokes are found from painted pixels, not from whole planes."""


@dataclasses.dataclass(frozen=True)
class StrokeNeeds:
    """Strokes by class, and what they are worth.

    Parameters
    ----------
    counts : mapping of int to int
        Separate strokes by class id; empty where they were not counted yet.
    """

    counts: Mapping[int, int] = dataclasses.field(default_factory=dict)

    @property
    def enough(self) -> bool:
        """Whether a network can be judged by these strokes."""
        return sum(count >= STROKES_TO_JUDGE for count in self.counts.values()) >= 2

    def text(self, classes: ClassTable) -> str:
        """Return what there is of what is needed, e.g. ``6 of 8 nucleus strokes, 5 of 8 background``.

        Empty where nothing is missing, and where fewer than two classes are painted (which is said elsewhere).
        """
        if self.enough or len(self.counts) < 2:
            return ""
        best = sorted(self.counts, key=lambda number: (-self.counts[number], number))[:2]
        short = [number for number in best if self.counts[number] < STROKES_TO_JUDGE]
        parts = [f"{self.counts[number]} of {STROKES_TO_JUDGE} {classes.name(number)}"
                 f"{'' if place else ' strokes'}" for place, number in enumerate(short)]
        return ", ".join(parts)


class StrokeCounter:
    """Counts separate strokes; planes that have not changed are counted once. Belongs to one thread."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[NDArray[np.uint8], Counter[int]]] = {}

    def count(self, training: TrainingSet) -> StrokeNeeds:
        """Return the strokes of all pairs: connected pixels of one class in one plane are one."""
        known, total = {}, Counter[int]()
        for index, pair in enumerate(training.pairs):
            for number, plane in pair.scribbles.planes.items():
                before = self._known.get((index, number))
                counts = before[1] if before is not None and before[0] is plane else strokes_of(plane)
                known[index, number] = plane, counts
                total.update(counts)
        self._known = known
        return StrokeNeeds(dict(sorted(total.items())))


def strokes_of(plane: NDArray[np.uint8]) -> Counter[int]:
    """Return how many separate strokes of each class a plane (Y, X) has."""
    rows, columns = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
    if not rows.size:
        return Counter()
    part = plane[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    if np.count_nonzero(part) * SPARSE < part.size:
        return _sparse_strokes(part)
    numbers, _ = stroke_components(np.ascontiguousarray(part))
    painted = part > 0
    _, first = np.unique(numbers[painted], return_index=True)
    return Counter(part[painted][first].tolist())


def _sparse_strokes(part: NDArray[np.uint8]) -> Counter[int]:
    """Count strokes from painted pixels alone: work and memory are those of the paint, however large the plane is."""
    y, x = np.nonzero(part)
    classes, width = part[y, x], part.shape[1] + 2  # a free column on each side: rows do not touch around the edge
    place = y.astype(np.int64) * width + x
    ends: list[NDArray[np.int64]] = []
    for step in (1, width - 1, width, width + 1):
        near = np.searchsorted(place, place + step).clip(max=place.size - 1)
        touching = np.flatnonzero((place[near] == place + step) & (classes[near] == classes))
        ends.append(np.stack([touching, near[touching]]))
    one, other = np.concatenate(ends, axis=1)
    edges = coo_array((np.ones(one.size, bool), (one, other)), shape=(place.size, place.size))
    _, numbers = connected_components(edges, directed=False)
    _, first = np.unique(numbers, return_index=True)
    return Counter(classes[first].tolist())
