"""Which part of a plane is read, kept and written at a time. Integers only: knows no pixels, networks or devices.

The plane is thought of as continued beyond its borders by mirroring. What a network would be given as the *whole* is
the plane, continued at the bottom and right up to a multiple of the stride. A tile reads a box of exactly that picture.
It starts at a multiple of the stride, so that the pooling grid is the same. It has a halo as wide as the network's
reach, so that the numbers inside are the same. At the border of the whole the halo is cut off, because there the
network has to see the same border. Networks without padding need pixels there: for them the halo is never cut off.

In float32 the logits of tiles and of the whole then differ by at most 1e-4, by the order of sums. Decision trees on top
(:mod:`.oblivious_trees`) are steps: where such a difference changes the answer to a question, and only there, one of T
trees moves a probability by up to 1 / (2 T).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.window_stack import windows_of
from .axis_tiling import AxisTiling, rounded_up

LARGE = 2**22
"""Pixels of a plane. A larger one is cut at multiples of the tile's size."""


@dataclasses.dataclass(frozen=True)
class Box:
    """Rows ``y0`` to ``y1`` and columns ``x0`` to ``x1``, ends excluded."""

    y0: int
    y1: int
    x0: int
    x1: int

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return self.y1 - self.y0, self.x1 - self.x0

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index into an array (..., Y, X)."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def grown(self, by: int, shape: tuple[int, int]) -> Box:
        """Return the box with so many pixels more on each side, as far as a plane of a shape has them."""
        return Box(max(0, self.y0 - by), min(shape[0], self.y1 + by), max(0, self.x0 - by), min(shape[1], self.x1 + by))

    def holds(self, rows: slice, columns: slice) -> bool:
        """Say whether rows and columns (slices with start and stop) lie inside the box."""
        return (self.y0 <= rows.start and rows.stop <= self.y1) and (self.x0 <= columns.start
                                                                     and columns.stop <= self.x1)

    def touches(self, rows: slice, columns: slice) -> bool:
        """Say whether the box shares a pixel with rows and columns (slices without step; None is open)."""
        return _overlap(self.y0, self.y1, rows) and _overlap(self.x0, self.x1, columns)


@dataclasses.dataclass(frozen=True)
class Tile:
    """One step of a tiled prediction.

    Parameters
    ----------
    read : Box
        What the network is given, in coordinates of the plane; may go beyond its borders (mirror there, see
        :func:`mirror_indices`).
    keep : Box
        The part of ``read`` that is right, in coordinates of ``read``.
    write : Box
        Where ``keep`` belongs in the plane.
    """

    read: Box
    keep: Box
    write: Box


@dataclasses.dataclass(frozen=True)
class Tiling:
    """How planes of one shape are cut for one network.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the plane.
    stride : int
        Tiles start at multiples of it.
    halo : int, optional
        Pixels around a tile that are read too, a multiple of the stride; None: the whole plane is one tile.
    beyond : bool
        Whether the halo continues beyond the whole (for networks without padding).
    """

    shape: tuple[int, int]
    stride: int
    halo: int | None
    beyond: bool = False

    @property
    def axes(self) -> tuple[AxisTiling, AxisTiling]:
        """How rows and columns are cut."""
        rows, columns = (AxisTiling(length, self.stride, self.halo, self.beyond) for length in self.shape)
        return rows, columns

    def tiles(self, size: int | None) -> tuple[Tile, ...]:
        """Cut the plane into tiles, row by row: of about equal size, or a large plane at multiples of it.

        Parameters
        ----------
        size : int, optional
            Largest number of rows and columns written at once, rounded up to a multiple of the stride. None: one
            tile.

        Returns
        -------
        tuple of Tile
            Their ``write`` boxes cover every pixel of the plane exactly once.
        """
        return tuple(self.tile(box) for box in self.boxes(size))

    def boxes(self, size: int | None, within: Box | None = None, wide: int = 1) -> list[Box]:
        """Return the ``write`` boxes of :meth:`tiles`, all or those that begin within a box.

        Large planes are cut at multiples of the size, so that the tiles of a part of one can be told without the rest.

        Parameters
        ----------
        size : int, optional
        within : Box, optional
        wide : int
            How many times as many columns as rows are written at once.
        """
        largest = (size, size * wide) if size is not None and self.halo is not None else (None, None)
        large = math.prod(self.shape) > LARGE
        rows, columns = (axis.regular_cuts(most) if large else axis.even_cuts(most)
                         for axis, most in zip(self.axes, largest, strict=True))
        if within is not None:
            rows = [one for one in rows if within.y0 <= one[0] < within.y1]
            columns = [one for one in columns if within.x0 <= one[0] < within.x1]
        return [Box(y0, y1, x0, x1) for y0, y1 in rows for x0, x1 in columns]

    def tile(self, write: Box) -> Tile:
        """Return the tile that writes a box, which must start at multiples of the stride."""
        rows, columns = self.axes
        (y0, y1), (x0, x1) = rows.read(write.y0, write.y1), columns.read(write.x0, write.x1)
        keep = Box(write.y0 - y0, write.y1 - y0, write.x0 - x0, write.x1 - x0)
        return Tile(Box(y0, y1, x0, x1), keep, write)

    def halves(self, tile: Tile) -> tuple[Tile, ...]:
        """Cut a tile in two along its longer side; returns it alone where it cannot be cut."""
        write = tile.write
        height, width = write.shape
        if self.halo is None or max(height, width) <= self.stride:
            return (tile,)
        if height >= width:
            middle = write.y0 + rounded_up(height // 2, self.stride)
            parts = [dataclasses.replace(write, y1=middle), dataclasses.replace(write, y0=middle)]
        else:
            middle = write.x0 + rounded_up(width // 2, self.stride)
            parts = [dataclasses.replace(write, x1=middle), dataclasses.replace(write, x0=middle)]
        return tuple(self.tile(part) for part in parts)


def asked_for(image: Image) -> Box | None:
    """Return the part of its planes that an image is asked for, where the rest is only looked at; None: all."""
    windows = windows_of(image)
    if windows is None:
        return None
    rows, columns = windows.inner
    return Box(rows.start, rows.stop, columns.start, columns.stop)


def tiles(
    shape: tuple[int, int], tile: int | None, halo: int | None, stride: int, beyond: bool = False
) -> Iterator[Tile]:
    """Cut a plane into tiles; short for :meth:`Tiling.tiles`."""
    yield from Tiling(shape, stride, halo, beyond).tiles(tile)


def mirror_indices(start: int, stop: int, length: int) -> NDArray[np.intp]:
    """Return the indices ``start`` to ``stop`` of a line of pixels that is mirrored at both ends again and again.

    The end pixels are not repeated (... 2 1 0 1 2 ...), and the line may be shorter than the part asked for.

    Returns
    -------
    ndarray of int, shape (stop - start,), values 0 to length - 1
    """
    places = np.arange(start, stop)
    if length == 1:
        return np.zeros_like(places)
    period = 2 * (length - 1)
    places = places % period
    return np.where(places < length, places, period - places)


def _overlap(start: int, stop: int, part: slice) -> bool:
    low = 0 if part.start is None else part.start
    return start < (stop if part.stop is None else part.stop) and low < stop
