"""What a training is doing, in one sentence: how far it is, what is shown, what comes next. Trains nothing."""

from __future__ import annotations

import math
from typing import Any

from ..core.classes import ClassTable
from .stroke_needs import StrokeNeeds

PUBLISH_SECONDS, JUDGING_SECONDS = 5.0, 3.0
"""Training time before the first judgement of a live training, and what one takes before that has been measured."""

LEARNING_SHARE = 4
"""Learning takes at least so many times as long as judging, so a slow judgement puts off the next one."""


class JudgementClock:
    """Tells how many seconds of training are left before the next judgement of the network."""

    def __init__(self) -> None:
        self._due = PUBLISH_SECONDS + JUDGING_SECONDS
        self._seconds = 0.0

    def note(self, seconds: float, judged: bool) -> None:
        """Take note of the training time of a step, and whether a judgement came with it."""
        if judged:
            took = max(0.0, seconds - self._seconds)
            self._due = seconds + max(PUBLISH_SECONDS, LEARNING_SHARE * took) + took
        self._seconds = seconds

    @property
    def left(self) -> int:
        """Seconds left, rounded up to fives: it is a guess."""
        return max(1, math.ceil((self._due - self._seconds) / 5)) * 5


class TrainingWords:
    """Makes the sentence of one training from its events.

    Parameters
    ----------
    total : int, optional
        Steps it was asked for, None for a training without an end.
    """

    def __init__(self, total: int | None = None) -> None:
        self._total = total
        self._clock = JudgementClock()
        self._first: int | None = None
        self._far = ""

    def sentence(self, event: Any, shown: str, needs: StrokeNeeds, classes: ClassTable, likely: str = "") -> str:
        """Say how the training stands.

        Parameters
        ----------
        event : Progress
            Its newest event.
        shown : str
            Name of the model that is shown.
        needs : StrokeNeeds
            As they are now.
        classes : ClassTable
        likely : str
            What a score lets one expect, empty without a score.
        """
        seconds, step = getattr(event, "seconds", None), getattr(event, "step", None)
        if seconds is None or step is None:
            text = str(event.text)
            if self._far:
                return f"{self._far}; {text[:1].lower()}{text[1:]}"
            return f"{text} ({likely})" if likely else text
        self._clock.note(seconds, event.model is not None)
        self._far = self._progress(step, seconds)
        dice = getattr(event, "held_out_mean", None)
        if not getattr(event, "judges", False) or dice is not None:
            score = f"loss {event.loss:.3f}" if dice is None else f"held-out Dice {dice:.2f}"
            told = getattr(event, "remark", "") or score
            return f"{self._far}; {told}{f' ({likely})' if likely else ''}"
        missing = needs.text(classes)
        if missing:
            return f"{self._far}; showing the {shown}. To judge the network: {missing}."
        when = "at the end" if self._total is not None else f"in about {self._clock.left} s"
        return f"{self._far}; showing the {shown}. The network is judged {when}."

    def _progress(self, step: int, seconds: float) -> str:
        if self._first is None:
            self._first = step - 1
        if self._total is not None:
            return f"Updating: step {step - self._first} of {self._total}, {seconds:.0f} s"
        return f"Learning: step {step}, {seconds:.0f} s"
