"""A contender's run in every fold of the strokes, put together into one outcome. Scores nothing."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np

from ..core.scribbles import TrainingSet
from .contender_run import ComparisonEvent, ContenderResult, Labels, run_contender
from .contenders import Contender

Fold = tuple[TrainingSet, tuple["Labels | None", ...]]
"""Strokes to learn from, and by image the strokes held out meanwhile."""


def run_folds(
    contender: Contender, parts: Sequence[Fold], planes: tuple[tuple[int, ...], ...], held_out: bool
) -> Generator[ComparisonEvent, None, ContenderResult]:
    """Let a contender run in every fold; later folds answer only for the strokes held out in them.

    Parameters
    ----------
    contender : Contender
    parts : sequence of Fold
        The first fold also makes the masks of everything that is not held out later.
    planes : tuple of tuple of int
        By image: planes to segment.
    held_out : bool
        Whether methods are scored on strokes; otherwise only the first fold counts.

    What is yielded, returned and raised is that of :func:`.contender_run.run_contender`. Masks are painted ids, 0
    where nothing was segmented.
    """
    first = yield from run_contender(contender, parts[0][0], planes)
    if not held_out:
        return first
    whole = _FoldedResult(first)
    for training, held in parts[1:]:
        needed = tuple(
            tuple(plane for plane in wanted if truth is not None and plane_view(truth, plane).any())
            for wanted, truth in zip(planes, held, strict=True)
        )
        if any(needed):
            whole.add((yield from run_contender(contender, training, needed, shown=False)), needed, held)
    return whole.result()


class _FoldedResult:
    """The result of the first fold, in which every held-out stroke becomes as the fold that did not see it has it."""

    def __init__(self, first: ContenderResult) -> None:
        self._first = first
        self._done = [list(one) for one in first.planes]
        self._seconds, self._said = first.seconds, [first.said]

    def add(self, later: ContenderResult, needed: Sequence[Sequence[int]], held: Sequence[Labels | None]) -> None:
        """Take the strokes held out in a later fold from its masks; a plane that it has not done counts for nobody."""
        self._seconds += later.seconds
        self._said.append(later.said)
        for number, truth in enumerate(held):
            for plane in needed[number]:
                mine = plane_view(self._first.masks[number], plane)
                if plane in later.planes[number] and truth is not None:
                    theirs = plane_view(later.masks[number], plane)
                    np.copyto(mine, theirs, where=(plane_view(truth, plane) > 0) & (mine > 0))
                elif plane in self._done[number]:
                    self._done[number].remove(plane)
                    mine[:] = 0

    def result(self) -> ContenderResult:
        """Return what all folds brought together."""
        text = " ".join(dict.fromkeys(one for one in self._said if one))
        return ContenderResult(self._first.model, self._first.masks, tuple(map(tuple, self._done)), self._seconds, text)


def strokes_by_image(held: TrainingSet) -> tuple[Labels | None, ...]:
    """Return by image the strokes as painted ids, uint8 (the image's shape without channels); None without any."""
    return tuple(pair.scribbles.to_array() if pair.scribbles.planes else None for pair in held.pairs)


def combine_folds(parts: Sequence[Labels | None]) -> Labels | None:
    """Put the strokes of all folds of one image, arrays of one shape, together; no two share a pixel."""
    there = [part for part in parts if part is not None]
    return np.maximum.reduce(there) if there else None


def plane_view(labels: Labels, number: int) -> Labels:
    """Return a plane (Y, X) of labels (..., Y, X) as a view, counted through all leading axes."""
    plane: Labels = labels.reshape(-1, *labels.shape[-2:])[number]
    return plane
