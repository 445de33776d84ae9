"""A part of a level of an image that is looked at and painted on; its strokes are kept at the finest level.

Knows no layers and no pixels of the image.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from numpy.typing import NDArray

from .painted_plane import BLOCK, Block, blocks_in, box_of
from .scribbles import Scribbles

Factor = tuple[int, int]
"""Rows and columns of the finest level that one of a level stands for."""


@dataclasses.dataclass(frozen=True)
class LevelField:
    """A part of a plane of a level, as it is looked at and painted on.

    Parameters
    ----------
    plane : int
        Of the image.
    rows, columns : slice
        Of the level.
    factor : (int, int)
        Rows and columns of the finest level that one of the level stands for.
    """

    plane: int
    rows: slice
    columns: slice
    factor: Factor

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    def painted(self, scribbles: Scribbles) -> NDArray[np.uint8]:
        """Return the strokes of the finest level as they are seen in the field, (Y, X); a fresh array."""
        found = np.zeros(self.shape, np.uint8)
        (fy, fx), most = self.factor, np.zeros(self.shape, np.int32)
        blocks = scribbles.blocks(self.plane)
        wanted = blocks_in(*self._finest(self.rows, self.columns)) & blocks.keys()
        counts: dict[int, NDArray[np.int32]] = {}
        for block in wanted:
            values = blocks[block]
            down, right = np.nonzero(values)
            y = (block[0] * BLOCK + down) // fy - self.rows.start
            x = (block[1] * BLOCK + right) // fx - self.columns.start
            here = (y >= 0) & (y < self.shape[0]) & (x >= 0) & (x < self.shape[1])
            place, ids = y[here] * self.shape[1] + x[here], values[down[here], right[here]]
            if self.factor == (1, 1):
                found.ravel()[place] = ids
                continue
            for one in np.unique(ids).tolist():
                mine = counts.setdefault(one, np.zeros(self.shape, np.int32))
                np.add.at(mine.ravel(), place[ids == one], 1)
        for one, count in sorted(counts.items()):
            better = count > most
            found[better] = one
            most = np.maximum(most, count)
        return found

    def blocks_after(
        self, now: NDArray[np.uint8], before: NDArray[np.uint8], scribbles: Scribbles
    ) -> dict[Block, NDArray[np.uint8]]:
        """Return the blocks of the finest level that are others once the field (Y, X) is painted like this.

        Parameters
        ----------
        now, before : ndarray of uint8, shape (Y, X)
            The field, and what it was: only pixels that differ are painted.
        scribbles : Scribbles
            What is painted so far.
        """
        changed = now != before
        rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
        if not rows.size:
            return {}
        box = self._finest(*(slice(part.start + int(at[0]), part.start + int(at[-1]) + 1)
                             for part, at in ((self.rows, rows), (self.columns, columns))))
        shape = (scribbles.shape[-2], scribbles.shape[-1])
        old, found = scribbles.blocks(self.plane), {}
        for block in blocks_in(*(slice(part.start, min(part.stop, size)) for part, size in
                                 zip(box, shape, strict=True))):
            whole = box_of(block, shape)
            (y, good_y), (x, good_x) = (
                _places(part, factor, mine) for part, factor, mine in
                zip(whole, self.factor, (self.rows, self.columns), strict=True))
            new = changed[y[:, None], x] & good_y[:, None] & good_x
            if not new.any():
                continue
            was = old.get(block)
            made = np.zeros(new.shape, np.uint8) if was is None else was.copy()
            np.copyto(made, now[y[:, None], x], where=new)
            found[block] = shared_block(made)
        return found

    def _finest(self, rows: slice, columns: slice) -> tuple[slice, slice]:
        (fy, fx) = self.factor
        return slice(rows.start * fy, rows.stop * fy), slice(columns.start * fx, columns.stop * fx)


def _places(part: slice, factor: int, field: slice) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return where rows (columns) of the finest level lie in a field, and which of them lie in it at all."""
    places = np.arange(part.start, part.stop) // factor - field.start
    inside = (places >= 0) & (places < field.stop - field.start)
    return places.clip(0, field.stop - field.start - 1), inside


def shared_block(block: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a block frozen; of those that one value fills, all are one: a wide brush far out paints many."""
    first = int(block.flat[0])
    return filled_block(first, block.shape) if (block == first).all() else frozen_block(block)


@functools.lru_cache(maxsize=64)
def filled_block(value: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return a frozen block that one value fills, always the same one."""
    return frozen_block(np.full(shape, value, np.uint8))


def frozen_block(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an array of its own that nobody can write to any more."""
    made = np.ascontiguousarray(array) if array.base is None else array.copy()
    made.flags.writeable = False
    return made
