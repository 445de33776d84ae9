"""Areas of classes that are not counted, in blocks: what of them no object has. Finds no object, reads nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, eq=False)
class BlockAreas:
    """Which areas a block has seen in its core.

    Parameters
    ----------
    bare : ndarray of uint8
        Painted ids of classes that have pixels which no object has.
    covered : ndarray of int64, shape (k, 2)
        A class, and the number (in the block) of an object that has pixels of it: a hole that was filled. The whole may
        leave the object out.
    """

    bare: NDArray[np.uint8]
    covered: NDArray[np.int64]

    @classmethod
    def of(
        cls, labels: NDArray[np.integer[Any]], numbers: NDArray[np.integer[Any]], counts: Callable[[int], bool]
    ) -> BlockAreas:
        """Return them.

        Parameters
        ----------
        labels : ndarray of int
            Painted ids.
        numbers : ndarray of int, same shape
            Objects of the block.
        counts : callable
            Whether objects of a class (painted id) are counted: then it is no area.
        """
        bare, covered = [], []
        for class_id in np.unique(labels).tolist():
            if class_id > 1 and not counts(class_id):
                under = np.unique(numbers[labels == class_id]).tolist()
                bare += [class_id] if 0 in under else []
                covered += [(class_id, number) for number in under if number]
        return cls(np.array(bare, np.uint8), np.array(covered, np.int64).reshape(-1, 2))

    def left(self, of_whole: NDArray[np.int64]) -> set[int]:
        """Return the classes with pixels that no object of the whole has, by its numbers of those of the block."""
        freed = self.covered[of_whole[self.covered[:, 1]] == 0, 0]
        return {*self.bare.tolist(), *freed.tolist()}
