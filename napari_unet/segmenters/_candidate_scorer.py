"""How well a classical method with given parameters does on paint it has not seen. Chooses no parameter."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.classical.background import PreparedPlane
from napari_unet.classical.parameter_search import mean_dice, paint_folds
from napari_unet.core.errors import UserError
from napari_unet.core.work import run_to_end

from ._steps import ClassicalSteps, Paint
from ._training_samples import TrainingSamples

_PLANES = 4
_WINDOW = 320


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


class CandidateScorer:
    """Scores candidates on paint that they have not seen.

    Parameters
    ----------
    ids : tuple of int
    pixels : sequence of ndarray of float32, shape (C, Y, X)
    paint : sequence of ndarray of uint8, shape (Y, X)
    """

    def __init__(
        self,
        ids: tuple[int, ...],
        pixels: Sequence[NDArray[np.float32]],
        paint: Sequence[Paint],
    ) -> None:
        self._ids = ids
        self._pixels = pixels
        self._prepared: dict[float, list[PreparedPlane]] = {}
        self._windows = [richest_window(plane, _WINDOW) for plane in paint]
        self._paint = [plane[window] for plane, window in zip(paint, self._windows, strict=True)]
        if any(not any((plane == number).any() for plane in self._paint) for number in ids):
            self._windows, self._paint = [(slice(None), slice(None))] * len(paint), list(paint)
        folds = [_Fold.without(self._paint, out) for out in paint_folds(self._paint)]
        self._folds = [fold for fold in folds or [_Fold(self._paint, self._paint, True)] if fold.has_all(ids)]

    @classmethod
    def of(cls, samples: TrainingSamples) -> CandidateScorer:
        """Choose a few painted planes to try parameters on: those with most classes and paint, every class included."""
        left = sorted(range(len(samples.paint)), key=lambda one: -np.count_nonzero(samples.paint[one]))
        present = [set(np.unique(plane)) for plane in samples.paint]
        chosen: list[int] = []
        unseen = set(samples.ids)
        while left and (len(chosen) < _PLANES or unseen):
            best = max(left, key=lambda one: (len(unseen & present[one]), -left.index(one)))
            left.remove(best)
            if len(chosen) < _PLANES or unseen & present[best]:
                chosen.append(best)
                unseen -= present[best]
        places = [samples.places[index] for index in sorted(chosen)]
        return cls(samples.ids, [image.plane(number) for image, number in places],
                   [samples.paint[index] for index in sorted(chosen)])

    def score(self, method: ClassicalSteps) -> float:
        """Return the mean Dice over classes on the paint left out, all folds together.

        0 for a candidate that cannot tell so many classes apart.
        """
        try:
            method.check_ids(self._ids)
        except UserError:
            return 0.0
        planes = self._planes(method)
        survey = method.survey(planes, self._paint)
        seen = [method.describe(plane, survey) for plane in planes]
        scored = [part for fold in self._folds for part in self._scored(method, seen, fold)]
        if not scored:
            return 0.0
        truth, given = zip(*scored, strict=True)
        return mean_dice(np.concatenate(truth), np.concatenate(given))

    def _planes(self, method: ClassicalSteps) -> list[PreparedPlane]:
        """Return the windows, prepared as the method wants them; kept for other candidates that want the same."""
        background = method.background or 0
        if background not in self._prepared:
            self._prepared[background] = [
                method.prepared(pixels).crop(window)
                for pixels, window in zip(self._pixels, self._windows, strict=True)
            ]
        return self._prepared[background]

    def _scored(self, method: ClassicalSteps, seen: list[Any], fold: _Fold
                ) -> Iterator[tuple[NDArray[np.uint8], NDArray[Any]]]:
        """Yield, plane by plane, the true and the given ids of the pixels that are left out."""
        pairs = [(one, plane) for one, plane in zip(seen, fold.learnt, strict=True) if plane.any()]
        learnt = run_to_end(method.learn(lambda: iter(pairs), self._ids))
        for one, paint, out in zip(seen, fold.learnt, fold.left_out, strict=True):
            if out.any():
                shown = paint if paint.any() and not fold.whole else None
                decided = method.decide(one, learnt, self._ids, shown)
                choice = decided.argmax(axis=0) if decided.ndim == 3 else decided
                yield out[out > 0], np.array(self._ids)[choice[out > 0]]


def richest_window(paint: Paint, size: int) -> tuple[slice, slice]:
    """Return the window of at most ``size`` pixels each way that holds most of every class (steps of a quarter).

    Counted is, summed over the classes, the square root of the share of its paint that lies inside, so that some of
    each class is worth more than all of one.
    """
    starts = [np.unique(np.append(np.arange(0, max(1, long - size), size // 4), max(0, long - size)))
              for long in paint.shape]
    top, left = starts[0][:, None], starts[1][None, :]
    bottom, right = np.minimum(top + size, paint.shape[0]), np.minimum(left + size, paint.shape[1])
    worth = np.zeros((len(starts[0]), len(starts[1])))
    for number in np.unique(paint[paint > 0]):
        corner = np.zeros((paint.shape[0] + 1, paint.shape[1] + 1), np.int64)
        corner[1:, 1:] = (paint == number).cumsum(axis=0).cumsum(axis=1)
        inside = corner[bottom, right] - corner[top, right] - corner[bottom, left] + corner[top, left]
        worth += np.sqrt(inside / corner[-1, -1])
    row, column = np.unravel_index(int(worth.argmax()), worth.shape)
    y, x = int(starts[0][row]), int(starts[1][column])
    return slice(y, min(y + size, paint.shape[0])), slice(x, min(x + size, paint.shape[1]))
