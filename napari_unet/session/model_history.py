"""The last models of a sitting with their scores, and the one that is shown. Trains nothing, writes no file.

Which model is shown is one mailbox with two slots, so that neither thread can overrule the other: the present training
puts the newest model into the first, and only the person puts one into the second, which hides the first.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import Any

from ..core.latest import Latest
from ..core.method import Model

HISTORY_LENGTH = 5
"""So many trained models are kept, beside the instant answer."""


@dataclasses.dataclass(frozen=True, eq=False)
class HistoryEntry:
    """A model that one can go back to.

    Parameters
    ----------
    model : Model
    step : int
        Training steps behind it; 0 for the instant answer.
    dice : float or None
        Mean held-out Dice when it was last scored, None where there were too few strokes for a score.
    time : float
        When it came, in seconds since 1970.
    training : int
        Models of one training have the same number.
    """

    model: Model
    step: int
    dice: float | None
    time: float
    training: int = 0

    @property
    def name(self) -> str:
        """What people call it."""
        return f"step {self.step}" if self.step else "instant answer"

    def same(self, other: HistoryEntry | None) -> bool:
        """Say whether both are the same network, fitted to strokes at different times."""
        return other is not None and (self.step, self.training * bool(self.step)) == (
            other.step, other.training * bool(other.step))


class ModelHistory:
    """The last :data:`HISTORY_LENGTH` trained models, newest first, and the instant answer."""

    def __init__(self) -> None:
        self._trained: list[HistoryEntry] = []
        self._instant: HistoryEntry | None = None
        self._training = 0

    @property
    def all(self) -> tuple[HistoryEntry, ...]:
        """All of them, newest first, the instant answer last."""
        return (*self._trained, *([self._instant] if self._instant else []))

    def begin(self) -> None:
        """Note that models from now on are those of another training."""
        self._training += 1

    def forget(self) -> None:
        """Keep none of them."""
        self._trained, self._instant = [], None

    def find(self, model: Model | None) -> HistoryEntry | None:
        """Return the entry of a model, or of the same network fitted to other strokes."""
        exact = next((one for one in self.all if one.model is model), None)
        if exact is not None or model is None:
            return exact
        return next((one for one in self.all if one.step == steps_behind(model)), None)

    def add(self, model: Model, dice: float | None = None, step: int = 0, stays: HistoryEntry | None = None) -> None:
        """Keep a model; the same network fitted to newer strokes takes the place of the older one.

        Parameters
        ----------
        model : Model
        dice : float, optional
            On held-out strokes.
        step : int
            Where the model does not know its own.
        stays : HistoryEntry, optional
            One that must not be dropped or replaced.
        """
        made = HistoryEntry(model, steps_behind(model, step), dice, time.time(), self._training)
        if not made.step:
            if self._instant is not None:
                made = dataclasses.replace(made, dice=made.dice if dice is not None else self._instant.dice)
            if self._instant is None or self._instant is not stays:
                self._instant = made
            return
        for place, one in enumerate(self._trained):
            if one.same(made):
                if one is not stays:
                    self._trained[place] = dataclasses.replace(made, time=one.time)
                return
        self._trained.insert(0, made)
        while len(self._trained) > HISTORY_LENGTH:
            self._trained.remove(next(one for one in reversed(self._trained) if one is not stays))


class ShownModel(Latest[Model | None]):
    """The newest model, or the one that a person has gone back to."""

    __slots__ = ("_lock", "_pinned", "_training")

    def __init__(self) -> None:
        super().__init__(None)
        self._pinned: Model | None = None
        self._training: object | None = None
        self._lock = threading.Lock()  # between asking who is training and putting its model

    def get(self) -> Model | None:
        """Return the model to show."""
        return self._pinned or self._value

    @property
    def newest(self) -> Model | None:
        """The newest model, shown or not."""
        return self._value

    def listen(self, training: object | None) -> None:
        """Take models from this training alone; None: from none."""
        with self._lock:
            self._training = training

    def offer(self, model: Model, training: object) -> None:
        """Put the model of a training, unless it is over; may be called in its thread."""
        with self._lock:
            if self._training is training:
                self.put(model)

    def pin(self, model: Model | None) -> None:
        """Show this model whatever comes; None: the newest again."""
        self._pinned = model


def end_of_training(shown: HistoryEntry | None, step: int | None) -> str:
    """Say that a training is over, and which model is shown if it is not the one of its last step."""
    done = "Training is done" + ("" if step is None else f" at step {step}")
    if shown is None or step is None or shown.step == step:
        return f"{done}."
    name = f"the network of {shown.name}" if shown.step else f"the {shown.name}"
    return f"{done}; {name} is shown, because it was not clearly beaten."


def steps_behind(model: Any, default: int = 0) -> int:
    """Return the training steps behind a model."""
    return int(getattr(getattr(model, "weights", None), "step", default))


def without_refitting(model: Any) -> Any:
    """Return the same model, not to be fitted to newer strokes."""
    return dataclasses.replace(model, refits=False) if getattr(model, "refits", False) else model
