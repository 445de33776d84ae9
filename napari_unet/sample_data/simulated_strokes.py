"""Simulated brush strokes from a class image: what a careful person would paint, never a wrong pixel.

Three kinds are drawn: through the inside of a region, anywhere in it, and along its border. Where a region is thinner
than the brush, the stroke follows it and is cut to it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

Mask = NDArray[np.bool_]


def draw_line(shape: tuple[int, int], corners: Sequence[tuple[float, float]], brush: float) -> Mask:
    """Return the pixels of a line with round ends.

    Parameters
    ----------
    shape : (int, int)
    corners : sequence of (y, x)
    brush : float
        Width in px.
    """
    y, x = np.mgrid[: shape[0], : shape[1]]
    out = np.zeros(shape, bool)
    for (y0, x0), (y1, x1) in itertools.pairwise(corners):
        dy, dx = y1 - y0, x1 - x0
        along = np.clip(((y - y0) * dy + (x - x0) * dx) / max(dy * dy + dx * dx, 1e-9), 0, 1)
        out |= (y - y0 - along * dy) ** 2 + (x - x0 - along * dx) ** 2 <= (brush / 2) ** 2
    return out


def simulate_strokes(labels: NDArray[np.uint8], rng: np.random.Generator, *, strokes: int = 7, length: float = 32.0,
                     brush: tuple[float, float] = (3, 5)) -> NDArray[np.uint8]:
    """Paint a plane.

    Parameters
    ----------
    labels : ndarray of uint8, shape (Y, X)
        Painted ids of all pixels, 0 = unknown.
    rng : numpy Generator
    strokes : int
        Strokes per class, of the three kinds in turn.
    length : float
        Mean length of a stroke in px.
    brush : (float, float)
        Narrowest and widest brush in px.

    Returns
    -------
    ndarray of uint8, shape (Y, X)
        0 where nothing is painted; elsewhere equal to ``labels``.
    """
    out = np.zeros_like(labels)
    for number in np.unique(labels[labels > 0]):
        region = labels == number
        depth = ndi.distance_transform_edt(np.pad(region, 2, mode="edge"))[2:-2, 2:-2]
        deepest = float(depth.max())
        for k in range(strokes):
            width = rng.uniform(*brush)
            inside = min(width / 2 + 0.5, 0.7 * deepest)
            low, high = ((inside, np.inf), (1.0, np.inf), (inside, inside + 2.5))[k % 3]
            allowed = region & (depth >= low) & (depth <= high)
            if not allowed.any():
                continue
            walked = _walk(rng, allowed, rng.exponential(length) + 6)
            near = ndi.distance_transform_edt(~walked) <= width / 2
            out[near & region] = number
    return out


def _walk(rng: np.random.Generator, allowed: Mask, length: float) -> Mask:
    """Return the pixels of a wiggly walk that stays where it is allowed; blocked, it turns as little as it can."""
    out = np.zeros(allowed.shape, bool)
    start = np.argwhere(allowed)[rng.integers(np.count_nonzero(allowed))]
    y, x = float(start[0]), float(start[1])
    heading = rng.uniform(0, 2 * np.pi)
    turns = np.deg2rad([0, 15, -15, 35, -35, 60, -60, 90, -90, 120, -120])
    for _ in range(int(length)):
        out[round(y), round(x)] = True
        heading += rng.normal(0, 0.15)
        for turn in turns:
            next_y, next_x = y + np.sin(heading + turn), x + np.cos(heading + turn)
            row, column = round(next_y), round(next_x)
            if 0 <= row < allowed.shape[0] and 0 <= column < allowed.shape[1] and allowed[row, column]:
                y, x, heading = next_y, next_x, heading + turn
                break
        else:
            break
    return out
