"""A plane that is too large to be looked at as a whole, as a stack of small windows. Reads pixels, keeps a few.

Whatever works plane by plane (learning from strokes, features, answers) then costs what is painted and looked at,
however large the image is. Each window is asked for its inner part alone; the margin around it is what a network has to
see besides. Beyond the border of the image its mirror image goes on.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .axis_index import for_each_axis
from .errors import UserError, reason_of
from .image import Image
from .in_memory import in_memory

SIDE = 512
"""Rows and columns of the inner part of a window: a tile of features, and a block of strokes."""

MARGIN = 512
"""Pixels around it. Wide enough for the reach of the networks that learn from strokes."""

PLANE = SIDE + 2 * MARGIN
"""Rows and columns of a window."""

INNER = slice(MARGIN, MARGIN + SIDE)
"""Rows, and columns, of the inner part in the window."""

KEPT = 2**27
"""Bytes of pixels that are kept as they are stored, so that windows side by side read nothing twice."""

_NAMES = "WNPQRUVAB"


@dataclasses.dataclass(frozen=True)
class WindowGrid:
    """How a plane of some rows and columns is cut into windows. Integers only."""

    shape: tuple[int, int]

    @property
    def across(self) -> int:
        """Windows side by side."""
        return -(-self.shape[1] // SIDE)

    def __len__(self) -> int:
        return -(-self.shape[0] // SIDE) * self.across

    def box(self, number: int) -> tuple[slice, slice]:
        """Return rows and columns of the plane that a window is asked for; at the border, what there is."""
        row, column = divmod(number, self.across)
        return (slice(row * SIDE, min((row + 1) * SIDE, self.shape[0])),
                slice(column * SIDE, min((column + 1) * SIDE, self.shape[1])))

    def origin(self, number: int) -> tuple[int, int]:
        """Return row and column of the plane at which a window begins, its margin included; may be negative."""
        row, column = divmod(number, self.across)
        return row * SIDE - MARGIN, column * SIDE - MARGIN

    def touching(self, rows: slice, columns: slice) -> list[int]:
        """Return the windows that a box of the plane touches, those nearest to its middle first."""
        spans = [range(max(0, part.start) // SIDE, -(-min(part.stop, size) // SIDE))
                 for part, size in zip((rows, columns), self.shape, strict=True)]
        middle = [(part.start + part.stop) / 2 / SIDE - 0.5 for part in (rows, columns)]
        found = sorted(itertools.product(*spans), key=lambda at: (
            max(abs(at[0] - middle[0]), abs(at[1] - middle[1])), at))
        return [row * self.across + column for row, column in found]


class SampledPixels:
    """An array whose range of values is found in a sample, because reading all of it takes too long.

    Parameters
    ----------
    data : array-like
    path : str, optional
        Of the file it is read from, where the array does not know it.
    """

    by_sample = True

    def __init__(self, data: Any, path: str | None = None) -> None:
        self._data = data
        self.path = path or getattr(data, "path", None)
        self.shape = tuple(map(int, data.shape))
        self.ndim, self.size, self.dtype = len(self.shape), math.prod(self.shape), np.dtype(data.dtype)
        self.chunks = getattr(data, "chunks", None)
        self.is_far = bool(getattr(data, "is_far", False))

    def __getitem__(self, index: Any) -> NDArray[Any]:
        return in_memory(self._data[index])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self._data, dtype=dtype, copy=copy)


class LevelledPixels(SampledPixels):
    """The finest level of an image that is learnt from at another one.

    Parameters
    ----------
    data : array-like
    level : Image
        That level.
    factor : (int, int)
        Rows and columns of the finest level that one of it stands for.
    """

    def __init__(self, data: Any, level: Image, factor: tuple[int, int]) -> None:
        super().__init__(data)
        self.level, self.factor = level, factor


class WindowedPixels:
    """The pixels of an image as windows, (..., W, [C,] Y, X); used by several threads.

    Parameters
    ----------
    whole : Image
        What is cut into windows.
    name : str
        Letter of the axis along which windows are counted.
    """

    inner = (INNER, INNER)

    def __init__(self, whole: Image, name: str) -> None:
        self.whole, self.name, self.grid = whole, name, WindowGrid(whole.plane_shape)
        channels = (whole.n_channels,) if "C" in whole.axes else ()
        self.axes = f"{whole.label_axes[:-2]}{name}{'C' if channels else ''}YX"
        self.shape = (*whole.shape[:-2], len(self.grid), *channels, PLANE, PLANE)
        self.ndim, self.size, self.dtype = len(self.shape), math.prod(self.shape), np.dtype(whole.data.dtype)
        self.is_far = bool(getattr(whole.data, "is_far", False))
        self._kept: OrderedDict[tuple[int, int, int], NDArray[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def whole_plane(self, number: int) -> int:
        """Return the plane of the whole image that a window, counted through all planes, is part of."""
        return number // len(self.grid)

    def number(self, plane: int, window: int) -> int:
        """Return the number of a window of a plane of the whole image, counted through all planes."""
        return plane * len(self.grid) + window

    def __getitem__(self, index: Any) -> NDArray[Any]:
        return by_planes(self._window, index, self.shape, self.axes)

    def _window(self, index: tuple[Any, ...]) -> NDArray[Any]:
        """Return a part of one window, its leading axes given as numbers."""
        at = dict(zip(self.axes, index, strict=True))
        leading = [int(at[letter]) for letter in self.axes if letter not in "CYX"]
        plane = int(np.ravel_multi_index(leading[:-1], self.whole.shape[:-2])) if leading[:-1] else 0
        origin = self.grid.origin(leading[-1])
        rows, columns = (mirrored(start + np.arange(PLANE)[at[letter]], size) for start, letter, size in
                         zip(origin, "YX", self.whole.plane_shape, strict=True))
        found = self._gathered(plane, rows, columns)
        return found[at["C"]] if "C" in at else found[0]

    def _gathered(self, plane: int, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[Any]:
        """Return rows and columns of a plane, (C, y, x)."""
        out = np.empty((self.whole.n_channels, len(rows), len(columns)), self.dtype)
        for down in np.unique(rows // SIDE):
            mine = np.flatnonzero(rows // SIDE == down)
            for right in np.unique(columns // SIDE):
                theirs = np.flatnonzero(columns // SIDE == right)
                block = self._block(plane, int(down), int(right))
                out[:, mine[:, None], theirs] = block[:, (rows[mine] - down * SIDE)[:, None],
                                                      columns[theirs] - right * SIDE]
        return out

    def _block(self, plane: int, down: int, right: int) -> NDArray[Any]:
        key = plane, down, right
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        block = self._read(plane, down * SIDE, right * SIDE)
        with self._lock:
            self._kept[key] = block
            while len(self._kept) > max(9, KEPT // max(1, block.nbytes)):
                self._kept.popitem(last=False)
        return block


    def _read(self, plane: int, top: int, left: int) -> NDArray[Any]:
        try:
            return self.whole.window(plane, slice(top, top + SIDE), slice(left, left + SIDE))
        except UserError:
            raise
        except Exception as error:  # readers of other plugins raise what they like
            raise UserError(
                f"{self.whole.name!r} could not be read at rows {top} to {top + SIDE - 1}, columns {left} to "
                f"{left + SIDE - 1} ({reason_of(error)}). Is its file still there? What is painted is kept."
            ) from error


def window_stack(whole: Image) -> Image:
    """Return an image as a stack of windows; see :class:`WindowedPixels`."""
    name = next(letter for letter in _NAMES if letter not in whole.axes)
    data = WindowedPixels(whole, name)
    scale, start = whole.scale, whole.translate
    return Image(
        data, data.axes, whole.name, (*scale[:-2], 1.0, *scale[-2:]), whole.unit, whole.note,
        (*start[:-2], 0.0, *start[-2:]), whole.time_unit, whole.no_data, whole.guessed_axes,
    )


def windows_of(image: Image) -> WindowedPixels | None:
    """Return the windows that an image is made of, None for any other image."""
    return image.data if isinstance(image.data, WindowedPixels) else None


def by_planes(
    read: Callable[[tuple[Any, ...]], NDArray[Any]], index: Any, shape: tuple[int, ...], axes: str
) -> NDArray[Any]:
    """Return what an index of an array asks for, where only parts of single planes can be read.

    Parameters
    ----------
    read : callable
        Reads an index whose leading axes (neither C nor Y nor X) are numbers.
    index : index of integers, slices and an ellipsis
    shape : tuple of int
    axes : str
        Leading ones first.
    """
    parts = for_each_axis(index, len(shape))
    many = next((axis for axis, letter in enumerate(axes)
                 if letter not in "CYX" and isinstance(parts[axis], slice)), None)
    if many is None:
        return read(tuple(parts))
    numbers = range(*parts[many].indices(shape[many]))
    before = sum(isinstance(part, slice) for part in parts[:many])
    return np.stack([by_planes(read, (*parts[:many], number, *parts[many + 1 :]), shape, axes) for number in numbers],
                    axis=before)


def mirrored(places: NDArray[np.intp], length: int) -> NDArray[np.intp]:
    """Return places on a line of pixels for places beyond its ends, where its mirror image goes on."""
    if length == 1:
        return np.zeros_like(places)
    period = 2 * (length - 1)
    places = places % period
    return np.where(places < length, places, period - places)
