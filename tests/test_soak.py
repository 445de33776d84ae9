"""Long runs, left to `make soak`: a training that lives through hundreds of changes."""

from __future__ import annotations

import resource

import numpy as np
import pytest

from napari_unet.core.classes import ClassTable
from napari_unet.core.image import Image
from napari_unet.core.latest import Latest
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.segmenters import REGISTRY


@pytest.mark.soak
def test_a_training_lives_through_hundreds_of_changes_in_bounded_memory() -> None:
    rng = np.random.default_rng(0)
    images = [Image(rng.integers(0, 255, (4, 96, 112), dtype=np.uint8), "NYX", f"image {k}") for k in range(3)]
    strokes = [np.zeros(image.shape, np.uint8) for image in images]
    for array in strokes:
        array[0, 5, 5:40], array[0, 60, 5:40] = 1, 2

    def snapshot(version: int, count: int) -> TrainingSet:
        pairs = [Pair(image, Scribbles.from_array(array, version=version))
                 for image, array in zip(images[:count], strokes[:count], strict=True)]
        return TrainingSet(tuple(pairs), ClassTable.default())

    box = Latest(snapshot(0, 1))
    method = REGISTRY["unet"](seconds=None, steps=None, device="cpu", width=4, depth=2, patch=48)
    run = method.fit(box)
    early = 0
    for change in range(600):
        number, plane = rng.integers(3), rng.integers(4)
        y, x = rng.integers(0, 80, 2)
        strokes[number][plane, y : y + 3, x : x + 12] = rng.integers(0, 5)  # 0 erases; classes come and go
        strokes[0][0, 5, 5:40], strokes[0][0, 60, 5:40] = 1, 2
        box.put(snapshot(change + 1, int(rng.integers(1, 4))))
        for _ in range(3):
            event = next(run)
            assert event.text
        if change == 150:
            early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run.close()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - early < 200_000, "kilobytes"
