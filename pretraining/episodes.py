"""Episodes: fields of view of one experiment with a few painted strokes and the whole truth. Trains nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.normalisation import Normalisation

from .imaging import look, render
from .scenes import recipe


@dataclasses.dataclass(frozen=True, eq=False)
class Episode:
    """Fields of view of one experiment.

    Parameters
    ----------
    images : ndarray of float32, shape (N, C, Y, X)
        Normalised as the program does it.
    labels : ndarray of int64, shape (N, Y, X)
        Class from 0.
    painted : ndarray of bool, shape (N, Y, X)
        Pixels under a stroke; only in the first field or two.
    classes : int
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    painted: NDArray[np.bool_]
    classes: int


def stroke(rng: np.random.Generator, labels: NDArray[np.int64], wanted: int) -> NDArray[np.bool_]:
    """Return the pixels of one random stroke that stays in its class."""
    n = labels.shape[0]
    out = np.zeros(labels.shape, bool)
    where = np.flatnonzero(labels.ravel() == wanted)
    y, x = map(float, divmod(int(rng.choice(where)), n))
    heading, brush = rng.uniform(0, 6.3), rng.uniform(0.5, 3)
    reach = int(brush) + 1
    for _ in range(int(rng.uniform(2, 0.2 * n))):
        y0, x0 = max(0, round(y) - reach), max(0, round(x) - reach)
        box = (slice(y0, round(y) + reach + 1), slice(x0, round(x) + reach + 1))
        gy, gx = np.ogrid[y0 : y0 + out[box].shape[0], x0 : x0 + out[box].shape[1]]
        out[box] |= ((gy - y) ** 2 + (gx - x) ** 2 <= brush**2) & (labels[box] == wanted)
        heading += rng.normal(0, 0.25)
        for _ in range(6):
            ny, nx = y + np.sin(heading), x + np.cos(heading)
            if 0 <= round(ny) < n and 0 <= round(nx) < n and labels[round(ny), round(nx)] == wanted:
                y, x = ny, nx
                break
            heading += rng.uniform(-1.5, 1.5)
        else:
            break
    return out


def episode(seed: int, number: int, n: int = 160, fields: int = 2, channels: int = 1) -> Episode:
    """Draw episode ``number`` of a stream; the same seed and number give the same episode.

    Draws again until every class of the scene can be painted and at least two classes are there.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, number, channels])))
    normalise = Normalisation()
    while True:
        draw = recipe(rng)
        scenes = [draw(rng, n) for _ in range(fields)]
        classes = scenes[0].classes
        shown = np.bincount(scenes[0].labels.ravel(), minlength=classes)
        if np.count_nonzero(shown >= 30) < 2 or shown.max() > 0.99 * shown.sum():
            continue
        seen = look(rng, classes, channels)
        images = np.stack([normalise(render(rng, scene, seen))[0] for scene in scenes])
        painted = np.zeros((fields, n, n), bool)
        strokes = int(rng.integers(1, 7))
        for wanted in np.flatnonzero(shown >= 12):
            for _ in range(max(1, rng.poisson(strokes))):
                painted[0] |= stroke(rng, scenes[0].labels, int(wanted))
        return Episode(images, np.stack([scene.labels for scene in scenes]), painted, classes)
