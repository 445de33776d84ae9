"""Parts, holes, Euler number and areas of class images that are read block by block; the numbers of the whole.

Components are found in each block and joined where blocks meet: of all that was read before, only the layers that later
blocks touch are kept, the large one on disk. The Euler number is a sum over cells, each of which is counted in one
block. See :mod:`.topology` for what is counted.
"""

from __future__ import annotations

import dataclasses
import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.components import label_components

from .topology import Betti

Box = tuple[slice, ...]
Read = Callable[[Box], NDArray[Any]]
"""Returns labels (Y, X) or (Z, Y, X) of a box; whole numbers, 0 to 255."""

LAYER_ON_DISK = 2**22
"""Elements of a layer between blocks; a larger one is kept in a file."""


@dataclasses.dataclass(frozen=True, eq=False)
class BlockCount:
    """What is in one class of a plane or a volume.

    Parameters
    ----------
    betti : Betti
    areas : ndarray of int, shape (parts,)
        Pixels of each part, in the order in which blocks come upon them.
    """

    betti: Betti
    areas: NDArray[np.int64]

    @property
    def pixels(self) -> int:
        """Pixels of the class."""
        return int(self.areas.sum())


def count_by_blocks(
    read: Read, shape: tuple[int, ...], sides: Sequence[int], background: Sequence[int] = (0,)
) -> dict[int, BlockCount]:
    """Count every class of a plane or a volume.

    Parameters
    ----------
    read : callable
    shape : tuple of int
        (Y, X) or (Z, Y, X).
    sides : sequence of int
        Of the blocks, along each axis; those of the chunks read fastest.
    background : sequence of int
        Values that are no class.

    Returns
    -------
    dict of int to BlockCount
        By value, of those that are there.
    """
    euler = np.zeros(256, np.int64)
    with tempfile.TemporaryDirectory() as folder:
        parts = _Joined(shape, Path(folder), corners=True)
        for box in boxes_in_turn(shape, sides):
            labels = np.array(read(box), dtype=np.uint8)
            labels[np.isin(labels, background)] = 0
            around = _with_low_side(read, box, shape, background)
            for value in np.unique(around[around > 0]):
                euler[value] += _euler_of_block(around == value)
            parts.add(box, labels)
        values, areas = parts.result()
        found = {}
        for value in np.unique(values):
            own = areas[values == value]
            b0, chi = len(own), int(euler[value])
            if len(shape) == 2:
                found[int(value)] = BlockCount(Betti(b0, b0 - chi), own)
            else:
                b2 = _cavities(read, shape, sides, int(value), Path(folder))
                found[int(value)] = BlockCount(Betti(b0, b0 + b2 - chi, b2), own)
        return found


def boxes_in_turn(shape: tuple[int, ...], sides: Sequence[int]) -> Iterator[Box]:
    """Yield the boxes that an array is read in, the last axis fastest."""
    starts = [range(0, size, side) for size, side in zip(shape, sides, strict=True)]
    for corner in itertools.product(*starts):
        yield tuple(slice(at, min(at + side, size)) for at, side, size in zip(corner, sides, shape, strict=True))


def _with_low_side(read: Read, box: Box, shape: tuple[int, ...], background: Sequence[int]) -> NDArray[np.uint8]:
    """Return a block with a layer of what lies before it, and, at the end of the array, one of nothing after it."""
    wide = tuple(slice(max(0, part.start - 1), part.stop) for part in box)
    found = np.array(read(wide), dtype=np.uint8)
    found[np.isin(found, background)] = 0
    return np.pad(found, [(int(part.start == 0), int(part.stop == size))
                          for part, size in zip(box, shape, strict=True)])


def _euler_of_block(mask: NDArray[np.bool_]) -> int:
    """Add up the cells that begin in a block: corners less edges plus squares (less cubes)."""
    total = 0
    for thin in itertools.product((False, True), repeat=mask.ndim):
        cells = mask
        for axis, between in enumerate(thin):
            late = cells[(slice(None),) * axis + (slice(1, None),)]
            cells = late | cells[(slice(None),) * axis + (slice(None, -1),)] if between else late
        total += (-1) ** thin.count(False) * int(np.count_nonzero(cells))
    return total


def _cavities(read: Read, shape: tuple[int, ...], sides: Sequence[int], value: int, folder: Path) -> int:
    """Count the parts of what is not of a class that do not reach the border; they touch by sides."""
    others = _Joined(shape, folder, corners=False)
    for box in boxes_in_turn(shape, sides):
        others.add(box, (np.asarray(read(box)) != value).astype(np.uint8))
    return others.closed()


