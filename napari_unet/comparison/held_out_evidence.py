"""What a comparison finds out about a method without a reference: held-out strokes, and how far two fits agree.

Held-out strokes lie where people are sure. Where two fits that learnt from different strokes disagree about ground that
nobody painted, one of them is wrong, whatever the strokes say. Tells no interval; runs nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..core.classes import ClassTable
from ..core.image import Image
from ..core.method import Patch
from ..core.rows import Row
from ..core.scribbles import TrainingSet
from ..learning.strokes import single_strokes, strokes_by_class
from ..learning.true_dice import HeldOutEvidence, expected_dice

Labels = NDArray[np.uint8]

BACKGROUND = 1

MORE_PLANES = 8
"""On so many planes without held-out strokes, evenly spread, the second fit is compared with the first as well."""


@dataclasses.dataclass(frozen=True)
class StrokeCount:
    """How many strokes there are to learn from and to judge by.

    Parameters
    ----------
    painted : int
        Of the class that has the fewest.
    held_out : int
        Of all classes, in all fits.
    """

    painted: int = 0
    held_out: int = 0

    @classmethod
    def of(cls, training: TrainingSet, held: Sequence[TrainingSet]) -> StrokeCount:
        """Count the strokes of a training set, and those held out of it."""
        by_class = strokes_by_class(training)
        return cls(min(map(len, by_class.values()), default=0),
                   sum(len({stroke.stroke for stroke in single_strokes(one)}) for one in held))


class HeldOutLoss:
    """Adds up the log loss of held-out pixels while a fit segments.

    No method is taken to be surer than its strokes allow: with n strokes, a probability p counts as (n p + 1/K)/(n + 1)
    of K classes. That is also what a method without probabilities gets, whose p are 0 and 1.

    Parameters
    ----------
    held : sequence of ndarray or None
        By image: strokes held out, painted ids, the image's shape without channels.
    strokes : int
        How many these are, in all fits.
    ids : sequence of int
        Classes that are told apart.
    """

    def __init__(self, held: Sequence[Labels | None], strokes: int, ids: Sequence[int]) -> None:
        self._held, self._strokes, self._ids = held, strokes, tuple(ids)
        self._found: dict[tuple[int, int], dict[int, tuple[float, int]]] = {}

    def see(self, number: int, image: Image, patch: Patch, classes: ClassTable) -> None:
        """Take note of a patch of an image, by a model with these classes."""
        held = self._held[number]
        truth = None if held is None else held[patch.where]
        if truth is None or not truth.any():
            return
        sums = self._found.setdefault((number, image.plane_of(patch.where)), {})
        for class_id in map(int, np.unique(truth[truth > 0])):
            here = truth == class_id
            if patch.probabilities is None:
                right = (patch.labels[here] == class_id).astype(float)
            elif class_id in classes.ids:
                right = patch.probabilities[classes.ids.index(class_id)][here].astype(float)
            else:  # of a model that was fitted to other classes
                right = np.zeros(int(here.sum()))
            surely = (self._strokes * right + 1 / len(self._ids)) / (self._strokes + 1)
            before, count = sums.get(class_id, (0.0, 0))
            sums[class_id] = before - float(np.log(surely).sum()), count + len(right)

    def total(self, planes: Sequence[Sequence[int]]) -> dict[int, tuple[float, int]]:
        """Return by class the summed loss (nat) and the number of pixels, of planes that are done as a whole."""
        found: dict[int, tuple[float, int]] = {}
        for (number, plane), sums in self._found.items():
            if plane in planes[number]:
                for class_id, (loss, count) in sums.items():
                    before, pixels = found.get(class_id, (0.0, 0))
                    found[class_id] = before + loss, pixels + count
        return found


class FitAgreement:
    """Counts where two fits say the same, class by class (painted ids)."""

    def __init__(self) -> None:
        self._both: dict[int, int] = {}
        self._either: dict[int, int] = {}

    def add(self, first: Labels, second: Labels) -> None:
        """Compare two planes (Y, X)."""
        for class_id in map(int, np.union1d(np.unique(first), np.unique(second))):
            one, other = first == class_id, second == class_id
            self._both[class_id] = self._both.get(class_id, 0) + int(np.count_nonzero(one & other))
            self._either[class_id] = self._either.get(class_id, 0) + int(one.sum()) + int(other.sum())

    @property
    def dice(self) -> dict[int, float]:
        """Dice of one fit against the other by class."""
        return {number: 2 * self._both[number] / self._either[number] for number in self._both}


def dice_on_strokes(
    masks: Sequence[Labels], references: Sequence[Labels | None], planes: Sequence[Sequence[int]]
) -> dict[int, float]:
    """Return Dice by class on all held-out pixels together, of planes that are done; only of classes held out."""
    right: dict[int, int] = {}
    total: dict[int, int] = {}
    for mask, truth, done in zip(masks, references, planes, strict=True):
        if truth is None:
            continue
        flat_mask, flat_truth = (one.reshape(-1, *one.shape[-2:]) for one in (mask, truth))
        for plane in done:
            known = flat_truth[plane] > 0
            found, true = flat_mask[plane][known], flat_truth[plane][known]
            for number in map(int, np.union1d(found, true)):
                right[number] = right.get(number, 0) + int(np.count_nonzero((found == number) & (true == number)))
                total[number] = total.get(number, 0) + int((found == number).sum()) + int((true == number).sum())
    held = {int(number) for truth in references if truth is not None for number in np.unique(truth) if number}
    return {number: 2 * right[number] / total[number] for number in sorted(total) if number in held}


def evidence_rows(
    method: str, classes: ClassTable, strokes: StrokeCount, dice: dict[int, float], agreement: dict[int, float],
    losses: dict[int, tuple[float, int]],
) -> list[Row]:
    """Return what is known about a method as rows, and the interval of its true Dice.

    Parameters
    ----------
    method : str
    classes : ClassTable
    strokes : StrokeCount
    dice : dict of int to float
        On held-out strokes, by class.
    agreement : dict of int to float
        Dice between two fits by class; empty with one fit.
    losses : dict of int to (float, int)
        Summed log loss (nat) and pixels by class.

    Returns
    -------
    list of Row
        The number of strokes alone where fewer than two classes were held out: with one there is nothing to mistake it
        for.
    """
    judged = [number for number in dice if number != BACKGROUND]
    rows = [Row(method, "", None, None, "", "strokes_a_class", float(strokes.painted), "count")]
    if len(dice) < 2 or not judged:
        return rows
    for number in judged:
        name = classes.name(number)
        rows.append(Row(method, "", None, number, name, "held_out_dice", dice[number]))
        if agreement:
            rows.append(Row(method, "", None, number, name, "fits_agree", agreement.get(number, 0.0)))
    means = [loss / count for loss, count in losses.values()]
    loss = float(np.mean(means)) if means else None
    rows.append(Row(method, "", None, None, "", "log_loss", loss, "nat"))
    known = HeldOutEvidence(
        float(np.mean([dice[number] for number in judged])), strokes.painted,
        float(np.mean([agreement.get(number, 0.0) for number in judged])) if agreement else None, loss)
    likely = expected_dice(known)
    return rows + [Row(method, "", None, None, "", metric, value) for metric, value in (
        ("likely_dice", likely.value), ("likely_dice_low", likely.low), ("likely_dice_high", likely.high))]
