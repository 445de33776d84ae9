"""A label image written to OME-Zarr part by part, with smaller copies of itself in the end. Reads no user files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _ngff
from ._contents import MaskInfo

_BAND = 2048
"""Rows that are halved at a time, so that memory stays constant."""


def stored_axes(axes: str) -> str:
    """Return the order OME-Zarr wants: time, then channels and other countings, then space."""
    space = [letter for letter in axes if letter in "ZYX"]
    others = [letter for letter in axes if letter not in "TZYX"]
    return "".join([*(letter for letter in axes if letter == "T"), *others, *sorted(space, key="ZYX".index)])


class PyramidSink:
    """A multiscale group of uint8 labels: ``0`` at full resolution, ``1``, ``2``, ... each half as high and wide.

    Smaller levels take every second row and column, so that labels stay labels.

    Parameters
    ----------
    path : Path
        Where the group is made.
    shape : tuple of int
        In the order of ``info.axes``.
    info : MaskInfo
    version : {"0.4", "0.5"}
    chunk : int
        Rows and columns of a chunk.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], info: MaskInfo, version: str, chunk: int) -> None:
        import zarr

        self._info, self._version, self._chunk, self._given = info, version, chunk, shape
        self._axes = stored_axes(info.axes)
        self._order = [info.axes.index(letter) for letter in self._axes]
        self._group = zarr.open_group(str(path), mode="w-", zarr_format=2 if version == "0.4" else 3)
        self._whole = self._level(0, tuple(shape[axis] for axis in self._order))

    def _level(self, number: int, shape: tuple[int, ...]) -> Any:
        options: dict[str, Any]
        if self._version == "0.4":
            from numcodecs import Blosc  # type: ignore[import-untyped]  # comes with zarr

            # lz4 in blosc is what every reader of zarr 2 has had from the beginning
            options = {
                "chunk_key_encoding": {"name": "v2", "separator": "/"},
                "compressors": Blosc(cname="lz4", clevel=5, shuffle=Blosc.SHUFFLE),
            }
        else:
            options = {"dimension_names": [letter.lower() for letter in self._axes]}
        chunks = (*(1,) * (len(shape) - 2), min(shape[-2], self._chunk), min(shape[-1], self._chunk))
        return self._group.create_array(
            str(number), shape=shape, chunks=chunks, dtype="uint8", fill_value=0, **options
        )

    def __setitem__(self, where: Any, values: Any) -> None:
        box = _box(where, self._given)
        sizes = [len(range(*part.indices(size))) for part, size in zip(box, self._given, strict=True)]
        values = np.asarray(values, np.uint8)
        block = values.reshape(sizes) if values.size == np.prod(sizes) else np.broadcast_to(values, sizes)
        self._whole[tuple(box[axis] for axis in self._order)] = block.transpose(self._order)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        stored = np.asarray(self._whole[...])
        return np.array(stored.transpose(np.argsort(self._order)), dtype=dtype, copy=copy)

    def close(self) -> None:
        """Make the smaller levels and write the metadata."""
        level, above = 1, self._whole
        while max(above.shape[-2:]) > self._chunk and level < 8:
            shape = (*above.shape[:-2], -(-above.shape[-2] // 2), -(-above.shape[-1] // 2))
            below = self._level(level, shape)
            for plane in np.ndindex(*shape[:-2]):
                for start in range(0, above.shape[-2], _BAND):
                    band = np.asarray(above[(*plane, slice(start, start + _BAND))])
                    below[(*plane, slice(start // 2, (start + _BAND) // 2))] = band[::2, ::2]
            level, above = level + 1, below
        self._group.attrs.update(_ngff.label_attributes(self._info, self._axes, level, self._version))


def _box(where: Any, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Write an index with integers, slices and an ellipsis as one slice per axis."""
    parts = list(where) if isinstance(where, tuple) else [where]
    if Ellipsis in parts:
        at = parts.index(Ellipsis)
        parts[at : at + 1] = [slice(None)] * (len(shape) - len(parts) + 1)
    parts += [slice(None)] * (len(shape) - len(parts))
    whole = []
    for part, size in zip(parts, shape, strict=True):
        if isinstance(part, slice):
            whole.append(part)
        else:
            number = int(part) % size if -size <= int(part) < size else size
            if number == size:
                raise IndexError(f"there is no index {part} along an axis of {size}")
            whole.append(slice(number, number + 1))
    return tuple(whole)
