"""Hull and surface of the objects of a volume, one by one, each in its own box. Knows no units and no names.

The hull is that of ``skimage.morphology.convex_hull_image``: around the middles of the six sides of every voxel, also
of an object of one plane. Of a row of voxels only the first and the last matter, and in each row the hull holds all
between two ends, so that no voxel is looked at by itself. The surface is that of ``skimage.measure.marching_cubes``,
half way between inside and outside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from .pixel_sums import Extents

SLACK = 1e-10
"""How far beyond the hull a middle still counts as in it: rounding."""

AT_ONCE = 2**21
"""Pairs of a row and a side of the hull that are looked at in one go."""

_DIAMOND = 0.5 * np.array([[-1, 0, 0], [1, 0, 0], [0, -1, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1]])


def volume_shapes(
    numbers: NDArray[np.uint32], extent: Extents, spacing: Sequence[float]
) -> Iterator[float | tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Measure hulls and surfaces.

    Parameters
    ----------
    numbers : ndarray of uint32, shape (Z, Y, X)
    extent : Extents
        Of the same objects.
    spacing : sequence of float
        Size of a voxel, for the surface.

    Yields
    ------
    float or tuple of ndarray of float64, shape (n + 1,)
        The share that is done, and in the end by number: voxels of the hull, and area of the surface; NaN where there
        is no object.
    """
    count = len(extent.area)
    hulls, surfaces = np.full(count, np.nan), np.full(count, np.nan)
    for number in np.flatnonzero(extent.area).tolist():
        if not number:
            continue
        box = tuple(map(slice, extent.low[number], extent.high[number]))
        mask = numbers[box] == number
        hulls[number] = hull_voxels(mask)
        surfaces[number] = surface_of(mask, spacing)
        yield number / count
    yield hulls, surfaces


def hull_voxels(mask: NDArray[np.bool_]) -> int:
    """Count the voxels of the convex hull of a mask (Z, Y, X) with at least one voxel."""
    from scipy.spatial import ConvexHull

    rows = mask.any(axis=2)
    z, y = np.nonzero(rows)
    inside = mask[z, y]
    first, last = inside.argmax(axis=1), mask.shape[2] - 1 - inside[:, ::-1].argmax(axis=1)
    ends = np.concatenate([np.stack([z, y, first], axis=1), np.stack([z, y, last], axis=1)])
    points = np.unique((ends[:, None] + _DIAMOND).reshape(-1, 3), axis=0)
    planes = np.unique(ConvexHull(points).equations.round(12), axis=0)  # a flat side comes in several triangles
    places = np.stack(np.nonzero(np.ones(mask.shape[:2], bool)), axis=1)
    step = max(1, AT_ONCE // len(planes))
    return sum(_in_rows(places[start:start + step], planes, mask.shape[2]) for start in range(0, len(places), step))


def _in_rows(places: NDArray[np.intp], planes: NDArray[np.float64], length: int) -> int:
    """Count the voxels of rows (numbers of plane and row) that lie on the inner side of all planes."""
    rest = places @ planes[:, :2].T + planes[:, 3]  # of each row and plane, what x is still to add
    slope = planes[:, 2]
    up, down, along = slope > SLACK, slope < -SLACK, np.abs(slope) <= SLACK
    high = np.floor((SLACK - rest[:, up]) / slope[up]).min(axis=1, initial=length - 1.0)
    low = np.ceil((SLACK - rest[:, down]) / slope[down]).max(axis=1, initial=0.0)
    there = (rest[:, along] <= SLACK).all(axis=1)
    return int(np.maximum(high - low + 1, 0)[there].sum())


def surface_of(mask: NDArray[np.bool_], spacing: Sequence[float]) -> float:
    """Return the area of the surface of a mask (Z, Y, X) with at least one voxel; beyond the array is outside."""
    from skimage.measure import marching_cubes, mesh_surface_area

    corners, triangles, _, _ = marching_cubes(np.pad(mask, 1).astype(np.float32), 0.5, spacing=tuple(spacing))
    return float(mesh_surface_area(corners, triangles))
