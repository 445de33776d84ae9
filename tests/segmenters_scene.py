"""A small scene that every registered method can learn, and each method fitted to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_unet import segmenters
from napari_unet.core.image import Image
from napari_unet.core.method import Progress
from napari_unet.core.parameters import fields
from napari_unet.core.registry import Entry
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet

ENTRIES = tuple(entry for entry in segmenters.REGISTRY if "needs" not in entry.extras)
"""Those that need nothing that is not here."""


SMALL = {"seconds": None, "steps": 2, "width": 4, "depth": 2, "patch": 32, "batch": 1, "device": "cpu", "threads": 1,
         "position": 0, "filters": False, "looks": 1}


def small(entry: Entry[Any]) -> Any:
    """Make a method with parameters that keep a test short, where it has them."""
    known = {field.name for field in fields(entry.item)}
    return entry.item(**{name: value for name, value in SMALL.items() if name in known})


def fitted(method: Any, training: Any) -> Any:
    """Run a fit to its end."""
    events = method.fit(training)
    while True:
        try:
            event = next(events)
            assert isinstance(event, Progress)
            assert event.text
        except StopIteration as stop:
            return stop.value


def scene(shape: tuple[int, ...] = (40, 48), seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bright discs on a dark ground: image uint8, truth and strokes as painted ids, all of ``shape``."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[-2], : shape[-1]]
    disc = np.zeros(shape[-2:], bool)
    for centre in ((10, 10), (28, 34)):
        disc |= np.hypot(y - centre[0], x - centre[1]) < 8
    truth = np.broadcast_to(np.where(disc, 2, 1), shape).astype(np.uint8)
    image = np.clip(np.where(truth == 2, 170, 60) + generator.normal(0, 8, shape), 0, 255).astype(np.uint8)
    strokes = np.zeros(shape, np.uint8)
    strokes[..., 9:12, 6:14] = 2
    strokes[..., 27:30, 31:37] = 2
    strokes[..., 2:4, 22:44] = 1
    strokes[..., 33:36, 3:15] = 1
    return image, truth, strokes


def pair(image: np.ndarray, strokes: np.ndarray, axes: str = "YX") -> Pair:
    return Pair(Image(image, axes), Scribbles.from_array(strokes))


def stack() -> tuple[np.ndarray, TrainingSet]:
    """Three planes, the middle one not painted."""
    image, _, strokes = scene((3, 40, 48))
    strokes[1] = 0
    return image, TrainingSet((pair(image, strokes, "NYX"),))


@pytest.fixture(scope="module", params=ENTRIES, ids=lambda entry: entry.name)
def entry(request: pytest.FixtureRequest) -> Entry[Any]:
    return request.param


@pytest.fixture(scope="module")
def model(entry: Entry[Any]) -> Any:
    """Each method fitted once to the stack."""
    return fitted(small(entry), stack()[1])
