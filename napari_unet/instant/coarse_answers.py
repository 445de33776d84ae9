"""A first answer to strokes on a large plane, at the resolution at which it is seen. Belongs to one thread.

A linear head on features of the plane seen from afar: a few tiles in place of hundreds. The answer at full resolution
comes after it.
"""

from __future__ import annotations

import dataclasses
import math
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from ..core.errors import UserError, WorkError
from ..core.image import Image
from ..core.latest import Latest
from ..core.method import Patch, View
from ..core.reduced_image import reduced_pair
from ..core.scribbles import Pair, TrainingSet
from ..core.window_stack import windows_of
from .instant_model import InstantModel

SEEN = 1024
"""Rows and columns of what is looked at, from afar, at most."""

LARGE_VIEW = 2**21
"""Pixels of a view that is answered from afar first: eight tiles, which take longer than a second."""


def step_back(view: View | None) -> int:
    """Return how many rows and columns become one for a view; 1: it is small enough to be answered as it is."""
    if view is None:
        return 1
    rows, columns = (part.stop - part.start for part in view.where[-2:] if isinstance(part, slice))
    if rows * columns <= LARGE_VIEW:
        return 1
    return int(2 ** math.ceil(math.log2(max(rows, columns) / SEEN)))


class AnswersStrokes(Protocol):
    """What answers the newest strokes, a little work at a time: :class:`.answers.InstantAnswers`."""

    @property
    def busy(self) -> bool:
        """Whether there is no answer yet."""

    def over(self, model: Any) -> Any:
        """Work a little, and return the newest answer."""


class CoarseAnswers:
    """Answers the newest strokes on what is looked at, once each, before anything finer.

    Parameters
    ----------
    painted : Latest of TrainingSet
    make : callable
        Makes what answers a training set that appears in the mailbox given.
    """

    def __init__(
        self, painted: Latest[TrainingSet], make: Callable[[Latest[TrainingSet]], AnswersStrokes]
    ) -> None:
        self._painted, self._from_afar = painted, Latest(TrainingSet(()))
        self._answers = make(self._from_afar)
        # weakly: closed images go
        self._done: tuple[weakref.ref[TrainingSet], weakref.ref[Image], int, int] | None = None
        self._patches: Iterator[Patch] = iter(())
        self._model: InstantModel | None = None

    def next_patch(self, image: Image, plane: int, view: View | None) -> tuple[Patch, InstantModel] | None:
        """Return the next part of the answer, enlarged, and the model behind it; None where there is none to give."""
        training, by = self._painted.get(), step_back(view)
        if by == 1 or view is None or windows_of(image) is not None or training.missing() is not None:
            return None
        done = self._done
        if done is None or done[0]() is not training or done[1]() is not image or done[2:] != (plane, by):
            self._done, self._patches = (weakref.ref(training), weakref.ref(image), plane, by), iter(())
            try:
                self._patches = self._answered(training, image, plane, view, by)
            except (UserError, WorkError):
                return None  # what is wrong is said of the answer that comes
        patch = next(self._patches, None)
        return None if patch is None or self._model is None else (patch, self._model)

    def _answered(self, training: TrainingSet, image: Image, plane: int, view: View, by: int) -> Iterator[Patch]:
        pairs = [reduced_pair(pair, by) for pair in training.pairs
                 if pair.image is image or (pair.scribbles.planes and _is_alike(pair, image, by))]
        seen = next((one for one, pair in zip(pairs, training.pairs, strict=False) if pair.image is image), None)
        afar = TrainingSet(tuple(pairs), training.classes)
        if seen is None or afar.missing() is not None:
            return iter(())
        self._from_afar.put(afar)
        self._model = None
        while True:
            model = self._answers.over(None)
            if not self._answers.busy:
                break
            if self._painted.get() is not training:
                return iter(())
        if not isinstance(model, InstantModel):
            return iter(())
        self._model = model
        return _enlarged(model, seen.image, image, plane, view, by)


def _is_alike(pair: Pair, image: Image, by: int) -> bool:
    """Whether another image is as large, so that its strokes can be seen from as far."""
    return pair.image.n_channels == image.n_channels and min(pair.image.plane_shape) >= by * SEEN // 4


def _enlarged(
    model: InstantModel, seen: Image, image: Image, plane: int, view: View, by: int
) -> Iterator[Patch]:
    """Yield the answer to what is looked at from afar, as large as it is."""
    rows, columns = (slice(part.start // by, -(-part.stop // by)) for part in view.where[-2:]
                     if isinstance(part, slice))
    height, width = image.plane_shape
    for patch in model.segment(seen, [plane], view=Latest(View(seen.where(plane, rows, columns)))):
        box = [part for part in patch.where[-2:] if isinstance(part, slice)]
        if not all(a.start < b.stop and b.start < a.stop for a, b in zip(box, (rows, columns), strict=True)):
            return  # those in view come first
        large = np.repeat(np.repeat(patch.labels, by, axis=0), by, axis=1)
        down, right = (slice(part.start * by, min(part.stop * by, size)) for part, size in
                       zip(box, (height, width), strict=True))
        labels = large[: down.stop - down.start, : right.stop - right.start]
        yield dataclasses.replace(patch, where=image.where(plane, down, right), labels=np.ascontiguousarray(labels),
                                  probabilities=None)

