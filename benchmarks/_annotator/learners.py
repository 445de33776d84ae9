"""The methods behind one interface: endless generators that read the newest strokes and yield answers. No clock here.

To add one, write a generator and put it into :data:`LEARNERS`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
from _shared import Predict, filters, forest, of_model
from numpy.typing import NDArray

from napari_unet.comparison.contenders import make_method
from napari_unet.core.image import Image
from napari_unet.core.latest import Latest
from napari_unet.core.method import Model
from napari_unet.core.scribbles import TrainingSet
from napari_unet.instant.answers import InstantAnswers
from napari_unet.instant.instant_model import InstantModel
from napari_unet.pretrained import load_features

MEMORY = 4096
"""Megabytes for features, of the images that are painted and, apart from them, of those that are scored."""


@dataclasses.dataclass(frozen=True, eq=False)
class Answer:
    """What a method says now.

    Parameters
    ----------
    screen : callable
        Labels of the images that are painted.
    others : callable
        The same model for images it is scored on, with memory of its own: a score must not cost the method time.
    """

    screen: Predict
    others: Predict


@dataclasses.dataclass(frozen=True)
class Idle:
    """A method has nothing to do until there is a new stroke."""


Learner = Iterator[Answer | Idle | None]
"""Every step does a piece of work; None: no new answer yet."""

Learn = Callable[[Latest[TrainingSet], int, str], Learner]
"""Start a method: from where it gets strokes, seed, device."""


def learn_forest(painted: Latest[TrainingSet], seed: int, device: str) -> Learner:
    """Grow the forest anew at every stroke; filters are computed once. Knows no ``device``."""
    del device
    features = Remembered(MEMORY * 2**20)
    for training in _changes(painted):
        if training is None:
            yield Idle()
        else:
            predict = forest(training.pairs, seed, features)
            yield Answer(predict, predict)


def learn_instant(painted: Latest[TrainingSet], seed: int, device: str) -> Learner:
    """Fit the instant answer anew at every stroke; features are computed once."""
    method = make_method("instant", seed=seed, device=device, memory=MEMORY)
    store, other = method.store(painted.get()), method.store(painted.get())

    def answer(model: InstantModel) -> Answer:
        return Answer(of_model(model), of_model(dataclasses.replace(model, store=other)))

    for training in _changes(painted):
        if training is None:
            yield Idle()
            continue
        work = method.fit(training, store)
        while True:
            try:
                event = next(work)
            except StopIteration as stop:
                yield answer(stop.value)
                break
            yield answer(event.model) if event.model is not None else None


def learn_deep(painted: Latest[TrainingSet], seed: int, device: str) -> Learner:
    """Answer every stroke on the newest features while the network learns without end, as the window does."""
    method = make_method("unet", start="pretrained", seconds=None, seed=seed, device=device)
    answers = InstantAnswers(painted, load_features, device, MEMORY * 2**20)
    newest: Model | None = None
    shown: Model | None = None
    for event in method.fit(painted):
        newest = event.model or newest
        answer = answers.over(newest)
        while answers.unfinished:  # in the window another thread does this, on the same processor
            answer = answers.over(newest)
        if isinstance(answer, InstantModel) and answer is not shown:
            shown = answer
            yield Answer(of_model(answer), of_model(answer.as_network()))
        else:
            yield None


def learn_scratch(painted: Latest[TrainingSet], seed: int, device: str) -> Learner:
    """Train the network without end, from nothing."""
    method = make_method("unet", start="scratch", seconds=None, seed=seed, device=device)
    for event in method.fit(painted):
        yield None if event.model is None else Answer(of_model(event.model), of_model(event.model))


LEARNERS: dict[str, Learn] = {
    "forest": learn_forest, "instant": learn_instant, "deep": learn_deep, "scratch": learn_scratch,
}


def _changes(painted: Latest[TrainingSet]) -> Iterator[TrainingSet | None]:
    """Yield strokes that are new and enough to learn from, else None."""
    seen: TrainingSet | None = None
    while True:
        training = painted.get()
        if training is seen or training.missing() is not None:
            yield None
        else:
            seen = training
            yield training


class Remembered:
    """Filters of planes, computed once as long as there is room.

    Parameters
    ----------
    limit : int
        Bytes.
    """

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._known: dict[tuple[Image, int], NDArray[np.float32]] = {}

    def __call__(self, image: Image, plane: int) -> NDArray[np.float32]:
        found = self._known.get((image, plane))
        if found is None:
            found = filters(image, plane)
            if found.nbytes <= self._left:
                self._left -= found.nbytes
                self._known[image, plane] = found
        return found
