"""What scenes of the gallery are put together from: round things, crooked lines, noise. Runs no method."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

sys.path.insert(0, str(Path(__file__).parent.parent))  # the tools are no part of the package

from napari_unet.sample_data.simulated_strokes import draw_line
from pretraining.shapes import scattered

SIDE = 160
"""Rows and columns of most scenes."""

Field = NDArray[np.float64]
Labels = NDArray[np.uint8]


@dataclasses.dataclass(frozen=True, eq=False)
class Scene:
    """An image, its truth and what is painted on it.

    Parameters
    ----------
    pixels : ndarray, shape (Y, X) or (Y, X, 3)
    truth, strokes : ndarray of uint8, shape (Y, X)
        Painted ids (1 = background); 0 in the strokes = not painted.
    """

    pixels: NDArray[np.generic]
    truth: Labels
    strokes: Labels


def round_things(
    rng: np.random.Generator, radius: float, crowding: float, n: int = SIDE, rough: float = 0.25
) -> NDArray[np.int64]:
    """Return bumpy round things that do not touch, numbered from 1."""
    objects, _, _ = scattered(rng, n, radius, 0.12, crowding, rough, 1.4, 0.0)
    alone = ndi.maximum_filter(objects, 5) == ndi.minimum_filter(np.where(objects > 0, objects, objects.max() + 1), 5)
    numbers, count = ndi.label(alone & (objects > 0))
    sizes = np.bincount(numbers.ravel(), minlength=count + 1)
    return np.where(sizes[numbers] > radius**2, numbers, 0).astype(np.int64)


def two_classes(inside: NDArray[np.bool_]) -> Labels:
    """Return labels: background, and one class inside."""
    return np.where(inside, 2, 1).astype(np.uint8)


def noise(rng: np.random.Generator, strength: float, n: int = SIDE) -> Field:
    """Return noise of a standard deviation, (n, n)."""
    return rng.normal(0, strength, (n, n))


def glowing_nuclei(rng: np.random.Generator, low: float = 0.4) -> tuple[Field, NDArray[np.bool_]]:
    """Return nuclei from dim (``low``) to bright (1), slightly blurred, and where they are."""
    objects = round_things(rng, 11, 0.7)
    bright = np.append(0, rng.choice([low, 1.0], int(objects.max())) * rng.uniform(0.9, 1.1, int(objects.max())))
    return ndi.gaussian_filter(bright[objects], 0.6), objects > 0


def crooked_lines(rng: np.random.Generator, lines: int, width: float, bend: float = 0.09) -> Field:
    """Return how deep each pixel lies in crooked lines, px (0 outside)."""
    deep = np.zeros((SIDE, SIDE))
    for number in range(lines):
        heading = np.pi * (number / lines + rng.uniform(-0.1, 0.1))
        middle = SIDE / 2 + rng.uniform(-35, 35, 2)
        corners = []
        for side in (-1, 1):
            y, x, turn, part = *middle, heading + (np.pi if side < 0 else 0), []
            while -8 < y < SIDE + 8 and -8 < x < SIDE + 8:
                part.append((y, x))
                turn += rng.normal(0, bend)
                y, x = y + 4 * np.sin(turn), x + 4 * np.cos(turn)
            corners = part[::-1] + corners if side < 0 else corners + part
        deep = np.maximum(deep, ndi.distance_transform_edt(draw_line(deep.shape, corners, width)))
    return deep
