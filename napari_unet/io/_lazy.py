"""A zarr array that is read piece by piece, and whose damage becomes a message. Writes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError


class LazyArray:
    """A read-only view of an array on disk, without some of its axes of size 1.

    Parameters
    ----------
    array : zarr.Array
    name : str
        For messages.
    dropped : tuple of int
        Axes of ``array`` of size 1 that the view does not have.
    """

    def __init__(self, array: Any, name: str, dropped: tuple[int, ...] = ()) -> None:
        self._array, self._name, self._dropped = array, name, dropped
        self._kept = tuple(axis for axis in range(array.ndim) if axis not in dropped)
        self.shape = tuple(int(array.shape[axis]) for axis in self._kept)
        self.dtype = np.dtype(array.dtype)
        self.ndim = len(self.shape)
        self.chunks = tuple(int(array.chunks[axis]) for axis in self._kept)
        self.size = int(np.prod(self.shape, dtype=np.int64))

    def squeeze(self, axis: tuple[int, ...]) -> LazyArray:
        """Return a view without these axes of size 1."""
        return LazyArray(self._array, self._name, (*self._dropped, *(self._kept[number] for number in axis)))

    def __getitem__(self, index: Any) -> NDArray[Any]:
        index = index if isinstance(index, tuple) else (index,)
        if Ellipsis in index:
            at = index.index(Ellipsis)
            index = (*index[:at], *(slice(None),) * (self.ndim - len(index) + 1), *index[at + 1 :])
        full: list[Any] = [0 if axis in self._dropped else slice(None) for axis in range(self._array.ndim)]
        for axis, part in zip(self._kept, index, strict=False):
            full[axis] = part if isinstance(part, slice) else int(part)
        try:
            return np.asarray(self._array[tuple(full)])
        except MemoryError:
            raise UserError(f"{self._name} is too large to be read at once (shape {self.shape}).") from None
        except Exception as error:  # every codec raises types of its own
            reason = " ".join(str(error).split()) or type(error).__name__
            raise UserError(
                f"{self._name} is damaged: part of it could not be read ({reason[:200]}). Copy or save it again."
            ) from error

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self[...], dtype=dtype, copy=None if copy is None else copy)
