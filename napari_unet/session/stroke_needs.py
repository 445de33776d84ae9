"""How many strokes each class has, and how many are missing before a network can be judged. Reads no image."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..core.classes import ClassTable
from ..core.depth import plane_runs
from ..core.scribbles import TrainingSet
from ..learning.strokes import stroke_components

STROKES_TO_JUDGE = 8
"""Separate strokes that each of two classes needs before a network can be judged; a test holds it to what judging
takes (two held-out strokes, of which one in four is held out). Not imported from there, because that imports torch."""


_Run = Sequence[NDArray[np.uint8] | None]
"""Planes (Y, X) that lie directly behind one another, or marks on them."""

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
        self._known: dict[tuple[int, int], tuple[_Run, _Run, Counter[int]]] = {}

    def count(self, training: TrainingSet) -> StrokeNeeds:
        """Return the strokes of all pairs: connected pixels of one class in one plane, or in a volume, are one.

        What was taken from a prediction does not count: it says nothing of how good that is.
        """
        known: dict[tuple[int, int], tuple[_Run, _Run, Counter[int]]] = {}
        total = Counter[int]()
        for index, pair in enumerate(training.pairs):
            for run in plane_runs(pair.image, pair.scribbles.planes):
                planes = [pair.scribbles.planes[number] for number in run]
                marks = [pair.scribbles.derived.get(number) for number in run]
                before = self._known.get((index, run[0]))
                same = before is not None and _are_same(before[0], planes) and _are_same(before[1], marks)
                counts = before[2] if before is not None and same else strokes_through(planes, marks)
                known[index, run[0]] = planes, marks, counts
                total.update(counts)
        self._known = known
        return StrokeNeeds(dict(sorted(total.items())))


def _are_same(some: _Run, others: _Run) -> bool:
    return len(some) == len(others) and all(one is other for one, other in zip(some, others, strict=True))


def strokes_through(planes: Sequence[NDArray[np.uint8]], derived: _Run) -> Counter[int]:
    """Return how many separate strokes of each class planes (Y, X) have that lie directly behind one another.

    Parameters are, plane by plane, those of :func:`strokes_of`.
    """
    if len(planes) == 1:
        return strokes_of(planes[0], derived[0])
    rows, columns = (np.flatnonzero(np.logical_or.reduce([plane.any(axis=axis) for plane in planes]))
                     for axis in (1, 0))
    if not rows.size:
        return Counter()
    where = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    block = np.stack([plane[where] for plane in planes])
    marks = np.stack([np.zeros_like(plane[where]) if mark is None else mark[where]
                      for plane, mark in zip(planes, derived, strict=True)])
    painted = block > 0
    return _counted(stroke_components(block)[0][painted], block[painted], marks[painted])


def strokes_of(plane: NDArray[np.uint8], derived: NDArray[np.uint8] | None = None) -> Counter[int]:
    """Return how many separate strokes of each class a plane (Y, X) has.

    Strokes of which a part is ``derived`` (not 0 there) count 0, so that their class is named all the same.
    """
    rows, columns = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
    if not rows.size:
        return Counter()
    where = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    part, marks = plane[where], None if derived is None else derived[where]
    if np.count_nonzero(part) * SPARSE < part.size:
        return _sparse_strokes(part, marks)
    numbers, _ = stroke_components(np.ascontiguousarray(part))
    painted = part > 0
    return _counted(numbers[painted], part[painted], None if marks is None else marks[painted])


def _counted(numbers: NDArray[Any], classes: NDArray[np.uint8], marks: NDArray[np.uint8] | None) -> Counter[int]:
    """Count strokes by class from the number, the class and the mark (not 0: derived) of each painted pixel."""
    found, first = np.unique(numbers, return_index=True)
    counts = Counter(classes[first].tolist())
    if marks is not None:
        counts.subtract(classes[first[np.isin(found, numbers[marks > 0])]].tolist())
    return counts


def _sparse_strokes(part: NDArray[np.uint8], marks: NDArray[np.uint8] | None) -> Counter[int]:
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
    return _counted(numbers, classes, None if marks is None else marks[y, x])
