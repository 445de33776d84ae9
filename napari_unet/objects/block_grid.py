"""How a plane or a volume is cut into blocks with what lies around them, and where two blocks meet. Integers only."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence

Part = tuple[slice, ...]


@dataclasses.dataclass(frozen=True)
class BlockWindow:
    """A block.

    Parameters
    ----------
    number : int
        Counted with the last axis fastest.
    core : tuple of slice
        What is its own; the cores of all blocks are the whole.
    outer : tuple of slice
        What is looked at: the core and what lies around it.
    """

    number: int
    core: Part
    outer: Part

    @property
    def inner(self) -> Part:
        """Where the core lies in what is looked at."""
        return within(self.core, self.outer)


@dataclasses.dataclass(frozen=True)
class BlockSeam:
    """Where two blocks meet.

    Parameters
    ----------
    one, other : int
        Numbers of the blocks, the lower first.
    axis : int
        Along which they follow each other.
    part : tuple of slice
        What both look at: the pixels on both sides of where they meet.
    """

    one: int
    other: int
    axis: int
    part: Part


@dataclasses.dataclass(frozen=True)
class BlockGrid:
    """All blocks of a plane or a volume.

    Parameters
    ----------
    shape : tuple of int
    sides : tuple of int
        Of the cores, along each axis.
    halo : tuple of int
        How far a block looks beyond its core, along each axis, at least 1.
    band : int
        Pixels on either side of a seam by which objects are told to be the same, at most.
    """

    shape: tuple[int, ...]
    sides: tuple[int, ...]
    halo: tuple[int, ...]
    band: int = 8

    @property
    def counts(self) -> tuple[int, ...]:
        """Numbers of blocks along each axis."""
        return tuple(-(-size // side) for size, side in zip(self.shape, self.sides, strict=True))

    def __len__(self) -> int:
        return math.prod(self.counts)

    def __iter__(self) -> Iterator[BlockWindow]:
        return map(self.window, range(len(self)))

    def window(self, number: int) -> BlockWindow:
        """Return a block by its number."""
        core = tuple(slice(at * side, min((at + 1) * side, size))
                     for at, side, size in zip(self._place(number), self.sides, self.shape, strict=True))
        return BlockWindow(number, core, wider(core, self.halo, self.shape))

    def touching(self, part: Part) -> list[int]:
        """Return the numbers of the blocks whose cores have pixels in a box."""
        spans = [range(one.start // side, -(-one.stop // side)) for one, side in zip(part, self.sides, strict=True)]
        found = [0]
        for span, count in zip(spans, self.counts, strict=True):
            found = [number * count + at for number in found for at in span]
        return found

    def seams_of(self, number: int) -> Iterator[BlockSeam]:
        """Yield where a block meets others, each seam with the lower number first."""
        place, counts = self._place(number), self.counts
        for axis, (at, count) in enumerate(zip(place, counts, strict=True)):
            step = math.prod(counts[axis + 1:])
            if at > 0:
                yield self._seam(number - step, axis, step)
            if at + 1 < count:
                yield self._seam(number, axis, step)

    def _seam(self, lower: int, axis: int, step: int) -> BlockSeam:
        core = self.window(lower).core
        reach = tuple(max(1, min(self.band, one // 2)) for one in self.halo)
        edge, wide = core[axis].stop, reach[axis]
        part = list(wider(core, reach, self.shape))  # over the corners too, where four blocks meet
        part[axis] = slice(max(0, edge - wide), min(edge + wide, self.shape[axis]))
        return BlockSeam(lower, lower + step, axis, tuple(part))

    def _place(self, number: int) -> tuple[int, ...]:
        place = []
        for count in reversed(self.counts):
            number, at = divmod(number, count)
            place.append(at)
        return tuple(reversed(place))


def wider(part: Part, by: Sequence[int], shape: Sequence[int]) -> Part:
    """Return a box and so much around it, as far as there is something."""
    return tuple(slice(max(0, one.start - more), min(one.stop + more, size))
                 for one, more, size in zip(part, by, shape, strict=True))


def within(part: Part, whole: Part) -> Part:
    """Return where a box lies in a larger one."""
    return tuple(slice(one.start - all_.start, one.stop - all_.start) for one, all_ in zip(part, whole, strict=True))
