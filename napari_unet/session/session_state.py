"""What is going on in a sitting, in one sentence that stays true. Trains and predicts nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from psygnal import Signal

from ..core.method import Model, Progress
from ..core.scribbles import Scribbles
from .object_notes import ObjectAnnotations
from .stroke_needs import StrokeNeeds
from .training_words import TrainingWords
from .update_run import LastRun

Phase = Literal["idle", "answering", "answered", "learning", "paused", "failed"]

ANSWERED = "Answered from your strokes. Paint where it is wrong, and press Live to let the network learn too."
RESTING = "Answered from your strokes; the training rests. Press Live to let the network learn from them too."
ANSWERING = "Computing the answer to your strokes..."
FIRST_ANSWER = "Computing the first answer to your strokes; the next ones come faster..."


@dataclasses.dataclass(frozen=True)
class SessionState:
    """What is going on, in one sentence for people, and what is missing before a network can be judged."""

    phase: Phase
    text: str
    missing: str = ""

    @property
    def line(self) -> str:
        """Both in one line."""
        return f"{self.text} {self.missing}".strip()


class StatedAnnotations(ObjectAnnotations):
    """Annotations, and the sentence that says what is going on and what to do next.

    Attributes
    ----------
    needs : StrokeNeeds
        Strokes by class when they were last counted.
    last_run : LastRun or None
        The last training of a fixed number of steps.
    settings : mapping of str to JSON value
        What was set in this sitting and belongs to it; a project keeps it.
    words : TrainingWords
        What finds the words for the training that runs.
    newest_step : Progress or None
        The last event of a training that was a step.
    """

    state_changed = Signal(SessionState)
    settings_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._answers = True
        self._said_at: tuple[int, ...] = ()  # versions of the strokes when the state was said
        self._before: SessionState | None = None  # what was said before an answer was waited for
        self.needs = StrokeNeeds()
        self.last_run: LastRun | None = None
        self.words = TrainingWords()
        self.newest_step: Progress | None = None
        self.settings: Mapping[str, Any] = MappingProxyType({})
        self._state = SessionState("idle", self.hint())
        self.published.connect(self.refresh_hint)

    @property
    def model(self) -> Model | None:
        """The model shown."""
        return None

    @property
    def answers_at_once(self) -> bool:
        """Whether strokes are answered without training."""
        return self._answers

    def painted(self) -> list[Scribbles]:
        """Return the strokes of all pairs that have some."""
        return [item.pair.scribbles for item in self._items.values() if item.pair.scribbles.planes]

    def hint(self) -> str:
        """Say what to do next to get a segmentation."""
        if not self._items:
            return "Open an image, press + strokes and paint a little of two classes."
        if not any(item.enabled for item in self._items.values()):
            return "Tick at least one image to learn from."
        missing = self.snapshots.get().missing()
        if missing is None and self._answers:
            return "Ready: your strokes are answered at once. Press Live to let the network learn too."
        if missing is None:
            return "Ready: press Live and go on painting where it is wrong. (There are no instant answers, see below.)"
        if self.model is not None:
            return f"{missing} The answer before stays until then."
        return missing

    def put_settings(self, settings: Mapping[str, Any]) -> None:
        """Replace all settings."""
        if dict(settings) != dict(self.settings):
            self.settings = MappingProxyType(dict(settings))
            self.settings_changed.emit()

    @property
    def state(self) -> SessionState:
        """What is going on."""
        return self._state

    def set_state(self, phase: Phase, text: str = "") -> None:
        """Change the state; without a text it says what to do next."""
        state = SessionState(phase, text or self.hint(), self._missing(phase))
        self._said_at = self.snapshots.get().versions
        self._before = None
        self._say(state)

    def count_strokes(self, needs: StrokeNeeds) -> None:
        """Take note of how many strokes there are, which is counted elsewhere because it may take long."""
        if needs != self.needs:
            self.needs = needs
            self._say(dataclasses.replace(self._state, missing=self._missing(self._state.phase)))

    def tell_training(self, event: Progress, shown: str, likely: str, choice: str = "") -> None:
        """Say how a training stands after an event; ``choice`` is said instead where a person has chosen a model."""
        counts, step = getattr(event, "stroke_counts", None), getattr(event, "step", None)
        if counts:
            self.needs = StrokeNeeds(dict(counts))
        if step is not None:
            self.newest_step = event
        if self._state.phase == "learning":
            text = self.words.sentence(event, shown, self.needs, self._classes, likely)
            where = "Learning" if step is None else f"Learning: step {step}"
            self.set_state("learning", f"{where}. {choice}" if choice else text)

    def _missing(self, phase: Phase) -> str:
        """Say what is missing before a network can be judged, where no training says it itself."""
        if phase not in ("answered", "paused") or not self._answers or self.snapshots.get().missing() is not None:
            return ""
        text = self.needs.text(self._classes)
        return f"Judging a network takes more: {text}." if text else ""

    def _say(self, state: SessionState) -> None:
        if state != self._state:
            self._state = state
            self.state_changed.emit(state)

    def refresh_hint(self) -> None:
        """While nothing is going on, say what to do next."""
        too_few = self.snapshots.get().missing()
        if self._state.phase == "idle" or (self._state.phase in ("answering", "answered") and too_few):
            self.set_state("idle")

    def no_answers(self) -> None:
        """Note that strokes cannot be answered at once in this sitting; a network can still learn from nothing."""
        self._answers = False
        self.refresh_hint()

    def note_waiting(self) -> None:
        """Say that an answer to the strokes is being computed, unless something else is going on."""
        if self._state.phase in ("idle", "answered", "paused"):
            before = self._state
            self._say(SessionState("answering", FIRST_ANSWER if self.model is None else ANSWERING))
            self._before = before

    def end_waiting(self) -> None:
        """Say again what was said before an answer was waited for, which will not come."""
        if self._state.phase == "answering" and self._before is not None:
            before, self._before = self._before, None
            self._say(before)

    def _note_answered(self) -> None:
        """Say that the newest strokes are answered; a training that was stopped is not said to be the newest thing."""
        phase = self._state.phase
        rests = phase == "paused" or (self._before is not None and self._before.phase == "paused")
        newer = self.snapshots.get().versions != self._said_at
        if phase in ("idle", "answered", "answering") and not rests:
            self.set_state("answered", ANSWERED)
        elif rests and (newer or phase == "answering"):
            self.set_state("paused", RESTING)
