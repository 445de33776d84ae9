"""Predict what the user looks at, again and again, while a training brings newer models. Knows neither Qt nor layers.

The cycle of one predictor, in a thread of its own:

1. read the newest model, strokes and what is looked at from their mailboxes; where strokes may fit the model's last
   layer anew, that answer is the newest model;
2. a newer model, or another plane, starts a *front* run over the plane shown, visible field first;
3. once the visible field is done and a still newer model is there, the next front run starts, and the one before goes
   on behind it (the *rest*), so that a large image fills in although models come faster than it can be predicted;
4. with nothing in front, the plane that waited longest is next, planes near the shown one first;
5. when everything is predicted with the newest model, wait.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Generator, Hashable, Iterator
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..core.errors import UserError
from ..core.image import Image, Where
from ..core.latest import Latest
from ..core.method import Model, Patch, View
from ..core.threads import limit_threads
from ..predicting.uncertainty import uncertainty

if TYPE_CHECKING:
    from ..instant.answers import InstantAnswers  # imports torch


@dataclasses.dataclass(frozen=True, eq=False)
class ViewFocus:
    """What the user looks at: an image (``key`` names its pair), a plane of it, and the visible part of the plane.

    ``unsure`` says whether patches tell how unsure the model is, too: 0 for no; a larger number than before asks for
    all of them anew.
    """

    key: Hashable
    image: Image
    plane: int = 0
    view: View | None = None
    unsure: int = 0

    def same_place(self, other: ViewFocus) -> bool:
        """Say whether two belong to the same image."""
        return self.key == other.key and self.image is other.image


@dataclasses.dataclass(frozen=True, eq=False)
class LivePatch:
    """A patch of a live prediction, of which image, and from which model.

    ``unsure`` (Y, X) is the uncertainty of its pixels, 0 to 1, where it was asked for.
    """

    focus: ViewFocus
    patch: Patch
    model: Model
    unsure: NDArray[np.float16] | None = None


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
    """Every plane is predicted with the newest model."""


class _Run:
    """One pass over one plane with one model."""

    def __init__(self, model: Model, focus: ViewFocus, plane: int, view: Latest[View | None], serial: int) -> None:
        self.model, self.focus, self.plane, self.serial = model, focus, plane, serial
        self.seen_view = False
        self.unsure = focus.unsure
        self.patches: Iterator[Patch] = iter(
            model.segment(focus.image, [plane], probabilities=focus.unsure > 0, view=view)
        )

    def live(self, patch: Patch) -> LivePatch:
        """Return a patch as it is shown."""
        maps = patch.probabilities
        if maps is None:
            return LivePatch(self.focus, patch, self.model)
        slim = dataclasses.replace(patch, probabilities=None)  # they take many times the memory
        return LivePatch(self.focus, slim, self.model, uncertainty(maps).astype(np.float16))

    def close(self) -> None:
        close = getattr(self.patches, "close", None)
        if close is not None:
            close()


Found = LivePatch | PredictionFailed | AnswersUnavailable | AllPredicted
"""What a predictor has to tell."""


def _serves(run: _Run, model: Model, focus: ViewFocus) -> bool:
    """Say whether a run brings what is wanted now."""
    return run.model is model and run.unsure >= focus.unsure


class _Predictor:
    def __init__(
        self, models: Latest[Model | None], focus: Latest[ViewFocus | None], answers: InstantAnswers | None = None
    ) -> None:
        self._models, self._focus, self._answers = models, focus, answers
        self._view: Latest[View | None] = Latest(None)
        self._serials = count(1)
        self._front: _Run | None = None
        self._rest: _Run | None = None
        self._place: ViewFocus | None = None
        self._done: dict[int, _Run] = {}
        self._refused: tuple[Model, ViewFocus] | None = None
        self._caught_up = False

    def step(self) -> Found | None:
        """Bring the next patch; None where there is nothing to do."""
        while True:
            focus = self._focus.get()
            try:
                model = self._newest()
            except UserError as error:
                return PredictionFailed(str(error))
            if self._answers is not None and self._answers.busy:
                return None  # the answer to the newest stroke comes before anything else
            if focus is None or self._place is None or not self._place.same_place(focus):
                self.forget()
            self._place = focus
            if model is None or focus is None or self._is_refused(model, focus):
                return None
            self._view.put(focus.view)
            if self._unfinished and self._shows(model, focus):
                return None  # a better answer to what is looked at comes before what is not
            try:
                self._start_runs(model, focus)
                run = self._front or self._rest
                if run is None:
                    caught_up, self._caught_up = self._caught_up, True
                    return None if caught_up else AllPredicted()
                self._caught_up = False
                patch = next(run.patches, None)
            except UserError as error:
                self.forget()
                self._refused = (model, focus)
                return PredictionFailed(str(error))
            if patch is None:
                self._end(run)
            elif self._worth_showing(run, patch, model, focus):
                return run.live(patch)

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

    def _end(self, run: _Run) -> None:
        self._done[run.plane] = run
        if run is self._front:
            self._front = None
        else:
            self._rest = None

    def _worth_showing(self, run: _Run, patch: Patch, model: Model, focus: ViewFocus) -> bool:
        in_view = focus.view is None or _touch(patch.where, focus.view.where)
        run.seen_view = run.seen_view or not in_view
        # of an older model, only what a newer one has not done already
        return not in_view or run.model is model or run is self._front or not self._newer_in_view(run)

    def _start_runs(self, model: Model, focus: ViewFocus) -> None:
        front = self._front
        busy = front is not None and front.plane == focus.plane and _serves(front, model, focus)
        if self._needs(model, focus, focus.plane) and not busy:
            if front is not None and front.plane == focus.plane and not front.seen_view:
                return  # finish what is looked at, then take the newer model
            if front is not None and self._rest is None:
                self._rest = front
            elif front is not None:
                front.close()
            self._front = self._run(model, focus, focus.plane)
        if self._front is None and self._rest is None:
            waiting = [plane for plane in range(focus.image.n_planes) if self._needs(model, focus, plane)]
            if waiting:
                age = {plane: self._done[plane].serial if plane in self._done else 0 for plane in waiting}
                oldest = min(waiting, key=lambda plane: (age[plane], abs(plane - focus.plane)))
                self._rest = self._run(model, focus, oldest)

    def _shows(self, model: Model, focus: ViewFocus) -> bool:
        """Say whether what is looked at has been brought by this model."""
        front = self._front
        if front is not None and front.plane == focus.plane and _serves(front, model, focus):
            return front.seen_view
        return not self._needs(model, focus, focus.plane)

    def _run(self, model: Model, focus: ViewFocus, plane: int) -> _Run:
        return _Run(model, focus, plane, self._view, next(self._serials))

    def _needs(self, model: Model, focus: ViewFocus, plane: int) -> bool:
        return plane not in self._done or not _serves(self._done[plane], model, focus)

    def _newer_in_view(self, run: _Run) -> bool:
        done = self._done[run.plane].serial if run.plane in self._done else 0
        front = self._front.serial if self._front is not None and self._front.plane == run.plane else 0
        return max(done, front) > run.serial

    def forget(self) -> None:
        """Drop all runs and what is known about the image."""
        for run in (self._front, self._rest):
            if run is not None:
                run.close()
        self._front = self._rest = None
        self._done = {}
        self._refused = None
        self._caught_up = False


def live_prediction(
    models: Latest[Model | None],
    focus: Latest[ViewFocus | None],
    *,
    answers: Callable[[], InstantAnswers] | None = None,
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
            if found is None and not predictor.busy:
                time.sleep(pause)
            yield found
    finally:
        predictor.forget()


def _touch(one: Where, other: Where) -> bool:
    """Say whether two indices into the same array (with row and column slices that have ends) overlap."""
    for a, b in zip(one, other, strict=True):
        if isinstance(a, slice) and isinstance(b, slice):
            if None in (a.start, a.stop, b.start, b.stop):
                continue
            if a.stop <= b.start or b.stop <= a.start:
                return False
        elif a != b:
            return False
    return True
