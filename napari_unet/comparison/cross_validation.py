"""A contender's run in every fold of the strokes, put together into one outcome. Scores nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Sequence

import numpy as np

from ..core.scribbles import TrainingSet
from .contender_run import ComparisonEvent, ContenderResult, Labels, Watch, run_contender
from .contenders import Contender
from .held_out_evidence import MORE_PLANES, FitAgreement, HeldOutLoss

Fold = tuple[TrainingSet, tuple["Labels | None", ...]]
"""Strokes to learn from, and by image the strokes held out meanwhile."""


@dataclasses.dataclass(frozen=True, eq=False)
class FoldsResult:
    """What all fits of a contender brought.

    Parameters
    ----------
    whole : ContenderResult
        The first fit's, in which every stroke held out later is as the fit that did not see it has it.
    agreement : dict of int to float
        Dice between the first and the second fit by painted id, on whole planes; empty with one fit.
    losses : dict of int to (float, int)
        Summed log loss (nat) of held-out pixels, and how many, by painted id; empty where nothing is held out.
    """

    whole: ContenderResult
    agreement: dict[int, float] = dataclasses.field(default_factory=dict)
    losses: dict[int, tuple[float, int]] = dataclasses.field(default_factory=dict)


def run_folds(
    contender: Contender, parts: Sequence[Fold], planes: tuple[tuple[int, ...], ...], held_strokes: int | None,
    watch: Watch | None = None,
) -> Generator[ComparisonEvent, None, FoldsResult]:
    """Let a contender run in every fold; later folds answer only for the strokes held out in them.

    Parameters
    ----------
    contender : Contender
    parts : sequence of Fold
        The first fold also makes the masks of everything that is not held out later; with the second it is compared.
    planes : tuple of tuple of int
        By image: planes to segment.
    held_strokes : int or None
        How many strokes the methods are scored on, None if it is a reference: then only the first fold counts.
    watch : callable, optional
        With a reference: sees the patches, with probabilities.

    What is yielded and raised is that of :func:`.contender_run.run_contender`. Masks are painted ids, 0 where nothing
    was segmented.
    """
    if held_strokes is None:
        return FoldsResult((yield from run_contender(contender, parts[0][0], planes, watch=watch)))
    ids = parts[0][0].classes.ids
    losses = [HeldOutLoss(held, held_strokes, ids) for _, held in parts]
    whole = _FoldedResult((yield from run_contender(contender, parts[0][0], planes, watch=losses[0].see)))
    for count, ((training, held), loss) in enumerate(zip(parts[1:], losses[1:], strict=True)):
        needed = tuple(
            tuple(plane for plane in wanted if truth is not None and plane_view(truth, plane).any())
            for wanted, truth in zip(planes, held, strict=True)
        )
        if any(needed):
            more = tuple(map(_with_others, needed, _spread(planes, needed))) if not count else needed
            later = yield from run_contender(contender, training, more, shown=False, watch=loss.see)
            whole.add(later, needed, held)
    return whole.result(losses)


def _spread(planes: Sequence[Sequence[int]], needed: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """Return by image a few planes beside those needed, evenly spread over all images."""
    others = [(number, plane) for number, wanted in enumerate(planes) for plane in wanted
              if plane not in needed[number]]
    chosen = {others[int(place)] for place in np.linspace(0, len(others) - 1, min(MORE_PLANES, len(others))).round()}
    return [tuple(plane for plane in wanted if (number, plane) in chosen) for number, wanted in enumerate(planes)]


def _with_others(needed: tuple[int, ...], others: tuple[int, ...]) -> tuple[int, ...]:
    """Put the planes that have to be done first: time may be up before the others."""
    return (*needed, *others)


class _FoldedResult:
    """The result of the first fold, in which every held-out stroke becomes as the fold that did not see it has it."""

    def __init__(self, first: ContenderResult) -> None:
        self._first = first
        self._done = [list(one) for one in first.planes]
        self._seconds, self._said = first.seconds, [first.said]
        self._agreement = FitAgreement()
        self._folds = 1

    def add(self, later: ContenderResult, needed: Sequence[Sequence[int]], held: Sequence[Labels | None]) -> None:
        """Take the strokes held out in a later fold from its masks; a plane that it has not done counts for nobody."""
        self._seconds += later.seconds
        missing = any(set(wanted) - set(done) for wanted, done in zip(needed, later.planes, strict=True))
        self._said.append(later.said if missing else "")
        if self._folds == 1:
            self._compare(later)
        self._folds += 1
        for number, truth in enumerate(held):
            for plane in needed[number]:
                mine = plane_view(self._first.masks[number], plane)
                if plane in later.planes[number] and truth is not None:
                    theirs = plane_view(later.masks[number], plane)
                    np.copyto(mine, theirs, where=(plane_view(truth, plane) > 0) & (mine > 0))
                elif plane in self._done[number]:
                    self._done[number].remove(plane)
                    mine[:] = 0

    def _compare(self, second: ContenderResult) -> None:
        for number, done in enumerate(second.planes):
            for plane in done:
                if plane in self._done[number]:
                    mine, theirs = self._first.masks[number], second.masks[number]
                    self._agreement.add(plane_view(mine, plane), plane_view(theirs, plane))

    def result(self, losses: Sequence[HeldOutLoss]) -> FoldsResult:
        """Return what all folds brought together."""
        text = " ".join(dict.fromkeys(one for one in self._said if one))
        done = tuple(map(tuple, self._done))
        whole = ContenderResult(self._first.model, self._first.masks, done, self._seconds, text)
        found: dict[int, tuple[float, int]] = {}
        for loss in losses:
            for class_id, (added, pixels) in loss.total(done).items():
                before, count = found.get(class_id, (0.0, 0))
                found[class_id] = before + added, count + pixels
        return FoldsResult(whole, self._agreement.dice, found)


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
