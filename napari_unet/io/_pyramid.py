"""An array written to OME-Zarr part by part, with smaller copies of itself in the end. Reads no user files."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.axis_index import for_each_axis

from ._far_store import store_at
from ._mode_levels import write_smaller

_BAND = 2048
"""Rows that are written at a time, so that memory stays constant."""


@dataclasses.dataclass(frozen=True)
class Level:
    """One resolution: its shape, and where its elements lie along each axis: ``scale * i + translate``."""

    shape: tuple[int, ...]
    scale: tuple[float, ...]
    translate: tuple[float, ...]

    @classmethod
    def along(
        cls, axes: Sequence[int], shape: Sequence[int], scale: Sequence[float], translate: Sequence[float]
    ) -> Level:
        """Return a level that has these of the axes, in this order."""
        return cls(
            tuple(shape[axis] for axis in axes), tuple(scale[axis] for axis in axes),
            tuple(translate[axis] for axis in axes),
        )

    @property
    def transformations(self) -> list[dict[str, Any]]:
        """The same in the words of OME-Zarr; an offset of nothing is left out."""
        offset = [{"type": "translation", "translation": list(self.translate)}] if any(self.translate) else []
        return [{"type": "scale", "scale": list(self.scale)}, *offset]

    def halved(self, depth: int | None = None) -> Level:
        """Return the level of half as many rows and columns, and planes along an axis where voxels are thin there.

        An element lies in the middle of those of the finer level that it stands for.
        """
        factors = [1] * (len(self.shape) - 2) + [2, 2]
        if depth is not None and self.shape[depth] > 1 and self.scale[depth] <= self.scale[-1]:
            factors[depth] = 2
        return Level(
            tuple(-(-size // factor) for size, factor in zip(self.shape, factors, strict=True)),
            tuple(step * factor for step, factor in zip(self.scale, factors, strict=True)),
            tuple(place + step * (factor - 1) / 2
                  for place, step, factor in zip(self.translate, self.scale, factors, strict=True)),
        )

    def factors(self, finer: Level) -> tuple[int, ...]:
        """Return how many elements of a finer level, along each axis, an element of one halved from it stands for."""
        return tuple(round(own / other) for own, other in zip(self.scale, finer.scale, strict=True))

    def nearest_in(self, finer: Level, axis: int) -> NDArray[np.intp]:
        """Return which elements of a finer level lie nearest to this one's, along an axis."""
        places = self.scale[axis] * np.arange(self.shape[axis]) + self.translate[axis] - finer.translate[axis]
        return np.clip(np.rint(places / finer.scale[axis]), 0, finer.shape[axis] - 1).astype(np.intp)


def halved_until(level: Level, size: int, depth: int | None = None) -> list[Level]:
    """Return a level and smaller ones, until rows and columns are no more than ``size``.

    ``depth`` is the axis Z, if there is one.
    """
    levels = [level]
    while max(levels[-1].shape[-2:]) > size and len(levels) < 8:
        levels.append(levels[-1].halved(depth))
    return levels


def picked_until(level: Level, size: int) -> list[Level]:
    """Return a level and smaller ones of every second row and column, as :func:`halved_until`."""
    levels = halved_until(level, size)
    return [dataclasses.replace(one, translate=level.translate) for one in levels]


