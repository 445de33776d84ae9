"""What the tests of the classical methods share: scenes with a known answer, and one call to segment them."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_unet.core.image import Image
from napari_unet.core.method import assemble
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import run_to_end


def segmented(method: Any, image: np.ndarray, strokes: np.ndarray, axes: str = "YX") -> np.ndarray:
    """Fit to one image and segment it."""
    pair = Pair(Image(image, axes), Scribbles.from_array(strokes))
    model = run_to_end(method.fit(TrainingSet((pair,))))
    return np.asarray(assemble(pair.image, model.segment(pair.image)))


def tissue(channels: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Noisy discs in three classes on two planes, the second without paint: image (N, Y, X, C), truth, strokes."""
    generator = np.random.default_rng(channels)
    y, x = np.mgrid[:96, :112]
    truth = np.ones((2, *y.shape), np.uint8)
    for number, (row, column) in enumerate([(20, 22), (24, 84), (70, 30), (68, 86)]):
        truth[:, np.hypot(y - row, x - column) < 15] = 2 + number % 2
    looks = np.array([0, 0.5, 0.95, 0.05])[:, None] * np.ones(channels)
    looks[:, 1:] = np.array([0, 0.1, 0.9, 0.9])[:, None]  # the first channel alone tells classes 2 and 3 apart
    image = looks[truth] + generator.normal(0, 0.07, (*truth.shape, channels))
    strokes = np.zeros_like(truth)
    for row, column in ((20, 22), (24, 84), (70, 30), (68, 86)):
        place = np.s_[0, row - 3 : row + 3, column - 11 : column + 11]
        strokes[place] = truth[place]
    strokes[0, 44:49, 8:100] = strokes[0, 2:4, 40:60] = strokes[0, 90:93, 40:70] = 1
    return image, truth, strokes


def outlined(gap: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A cell as dark as the ground around it, told apart by its bright outline alone, which may have gaps."""
    y, x = np.mgrid[:80, :80]
    radius = np.hypot(y - 40, x - 40)
    image = np.exp(-np.square((radius - 22) / 1.5))
    image[40 - gap // 2 : 40 + (gap + 1) // 2, 40:] = 0
    image += np.random.default_rng(0).normal(0, 0.03, image.shape)
    truth = np.where(radius < 22, 2, 1).astype(np.uint8)
    strokes = np.zeros_like(truth)
    strokes[34:46, 34:46] = 2
    strokes[2:5, 5:75] = strokes[75:78, 5:75] = strokes[5:75, 2:5] = strokes[5:75, 75:78] = 1
    return image, truth, strokes


def drifting() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A bright band on a dark ground whose light falls so far that the band's end is darker than the ground's start."""
    y, x = np.mgrid[:60, :200]
    truth = np.where(np.abs(y - 30) < 10, 2, 1).astype(np.uint8)
    image = 0.3 * (truth == 2) + 0.9 * (1 - x / 200) + np.random.default_rng(0).normal(0, 0.02, truth.shape)
    strokes = np.zeros_like(truth)
    strokes[26:34, 4:12] = 2
    strokes[5:9, 4:12] = strokes[51:55, 4:12] = 1
    return image, truth, strokes
