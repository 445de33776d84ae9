"""Objects found block by block become those of the whole: what crosses a seam is one. Finds and reads nothing.

Each block looks beyond its core, so that two blocks see the same pixels on both sides of where they meet. Connected
parts that share one pixel there are one: that gives the parts of the whole, exactly. Of other ways two objects are the
same if they share more than half of what they both have there (IoU), so that none can have two partners.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .block_grid import BlockWindow
from .matching import match
from .object_map import ObjectMap

NOWHERE = np.iinfo(np.int64).max
"""Place of an object that has no pixel in the core."""


@dataclasses.dataclass(frozen=True, eq=False)
class BlockTable:
    """The objects that a block has seen, by their numbers in it; row 0 is none.

    Parameters
    ----------
    classes : ndarray of uint8
        Painted ids.
    areas : ndarray of int64
        Pixels in the core.
    places : ndarray of int64
        First pixel in the core, as a flat index into the whole; :data:`NOWHERE` without one.
    """

    classes: NDArray[np.uint8]
    areas: NDArray[np.int64]
    places: NDArray[np.int64]

    @classmethod
    def of(cls, found: ObjectMap, window: BlockWindow, shape: tuple[int, ...]) -> BlockTable:
        """Return the table of what was found in all that a block looks at."""
        core = found.numbers[window.inner]
        size = len(found.classes)
        inside = np.flatnonzero(core)
        numbers = core.ravel()[inside]
        index = np.unravel_index(inside, core.shape)
        flat = np.ravel_multi_index(
            tuple(at + part.start for at, part in zip(index, window.core, strict=True)), shape)
        places = np.full(size, NOWHERE)
        # places grow, so that the first of each number is where it stands first
        present, first = np.unique(numbers, return_index=True)
        places[present] = flat[first]
        return cls(found.classes, np.bincount(numbers, minlength=size).astype(np.int64), places)


@dataclasses.dataclass(frozen=True, eq=False)
class JoinedObjects:
    """Which objects of blocks are one.

    Parameters
    ----------
    numbers : tuple of ndarray of int64
        By block, number in the whole by number in the block; 0 = none.
    classes : ndarray of uint8, shape (n + 1,)
        Painted id by number in the whole.
    areas : ndarray of int64, shape (n + 1,)
        Pixels by number in the whole.
    """

    numbers: tuple[NDArray[np.int64], ...]
    classes: NDArray[np.uint8]
    areas: NDArray[np.int64]

    @property
    def count(self) -> int:
        """How many objects there are."""
        return len(self.classes) - 1


class ObjectJoin:
    """Joins objects of the blocks of one plane or volume.

    Parameters
    ----------
    tables : sequence of BlockTable
        Of all blocks, in the order of their numbers.
    exact : bool
        Whether a shared pixel makes two objects one, as it does connected parts.
    """

    def __init__(self, tables: list[BlockTable], exact: bool) -> None:
        self._exact = exact
        # numbers of all blocks one after the other; the row of no object is kept, so that numbers need only be moved
        self._starts = np.concatenate([[0], np.cumsum([len(one.classes) for one in tables])])
        self._classes = np.concatenate([np.zeros(0, np.uint8), *(one.classes for one in tables)])
        self._areas = np.concatenate([np.zeros(0, np.int64), *(one.areas for one in tables)])
        self._places = np.concatenate([np.zeros(0, np.int64), *(one.places for one in tables)])
        self._pairs: list[NDArray[np.int64]] = [np.zeros((0, 2), np.int64)]

    def meet(self, one: int, other: int, mine: NDArray[Any], theirs: NDArray[Any]) -> None:
        """Take in what two blocks have seen at the same pixels: their own numbers, two arrays of one shape."""
        both = np.flatnonzero((mine > 0) & (theirs > 0))
        if not len(both):
            return
        if self._exact:
            keys = mine.ravel()[both].astype(np.int64) << 32 | theirs.ravel()[both].astype(np.int64)
            unique = np.unique(keys)
            first, second = unique >> 32, unique & 0xFFFFFFFF
        else:
            same = match(mine, theirs)
            first, second = same.true, same.test
        pairs = np.stack([first + self._starts[one], second + self._starts[other]], axis=1)
        self._pairs.append(pairs[self._classes[pairs[:, 0]] == self._classes[pairs[:, 1]]])

    def result(self, smallest: float = 0) -> JoinedObjects:
        """Return the objects of the whole, numbered by class and where they begin.

        Parameters
        ----------
        smallest : float
            What has fewer pixels is left out.
        """
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        size = len(self._classes)
        pairs = np.concatenate(self._pairs)
        links = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), (size, size))
        count, whole = connected_components(links, directed=False) if size else (0, np.zeros(0, np.int64))
        areas, places = np.zeros(count, np.int64), np.full(count, NOWHERE)
        np.add.at(areas, whole, self._areas)
        np.minimum.at(places, whole, self._places)
        classes = np.zeros(count, np.uint8)
        classes[whole] = self._classes
        kept = np.flatnonzero((areas >= max(1, smallest)) & (classes > 0))
        kept = kept[np.lexsort((places[kept], classes[kept]))]
        number = np.zeros(count, np.int64)
        number[kept] = np.arange(1, len(kept) + 1)
        of_all = number[whole]
        numbers = tuple(of_all[start:stop] for start, stop in zip(self._starts[:-1], self._starts[1:], strict=True))
        return JoinedObjects(numbers, np.concatenate([np.zeros(1, np.uint8), classes[kept]]),
                             np.concatenate([np.zeros(1, np.int64), areas[kept]]))
