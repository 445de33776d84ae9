"""How features do on strokes that were held out: a head is fitted to the others and scored on these. Trains nothing."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Generator, Iterable
from typing import TypeVar

import numpy as np

from ..core.method import Progress
from ..core.scribbles import Pair, TrainingSet
from ..core.work import relayed
from ..learning.strokes import Stroke, keep_strokes
from ..learning.validation import SETTLE_STEPS, Score, mean_score
from .features import FeatureStore
from .instant_model import fit_to_pixels
from .painted_features import PaintedFeatures
from .pixel_heads import Kind

Result = TypeVar("Result")

MIN_HELD_OUT = 2
"""Held-out strokes that a class must have. One of each said the opposite of the truth on a real set."""

MOST_PLANES = 8
"""Of more painted planes, so many are looked at: those with the most strokes held out. More only where classes are
painted on more planes than that, each on its own."""

CLEAR_MARGIN = 0.04
"""By how much (nat) the loss of a trained network must be below that of the network it began as, on one held-out
stroke; on n of them, by as much over the root of n, as the error of a mean falls. Held-out strokes are few and mostly
easy: on real sets, where both are sure of them, smaller differences pointed the wrong way."""

DICE_TOLERANCE = 0.01
"""So much less Dice is none: a few pixels of a few strokes, where the loss tells more."""


@dataclasses.dataclass(frozen=True)
class HeldOutResult:
    """How a candidate does on held-out strokes.

    Parameters
    ----------
    dice : dict of int to float or None
        Dice by class id.
    loss : float or None
        Mean over classes of the mean cross-entropy of their pixels (nat); tells apart what Dice near 1 cannot.
    strokes : int
        How many it was judged by.
    """

    dice: Score
    loss: float | None = None
    strokes: int = 1

    @classmethod
    def unknown(cls, ids: Iterable[int]) -> HeldOutResult:
        """Return that of a candidate that cannot be judged, for these classes."""
        return cls(dict.fromkeys(ids))

    @property
    def margin(self) -> float:
        """By how much (nat) another loss must be lower to be clearly so."""
        return CLEAR_MARGIN / math.sqrt(self.strokes)

    @property
    def mean(self) -> float | None:
        """Mean Dice without the background."""
        return mean_score(self.dice)

    def beats(self, other: HeldOutResult, margin: float, alike: float = DICE_TOLERANCE) -> bool:
        """Whether the loss is lower by more than a margin (nat), and Dice not lower by more than ``alike``."""
        if self.loss is None or other.loss is None:
            return False
        return self.loss < other.loss - margin and (self.mean or 0.0) >= (other.mean or 0.0) - alike


def can_evaluate(strokes: tuple[Stroke, ...], step: int) -> bool:
    """Say whether two classes have enough strokes that a network of so many steps has not learnt, or could forget."""
    honest = Counter({one.stroke: one.class_id for one in strokes if one.counts(step, SETTLE_STEPS)}.values())
    return sum(count >= MIN_HELD_OUT for count in honest.values()) >= 2


def evaluate_held_out(
    painted: PaintedFeatures, store: FeatureStore, strokes: tuple[Stroke, ...], step: int, seed: int = 0,
    head: Kind = "trees",
) -> Generator[None, None, HeldOutResult]:
    """Fit a head to the strokes that are learnt from and judge it by those held out.

    There is no score unless two classes have :data:`MIN_HELD_OUT` strokes that may count (:meth:`Stroke.counts`) for a
    network of so many steps.
    """
    nothing = HeldOutResult.unknown(np.unique(painted.ids).tolist())
    kept = painted.of([one for one in strokes if not one.held], len(strokes))
    learnt = np.unique(kept.ids)  # of few planes, all of a class may be held out
    honest = tuple(one for one in strokes if one.counts(step, SETTLE_STEPS) and one.class_id in learnt)
    held = painted.of(honest, len(strokes))
    present = np.unique(held.ids).tolist()
    if not can_evaluate(honest, step) or len(present) < 2:
        return nothing
    model = yield from without_progress(fit_to_pixels(kept, store, seed, head))
    ids, truth = np.array(model.classes.ids), held.ids
    logits = model.logits(held.features.astype(np.float32))
    logits -= logits.max(axis=1, keepdims=True)
    found, right = ids[logits.argmax(axis=1)], np.searchsorted(ids, truth)
    losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(right)), right]
    dice: Score = {
        number: 2 * int(np.count_nonzero((found == number) & (truth == number)))
        / int(np.count_nonzero(found == number) + np.count_nonzero(truth == number))
        for number in present
    }
    loss = float(np.mean([losses[truth == number].mean() for number in present]))
    return HeldOutResult(nothing.dice | dice, loss, len({one.stroke for one in honest}))


def few_planes(training: TrainingSet, strokes: tuple[Stroke, ...]) -> tuple[TrainingSet, tuple[Stroke, ...]]:
    """Return a few planes of a training set, those that add a class first, and their strokes."""
    places = [(index, plane) for index, pair in enumerate(training.pairs) for plane in pair.scribbles.planes]
    if len(places) <= MOST_PLANES:
        return training, strokes
    held = Counter((one.pair, one.plane) for one in strokes if one.held)
    classes: dict[tuple[int, int], set[int]] = {}
    for one in strokes:
        classes.setdefault((one.pair, one.plane), set()).add(one.class_id)
    chosen: list[tuple[int, int]] = []
    missing = set(training.painted_ids)
    while missing or len(chosen) < MOST_PLANES:
        place = max(set(places) - set(chosen), key=lambda one: (len(classes[one] & missing), held[one], one))
        chosen.append(place)
        missing -= classes[place]
    kept = [one for one in strokes if (one.pair, one.plane) in chosen]
    pairs = tuple(Pair(pair.image, keep_strokes(pair.scribbles, index, kept, inside=True))
                  for index, pair in enumerate(training.pairs))
    return TrainingSet(pairs, training.classes), tuple(kept)


def without_progress(work: Generator[Progress, None, Result]) -> Generator[None, None, Result]:
    """Go through work without its reports."""
    return (yield from relayed(work, lambda _number, _report: None))
