"""The parts of painted planes and volumes that tell most: small ones, in which parameters are tried. Reads no image."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.depth import elongation

from ._painted_fields import PaintedField

Window = tuple[slice, ...]

_SIDE = 320
"""Rows and columns of a window of a plane."""
_VOXELS = 2**18
"""Voxels of the windows of all volumes together, or more where they would miss a class."""


def richest_windows(
    fields: Sequence[PaintedField], ids: Sequence[int], runs: Sequence[Sequence[int]]
) -> list[Window]:
    """Return a window of each field, with much paint of every class; planes of one run share theirs.

    All together hold paint of every class.
    """
    windows: list[Window] = [()] * len(fields)
    voxels = _VOXELS // len(fields)
    while True:
        for run in runs:
            places, kinds = (np.concatenate(parts) for parts in zip(*(fields[one].places() for one in run),
                                                                    strict=True))
            shape = fields[run[0]].shape
            sizes = block_sides(fields[run[0]], voxels) if fields[run[0]].deep else (_SIDE, _SIDE)
            for one in run:
                windows[one] = richest_window(places, kinds, shape, sizes)
        found = set().union(*(np.unique(field.paint_in(window)).tolist()
                              for field, window in zip(fields, windows, strict=True)))
        if found >= set(ids):
            return windows
        if not fields[0].deep or voxels >= max(np.prod(field.shape) for field in fields):
            return [tuple(slice(0, size) for size in field.shape) for field in fields]
        voxels *= 4


def block_sides(field: PaintedField, voxels: int) -> tuple[int, ...]:
    """Return the sides of a block of about so many voxels of a volume, as deep as wide where the volume allows it."""
    depth, *plane = field.shape
    longer = elongation(field.image)
    depth = int(np.clip(round((voxels / longer**2) ** (1 / 3)), 1, depth))
    side = max(1, int((voxels / depth) ** 0.5))
    if min(plane) < side:
        side = max(side, int(voxels / depth / min(plane)))
    if max(plane) < side:
        depth = max(1, min(field.shape[0], voxels // (plane[0] * plane[1])))
    return depth, side, side


def richest_window(
    places: NDArray[np.int64], ids: NDArray[np.uint8], shape: Sequence[int], sizes: Sequence[int]
) -> Window:
    """Return the window of at most so many pixels each way that holds most of every class (steps of a quarter).

    Counted is, summed over the classes, the square root of the share of its paint that lies inside, so that some of
    each class is worth more than all of one.

    Parameters
    ----------
    places : ndarray of int, shape (n, axes)
        Painted pixels.
    ids : ndarray of uint8, shape (n,)
        What is painted there.
    shape, sizes : sequence of int
        Of the plane or volume, and of the window.
    """
    starts = [np.unique(np.append(np.arange(0, max(1, long - size), max(1, size // 4)), max(0, long - size)))
              for long, size in zip(shape, sizes, strict=True)]
    stops = [np.minimum(start + size, long) for start, size, long in zip(starts, sizes, shape, strict=True)]
    edges = [np.union1d(start, stop) for start, stop in zip(starts, stops, strict=True)]
    ends = [(np.searchsorted(edge, start), np.searchsorted(edge, stop))
            for edge, start, stop in zip(edges, starts, stops, strict=True)]
    worth = np.zeros([len(start) for start in starts])
    for number in np.unique(ids):
        mine = places[ids == number]
        corner = np.zeros([len(edge) for edge in edges])
        corner[(slice(1, None),) * len(edges)] = np.histogramdd(mine, edges)[0]
        for axis in range(len(edges)):
            corner = corner.cumsum(axis=axis)
        inside = np.zeros(worth.shape)
        for sides in itertools.product((0, 1), repeat=len(edges)):
            sign = (-1) ** (len(edges) - sum(sides))
            inside += sign * corner[np.ix_(*(end[side] for end, side in zip(ends, sides, strict=True)))]
        worth += np.sqrt(np.maximum(inside, 0) / len(mine))
    best = np.unravel_index(int(worth.argmax()), worth.shape)
    return tuple(slice(int(start[place]), int(stop[place]))
                 for start, stop, place in zip(starts, stops, best, strict=True))
