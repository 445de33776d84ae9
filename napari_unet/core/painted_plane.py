"""One painted plane as blocks that snapshots share: a stroke makes anew only the blocks it touches. Knows no image."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 512
"""Rows and columns of a block; those at the lower and right border are as large as what is left."""

Block = tuple[int, int]
"""Row and column of a block, counted in blocks."""


class PaintedPlane:
    """A plane (Y, X) of painted ids that nobody can write to.

    It is held as a whole or as its painted blocks; the other form is made when it is asked for, and kept.

    Parameters
    ----------
    shape : tuple of int
    whole : ndarray of uint8, shape (Y, X), optional
        Read-only.
    blocks : mapping of Block to ndarray of uint8, optional
        Read-only arrays; blocks without paint are absent.
    """

    __slots__ = ("__weakref__", "_blocks", "_counts", "_whole", "shape")

    def __init__(
        self, shape: tuple[int, int], whole: NDArray[np.uint8] | None = None,
        blocks: Mapping[Block, NDArray[np.uint8]] | None = None,
    ) -> None:
        self.shape = shape
        self._whole, self._blocks = whole, blocks
        self._counts: dict[Block, NDArray[np.int64]] = {}

    @classmethod
    def of(cls, plane: Any) -> PaintedPlane:
        """Return a plane that holds this array: a copy, or itself if nobody can write to it any more."""
        whole = frozen_plane(plane)
        return cls((whole.shape[0], whole.shape[1]), whole)

    @property
    def whole(self) -> NDArray[np.uint8]:
        """All of it as one read-only array; the same one whenever it is asked for."""
        if self._whole is None:
            whole = np.zeros(self.shape, np.uint8)
            for block, values in self.blocks.items():
                whole[box_of(block, self.shape)] = values
            whole.flags.writeable = False
            self._whole = whole
        return self._whole

    @property
    def blocks(self) -> Mapping[Block, NDArray[np.uint8]]:
        """The painted blocks; one that is the same object as in another snapshot holds the same paint."""
        if self._blocks is None:
            assert self._whole is not None
            self._blocks = MappingProxyType({
                block: frozen_plane(self._whole[box_of(block, self.shape)])
                for block in sorted(blocks_of(self.shape))
                if self._whole[box_of(block, self.shape)].any()
            })
        return self._blocks

    def counts(self, ids: int) -> NDArray[np.int64]:
        """Return the number of painted pixels by id, (ids,); the entry of id 0 means nothing."""
        total = np.zeros(ids, np.int64)
        for block, values in self.blocks.items():
            if block not in self._counts:
                self._counts[block] = np.bincount(values[values > 0], minlength=ids)  # most of it is bare
            total += self._counts[block]
        return total

    def replacing(self, blocks: Mapping[Block, NDArray[np.uint8]]) -> PaintedPlane:
        """Return a plane with other blocks in place of some; the rest is shared, neither copied nor counted again."""
        new = {block: frozen_plane(values) for block, values in blocks.items() if values.any()}
        kept = {block: values for block, values in self.blocks.items() if block not in blocks}
        made = PaintedPlane(self.shape, blocks=MappingProxyType(kept | new))
        # a copy first: another thread may be counting
        made._counts.update({block: count for block, count in dict(self._counts).items() if block in kept})
        return made

    def differing(self, plane: NDArray[np.uint8], blocks: set[Block]) -> dict[Block, NDArray[np.uint8]]:
        """Return those of some blocks of a newer plane (Y, X) that hold other paint, as views of it."""
        found = {}
        for block in blocks:
            now, before = plane[box_of(block, self.shape)], self.blocks.get(block)
            if now.any() if before is None else not np.array_equal(now, before):
                found[block] = now
        return found

    def __bool__(self) -> bool:
        """Whether anything is painted."""
        return bool(self.blocks)


def blocks_in(rows: slice, columns: slice) -> set[Block]:
    """Return the blocks that a box touches; its slices have ends."""
    return {(row, column)
            for row in range(rows.start // BLOCK, -(-rows.stop // BLOCK))
            for column in range(columns.start // BLOCK, -(-columns.stop // BLOCK))}


def blocks_of(shape: tuple[int, int]) -> set[Block]:
    """Return all blocks of a plane."""
    return blocks_in(slice(0, shape[0]), slice(0, shape[1]))


def box_of(block: Block, shape: tuple[int, int]) -> tuple[slice, slice]:
    """Return rows and columns of a block of a plane."""
    top, left = block[0] * BLOCK, block[1] * BLOCK
    return slice(top, min(top + BLOCK, shape[0])), slice(left, min(left + BLOCK, shape[1]))


def frozen_plane(plane: Any) -> NDArray[np.uint8]:
    """Return a read-only uint8 copy, or the array itself if it is one that nobody can write to any more."""
    if isinstance(plane, np.ndarray) and plane.dtype == np.uint8 and plane.base is None and not plane.flags.writeable:
        return plane
    copy = np.array(plane, dtype=np.uint8)
    copy.flags.writeable = False
    return copy