class _Joined:
    """Components of blocks that come in the order of :func:`boxes_in_turn`, joined where they meet.

    Parameters
    ----------
    shape : tuple of int
    folder : Path
        For layers that are too large.
    corners : bool
        Whether pixels that share a corner touch.
    """

    def __init__(self, shape: tuple[int, ...], folder: Path, corners: bool) -> None:
        self._shape, self._folder, self._corners = shape, folder, corners
        self._parent = np.zeros(1, np.int64)  # number 0 is nothing, or what lies beyond the border
        self._value = np.zeros(1, np.uint8)
        self._area = np.zeros(1, np.int64)
        self._open = np.zeros(1, bool)  # reaches the border
        self._layers: list[NDArray[np.int64] | None] = [None] * len(shape)
        self._next: list[NDArray[np.int64] | None] = [None] * len(shape)

    def add(self, box: Box, values: NDArray[np.uint8]) -> None:
        """Take the next block."""
        labels = label_components(values, corners=self._corners).astype(np.int64)
        count, first = int(labels.max(initial=0)), len(self._parent)
        numbers = np.where(labels > 0, labels + (first - 1), 0)
        self._parent = np.concatenate([self._parent, np.arange(first, first + count)])
        own = np.zeros(count + 1, np.uint8)
        own[labels.ravel()] = values.ravel()
        self._value = np.concatenate([self._value, own[1:]])
        self._area = np.concatenate([self._area, np.bincount(labels.ravel(), minlength=count + 1)[1:]])
        self._open = np.concatenate([self._open, np.zeros(count, bool)])
        for axis, (part, size) in enumerate(zip(box, self._shape, strict=True)):
            low, high = numbers.take(0, axis), numbers.take(-1, axis)
            if part.start == 0:
                self._open[low.ravel()] = True
            else:
                self._join(box, axis, low)
            if part.stop == size:
                self._open[high.ravel()] = True
            self._keep(box, axis, high)

    def _layer_shape(self, box: Box, axis: int) -> list[int]:
        """A layer before a block reaches over the block along earlier axes, over the whole array along later ones."""
        return [part.stop - part.start if one < axis else size
                for one, (part, size) in enumerate(zip(box, self._shape, strict=True)) if one != axis]

    def _place(self, box: Box, axis: int) -> Box:
        return tuple(slice(0, part.stop - part.start) if one < axis else part
                     for one, part in enumerate(box) if one != axis)

    def _join(self, box: Box, axis: int, low: NDArray[np.int64]) -> None:
        layer = self._layers[axis]
        assert layer is not None
        place = self._place(box, axis)
        steps = (-1, 0, 1) if self._corners else (0,)
        for offsets in itertools.product(steps, repeat=len(place)):
            mine: list[slice] = []
            theirs: list[slice] = []
            for part, step, size in zip(place, offsets, layer.shape, strict=True):
                start, stop = max(part.start + step, 0), min(part.stop + step, size)
                theirs.append(slice(start, stop))
                mine.append(slice(start - step - part.start, stop - step - part.start))
            self._union(low[tuple(mine)].ravel(), np.asarray(layer[tuple(theirs)]).ravel())

    def _keep(self, box: Box, axis: int, high: NDArray[np.int64]) -> None:
        """Keep the last layer for later blocks; that of the blocks at hand must not take the place of the one before.

        A layer along an axis is complete, and takes the place of the older one, with the last block of its row.
        """
        coming = self._next[axis]
        shape = self._layer_shape(box, axis)
        if coming is None or list(coming.shape) != shape:
            coming = self._next[axis] = self._empty(shape)
        coming[self._place(box, axis)] = high
        if all(part.stop == size for part, size in list(zip(box, self._shape, strict=True))[axis + 1:]):
            self._layers[axis], self._next[axis] = coming, None

    def _empty(self, shape: list[int]) -> NDArray[np.int64]:
        if int(np.prod(shape)) <= LAYER_ON_DISK:
            return np.zeros(shape, np.int64)
        with tempfile.TemporaryFile(dir=self._folder) as file:  # what is mapped stays until the array goes
            return np.memmap(file, np.int64, "w+", shape=tuple(shape))

    def _union(self, mine: NDArray[np.int64], theirs: NDArray[np.int64]) -> None:
        both = (mine > 0) & (theirs > 0)
        pairs = np.unique(np.stack([mine[both], theirs[both]], axis=1), axis=0)
        for one, other in pairs[self._value[pairs[:, 0]] == self._value[pairs[:, 1]]]:
            first, second = self._root(int(one)), self._root(int(other))
            if first != second:
                self._parent[max(first, second)] = min(first, second)

    def _root(self, number: int) -> int:
        parent = self._parent
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = int(parent[number])
        return number

    def _roots(self) -> NDArray[np.int64]:
        roots = self._parent
        while not np.array_equal(roots, roots[roots]):
            roots = roots[roots]
        return roots

    def result(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return the value and the area of each component."""
        roots = self._roots()
        areas = np.zeros(len(roots), np.int64)
        np.add.at(areas, roots, self._area)
        kept = np.unique(roots[1:])
        return self._value[kept], areas[kept]

    def closed(self) -> int:
        """Return how many components do not reach the border."""
        roots = self._roots()
        reach = np.zeros(len(roots), bool)
        np.logical_or.at(reach, roots, self._open)
        return int(np.count_nonzero(~reach[np.unique(roots[1:])]))