class PyramidSink:
    """A multiscale group: ``0`` at full resolution, ``1``, ``2``, ... smaller ones.

    Smaller levels take the most frequent class of the level above, or its nearest elements, so that labels stay labels.

    Parameters
    ----------
    path : Path or str
        Where the group is made: a folder or an address.
    axes : str
        Letters of what is put.
    shape : tuple of int
        In the order of ``axes``.
    stored : str
        Letters in the order of the file; those that are not in ``axes`` have size 1 in all levels, those of ``axes``
        that are not here have size 1 in ``shape``.
    names : sequence of str
        What the axes of the file are called.
    levels : sequence of Level
        In the order of ``stored``, the full resolution first.
    attributes : callable
        Called in the end; returns the attributes of the group.
    version : {"0.4", "0.5"}
    chunk : int
        Rows and columns of a chunk.
    dtype : data type
    shard : int
        Rows and columns of a file that holds many chunks (0.5 only); 0: each chunk is a file.
    by_mode : bool
        Whether smaller levels, which must be halved ones, take the most frequent class.
    begun : bool
        Go on with a group that is there.
    """

    def __init__(
        self, path: Path | str, axes: str, shape: tuple[int, ...], stored: str, names: Sequence[str],
        levels: Sequence[Level], attributes: Callable[[], dict[str, Any]], version: str, chunk: int,
        dtype: Any = np.uint8, *, shard: int = 0, by_mode: bool = False, begun: bool = False,
    ) -> None:
        import zarr

        self._shard, self._by_mode = shard, by_mode
        self._version, self._chunk, self._given, self._names = version, chunk, shape, names
        self._levels, self._attributes, self._dtype = levels, attributes, np.dtype(dtype)
        self._from = [axes.index(letter) if letter in axes else None for letter in stored]
        self._unused = [axis for axis, letter in enumerate(axes) if letter not in stored]
        self._group = zarr.open_group(
            store_at(path, read_only=False), mode="r+" if begun else "w-", zarr_format=2 if version == "0.4" else 3)
        self._whole: Any = self._group["0"] if begun else self._array(0)

    def _array(self, number: int) -> Any:
        options: dict[str, Any]
        if self._version == "0.4":
            from numcodecs import Blosc  # type: ignore[import-untyped]  # comes with zarr

            # lz4 in blosc is what every reader of zarr 2 has had from the beginning
            options = {
                "chunk_key_encoding": {"name": "v2", "separator": "/"},
                "compressors": Blosc(cname="lz4", clevel=5, shuffle=Blosc.SHUFFLE),
            }
        else:
            options = {"dimension_names": list(self._names)}
        shape = self._levels[number].shape
        chunks = (*(1,) * (len(shape) - 2), min(shape[-2], self._chunk), min(shape[-1], self._chunk))
        if self._shard > self._chunk and self._version != "0.4":
            options["shards"] = tuple(
                chunk * min(self._shard // self._chunk, -(-size // chunk)) if axis >= len(shape) - 2 else 1
                for axis, (chunk, size) in enumerate(zip(chunks, shape, strict=True)))
        return self._group.create_array(
            str(number), shape=shape, chunks=chunks, dtype=self._dtype, fill_value=0, overwrite=number > 0, **options
        )

    def __setitem__(self, where: Any, values: Any) -> None:
        box = _box(where, self._given)
        sizes = [len(range(*part.indices(size))) for part, size in zip(box, self._given, strict=True)]
        values = np.asarray(values, self._dtype)
        block = values.reshape(sizes) if values.size == np.prod(sizes) else np.broadcast_to(values, sizes)
        kept = [axis for axis in self._from if axis is not None]
        target = tuple(slice(0, 1) if axis is None else box[axis] for axis in self._from)
        self._whole[target] = block.transpose(self._unused + kept).reshape(
            [1 if axis is None else sizes[axis] for axis in self._from])

    def __getitem__(self, where: Any) -> NDArray[Any]:
        """Return what was put at an index, rows and columns last as in what is put."""
        box = _box(where, self._given)
        sizes = [len(range(*part.indices(size))) for part, size in zip(box, self._given, strict=True)]
        stored = self._whole[tuple(slice(0, 1) if axis is None else box[axis] for axis in self._from)]
        order = self._unused + [axis for axis in self._from if axis is not None]
        found = np.asarray(stored).reshape([sizes[axis] for axis in order]).transpose(np.argsort(order))
        kept = [number for number, part in enumerate(where if isinstance(where, tuple) else (where,))
                if not isinstance(part, slice)]
        return found.squeeze(tuple(kept))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        order = self._unused + [axis for axis in self._from if axis is not None]
        stored = np.asarray(self._whole[...]).reshape([self._given[axis] for axis in order])
        return np.array(stored.transpose(np.argsort(order)), dtype=dtype, copy=copy)

    def close(self) -> None:
        """Make the smaller levels and write the metadata."""
        above, finer = self._whole, self._levels[0]
        for number, level in enumerate(self._levels[1:], start=1):
            below = self._array(number)
            if self._by_mode:
                write_smaller(above, below, level.factors(finer), self._shard)
                above, finer = below, level
                continue
            *leading, rows, columns = (level.nearest_in(finer, axis) for axis in range(len(level.shape)))
            for plane in np.ndindex(*level.shape[:-2]):
                source = tuple(int(numbers[at]) for numbers, at in zip(leading, plane, strict=True))
                for start in range(0, len(rows), _BAND):
                    band = rows[start : start + _BAND]
                    read = np.asarray(above[(*source, slice(int(band[0]), int(band[-1]) + 1))])
                    below[(*plane, slice(start, start + len(band)))] = read[band - band[0]][:, columns]
            above, finer = below, level
        self._group.attrs.update(self._attributes())


def _box(where: Any, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Write an index with integers, slices and an ellipsis as one slice per axis."""
    parts = for_each_axis(where, len(shape))
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
