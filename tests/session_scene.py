"""Methods and models that do next to nothing, for sessions."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from typing import Any

import numpy as np
import pytest

from napari_unet.core.classes import ClassTable
from napari_unet.core.image import Image
from napari_unet.core.latest import Latest
from napari_unet.core.method import Patch, Progress, newest_training_set
from napari_unet.core.scribbles import TrainingSet
from napari_unet.session.annotation_session import Session


@dataclasses.dataclass(frozen=True, eq=False)
class Constant:
    """A model that gives one class everywhere, tile by tile of 4 rows."""

    label: int
    classes: ClassTable = dataclasses.field(default_factory=ClassTable.default)
    note: str = "constant"

    def segment(self, image: Image, planes: Any = None, *, probabilities: bool = False, view: Any = None) -> Any:
        starts = list(range(0, image.plane_shape[0], 4))
        for plane in range(image.n_planes) if planes is None else planes:
            for done, start in enumerate(starts, 1):
                where = image.where(plane, slice(start, start + 4), slice(0, image.plane_shape[1]))
                shape = (min(4, image.plane_shape[0] - start), image.plane_shape[1])
                yield Patch(where, np.full(shape, self.label, np.uint8), None, done, len(starts))


@dataclasses.dataclass(frozen=True)
class Fake:
    """A method that publishes a model at every second step and ends when it is told."""

    steps: int = 6

    def fit(self, painted: TrainingSet | Latest[TrainingSet]) -> Generator[Progress, None, Any]:
        for step in range(1, self.steps + 1):
            training = newest_training_set(painted)
            yield Event(f"step {step}", step / self.steps, Constant(2) if step % 2 == 0 else None, step, 1 / step,
                        training.versions)
        return Constant(2)


@dataclasses.dataclass(frozen=True, eq=False)
class Event(Progress):
    step: int = 0
    loss: float = 0.0
    versions: tuple[int, ...] = ()
    held_out_mean: float | None = None
    device: str = "CPU (fake)"


def plane(*rows: int, label: int = 1) -> np.ndarray:
    made = np.zeros((8, 8), np.uint8)
    made[list(rows)] = label
    return made


@pytest.fixture
def session() -> Session:
    made = Session()
    made.put_pair("a", Image(np.zeros((3, 8, 8), np.uint8), "NYX", "a"))
    return made
