"""Smaller copies of an array that has none, made block by block where they are looked at. Writes nothing.

They are made for looking: an image whose file has no pyramid is then seen from afar without its planes being held in
memory. The first copy of a plane that fits its memory is kept, coarser ones are made of it, and of finer ones the
blocks that were looked at last. Who must not wait asks for what is there already (:meth:`MadeLevel.known`).
"""

from __future__ import annotations

import dataclasses
import math
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .image import Image
from .in_memory import in_memory
from .reduced_image import averaged
from .threads import available_cores
from .window_stack import by_planes

SMALLEST = 2048
"""Rows or columns, at most, of the coarsest copy: as many as a screen shows."""

FITS = 2**25
"""Bytes of a plane that is kept whole."""

KEPT = 2 * FITS
"""Bytes of blocks that a copy keeps, those looked at last."""

_BLOCK = 2048
"""Rows and columns, about, of what becomes a block; where chunks of the array are wider, they are not cut."""

_MOST_THREADS = 4

Key = tuple[tuple[int, ...], int, int]
"""What a block of a level is known by: its plane, and its place in rows and columns of blocks."""


class _TooMuchError(Exception):
    """A part is larger than what is kept at once."""


class MadeLevel:
    """A copy of an array with fewer rows and columns; used by several threads.

    Parameters
    ----------
    finer : array-like
        Read at integers and slices.
    axes : str
        Its axes; C are channels, those other than C, Y, X count planes.
    by : int
        So many rows, and columns, become one.
    mean : bool
        Their mean; else the first of them (of class numbers, or where some numbers stand for no data).
    """

    def __init__(self, finer: Any, axes: str, by: int, mean: bool = True) -> None:
        self._finer, self.axes, self._by = finer, axes, by
        self._mean = mean and np.dtype(finer.dtype).kind in "buif"  # of others there is no mean that is an image
        self.shape = tuple(-(-int(size) // by) if letter in "YX" else int(size)
                           for size, letter in zip(finer.shape, axes, strict=True))
        self.ndim, self.dtype, self.size = len(self.shape), np.dtype(finer.dtype), math.prod(self.shape)
        self.is_far = bool(getattr(finer, "is_far", False))
        sizes = dict(zip(axes, self.shape, strict=True))
        self._plane, self._channels = (sizes["Y"], sizes["X"]), sizes.get("C", 1)
        self._side = _sides(finer, axes, by, self._plane)
        self.chunks = tuple({"Y": self._side[0], "X": self._side[1], "C": self._channels}.get(one, 1) for one in axes)
        self._kept: OrderedDict[Key, NDArray[Any]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def plane_bytes(self) -> int:
        """Bytes of a plane with all its channels."""
        return math.prod(self._plane) * self._channels * self.dtype.itemsize

    def __getitem__(self, index: Any) -> NDArray[Any]:
        return by_planes(self._part, index, self.shape, self.axes)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self[...], dtype=dtype, copy=None if copy is None else copy)

    @property
    def is_whole(self) -> bool:
        """Say whether all of a plane is kept."""
        return self.plane_bytes <= FITS

    def known(self, index: Any) -> tuple[NDArray[Any], list[tuple[MadeLevel, Key]]] | None:
        """Return at once what is there of a part, 0 elsewhere, and which blocks are missing, finer levels first.

        None for a part that is larger than what is kept: it would never be there as a whole.
        """
        missing: list[tuple[MadeLevel, Key]] = []
        try:
            return self._known_part(index, missing), missing
        except _TooMuchError:
            return None

    def _known_part(self, index: Any, missing: list[tuple[MadeLevel, Key]]) -> NDArray[Any]:
        needed = [0]
        return by_planes(lambda at: self._part(at, missing, needed), index, self.shape, self.axes)

    def make(self, key: Key) -> None:
        """Make a block that is missing, and keep it."""
        self._block(key)

    def _part(
        self, index: tuple[Any, ...], missing: list[tuple[MadeLevel, Key]] | None = None,
        needed: list[int] | None = None,
    ) -> NDArray[Any]:
        """Return a part of one plane, its leading axes given as numbers; only what is there if ``missing`` is given."""
        at = dict(zip(self.axes, index, strict=True))
        leading = tuple(int(at[letter]) for letter in self.axes if letter not in "CYX")
        (rows, y), (columns, x) = (_covering(at[letter], size) for letter, size in
                                   zip("YX", self._plane, strict=True))
        inside = {"C": at.get("C", 0), "Y": y, "X": x}
        order = _three(self.axes)
        keys = [(leading, down, right) for down in _touched(rows, self._side[0])
                for right in _touched(columns, self._side[1])]
        if missing is None:
            blocks = self._blocks(keys)
        else:
            assert needed is not None
            needed[0] += len(keys) * self._channels * math.prod(self._side) * self.dtype.itemsize
            if needed[0] > KEPT:
                raise _TooMuchError
            blocks = (self._known_block(key, missing) for key in keys)
        found = self._box(keys, blocks, rows, columns).transpose(["CYX".index(one) for one in order])
        return found[tuple(inside[one] for one in order)]

    def _box(
        self, keys: Sequence[Key], blocks: Iterator[NDArray[Any]], rows: slice, columns: slice
    ) -> NDArray[Any]:
        """Put rows and columns of a plane together, (C, y, x)."""
        out = np.empty((self._channels, rows.stop - rows.start, columns.stop - columns.start), self.dtype)
        for (_, down, right), block in zip(keys, blocks, strict=True):
            top, left = down * self._side[0], right * self._side[1]
            low, high = max(rows.start, top), min(rows.stop, top + block.shape[1])
            first, last = max(columns.start, left), min(columns.stop, left + block.shape[2])
            out[:, low - rows.start : high - rows.start, first - columns.start : last - columns.start] = (
                block[:, low - top : high - top, first - left : last - left])
        return out

    def _known_block(self, key: Key, missing: list[tuple[MadeLevel, Key]]) -> NDArray[Any]:
        """Return a block as far as it is there."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        if isinstance(self._finer, MadeLevel):
            made = self._made(*key, missing)
        else:
            made = np.zeros((self._channels, *(min(side, size - at * side) for side, size, at in
                                               zip(self._side, self._plane, key[1:], strict=True))), self.dtype)
        missing.append((self, key))
        return made

    def _blocks(self, keys: list[Key]) -> Iterator[NDArray[Any]]:
        with self._lock:
            missing = [key for key in keys if key not in self._kept]
        if len(missing) < 2:
            yield from map(self._block, keys)
            return
        with ThreadPoolExecutor(min(_MOST_THREADS, available_cores(), len(missing))) as pool:
            yield from pool.map(self._block, keys)

    def _block(self, key: Key) -> NDArray[Any]:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = self._made(*key)
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > 1 and sum(block.nbytes for block in self._kept.values()) > KEPT:
                self._kept.popitem(last=False)
        return made

    def _made(
        self, leading: tuple[int, ...], down: int, right: int, missing: list[tuple[MadeLevel, Key]] | None = None
    ) -> NDArray[Any]:
        numbers = iter(leading)
        sides = dict(zip("YX", ((at * side * self._by, (at + 1) * side * self._by) for at, side in
                                zip((down, right), self._side, strict=True)), strict=True))
        index = tuple(slice(*sides[one]) if one in "YX" else slice(None) if one == "C" else next(numbers)
                      for one in self.axes)
        part = in_memory(self._finer[index]) if missing is None else self._finer._known_part(index, missing)
        part = (part if "C" in self.axes else part[None]).transpose([_three(self.axes).index(one) for one in "CYX"])
        if not self._mean:
            return np.ascontiguousarray(part[:, :: self._by, :: self._by])
        with np.errstate(over="ignore", invalid="ignore"):  # numbers at the end of their range
            return averaged(part, self._by)


def made_levels(data: Any, axes: str, mean: bool = True) -> list[MadeLevel]:
    """Return smaller copies of an array, each of half as many rows and columns, the finest first.

    Parameters
    ----------
    data : array-like
    axes : str
        As of :class:`MadeLevel`, as is ``mean``.
    mean : bool
    """
    made: list[MadeLevel] = []
    source, by, factor = data, 1, 1
    while not made or max(made[-1]._plane) > SMALLEST:
        factor *= 2
        by *= 2
        made.append(MadeLevel(source, axes, by, mean))
        if made[-1].plane_bytes <= FITS:
            source, by = made[-1], 1
    return made


def image_at_level(finest: Image, data: Any, factor: tuple[int, int]) -> Image:
    """Return a coarser level as an image that lies where the finest one lies.

    Parameters
    ----------
    finest : Image
    data : array-like
        Of the level, its axes as those of the finest one.
    factor : (int, int)
        Rows and columns of the finest level that one of it stands for.
    """
    steps, start = finest.scale[-2:], finest.translate[-2:]
    return dataclasses.replace(
        finest, data=data, scale=(*finest.scale[:-2], *(one * by for one, by in zip(steps, factor, strict=True))),
        translate=(*finest.translate[:-2], *(at + (by - 1) / 2 * one for at, by, one in
                                             zip(start, factor, steps, strict=True))))


def _three(axes: str) -> str:
    """Return channels, rows and columns in the order of some axes; where there are no channels, these come first."""
    return ("" if "C" in axes else "C") + "".join(one for one in axes if one in "CYX")


def _sides(finer: Any, axes: str, by: int, plane: tuple[int, int]) -> tuple[int, int]:
    """Return rows and columns of a block, so that no chunk of the finer array is read for two blocks."""
    chunks: Any = getattr(finer, "chunks", None)
    told = isinstance(chunks, tuple) and len(chunks) == len(axes) and all(isinstance(one, int) for one in chunks)
    high, wide = (int(chunks[axes.index(letter)]) if told else 1 for letter in "YX")
    columns = max(_BLOCK // wide, 1) * wide
    rows = max(_BLOCK * _BLOCK // columns // high, 1) * high
    return min(plane[0], max(1, -(-rows // by))), min(plane[1], max(1, -(-columns // by)))


def _covering(part: Any, size: int) -> tuple[slice, Any]:
    """Return the box that holds a part of an axis, and where the part lies in it."""
    if not isinstance(part, slice):
        number = int(part)
        number += size if number < 0 else 0
        if not 0 <= number < size:
            raise IndexError(f"{part} is out of range: the axis has {size}")
        return slice(number, number + 1), 0
    numbers = range(*part.indices(size))
    if not numbers:
        return slice(0, 0), slice(0, 0)
    low, high = min(numbers[0], numbers[-1]), max(numbers[0], numbers[-1])
    return slice(low, high + 1), slice(None, None, numbers.step)


def _touched(part: slice, side: int) -> range:
    return range(part.start // side, -(-part.stop // side)) if part.stop > part.start else range(0)
