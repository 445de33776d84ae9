"""Points inside and outside of things, out of strokes and out of what resembles them. Asks no model."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

OTHERS = 8
"""Points outside that are given with each, at most: the nearest."""


@dataclasses.dataclass(frozen=True, eq=False)
class PointPrompt:
    """What is asked for: the thing that has some points inside and others outside.

    Parameters
    ----------
    index : int
        Of its class among those painted.
    points : ndarray of float64, shape (N, 2)
        Row and column.
    inside : ndarray of bool, shape (N,)
    """

    index: int
    points: NDArray[np.float64]
    inside: NDArray[np.bool_]


def prompts_of_strokes(paint: NDArray[np.uint8], ids: tuple[int, ...], count: int) -> list[PointPrompt]:
    """Return one prompt for each stroke of each class but the first, which is the ground.

    Parameters
    ----------
    paint : ndarray of uint8, shape (Y, X)
    ids : tuple of int
        Painted classes.
    count : int
        Points of each stroke.
    """
    strokes = [[stroke_points(stroke, count) for stroke in _strokes(paint == number)] for number in ids]
    found = []
    for index, own in enumerate(strokes[1:], start=1):
        others = [points for at, group in enumerate(strokes) if at != index for points in group]
        found += [_prompt(index, points, np.concatenate(others) if others else np.zeros((0, 2))) for points in own]
    return found


def stroke_points(places: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    """Return points of a stroke (N, 2), evenly spread along its longer direction, each the middle of a part of it."""
    centred = places - places.mean(0)
    direction = np.linalg.svd(centred, full_matrices=False)[2][0] if len(places) > 1 else np.zeros(2)
    parts = np.array_split(places[np.argsort(centred @ direction, kind="stable")], min(count, len(places)))
    return np.array([_middle(part) for part in parts], np.float64)


def likeness(features: NDArray[np.float32], paint: NDArray[np.uint8], ids: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the sum of the features (each of length 1) of painted pixels, for each class: (K, C)."""
    unit = _unit(features)
    rows, columns = _cells(paint.shape, features.shape[1:])
    seen = unit[:, rows[:, None], columns[None, :]]
    return np.array([seen[:, paint == number].sum(1, dtype=np.float64) for number in ids])


def prompts_by_likeness(
    features: NDArray[np.float32], looks: NDArray[np.float32], ids: tuple[int, ...], shape: tuple[int, int], most: int,
    margin: float, paint: NDArray[np.uint8] | None = None,
) -> list[PointPrompt]:
    """Return prompts at places that resemble a class more than any other, those that do most first.

    Parameters
    ----------
    features : ndarray of float32, shape (C, y, x)
    looks : ndarray of float32, shape (K, C)
        Of the classes, each of length 1.
    ids : tuple of int
    shape : (int, int)
        Of the plane.
    most : int
        Places of each class.
    margin : float
        By how much they must resemble it more.
    paint : ndarray of uint8, shape (Y, X), optional
        Places that are painted are left out.
    """
    like = np.tensordot(looks, _unit(features), axes=1)
    free = np.ones(like.shape[1:], bool)
    if paint is not None:
        rows, columns = _cells(paint.shape, like.shape[1:])
        hit = np.argwhere(paint > 0)
        free[rows[hit[:, 0]], columns[hit[:, 1]]] = False
    places = [_peaks(like, index, margin, most, free) for index in range(len(ids))]
    scale = np.array(shape) / np.array(like.shape[1:])
    points = [(one + 0.5) * scale - 0.5 for one in places]
    found = []
    for index in range(1, len(ids)):
        others = np.concatenate([one for at, one in enumerate(points) if at != index])
        found += [_prompt(index, point[None], others) for point in points[index]]
    return found


def _peaks(
    like: NDArray[np.float32], index: int, margin: float, most: int, free: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the cells (N, 2) in which a class stands out most among its neighbours."""
    rest = np.delete(like, index, axis=0).max(0)
    ahead = like[index] - rest
    peak = (ahead == ndimage.maximum_filter(ahead, 3, mode="nearest")) & (ahead >= margin) & free
    cells = np.argwhere(peak)
    order = np.argsort(-ahead[tuple(cells.T)], kind="stable")[:most]
    return cells[order].astype(np.float64)


def _prompt(index: int, points: NDArray[np.float64], others: NDArray[np.float64]) -> PointPrompt:
    distance = np.linalg.norm(others[:, None] - points[None], axis=2).min(1) if len(others) else np.zeros(0)
    near = others[np.argsort(distance, kind="stable")[:OTHERS]]
    inside = np.arange(len(points) + len(near)) < len(points)
    return PointPrompt(index, np.concatenate([points, near]), inside)


def _strokes(painted: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    numbers, _ = ndimage.label(painted, np.ones((3, 3)))
    boxes = ndimage.find_objects(numbers)
    return [np.argwhere(numbers[box] == at) + [part.start for part in box] for at, box in enumerate(boxes, start=1)]


def _middle(places: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the place that is nearest to the middle of all: it is painted itself."""
    found: NDArray[np.intp] = places[np.argmin(((places - places.mean(0)) ** 2).sum(1))]
    return found


def _unit(features: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=0), 1e-9), np.float32)


def _cells(shape: tuple[int, ...], cells: tuple[int, ...]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return, for each row and column of a plane, the cell of the features that it lies in."""
    rows, columns = (np.minimum(np.arange(size) * count // max(size, 1), count - 1)
                     for size, count in zip(shape, cells, strict=True))
    return rows, columns
