"""A zarr array that is read piece by piece, and whose damage becomes a message. Writes nothing."""

from __future__ import annotations

import base64
import itertools
import math
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError, shortened

from ..core.axis_index import for_each_axis
from ..core.in_memory import in_memory
from ._remote_errors import far_read
from ._zarr_sizes import check_read

_MOST_TRIED = 4096
"""Blocks that are tried, at most, to find out which of them is damaged."""

_NO_DATA = ("_FillValue", "missing_value", "nodata", "no_data", "nodata_value")
"""Attributes in which programs note the number that stands for no data (CF conventions, xarray, GDAL)."""


class LazyArray:
    """A read-only view of an array on disk, without some of its axes of size 1.

    Parameters
    ----------
    array : zarr.Array
    name : str
        For messages.
    dropped : tuple of int
        Axes of ``array`` of size 1 that the view does not have.
    is_far : bool
        It is read over a network: ``name`` is its address.
    letters : str
        Of the axes of the view, for messages.
    """

    def __init__(
        self, array: Any, name: str, dropped: tuple[int, ...] = (), is_far: bool = False, letters: str = ""
    ) -> None:
        self._array, self._name, self._dropped, self.is_far = array, name, dropped, is_far
        self._kept = tuple(axis for axis in range(array.ndim) if axis not in dropped)
        self.shape = tuple(int(array.shape[axis]) for axis in self._kept)
        self.dtype = np.dtype(array.dtype)
        self.ndim = len(self.shape)
        self.chunks = tuple(int(array.chunks[axis]) for axis in self._kept)
        self.size = math.prod(self.shape)
        named = dict(zip(self._kept, letters, strict=False)) if len(letters) == self.ndim else {}
        self._letters = [named.get(axis, "") for axis in range(array.ndim)]

    def lettered(self, letters: str) -> LazyArray:
        """Return the same, whose messages call axes by their letters."""
        return LazyArray(self._array, self._name, self._dropped, self.is_far, letters)

    @property
    def path(self) -> str | None:
        """Where its pixels lie on this computer; None if they are far away."""
        if self.is_far:
            return None
        root = getattr(self._array.store, "root", None)
        return self._name if root is None else os.path.join(root, self._array.path)

    @property
    def no_data(self) -> tuple[float, ...]:
        """Numbers that stand for no data, as the array's attributes say."""
        try:
            attributes = self._array.attrs.asdict()
        except (TypeError, ValueError):  # attributes that are no dictionary
            return ()
        told = [_as_number(attributes[name]) for name in _NO_DATA if name in attributes]
        return tuple(dict.fromkeys(number for number in told if math.isfinite(number)))

    def squeeze(self, axis: tuple[int, ...]) -> LazyArray:
        """Return a view without these axes of size 1."""
        dropped = (*self._dropped, *(self._kept[number] for number in axis))
        return LazyArray(self._array, self._name, dropped, self.is_far)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        full: list[Any] = [0 if axis in self._dropped else slice(None) for axis in range(self._array.ndim)]
        for axis, part in zip(self._kept, for_each_axis(index, self.ndim), strict=False):
            full[axis] = part if isinstance(part, slice) else int(part)
        if self.is_far:
            return far_read(lambda: self._far(tuple(full)), f"{self._name} at {self._place(full)}")
        check_read(Path(self._name), self._n_bytes(full))
        try:
            found = in_memory(self._array[tuple(full)])
        except MemoryError:
            raise UserError(f"{self._name} is too large to be read at once (shape {self.shape}).") from None
        except Exception as error:  # every codec raises types of its own
            if os.path.exists(self._name):
                reason = " ".join(str(error).split()) or type(error).__name__
                raise UserError(
                    f"{self._name} is damaged: part of it could not be read ({shortened(reason)}; at "
                    f"{self._place(self._damaged(full))}). Copy or save it again."
                ) from error
        # chunks that are not there are nothing but zeros: of a folder that is gone, too
        if not os.path.exists(self._name):
            raise UserError(f"{self._name} is not there any more (it was read at {self._place(full)}). Put it "
                            "back.")
        return found

    def _damaged(self, full: list[Any]) -> list[Any]:
        """Return the first block that cannot be read, in the order of a part: the part itself if none is found."""
        spans: list[list[Any]] = []
        if not all(self._array.chunks):  # a file may say that they hold nothing
            return full
        for part, size, step in zip(full, self._array.shape, self._array.chunks, strict=True):
            first, stop, _ = part.indices(size) if isinstance(part, slice) else (part, part + 1, 1)
            spans.append([part if isinstance(part, int) else slice(max(first, at), min(stop, at + step))
                          for at in range(first // step * step, stop, step)])
        for one in itertools.islice(itertools.product(*spans), _MOST_TRIED):
            try:
                self._array[one]
            except Exception:
                return list(one)
        return full

    def _place(self, full: list[Any]) -> str:
        """Say which part of an array is meant: by the letters of its axes, else as an index in their order."""
        if not any(self._letters):
            return f"[{', '.join(map(_span, full))}]"
        return ", ".join(f"{letter}={_words(part, size)}" for letter, part, size in zip(
            self._letters, full, self._array.shape, strict=True) if letter)

    def _far(self, index: tuple[Any, ...]) -> NDArray[Any]:
        found, empty = in_memory(self._array[index]), self._array.fill_value
        # what is not there reads as this number, without an error: of an array that is gone, too
        if (found == (empty or 0)).any() or (empty != empty and (found != found).any()):
            import zarr

            zarr.open_array(store=self._array.store_path, mode="r", zarr_format=self._array.metadata.zarr_format)
        return found

    def _n_bytes(self, full: list[Any]) -> int:
        parts = zip(full, self._array.shape, strict=True)
        lengths = [len(range(*part.indices(int(size)))) for part, size in parts if isinstance(part, slice)]
        return math.prod(lengths) * int(self.dtype.itemsize)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self[...], dtype=dtype, copy=None if copy is None else copy)


def _words(part: Any, size: int) -> str:
    """Say which places along an axis are meant, the last one too."""
    if not isinstance(part, slice):
        return str(part)
    first, stop, _ = part.indices(size)
    return f"{first} to {stop - 1}" if stop - first > 1 else str(first)


def _span(part: Any) -> str:
    if not isinstance(part, slice):
        return str(part)
    return ":" if part.start is None and part.stop is None else f"{part.start or 0}:{part.stop}"


def _as_number(value: Any) -> float:
    """Read a number out of an attribute; NaN if it is none. xarray writes those of zarr 3 as base64 of 8 bytes."""
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        pass
    try:
        return float(struct.unpack("<d", base64.standard_b64decode(str(value)[:16]))[0])
    except (ValueError, struct.error):
        return math.nan
