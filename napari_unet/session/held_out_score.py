"""What a training knows of how good its model is, without a reference: a Dice on few strokes, and how far it holds."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..learning.true_dice import HeldOutEvidence, LikelyDice, expected_dice


@dataclasses.dataclass(frozen=True)
class HeldOutScore:
    """Mean Dice on held-out strokes, and the true Dice that it lets one expect.

    Parameters
    ----------
    dice : float or None
        Of the newest model; None where there are too few strokes for a score.
    strokes : int
        Painted strokes of the class that has the fewest; 0 = not known.
    """

    dice: float | None = None
    strokes: int = 0

    @classmethod
    def of(cls, event: Any) -> HeldOutScore:
        """Return what an event of a training tells."""
        return cls(getattr(event, "held_out_mean", None), int(getattr(event, "strokes_a_class", 0)))

    @property
    def likely(self) -> LikelyDice | None:
        """The true Dice as far as it can be told; None without a score."""
        if self.dice is None or not self.strokes:
            return None
        return expected_dice(HeldOutEvidence(self.dice, self.strokes))

    @property
    def text(self) -> str:
        """The same for people, to stand behind a score; empty without one."""
        return "" if self.likely is None else f"likely true Dice {self.likely.text}"


@dataclasses.dataclass(frozen=True)
class TrainingPoint:
    """One point of the history of a training.

    Parameters
    ----------
    step : int
    loss : float
        Loss of the step.
    dice : float or None
        Mean Dice on held-out strokes, None where there are too few strokes for a score.
    likely : LikelyDice or None
        The true Dice that this lets one expect.
    """

    step: int
    loss: float
    dice: float | None = None
    likely: LikelyDice | None = None
