"""What the tests of answers share: a picture of bands, and strokes on it."""

from __future__ import annotations

import numpy as np

from napari_unet.core.image import Image
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet

TWO = ((10, 4, 1), (10, 34, 2))


def picture(seed: int = 0, shape: tuple[int, ...] = (64, 80), levels: tuple[float, ...] = (20, 60, 100)) -> Image:
    """Vertical bands of different grey values, with noise."""
    rng = np.random.default_rng(seed)
    bands = np.repeat(levels, -(-shape[-1] // len(levels)))[: shape[-1]]
    return Image((bands + rng.normal(0, 4, shape)).astype(np.float32), "ZYX"[3 - len(shape):], "bands")


def strokes(*drawn: tuple[int, int, int], shape: tuple[int, int] = (64, 80)) -> np.ndarray:
    """Short horizontal strokes: (row, first column, class id)."""
    paint = np.zeros(shape, np.uint8)
    for row, column, number in drawn:
        paint[row : row + 2, column : column + 8] = number
    return paint


def trained_on(image: Image, paint: np.ndarray, **table: object) -> TrainingSet:
    return TrainingSet((Pair(image, Scribbles.from_array(paint)),), **table)
