"""Closed outlines that are drawn to edges while they resist bending. Knows no class, no paint and no method.

The snakes of Kass, Witkin and Terzopoulos 1988 (doi:10.1007/BF00133570), all of a plane at once. Written here because
scikit-image moves one snake at a time, with a dense matrix each; for a closed snake that matrix is a convolution, so
that the same step is a division between Fourier transforms. Tested against scikit-image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Outline = NDArray[np.float64]
"""A closed curve: points (n, 2) as (row, column), the first not repeated at the end."""

SPACING = 2.0
_FEWEST, _MOST = 8, 4096
_STILL = 0.02


def level_outlines(field: NDArray[np.float32], shortest: int = 8) -> list[Outline]:
    """Return the closed curves around the places where a field is above 0, holes too (scikit-image).

    Parameters
    ----------
    field : ndarray of float32, shape (Y, X)
    shortest : int
        Curves of fewer points are left out: specks of a few pixels.
    """
    from skimage.measure import find_contours

    wide = np.pad(field, 1, constant_values=-1)
    return [curve[:-1] - 1 for curve in find_contours(wide, 0.0) if len(curve) > shortest]


def relax_outlines(
    curves: Sequence[Outline], edges: NDArray[np.float32], stiffness: float, rounds: int, tension: float = 0.0
) -> list[Outline]:
    """Let outlines slide to where ``edges`` is largest.

    Each is resampled to a power of two of points, 1 to 2 pixels apart; resistance is of the curve, whatever the
    distance of its points. Points that start at the border of the plane stay there.

    Parameters
    ----------
    curves : sequence of ndarray of float64, shape (n, 2)
    edges : ndarray of float32, shape (Y, X)
        Strength of edges.
    stiffness : float
        Resistance against bending (beta of the paper for points 2 pixels apart).
    rounds : int
        At most; it ends when no point moves by more than 0.02 pixels.
    tension : float
        Resistance against stretching (alpha of the paper for points 2 pixels apart).

    Returns
    -------
    list of ndarray of float64
        In the order of ``curves``.
    """
    pull = [np.gradient(edges, axis=axis) if edges.shape[axis] > 1 else np.zeros_like(edges) for axis in (0, 1)]
    by_size: dict[int, list[int]] = {}
    resampled = [_resampled(curve) for curve in curves]
    for index, curve in enumerate(resampled):
        by_size.setdefault(len(curve), []).append(index)
    for size, members in by_size.items():
        points = np.stack([resampled[index] for index in members])
        apart = np.hypot(*np.moveaxis(points - np.roll(points, 1, axis=1), 2, 0)).mean(axis=1)
        bend = (2 - 2 * np.cos(2 * math.pi * np.fft.rfftfreq(size))) * np.square(SPACING / apart)[:, None]
        moved = _relaxed(points, pull, 1 / (1 + tension * bend + stiffness * bend * bend), rounds)
        for index, curve in zip(members, moved, strict=True):
            resampled[index] = curve
    return resampled


def _relaxed(
    points: NDArray[np.float64], pull: list[NDArray[np.float32]], damping: NDArray[np.float64], rounds: int
) -> NDArray[np.float64]:
    """Move all snakes (S, n, 2) of one size; ``damping`` (S, n // 2 + 1) is of each frequency along them."""
    last = np.array(pull[0].shape) - 1
    held = ((points <= 0.5) | (points >= last - 0.5)).any(axis=2, keepdims=True)
    for _ in range(rounds):
        where = np.moveaxis(points, 2, 0)
        force = np.stack([ndimage.map_coordinates(one, where, order=1, mode="nearest") for one in pull], axis=2)
        wanted = np.fft.irfft(np.fft.rfft(points + force, axis=1) * damping[:, :, None], points.shape[1], axis=1)
        step = np.where(held, 0, np.tanh(wanted - points))
        points = points + step
        if np.abs(step).max() < _STILL:
            break
    return points


def _resampled(curve: Outline) -> Outline:
    """Return equally spaced points: a power of two of them, so that there are few sizes."""
    closed = np.concatenate([curve, curve[:1]])
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    count = int(np.clip(2 ** math.ceil(math.log2(max(along[-1] / SPACING, 1))), _FEWEST, _MOST))
    places = np.arange(count) * along[-1] / count
    return np.stack([np.interp(places, along, closed[:, axis]) for axis in (0, 1)], axis=1)


def fill_outlines(curves: Sequence[Outline], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the mask (Y, X) of the pixels whose centre lies inside an odd number of outlines.

    Every crossing of an outline with a row of pixel centres turns inside into outside from there on.
    """
    turns = np.zeros((shape[0], shape[1] + 1), np.int64)
    if curves:
        start = np.concatenate(list(curves))
        end = np.concatenate([np.roll(curve, -1, axis=0) for curve in curves])
        low, high = np.minimum(start, end)[:, 0], np.maximum(start, end)[:, 0]
        first, stop = np.ceil(low).astype(np.intp), np.ceil(high).astype(np.intp)
        count = stop - first
        edge = np.repeat(np.arange(len(start)), count)
        row = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
        part = (row - start[edge, 0]) / (end[edge, 0] - start[edge, 0])
        column = np.ceil(start[edge, 1] + part * (end[edge, 1] - start[edge, 1])).astype(np.intp)
        seen = (row >= 0) & (row < shape[0])
        np.add.at(turns, (row[seen], np.clip(column[seen], 0, shape[1])), 1)
    return (np.cumsum(turns, axis=1)[:, :-1] % 2).astype(bool)
