"""What Dice to expect of a method where nobody painted, given how it did on held-out strokes. Scores nothing.

Held-out strokes are few, and they lie where people are sure; so a Dice on them is too high, and by how much differs.
The interval comes from a small model. On a scale without bounds (the logit), the true Dice is a weighted sum of the
held-out Dice and of the Dice between two fits that learnt from different strokes: where two fits disagree about ground
that nobody painted, at least one of them is wrong, and no stroke need say so. The error around it shrinks with the
number of strokes. Weights and errors were fitted to eight public sets (``benchmarks/trust.py --fit``); the errors are
those of sets that were left out in turn (conformal prediction: Vovk et al. 2005, "Algorithmic learning in a random
world"). They are wide, because sets differ more than strokes can tell.
"""

from __future__ import annotations

import dataclasses
import math

CONFIDENCE = 0.9
"""Of the interval of a true Dice: so often it should hold it."""

MOST_STROKES = 64
"""So many more strokes of a class are asked for at most; beyond that a labelled reference is less work."""

ALIKE = 0.02
"""Methods whose true Dice differs by no more are equally good."""

MOST_KNOWN = 64
"""More strokes of a class make nothing surer: that was not measured, and beyond 16 it is a guess."""

LEAST, MOST_AGREEMENT = 0.05, 0.98
"""Shares are taken to be no smaller, and two fits to agree no more."""


@dataclasses.dataclass(frozen=True)
class HeldOutEvidence:
    """What is known about a method without a reference.

    Parameters
    ----------
    dice : float
        Dice on the pixels of held-out strokes, mean over classes without the background; 0 to 1.
    strokes : int
        Painted strokes of the class that has the fewest, those learnt from included.
    agreement : float, optional
        Dice between the labels of two fits on whole planes, mean over the same classes; None with one fit.
    loss : float, optional
        Log loss of the held-out pixels (nat), mean over all classes.
    """

    dice: float
    strokes: int
    agreement: float | None = None
    loss: float | None = None


@dataclasses.dataclass(frozen=True)
class LikelyDice:
    """A true Dice as far as it can be told: the likeliest value, and an interval of :data:`CONFIDENCE`."""

    value: float
    low: float
    high: float

    @property
    def text(self) -> str:
        """The interval, for people."""
        return f"{self.low:.2f} to {self.high:.2f}"


@dataclasses.dataclass(frozen=True)
class LikelyDifference:
    """By how much the true Dice of one method exceeds another's; each end holds with :data:`CONFIDENCE`.

    It holds for all methods of a comparison at once, if the other is the one that seems best.
    """

    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class IntervalModel:
    """How a true Dice follows from what is known.

    Parameters
    ----------
    constant, dice, agreement : float
        Of the logit of the true Dice: a constant, and the weights of the logits of what is known.
    below, above : tuple of (float, float)
        (a, b): with n strokes of a class, the interval reaches the root of a^2 + b^2/n of a Dice to either side.
    """

    constant: float
    dice: float
    agreement: float
    below: tuple[float, float]
    above: tuple[float, float]


@dataclasses.dataclass(frozen=True)
class DifferenceModel:
    """How a difference of true Dice follows from the differences of the logits of what is known; as above."""

    dice: float
    agreement: float
    error: tuple[float, float]


TWO_FITS = IntervalModel(-0.65, 0.235, 0.515, (0.234, 0.358), (0.146, 0.225))
ONE_FIT = IntervalModel(-0.26, 0.59, 0.0, (0.269, 0.0), (0.146, 0.464))
DIFFERENCE = DifferenceModel(0.026, 0.037, (0.0, 0.46))


def expected_dice(known: HeldOutEvidence, model: IntervalModel | None = None) -> LikelyDice:
    """Return the true Dice to expect, with its interval.

    Parameters
    ----------
    known : HeldOutEvidence
        Without ``agreement`` the interval is wider.
    model : IntervalModel, optional
        Another than the one that was fitted.

    Returns
    -------
    LikelyDice
    """
    model = model or (ONE_FIT if known.agreement is None else TWO_FITS)
    dice, agreement = evidence_logits(known)
    value = 1 / (1 + math.exp(-(model.constant + model.dice * dice + model.agreement * agreement)))
    low, high = value - _error(model.below, known.strokes), value + _error(model.above, known.strokes)
    return LikelyDice(value, max(0.0, low), min(1.0, high))


def expected_difference(
    mine: HeldOutEvidence, other: HeldOutEvidence, model: DifferenceModel | None = None
) -> LikelyDifference:
    """Return by how much the true Dice of a method is likely to exceed that of another on the same strokes.

    What makes an image hard is hard for both; so this is known better than the Dice of either.
    """
    model = model or DIFFERENCE
    one, two = evidence_logits(mine), evidence_logits(other)
    value = model.dice * (one[0] - two[0])
    if mine.agreement is not None and other.agreement is not None:
        value += model.agreement * (one[1] - two[1])
    half = _error(model.error, min(mine.strokes, other.strokes))
    return LikelyDifference(value, value - half, value + half)


def strokes_to_tell(
    better: HeldOutEvidence, worse: HeldOutEvidence, model: DifferenceModel | None = None
) -> int | None:
    """Return how many more strokes of each class would tell the better of two methods, if they go on as they do now.

    Returns
    -------
    int or None
        0 if they are told apart already; None if more than :data:`MOST_STROKES` would be needed, or no number would do.
    """
    for more in range(MOST_STROKES + 1):
        one, two = (dataclasses.replace(known, strokes=known.strokes + more) for known in (better, worse))
        if expected_difference(two, one, model).high <= ALIKE:
            return more
    return None


def evidence_logits(known: HeldOutEvidence) -> tuple[float, float]:
    """Return held-out Dice and agreement as logits (0 for no agreement), no surer than so many strokes can make them.

    n strokes without an error do not show that there is none; and a method that follows strokes little makes two fits
    agree nearly always.
    """
    dice = _logit(min(known.dice, 1 - 0.5 / (known.strokes + 1)))
    return dice, 0.0 if known.agreement is None else _logit(min(known.agreement, MOST_AGREEMENT))


def _error(parts: tuple[float, float], strokes: int) -> float:
    return math.sqrt(parts[0] ** 2 + parts[1] ** 2 / min(max(1, strokes), MOST_KNOWN))


def _logit(share: float) -> float:
    share = max(share, LEAST)
    return math.log(share / (1 - share))
