"""The last models of a sitting with their scores, and the one that is shown. Trains nothing, writes no file.

Which model is shown is one mailbox with two slots, so that neither thread can overrule the other: the present training
puts the newest model into the first, and only the person puts one into the second, which hides the first.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from ..core.latest import Latest
from ..core.method import Model
from ..learning.true_dice import LikelyDice

HISTORY_LENGTH = 8
"""So many trained models are kept, beside the instant answer, the one gone back to and the one with the best score."""


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
    likely : LikelyDice or None
        The true Dice that the score lets one expect.
    versions : mapping of hashable to int
        Version of the strokes of each pair that it has learnt from, by key; empty where not known.
    shown : bool
        Whether it was shown to the person.
    """

    model: Model
    step: int
    dice: float | None
    time: float
    training: int = 0
    likely: LikelyDice | None = None
    versions: Mapping[Hashable, int] = dataclasses.field(default_factory=dict)
    shown: bool = True

    @property
    def name(self) -> str:
        """What people call it."""
        return f"step {self.step}" if self.step else "instant answer"

    def same(self, other: HistoryEntry | None) -> bool:
        """Say whether both are the same network, fitted to strokes at different times."""
        return other is not None and (self.step, self.training * bool(self.step)) == (
            other.step, other.training * bool(other.step))


class ModelHistory:
    """The last :data:`HISTORY_LENGTH` trained models, newest first, with the best of before, and the instant answer."""

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

    def restored(self, entries: Iterable[HistoryEntry]) -> None:
        """Take up models that were kept before, as from a project; those there are newer."""
        known = list(self.all)
        for one in sorted(entries, key=lambda entry: entry.time, reverse=True):
            if any(one.same(other) for other in known):
                continue
            known.append(one)
            if one.step:
                self._trained.append(one)
            else:
                self._instant = one
        self._trained.sort(key=lambda entry: entry.time, reverse=True)
        self._training = max([self._training, *(one.training for one in self._trained)])
        self._drop(None)

    def note_shown(self, entry: HistoryEntry | None) -> None:
        """Note that a person has seen a model of before."""
        for place, one in enumerate(self._trained):
            if one is entry and not one.shown:
                self._trained[place] = dataclasses.replace(one, shown=True)

    def add(self, made: HistoryEntry, stays: HistoryEntry | None = None) -> None:
        """Keep a model; the same network fitted to newer strokes takes the place of the older one.

        Parameters
        ----------
        made : HistoryEntry
            Its steps and its training are those of the model and of the present training, if they are not given.
        stays : HistoryEntry, optional
            One that must not be dropped or replaced.
        """
        made = dataclasses.replace(made, step=steps_behind(made.model, made.step),
                                   training=made.training or self._training)
        if not made.step:
            if self._instant is not None and made.dice is None:
                made = dataclasses.replace(made, dice=self._instant.dice, likely=self._instant.likely)
            if self._instant is None or self._instant is not stays:
                self._instant = made
            return
        for place, one in enumerate(self._trained):
            if one.same(made):
                if one is not stays:
                    self._trained[place] = dataclasses.replace(made, time=one.time, shown=made.shown or one.shown)
                return
        self._trained.insert(0, made)
        self._drop(stays)

    def _drop(self, stays: HistoryEntry | None) -> None:
        """Drop the oldest beyond what is kept: those that nobody has seen first, never the one with the best score."""
        best = max((one for one in self._trained if one.dice is not None), key=lambda one: one.dice or 0, default=None)
        while len(self._trained) > HISTORY_LENGTH:
            free = [one for one in reversed(self._trained[1:]) if one is not stays and one is not best]
            self._trained.remove(next((one for one in free if not one.shown), free[0]))


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
