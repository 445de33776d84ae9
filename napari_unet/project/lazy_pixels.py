"""Pixels of files that are opened when they are first asked for, and let go when much else was read. Writes nothing."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.axis_index import for_each_axis
from napari_unet.core.errors import UserError
from napari_unet.core.in_memory import in_memory
from napari_unet.io import open_contents, read_image, stored_order

MEMORY = 2**30
"""Bytes of files read whole (compressed TIFF, say) that are kept; those mapped or read piece by piece count nothing."""


class RecentlyRead:
    """The files opened last, so that reading plane after plane opens none twice; used by several threads.

    Parameters
    ----------
    most : int
        Bytes in memory; the file opened last is kept however large it is.
    files : int
        Files open at a time.
    """

    def __init__(self, most: int = MEMORY, files: int = 64) -> None:
        self._most, self._files = most, files
        self._open: OrderedDict[tuple[Any, ...], tuple[Any, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[Any, ...], read: Callable[[], Any], state: Any = None) -> Any:
        """Return what was read under a key while things stood as they do now, or read it."""
        with self._lock:
            known = self._open.get(key)
            if known is not None and known[0] == state:
                self._open.move_to_end(key)
                return known[1]
        data = read()
        with self._lock:
            self._open[key] = state, data
            self._open.move_to_end(key)
            while len(self._open) > 1 and (len(self._open) > self._files or self._bytes() > self._most):
                self._open.popitem(last=False)
        return data

    def _bytes(self) -> int:
        return sum(one.nbytes for _, one in self._open.values() if type(one) is np.ndarray and _owner(one))

    def forget(self) -> None:
        """Close all files, as far as nobody else uses them."""
        with self._lock:
            self._open.clear()


def _written(path: Path) -> tuple[int, int] | None:
    """Return when a file was written, and its bytes: one that was replaced is opened anew."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _owner(array: NDArray[Any]) -> bool:
    """Whether an array lies in memory, and is no view of a file that is mapped."""
    base: Any = array
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            return False
        base = base.base
    return True


RECENT = RecentlyRead()
"""Shared by all projects of this process."""


class LazyPixels:
    """The array of a file whose shape and type are known; the file is opened when a part is read.

    Parameters
    ----------
    path : Path
    axes : str
        Letters of ``shape``.
    shape : tuple of int
    dtype : str
    series : int
        Which of several pictures in the file, see :func:`napari_unet.io.read_image`.

    Raises
    ------
    UserError
        When a part is read: if the file is missing or damaged, or holds something else now.
    """

    def __init__(self, path: Path, axes: str, shape: tuple[int, ...], dtype: str, series: int = 0) -> None:
        self.path, self._axes, self._series = path, axes, series
        self.shape, self.ndim, self.size = shape, len(shape), math.prod(shape)
        self.dtype = checked_dtype(dtype)

    def _read(self) -> Any:
        return read_image(self.path, self._axes, self._series).data

    def opened(self) -> Any:
        """Return the array of the file."""
        data = RECENT.get((str(self.path), self._axes, self._series), self._read, _written(self.path))
        if tuple(data.shape) != self.shape:
            raise UserError(
                f"{self.path} has another shape now ({tuple(data.shape)}, it was {self.shape}). Put the old file "
                "back, or take the image out of the project and add it again."
            )
        return data

    def __getitem__(self, index: Any) -> NDArray[Any]:
        return np.asarray(in_memory(self.opened()[index]))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self[...], dtype=dtype, copy=None if copy is None else copy)


class _StoredPixels(LazyPixels):
    """The array of an image that the project itself has stored, in the order of its file."""

    def _read(self) -> Any:
        return open_contents(self.path).data


class Reordered:
    """An array with its axes in another order.

    Parameters
    ----------
    data : LazyPixels
    order : sequence of int
        Axis of ``data`` that each axis of this one is.
    """

    def __init__(self, data: LazyPixels, order: Sequence[int]) -> None:
        self._data, self._order = data, tuple(order)
        self.shape, self.ndim, self.dtype = tuple(data.shape[axis] for axis in order), data.ndim, data.dtype
        self.size = data.size

    @classmethod
    def of_stored(cls, path: Path, axes: str, shape: tuple[int, ...], dtype: str) -> Reordered:
        """Return an image that was stored by :func:`napari_unet.io.save_image`, its axes as they were."""
        stored = stored_order(axes)
        sizes = dict(zip(axes, shape, strict=True))
        data = _StoredPixels(path, stored, tuple(sizes[letter] for letter in stored), dtype)
        return cls(data, [stored.index(letter) for letter in axes])

    def __getitem__(self, index: Any) -> NDArray[Any]:
        parts = for_each_axis(index, self.ndim)
        whole: list[Any] = [slice(None)] * self.ndim
        for axis, part in zip(self._order, parts, strict=True):
            whole[axis] = part
        kept = [axis for axis, part in zip(self._order, parts, strict=True) if isinstance(part, slice)]
        return self._data[tuple(whole)].transpose([sorted(kept).index(axis) for axis in kept])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self[...], dtype=dtype, copy=None if copy is None else copy)


class ChannelFiles:
    """Arrays of one shape that are the channels of one image.

    Parameters
    ----------
    parts : sequence of array-like
    axis : int
        Where the axis of the channels stands.
    """

    def __init__(self, parts: Sequence[Any], axis: int = 0) -> None:
        self.parts, self._axis = tuple(parts), axis
        one = self.parts[0]
        self.shape = (*one.shape[:axis], len(self.parts), *one.shape[axis:])
        self.ndim, self.dtype = len(self.shape), np.result_type(*(np.dtype(part.dtype) for part in self.parts))
        self.size = math.prod(self.shape)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        parts = for_each_axis(index, self.ndim)
        chosen = np.arange(len(self.parts))[parts.pop(self._axis)]
        if np.ndim(chosen) == 0:
            return np.asarray(self.parts[int(chosen)][tuple(parts)], self.dtype)
        before = sum(isinstance(part, slice) for part in parts[: self._axis])
        return np.stack([np.asarray(self.parts[int(n)][tuple(parts)], self.dtype) for n in chosen], before)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self[...], dtype=dtype, copy=None if copy is None else copy)


def checked_dtype(name: str) -> np.dtype[Any]:
    """Return the type of pixels by its name; UserError if there is none of that name that pixels can have."""
    try:
        made = np.dtype(name)
    except (TypeError, ValueError, SyntaxError):
        made = np.dtype(object)
    if made.kind not in "buif":
        raise UserError(f"{name[:40]!r} is no type of pixels. Allowed: bool, whole and real numbers.")
    return made
