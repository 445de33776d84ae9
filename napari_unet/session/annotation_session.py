"""One annotation session: images with their strokes, the class table, the model and how it came about.

Knows neither Qt nor napari, starts no thread and writes no file. Long work (:meth:`Session.training`,
:mod:`.live_prediction`) is a generator that may run in a thread of its own: it reads and writes mailboxes and yields
frozen events. Everything else, :meth:`Session.take` included, belongs to one thread, in which all signals are emitted.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Hashable, Iterable
from typing import Any

from psygnal import Signal

from ..core.classes import merged
from ..core.errors import UsageError
from ..core.latest import Latest
from ..core.method import Model, Progress, Segmenter
from ..core.scribbles import TrainingSet
from ..learning.true_dice import LikelyDice
from .held_out_score import HeldOutScore, TrainingPoint
from .model_history import HistoryEntry, ModelHistory, ShownModel, steps_behind, without_refitting
from .resumed_training import Fitting, fit_here, kept_going
from .session_state import StatedAnnotations
from .training_words import TrainingWords
from .update_run import fixed_run, outcome


class Session(StatedAnnotations):
    """Pairs, classes, strokes for a running training, and its results.

    Attributes
    ----------
    models : Latest[Model | None]
        The model to show, the newest or one gone back to; what a predictor in another thread reads.
    learning_curve : list of TrainingPoint
        Of the present or last training.
    seen_versions : tuple of int
        Versions of the strokes, pair by pair, that the last event of the training had taken up.
    held_strokes : tuple of int
        How many strokes of each pair the training keeps for scoring, in the order of ``seen_versions``.
    device : str
        Where the training runs, and why there; empty before the first step.
    """

    learning_curve_changed = Signal()
    model_changed = Signal(object)
    answer_came = Signal()
    model_history_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.models = ShownModel()
        self.learning_curve: list[TrainingPoint] = []
        self.seen_versions: tuple[int, ...] = ()
        self.held_strokes: tuple[int, ...] = ()
        self.device = ""
        self._history = ModelHistory()
        self._pinned: HistoryEntry | None = None
        self._answer: Model | None = None
        self._given = False

    # -- learning --------------------------------------------------------------------------------------------------

    @property
    def model(self) -> Model | None:
        """The model shown: one gone back to, or the newest, as fitted to the strokes painted since."""
        return self._pinned.model if self._pinned else self._answer or self.models.get()

    def answered(self, model: Model) -> None:
        """Note that the newest strokes were answered with this model; it is shown until a newer one comes."""
        newest = self.models.newest
        if newest is not None and not (getattr(newest, "refits", False)
                                       and steps_behind(newest) == steps_behind(model)):
            return  # it came late: the answer of a model that has been replaced
        first = self.model is None
        self._answer = model
        if not steps_behind(model):
            self._keep(model)
        if first:
            self.model_changed.emit(model)
        self._note_answered()
        self.answer_came.emit()

    def go_on_with(self, model: Model) -> None:
        """Show an answer of another sitting until the strokes, which are those of then, are answered anew."""
        self._answer = model
        self.model_changed.emit(model)
        self.model_history_changed.emit()

    @property
    def speaks(self) -> bool:
        """Whether the model has a say on images without strokes: strokes are there, or somebody has chosen it.

        Otherwise it is a model of before, of images that are not open any more.
        """
        painted = any(item.pair.scribbles.planes for item in self._items.values() if item.enabled)
        return painted or self._given or self._pinned is not None

    @property
    def follows_strokes(self) -> bool:
        """Whether strokes that are painted now are answered: not with a model of before, or of a person's choice."""
        return (self.answers_at_once and self._pinned is None and self.snapshots.get().missing() is None
                and bool(getattr(self.models.newest, "refits", True)))

    def set_model(self, model: Model | None) -> None:
        """Put a model in place of the present one, e.g. from a file; its classes join the table. None: start anew."""
        self._answer = self._pinned = None
        self._given = model is not None
        self.models.put(model)
        self.models.pin(None)
        if model is None:
            self._history.forget()
        elif all(one.model is not model for one in self.model_history):
            self._history.begin()
            self._history.add(HistoryEntry(model, 0, None, time.time()))
        if model is not None:
            self.set_classes(merged(self._classes, model.classes, bool(self.snapshots.get().counts())))
        self.model_changed.emit(model)
        self.model_history_changed.emit()

    # -- models before ---------------------------------------------------------------------------------------------

    @property
    def model_history(self) -> tuple[HistoryEntry, ...]:
        """The last trained models, newest first, and the instant answer: what one can go back to."""
        return self._history.all

    @property
    def pinned(self) -> HistoryEntry | None:
        """The model that was gone back to, None while the newest is shown."""
        return self._pinned

    @property
    def shown(self) -> HistoryEntry | None:
        """Which of the kept models is shown."""
        return self._pinned or self._history.find(self.model)

    def held(self, key: Hashable) -> int:
        """How many strokes of a pair the training keeps for scoring."""
        learnt = [one for one in self.keys if self.enabled(one)]
        return self.held_strokes[learnt.index(key)] if key in learnt and len(learnt) == len(self.held_strokes) else 0

    def go_back(self, kept: HistoryEntry) -> None:
        """Show one of :attr:`model_history` until :meth:`follow_newest`, or until a training goes on from it.

        Neither newer models nor newer strokes change what is shown meanwhile.

        Raises
        ------
        UsageError
            If it is not kept any more.
        """
        if kept not in self.model_history:
            names = ", ".join(one.name for one in self.model_history) or "none yet"
            raise UsageError(f"The model {kept.name!r} is not kept any more. Kept are: {names}.")
        self._pinned = kept
        self.models.pin(without_refitting(kept.model))
        if self._state.phase == "learning":
            self.set_state("learning", f"Learning goes on. {self._choice()}")
        else:
            self.set_state("paused", f"{self._choice()} New strokes do not change it; Live trains on from it.")
        self.model_changed.emit(kept.model)
        self.model_history_changed.emit()

    def follow_newest(self) -> None:
        """Show the newest model again, and answer strokes with it."""
        if self._pinned is None:
            return
        self._pinned = None
        self.models.pin(None)
        self._history.note_shown(self.shown)
        if self._state.phase != "learning":
            self.set_state("paused", "Showing the newest model again.")
        self.model_changed.emit(self.model)
        self.model_history_changed.emit()

    def _choice(self) -> str:
        assert self._pinned is not None
        return f"Showing the model of your choice ({self._pinned.name}) until you pick the newest again."

    def restore_models(self, entries: Iterable[HistoryEntry]) -> None:
        """Take up models that were kept before, as from a project: one can go back to them, none is shown by it."""
        self._history.restored(entries)
        self.model_history_changed.emit()

    def _keep(
        self, model: Model, dice: float | None = None, step: int = 0, likely: LikelyDice | None = None,
        versions: tuple[int, ...] = (),
    ) -> None:
        learnt = [key for key in self.keys if self.enabled(key)]
        versions = versions or tuple(self.version(key) for key in learnt)
        self._history.add(HistoryEntry(
            model, step, dice, time.time(), likely=likely, shown=self._pinned is None,
            versions=dict(zip(learnt, versions, strict=True)) if len(learnt) == len(versions) else {},
        ), stays=self._pinned)
        self.model_history_changed.emit()

    # -- training --------------------------------------------------------------------------------------------------

    def training(
        self, method: Segmenter, threads: int | None = None, fit: Fitting = fit_here
    ) -> Generator[Progress, None, Model]:
        """Fit a method to the strokes as they are painted; ends when the method does, or when closed.

        The generator may run in another thread: hand each event to :meth:`take` in the session's own. Only the
        newest training brings models; after :meth:`end` none does.

        Parameters
        ----------
        method : Segmenter
        threads : int, optional
            Threads torch may use in the generator's thread. Set when the work starts, because torch keeps the
            number by thread, and two teams on the same cores wait for each other.
        fit : callable
            Where it is done.
        """
        return self._begin(method, self.snapshots, threads, TrainingWords(), fit)

    def updating(
        self, method: Segmenter, threads: int | None = None, fit: Fitting = fit_here
    ) -> Generator[Progress, None, Model]:
        """Fit a method for a fixed number of steps to the strokes as they are now; see :meth:`training`.

        What is run is kept in :attr:`last_run`; :meth:`end_update` says what it brought.
        """
        self.last_run = run = fixed_run(method, self.snapshots.get())
        return self._begin(run.method, run.strokes, threads, TrainingWords(run.steps), fit)

    def end_update(self, model: Model) -> None:
        """Take the model of :meth:`updating`, and say whether it is better than the one before."""
        self.models.put(model)
        if not _answers_on(self._answer, model):
            self._answer = None
        score = HeldOutScore.of(self.newest_step)
        self._keep(model, score.dice, steps_behind(model), score.likely, self.seen_versions)
        if self._pinned is None:
            self.model_changed.emit(model)
        self.set_state("paused", outcome(self.newest_step, model, self._shown_name))

    @property
    def _shown_name(self) -> str:
        shown = self.shown
        return "instant answer" if shown is None else f"network of {shown.name}" if shown.step else shown.name

    def _begin(
        self, method: Segmenter, source: TrainingSet | Latest[TrainingSet], threads: int | None, words: TrainingWords,
        fit: Fitting,
    ) -> Generator[Progress, None, Model]:
        run = object()
        self._given = False
        self.words = words
        self.models.listen(run)
        self.learning_curve = []
        self.seen_versions = self.held_strokes = ()
        self._history.begin()
        if self._pinned is not None:  # it is what the training goes on from
            self.models.put(self._pinned.model)
            self._answer = self._pinned = None
            self.models.pin(None)
            self.model_history_changed.emit()
        self.learning_curve_changed.emit()
        self.set_state("learning", "Warming up...")
        return kept_going(method, lambda one: fit(one, source, threads), lambda model: self.models.offer(model, run),
                          revive=source is self.snapshots)

    def end(self) -> None:
        """Note that a training was stopped."""
        self.models.listen(None)

    def take(self, event: Progress) -> None:
        """Take note of an event of :meth:`training`: history, state line and model."""
        step, loss = getattr(event, "step", None), getattr(event, "loss", None)
        self.seen_versions = tuple(getattr(event, "versions", ()))
        self.device = getattr(event, "device", "") or self.device
        score = HeldOutScore.of(event)
        self.held_strokes = tuple(getattr(event, "held_strokes", self.held_strokes))
        if step is not None and loss is not None and (not self.learning_curve or step > self.learning_curve[-1].step):
            self.learning_curve.append(TrainingPoint(int(step), float(loss), score.dice, score.likely))
            self.learning_curve_changed.emit()
        self.tell_training(event, self._shown_name, score.text, self._choice() if self._pinned else "")
        if event.model is not None:
            model: Model = event.model
            if self._answer is None or not _answers_on(self._answer, model):
                self._answer = None
            elif not steps_behind(model):  # what is on the screen is newer than what the training began with
                model = self._answer
            self._keep(model, score.dice, step or 0, score.likely, self.seen_versions)
            if self._pinned is None:
                self.model_changed.emit(model)


def _answers_on(answer: Any, model: Any) -> bool:
    """Whether an answer to strokes stands on the features of a model: then it is the newer of the two."""
    return answer is not None and getattr(model, "refits", False) and answer.weights.step == model.weights.step
