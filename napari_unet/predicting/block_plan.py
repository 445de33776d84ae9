"""How an image is cut into blocks that are answered one by one, anywhere and in any order. Integers only.

A block is what is computed, written and noted as done at a time: a box of a large plane, or a whole small plane.
Blocks begin at multiples of the tiles and of the chunks of what is written, so that no two touch the same chunk.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from .tiling import Box

SIDE = 2048
"""Rows and columns of a block, about."""


@dataclasses.dataclass(frozen=True)
class Block:
    """A box of a plane; ``number`` counts the blocks of an image."""

    number: int
    plane: int
    box: Box


@dataclasses.dataclass(frozen=True)
class BlockPlan:
    """All blocks of an image.

    Parameters
    ----------
    planes : int
    shape : (int, int)
        Of a plane.
    side : int
        Rows and columns of a block; 0: each plane is one block.
    depth : int
        So many planes lie in one chunk of the image: their blocks at one place follow each other, so that a chunk is
        read while it is still at hand.
    """

    planes: int
    shape: tuple[int, int]
    side: int = 0
    depth: int = 1

    @property
    def grid(self) -> tuple[int, int]:
        """Numbers of blocks of a plane, down and across."""
        if not self.side:
            return 1, 1
        return -(-self.shape[0] // self.side), -(-self.shape[1] // self.side)

    def __len__(self) -> int:
        return self.planes * math.prod(self.grid)

    def block(self, number: int) -> Block:
        """Return a block by its number: plane by plane, row by row."""
        down, across = self.grid
        plane, place = divmod(number, down * across)
        row, column = divmod(place, across)
        side = self.side or max(self.shape)
        return Block(number, plane, Box(
            row * side, min((row + 1) * side, self.shape[0]), column * side, min((column + 1) * side, self.shape[1])))

    def __iter__(self) -> Iterator[Block]:
        a_plane = math.prod(self.grid)
        for first in range(0, self.planes, self.depth):
            group = range(first, min(first + self.depth, self.planes))
            for place in range(a_plane):
                for plane in group:
                    yield self.block(plane * a_plane + place)


def block_side(tile: int, chunk: int) -> int:
    """Return a side of blocks that tiles and chunks of such sides fill without rest, of about :data:`SIDE`."""
    step = math.lcm(tile, chunk)
    return step * max(1, round(SIDE / step))
