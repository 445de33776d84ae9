"""Contenders that do as they are told, and a clock that the test turns."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from napari_unet.comparison import contender_run
from napari_unet.comparison.contender_run import ComparisonEvent
from napari_unet.comparison.contenders import Contender
from napari_unet.comparison.outcome import Comparison
from napari_unet.comparison.runner import run_comparison
from napari_unet.core.classes import ClassTable
from napari_unet.core.image import Image
from napari_unet.core.method import Patch, Progress
from napari_unet.core.rows import Row
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet

few = settings(max_examples=40)


class Clock:
    """Time that passes only when somebody works."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(contender_run, "time", made)
    return made


@dataclasses.dataclass
class FakeModel:
    """Answers with strips of rows: the class it was told, in so many seconds each."""

    clock: Clock
    classes: ClassTable
    seconds: float
    strips: int
    note: str = "made up"

    def segment(self, image: Image, planes: Sequence[int] | None = None, **_: Any) -> Iterator[Patch]:
        wanted = list(planes if planes is not None else range(image.n_planes))
        rows = image.plane_shape[0] // self.strips
        total, done = len(wanted) * self.strips, 0
        for plane in wanted:
            for strip in range(self.strips):
                self.clock.now += self.seconds
                done += 1
                labels = np.full((rows, image.plane_shape[1]), 2, np.uint8)
                box = slice(strip * rows, (strip + 1) * rows), slice(0, image.plane_shape[1])
                yield Patch(image.where(plane, *box), labels, None, done, total)


@dataclasses.dataclass
class Fake:
    """A method that takes a known time."""

    clock: Clock
    to_fit: float = 0.0
    to_segment: float = 0.0
    strips: int = 1
    steps: int = 1
    early: bool = False
    error: Exception | None = None

    def fit(self, painted: Any) -> Generator[Progress, None, FakeModel]:
        model = FakeModel(self.clock, painted.classes, self.to_segment, self.strips)
        if self.error is not None:
            raise self.error
        for step in range(self.steps):
            self.clock.now += self.to_fit / self.steps
            yield Progress("working", step / self.steps, model if self.early else None)  # type: ignore[arg-type]
        return model


def training(planes: int = 3, images: int = 1) -> TrainingSet:
    """Eight rows of which the lower half is class 2; four strokes of each class on every plane."""
    truth = np.ones((planes, 8, 40), np.uint8)
    truth[:, 4:] = 2
    strokes = np.zeros_like(truth)
    for column in range(2, 40, 10):
        strokes[:, 1:3, column : column + 4] = 1
        strokes[:, 5:7, column : column + 4] = 2
    data = (truth * 100).astype(np.uint8)
    return TrainingSet(tuple(
        Pair(Image(data, "NYX", f"image {number}"), Scribbles.from_array(strokes)) for number in range(images)
    ))


def truths(of: TrainingSet) -> list[np.ndarray]:
    return [(pair.image.data // 100).astype(np.uint8) for pair in of.pairs]


def run(*contenders: Contender, of: TrainingSet | None = None, dense: bool = True, **given_: Any
        ) -> tuple[Comparison, list[ComparisonEvent]]:
    of = of or training()
    work = run_comparison(of, contenders, references=truths(of) if dense else None, **given_)
    events = []
    while True:
        try:
            events.append(next(work))
        except StopIteration as stop:
            return stop.value, events


def rows(method: str, values: Sequence[float | None], metric: str = "dice", class_id: int = 2) -> list[Row]:
    return [Row(method, "i", plane, class_id, "", metric, value) for plane, value in enumerate(values)]
