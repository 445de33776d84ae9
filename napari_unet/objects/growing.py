"""How far an object reaches by how sure the answer is, and how sure it is of each. Parts nothing."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .basins import way_ends
from .halves import by_halves, flat_places, looked_up, put_into, shared, small_parts

FADES = 0.4
"""An object reaches to where the answer is less than this share as sure as in the object."""

FAINTEST = 0.2
"""However unsure the answer is in an object, it does not reach where it is surer of something else by so much."""

Numbers = NDArray[np.integer[Any]]


def grown(
    numbers: Numbers, sure: NDArray[np.float32], free: NDArray[np.bool_], means: NDArray[np.float64] | None = None
) -> Numbers:
    """Return objects with what fades around them; the input is never changed.

    A faint object is classified only where it is brightest: its rim is as sure beside its middle as that of others.

    Parameters
    ----------
    numbers : ndarray of int
    sure : ndarray of float32
        Probability of the class.
    free : ndarray of bool
        Where objects may grow.
    means : ndarray of float64, optional
        :func:`mean_of` ``numbers`` and ``sure``, if that is known.
    """
    means = mean_of(numbers, sure) if means is None else means
    least = np.clip(FADES * means, FAINTEST, 0.5)
    lowest, around = least[1:].min(initial=1), np.empty(numbers.shape, bool)

    def look(half: slice) -> None:
        np.greater(sure[half], lowest, out=around[half])
        around[half] &= free[half]
        around[half] &= numbers[half] == 0

    by_halves(look, len(around), around.size)
    if not around.any():
        return numbers
    found: Numbers = np.array(numbers, order="C")
    put_into(found, flat_places(around), _Rise(numbers, sure, around).objects(least))
    return found


class _Rise:
    """The way up from every pixel around objects: each leads to its highest neighbour, by a corner too, to an object.

    That is a watershed from the objects, counted in whole arrays. A pixel is known by its place in an array that has a
    margin.
    """

    def __init__(self, numbers: Numbers, sure: NDArray[np.float32], around: NDArray[np.bool_]) -> None:
        owner = np.zeros([size + 2 for size in numbers.shape], numbers.dtype)
        height = np.full(owner.shape, -1, np.float32)
        inner = (slice(1, -1),) * numbers.ndim

        def fill(half: slice) -> None:
            owner[inner][half] = numbers[half]
            np.copyto(height[inner][half], sure[half], where=around[half] | (numbers[half] > 0))

        by_halves(fill, len(numbers), numbers.size)
        self._height = height.ravel()
        sides = np.array(owner.strides) // owner.itemsize
        self._steps = [int(np.dot(step, sides)) for step in itertools.product((-1, 0, 1), repeat=numbers.ndim)]
        self._owner = owner.ravel()
        wide = np.zeros(owner.shape, bool)
        wide[inner] = around
        self._places = flat_places(wide)
        self._at = np.full(wide.size, -1, np.int32)
        put_into(self._at, self._places, np.arange(len(self._places), dtype=np.int32))

    def objects(self, least: NDArray[np.float64]) -> Numbers:
        """Return the object that each pixel around belongs to, 0 for none; one reaches to its least height."""
        count = len(self._places)
        to = np.concatenate(shared([partial(self._highest, self._places[part]) for part in small_parts(count, count)],
                                   count))
        up = self._at[to]
        found = np.where(up < 0, self._owner[to], 0)
        own = np.arange(len(up))
        ends = way_ends(np.where(up < 0, own, up))
        found = found[ends]
        adrift = np.flatnonzero(found == 0)
        if len(adrift):
            found[adrift] = self._carried(adrift, ends, found, least)
        found[~(self._height[self._places] > least[found])] = 0
        return found

    def _highest(self, places: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the highest of each place and its neighbours; of equal ones the last, so that a plain has one way."""
        best, to = np.full(len(places), -1, np.float32), places.copy()
        for step in self._steps:
            there = places + step
            height = self._height.take(there, mode="clip")
            higher = height >= best
            np.copyto(best, height, where=higher)
            np.copyto(to, there, where=higher)
        return to

    def _carried(
        self, adrift: NDArray[np.intp], ends: NDArray[np.intp], found: Numbers, least: NDArray[np.float64]
    ) -> Numbers:
        """Return the object of pixels whose way up ends outside of one: where the highest saddle leads.

        None where that saddle is lower than the object reaches: what dips on the way is no part of it.
        """
        tops, island = np.unique(ends[adrift], return_inverse=True)
        numbered = np.zeros(len(found), np.int64)
        numbered[adrift] = island
        ones, others, saddles = [], [], []
        for step in self._steps:
            there = self._places[adrift] + step
            beside = np.flatnonzero(self._height[there] >= 0)
            at, one = self._at[there[beside]], island[beside]
            known = np.where(at < 0, self._owner[there[beside]], found[at])
            other = np.where(known > 0, len(tops) + known, numbered[at])
            apart = one != other
            ones.append(one[apart])
            others.append(other[apart])
            saddles.append(np.minimum(self._height[self._places[adrift[beside]]], self._height[there[beside]])[apart])
        owner, saddle = _owners(len(tops), len(least), *map(np.concatenate, (ones, others, saddles)))
        kept = saddle > least[owner]
        return np.where(kept, owner, 0)[island].astype(found.dtype)


