"""Predict what the user looks at, again and again, while a training brings newer models. Knows neither Qt nor layers.

The cycle of one predictor, in a thread of its own:

1. read the newest model, strokes and what is looked at from their mailboxes; where strokes may fit the model's last
   layer anew, that answer is the newest model;
2. ask :class:`.run_schedule.RunSchedule` which plane is next, and bring a patch of it;
3. when everything is predicted with the newest model, wait.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
import weakref
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from ..core.errors import UserError, WorkError
from ..core.latest import Latest
from ..core.method import Model
from ..core.provenance import Provenance
from ..core.scribbles import TrainingSet
from ..core.threads import limit_threads
from .run_schedule import LivePatch, RunSchedule, ViewFocus

if TYPE_CHECKING:
    from ..instant.answers import InstantAnswers  # imports torch


@dataclasses.dataclass(frozen=True)
class PredictionFailed:
    """The newest model cannot do the image looked at; tried again when either changes."""

    text: str


@dataclasses.dataclass(frozen=True)
class AnswersUnavailable:
    """Strokes cannot be answered at once; said once, at the beginning. Models are predicted all the same."""

    text: str


@dataclasses.dataclass(frozen=True)
class AllPredicted:
    """Every plane is predicted with the newest model.

    Parameters
    ----------
    focus : ViewFocus
        What was looked at.
    origin : Provenance or None
        Where the prediction comes from; None if the image cannot be read any more.
    """

    focus: ViewFocus
    origin: Provenance | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class AnswerFitted:
    """There is an answer to strokes, whether or not any of it has been predicted yet.

    Parameters
    ----------
    model : Model
    training : TrainingSet
        The strokes that it was fitted to.
    whole : bool
        Whether no better one is worked on.
    """

    model: Model
    training: TrainingSet
    whole: bool


Found = LivePatch | PredictionFailed | AnswersUnavailable | AllPredicted | AnswerFitted
"""What a predictor has to tell."""


class _Predictor:
    def __init__(
        self, models: Latest[Model | None], focus: Latest[ViewFocus | None], answers: InstantAnswers | None = None
    ) -> None:
        self._models, self._focus, self._answers = models, focus, answers
        self._coarse = None if answers is None else answers.from_afar()
        self._runs = RunSchedule()
        self._place: ViewFocus | None = None
        self._refused: tuple[Model, ViewFocus] | None = None
        self._told = False  # that everything is predicted
        self._fitted: tuple[weakref.ref[Any], weakref.ref[Any], bool] | None = None  # the answer that was told last

    def step(self) -> Found | None:
        """Bring the next patch; None where there is nothing to do."""
        first = self._from_afar()
        if first is not None:
            return first
        while True:
            try:
                wanted = self._wanted()
            except UserError as error:
                return PredictionFailed(str(error))
            if (fitted := self._news()) is not None:
                return fitted
            if wanted is None:
                return None
            try:
                run = self._runs.next_run(*wanted)
                if run is None:
                    told, self._told = self._told, True
                    return None if told else AllPredicted(wanted[1], _origin(*wanted))
                self._told = False
                patch = self._runs.advance(run, *wanted)
            except UserError as error:
                self.forget()
                self._refused = wanted
                return PredictionFailed(str(error))
            if patch is not None:
                return patch

    def _news(self) -> AnswerFitted | None:
        """Return the answer to strokes if it is another one than was told last."""
        newest = None if self._answers is None else self._answers.newest
        if newest is None:
            return None
        model, training, whole = newest
        told = self._fitted
        if told is not None and told[0]() is model and told[1]() is training and told[2] == whole:
            return None
        self._fitted = weakref.ref(model), weakref.ref(training), whole
        return AnswerFitted(model, training, whole)

    def _from_afar(self) -> LivePatch | None:
        """Answer a view of many tiles at the resolution that is seen, before anything finer."""
        focus = self._focus.get()
        if self._coarse is None or focus is None or focus.planes or self._models.get() is not None:
            return None
        found = self._coarse.next_patch(focus.image, focus.plane, focus.view)
        return None if found is None else LivePatch(focus, found[0], found[1], from_afar=True)

    def _wanted(self) -> tuple[Model, ViewFocus] | None:
        """Read the mailboxes; None if there is nothing to predict now."""
        focus, model = self._focus.get(), self._newest()
        if self._answers is not None and self._answers.busy:
            return None  # the answer to the newest stroke comes before anything else
        if focus is None or self._place is None or not self._place.same_place(focus):
            self.forget()
        self._place = focus
        if model is None or focus is None or self._is_refused(model, focus):
            return None
        if self._unfinished and self._runs.shows(model, focus):
            return None  # a better answer to what is looked at comes before what is not
        return model, focus

    @property
    def busy(self) -> bool:
        """Whether there is work although nothing was brought."""
        return self._unfinished and self._answers is not None and not self._answers.resting

    @property
    def _unfinished(self) -> bool:
        return self._answers is not None and self._answers.unfinished

    def _newest(self) -> Model | None:
        model = self._models.get()
        return model if self._answers is None else self._answers.over(model)

    def _is_refused(self, model: Model, focus: ViewFocus) -> bool:
        return self._refused is not None and self._refused[0] is model and self._refused[1].same_place(focus)

    def look_ahead(self, ahead: ViewFocus | None) -> bool:
        """Prepare a little of the first answer while nothing is painted yet; say whether there was something to do."""
        if self._answers is None or ahead is None or self._models.get() is not None:
            return False
        try:
            if self._coarse is not None and self._coarse.look_ahead(ahead.image, ahead.plane, ahead.view):
                return True
            return self._answers.look_ahead(ahead.image, ahead.plane, ahead.view, ahead.planes)
        except (UserError, WorkError):
            return False  # said when there is something to answer

    def forget(self) -> None:
        """Drop all runs and what is known about the image."""
        self._runs.clear()
        self._refused = None
        self._told = False


def _origin(model: Any, focus: ViewFocus) -> Provenance | None:
    """Return where the prediction of an image comes from."""
    from ..predicting.mask_origin import mask_provenance  # imports torch

    as_network = getattr(model, "as_network", None)  # an answer to strokes knows as a network how it was made
    with contextlib.suppress(UserError, OSError):
        return mask_provenance(model if as_network is None else as_network(), focus.image, made_by="window")
    return None


def live_prediction(
    models: Latest[Model | None],
    focus: Latest[ViewFocus | None],
    *,
    answers: Callable[[], InstantAnswers] | None = None,
    ahead: Latest[ViewFocus | None] | None = None,
    threads: int | None = None,
    pause: float = 0.02,
) -> Generator[Found | None, None, None]:
    """Predict for ever (until closed); yields None where there is nothing to do, about every ``pause`` seconds.

    Parameters
    ----------
    models : Latest[Model | None]
        Where newer models appear.
    focus : Latest[ViewFocus | None]
        What is looked at; None: nothing.
    answers : callable, optional
        Makes what answers strokes at once; called in the generator's thread, to which it belongs. If it raises
        :class:`UserError`, that is told, and models are predicted without it.
    ahead : Latest[ViewFocus | None], optional
        What is looked at although there is nothing to predict yet; the first answer is prepared.
    threads : int, optional
        Threads torch may use, see :func:`napari_unet.core.threads.limit_threads`.
    pause : float
        Seconds to sleep where there is nothing to do.
    """
    limit_threads(threads)
    made: InstantAnswers | None = None
    try:
        made = answers() if answers is not None else None
    except UserError as error:
        yield AnswersUnavailable(str(error))
    predictor = _Predictor(models, focus, made)
    try:
        while True:
            found = predictor.step()
            if found is None and not predictor.busy and not predictor.look_ahead(ahead.get() if ahead else None):
                time.sleep(pause)
            yield found
    finally:
        predictor.forget()
