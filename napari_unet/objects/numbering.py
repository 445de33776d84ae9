"""Numbers that objects keep from one answer to the next, so that colours and choices stay. Finds no object."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .halves import by_halves, looked_up
from .object_map import ObjectMap

Runs = tuple[NDArray[np.int64], NDArray[np.int64]]


def keep_numbers(
    found: ObjectMap, before: NDArray[np.uint32], taken: NDArray[np.uint8] | None = None
) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """Give objects the numbers they had before; an object is the one before that it shares most pixels with.

    Parameters
    ----------
    found : ObjectMap
    before : ndarray of uint32
        Numbers of before, 0 = none, of the same shape.
    taken : ndarray of uint8, optional
        Classes by number of all objects of before, where ``before`` is only a part of the plane: new objects get none
        of these numbers.

    Returns
    -------
    numbers : ndarray of uint32
    classes : ndarray of uint8
        Painted ids by number; of numbers that are in ``taken`` and not in ``found``, those of ``taken``.
    """
    taken = np.zeros(1, np.uint8) if taken is None else taken
    width = max(int(before.max(initial=0)) + 1, len(taken))
    new_ones, old_ones = found.numbers.ravel(), before.ravel()

    def runs(half: slice) -> Runs:
        return _runs(new_ones[half], old_ones[half], width)

    pairs, share = _counted(by_halves(runs, new_ones.size))
    new, old = pairs // width, pairs % width
    number = np.zeros(len(found.classes), np.int64)
    best = np.lexsort((pairs, -share))
    new, old = new[best], old[best]
    # one to one, the largest share first: who is first among its own object and first among its number
    first = np.zeros(len(new), bool)
    first[np.unique(new, return_index=True)[1]] = True
    only = np.zeros(len(new), bool)
    candidates = np.flatnonzero(first)
    only[candidates[np.unique(old[candidates], return_index=True)[1]]] = True
    number[new[only]] = old[only]
    fresh = found.present[number[found.present] == 0]
    free = np.ones(width + len(fresh), bool)
    free[0] = False
    free[: len(taken)] &= taken == 0
    free[number[found.present]] = False
    number[fresh] = np.flatnonzero(free)[: len(fresh)]
    classes = np.zeros(max(len(taken), int(number.max(initial=0)) + 1), np.uint8)
    classes[: len(taken)] = taken
    classes[number[found.present]] = found.classes[found.present]
    return looked_up(number.astype(np.uint32), found.numbers), classes


def _runs(new: NDArray[np.uint32], old: NDArray[np.uint32], width: int) -> Runs:
    """Return, of pixels in a row, which two numbers (as one) come one after another, and how long each stays."""
    both = np.flatnonzero((new > 0) & (old > 0))
    values = new[both].astype(np.int64) * width + old[both]
    starts = np.flatnonzero(np.append(True, values[1:] != values[:-1])) if len(values) else np.zeros(0, np.int64)
    return values[starts], np.diff(np.append(starts, len(values)))


def _counted(parts: Sequence[Runs]) -> Runs:
    """Return the values there are, in order, and how often; quickly where the same one mostly follows itself."""
    runs, length = (np.concatenate(one) for one in zip(*parts, strict=True))
    order = np.argsort(runs, kind="stable")
    found, first = np.unique(runs[order], return_index=True)
    return found, np.add.reduceat(length[order], first) if len(first) else length