def _owners(
    islands: int, objects: int, one: NDArray[np.intp], other: NDArray[np.intp], saddle: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return of each island the object to which the highest saddles lead, 0 for none, and the lowest on that way.

    Parameters
    ----------
    islands, objects : int
        Islands are the nodes 0, 1, ... of a graph, object ``n`` is node ``islands + n``.
    one, other : ndarray of int
        Nodes beside each other.
    saddle : ndarray of float32
        0 to 1, the highest way over between two; of several, the highest counts.
    """
    from scipy.sparse import coo_array, csr_array
    from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

    root = islands + objects
    order = np.lexsort((-saddle, other, one))
    one, other, saddle = one[order], other[order], saddle[order]
    first = np.append(True, (one[1:] != one[:-1]) | (other[1:] != other[:-1]))[: len(one)]
    one, other, cost = one[first], other[first], 2 - saddle[first].astype(np.float64)
    there = np.unique(other[other > islands])
    # all objects hang on one root, at next to no cost: so the tree joins no two of them
    graph = coo_array((np.append(cost, np.full(len(there), 0.5)),
                       (np.append(one, np.full(len(there), root)), np.append(other, there))), (root + 1, root + 1))
    tree = minimum_spanning_tree(csr_array(graph)).tocoo()
    nodes, before = breadth_first_order(tree.tocsr(), root, directed=False)
    costs = np.zeros(root + 1)
    costs[np.where(before[tree.col] == tree.row, tree.col, tree.row)] = tree.data
    owner, lowest = np.zeros(root + 1, np.intp), np.full(root + 1, np.inf)
    for node, above in zip(nodes[1:].tolist(), before[nodes[1:]].tolist(), strict=True):
        if above == root:
            owner[node] = node - islands
        else:
            owner[node], lowest[node] = owner[above], min(lowest[above], 2 - costs[node])
    return owner[:islands], np.where(owner[:islands] > 0, lowest[:islands], -1.0)


def mean_of(numbers: Numbers, values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean value of each object, by its number; 0 for what is none."""
    number, value = _flat(numbers, values)
    found: NDArray[np.float64] = np.bincount(number, value, 1) / np.maximum(np.bincount(number, minlength=1), 1)
    return found


def sure_ones(
    numbers: Numbers, values: NDArray[np.float32], average: float, somewhere: float, smallest: float
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return, by number, which objects have such values on average and somewhere and so many pixels; and all means."""
    number, value = _flat(numbers, values)
    sums, sizes = shared([partial(np.bincount, number, value, 1), partial(np.bincount, number, minlength=1)],
                         number.size)
    means = sums / np.maximum(sizes, 1)
    once = np.zeros(len(sizes), bool)
    once[number[value >= somewhere]] = True
    kept = once & (means >= average) & (sizes >= smallest)
    kept[0] = False
    return kept, means


def _flat(numbers: Numbers, values: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return number and value of each pixel of an object: mostly few, and whole arrays are slow to count."""
    inside = flat_places(numbers > 0)
    return looked_up(numbers.ravel(), inside).astype(np.intp), looked_up(values.ravel(), inside)
