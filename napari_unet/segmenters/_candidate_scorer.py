"""How well a classical method with given parameters does on paint it has not seen. Chooses no parameter."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.classical.background import PreparedPlane
from napari_unet.classical.parameter_search import mean_dice, paint_folds
from napari_unet.core.depth import plane_runs
from napari_unet.core.errors import UserError
from napari_unet.core.leaving import look_up, while_wanted
from napari_unet.core.work import run_to_end

from ._painted_fields import PaintedField
from ._richest_windows import Window, richest_windows
from ._steps import ClassicalSteps, Paint
from ._training_samples import TrainingSamples

_FIELDS = 4


@dataclasses.dataclass(frozen=True, eq=False)
class _Fold:
    """Paint of each plane that is learnt from, and paint that is scored on.

    ``whole`` says that nothing could be left out, so that both are the same.
    """

    learnt: list[Paint]
    left_out: list[Paint]
    whole: bool

    @classmethod
    def without(cls, paint: Sequence[Paint], left_out: list[Paint]) -> _Fold:
        """Return the fold that learns from all paint but what is left out."""
        learnt = [np.where(out > 0, np.uint8(0), plane) for plane, out in zip(paint, left_out, strict=True)]
        return cls(learnt, left_out, False)

    def has_all(self, ids: Sequence[int]) -> bool:
        """Whether every class is learnt from."""
        return all(any((plane == number).any() for plane in self.learnt) for number in ids)


@dataclasses.dataclass(frozen=True, eq=False)
class _View:
    """What a candidate is shown: one of the windows, or one plane of a window of a volume."""

    plane: PreparedPlane
    window: int
    place: int | None = None

    def of(self, paint: Sequence[Paint]) -> Paint:
        """Return its part of what lies in all windows."""
        return paint[self.window] if self.place is None else paint[self.window][self.place]


class CandidateScorer:
    """Scores candidates on paint that they have not seen.

    Of volumes, candidates that look at planes are shown the painted planes of the same windows, so that both kinds are
    judged by the same paint.

    Parameters
    ----------
    ids : tuple of int
    fields : sequence of PaintedField
        Planes, or volumes.
    """

    def __init__(self, ids: tuple[int, ...], fields: Sequence[PaintedField]) -> None:
        self._ids = ids
        self._fields = fields
        self._views: dict[tuple[float, bool, str], list[_View]] = {}
        self._known: dict[ClassicalSteps, float] = {}
        runs = _runs(fields)
        self._windows: list[Window] = richest_windows(fields, ids, runs)
        paint = [field.paint_in(window) for field, window in zip(fields, self._windows, strict=True)]
        folds = [_Fold.without(paint, out) for out in paint_folds(paint, runs)]
        self._paint = paint
        self._folds = [fold for fold in folds or [_Fold(paint, paint, True)] if fold.has_all(ids)]

    @classmethod
    def of(cls, samples: TrainingSamples, deep: bool) -> CandidateScorer:
        """Choose a few painted planes, or volumes: those with most classes and paint, every class included."""
        fields = samples.fields(deep)
        counts = [sum(map(np.count_nonzero, field.painted.values())) for field in fields]
        present = [set().union(*(np.unique(plane) for plane in field.painted.values())) for field in fields]
        left = sorted(range(len(fields)), key=lambda one: -counts[one])
        chosen: list[int] = []
        unseen = set(samples.ids)
        while left and (len(chosen) < _FIELDS or unseen):
            best = max(left, key=lambda one: (len(unseen & present[one]), -left.index(one)))
            left.remove(best)
            if len(chosen) < _FIELDS or unseen & present[best]:
                chosen.append(best)
                unseen -= present[best]
        return cls(samples.ids, [fields[index] for index in sorted(chosen)])

    def score(self, method: ClassicalSteps) -> float:
        """Return the mean Dice over classes on the paint left out, all folds together.

        0 for a candidate that cannot tell so many classes apart, or not in volumes.
        """
        if method not in self._known:
            self._known[method] = self._scored(method)
        return self._known[method]

    def _scored(self, method: ClassicalSteps) -> float:
        try:
            method.check_ids(self._ids)
        except UserError:
            return 0.0
        if method.deep and method.only_planes:
            return 0.0
        views = self._shown(method)
        look_up()  # of volumes each step takes its time
        survey = method.survey([view.plane for view in views], [view.of(self._paint) for view in views])
        seen = [method.describe(view.plane, survey) for view in while_wanted(views)]
        scored = [part for fold in self._folds for part in self._answers(method, views, seen, fold)]
        if not scored:
            return 0.0
        truth, given = zip(*scored, strict=True)
        return mean_dice(np.concatenate(truth), np.concatenate(given))

    def _shown(self, method: ClassicalSteps) -> list[_View]:
        """Return the windows, prepared as the method wants them; kept for other candidates that want the same."""
        key = method.background or 0, method.deep, method.light
        if key not in self._views:
            self._views[key] = [view for number in range(len(self._fields)) for view in self._prepared(method, number)]
        return self._views[key]

    def _prepared(self, method: ClassicalSteps, number: int) -> Iterator[_View]:
        field, window = self._fields[number], self._windows[number]
        look_up()
        if method.deep or not field.deep:
            yield _View(field.prepared(method).crop(window), number)
            return
        for place in sorted(field.painted):
            if window[0].start <= place < window[0].stop:
                yield _View(field.plane(place).prepared(method).crop(window[1:]), number, place - window[0].start)

    def _answers(
        self, method: ClassicalSteps, views: list[_View], seen: list[Any], fold: _Fold
    ) -> Iterator[tuple[NDArray[np.uint8], NDArray[Any]]]:
        """Yield, view by view, the true and the given ids of the pixels that are left out."""
        pairs = [(one, paint) for one, view in zip(seen, views, strict=True) if (paint := view.of(fold.learnt)).any()]
        learnt = run_to_end(method.learn(lambda: while_wanted(pairs), self._ids))
        for one, view in while_wanted(zip(seen, views, strict=True)):
            paint, out = view.of(fold.learnt), view.of(fold.left_out)
            if out.any():
                shown = paint if paint.any() and not fold.whole else None
                decided = method.decide(one, learnt, self._ids, shown)
                choice = decided.argmax(axis=0) if decided.ndim > out.ndim else decided
                yield out[out > 0], np.array(self._ids)[choice[out > 0]]


def _runs(fields: Sequence[PaintedField]) -> list[list[int]]:
    """Return which of some fields are planes that lie directly behind one another, run by run; volumes stand alone."""
    runs = [[number] for number, field in enumerate(fields) if field.deep]
    for image in dict.fromkeys(field.image for field in fields):
        numbers = {field.planes[0]: number for number, field in enumerate(fields)
                   if field.image is image and not field.deep}
        runs += [[numbers[plane] for plane in run] for run in plane_runs(image, numbers)]
    return runs
