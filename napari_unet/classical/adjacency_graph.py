"""The graph of touching regions, and ways to merge or cut it. Knows no class, no paint and no method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from scipy.sparse import csgraph
from scipy.sparse import linalg as sparse_linalg

from ..core.leaving import look_up

Pairs = NDArray[np.int64]
_DENSE = 400
_SMALL = 64
_CUTS = 10


def adjacent_regions(numbers: NDArray[np.integer]) -> Pairs:
    """Find which regions share a border (4 neighbours, in a volume 6).

    Parameters
    ----------
    numbers : ndarray of int, shape (Y, X) or (Z, Y, X)
        Region of each pixel, from 0.

    Returns
    -------
    ndarray of int64, shape (E, 2)
        Each pair once, the smaller number first, sorted.
    """
    sides = []
    for axis in range(numbers.ndim):
        turned = np.moveaxis(numbers, axis, 0)
        differ = turned[:-1] != turned[1:]
        sides.append(np.stack([turned[:-1][differ], turned[1:][differ]], axis=1))
    return _once(np.concatenate(sides).astype(np.int64), int(numbers.max()) + 1)


def _once(pairs: Pairs, count: int) -> Pairs:
    first, second = pairs[pairs[:, 0] != pairs[:, 1]].T
    keys = np.minimum(first, second) * count + np.maximum(first, second)
    keys.sort()  # several times faster than np.unique
    keys = keys[np.diff(keys, prepend=-1) > 0]
    return np.stack([keys // count, keys % count], axis=1)


def grid_cells(
    numbers: NDArray[np.integer], reach: float, spacing: Sequence[float] = (1.0, 1.0)
) -> NDArray[np.int64]:
    """Say in which square of a grid ``reach`` pixels wide (along rows) the centre of each region lies, shape (n,).

    Over a whole plane anything touches anything in the end; links are kept inside squares only.
    """
    flat = numbers.ravel()
    size = np.maximum(np.bincount(flat), 1)
    cells = np.zeros(len(size))
    for axis, (long, step) in enumerate(zip(numbers.shape, spacing, strict=True)):
        place = np.arange(long).reshape([-1 if other == axis else 1 for other in range(numbers.ndim)])
        centre = np.bincount(flat, np.broadcast_to(place, numbers.shape).ravel()) / size
        cells = cells * (long * step // reach + 1) + centre * step // reach
    return cells.astype(np.int64)


def pair_differences(features: NDArray[np.floating], pairs: Pairs) -> NDArray[np.float64]:
    """Return the root mean square difference over the features (n, F) of each pair, shape (E,)."""
    gap = features[pairs[:, 0]].astype(np.float64) - features[pairs[:, 1]]
    return np.asarray(np.sqrt(np.square(gap).mean(axis=1)))


def graph_components(count: int, pairs: Pairs) -> NDArray[np.int64]:
    """Return the connected component of each of ``count`` nodes, from 0."""
    links = sparse.coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(csgraph.connected_components(links, directed=False)[1], np.int64)


def merge_regions(
    features: NDArray[np.floating], sizes: NDArray[Any], pairs: Pairs, most: float
) -> NDArray[np.int64]:
    """Merge touching regions that resemble each other most, until no two are alike.

    In each round all pairs merge of which each is the other's most similar neighbour, and the mean of the new region
    is taken anew; so the order hardly matters and no chain of small steps crosses a slow change.

    Parameters
    ----------
    features : ndarray of float, shape (n, F)
        Means of the regions.
    sizes : ndarray, shape (n,)
        Pixels of the regions.
    pairs : ndarray of int64, shape (E, 2)
        Regions that touch.
    most : float
        Largest difference (root mean square over the features) that is merged.

    Returns
    -------
    ndarray of int64, shape (n,)
        Group of each region, from 0.
    """
    generator, groups = np.random.default_rng(0), np.arange(len(features))
    means, weights = features.astype(np.float64), np.maximum(sizes.astype(np.float64), 1e-9)
    while len(pairs):
        look_up()  # a round of many regions takes its time, and there are many rounds
        gaps = pair_differences(means, pairs)
        pairs_near, gaps = pairs[gaps <= most], gaps[gaps <= most]
        if not len(pairs_near):
            break
        # equal gaps are ranked at random, or a flat plane would merge one pair a round
        rank = np.empty(len(gaps), np.int64)
        rank[np.lexsort((generator.random(len(gaps)), gaps))] = np.arange(len(gaps))
        best = np.full(len(means), len(gaps))
        for end in (0, 1):
            np.minimum.at(best, pairs_near[:, end], rank)
        mutual = (best[pairs_near[:, 0]] == rank) & (best[pairs_near[:, 1]] == rank)
        keep, gone = pairs_near[mutual].T
        into = np.arange(len(means))
        into[gone] = keep
        total = weights[keep] + weights[gone]
        means[keep] = (means[keep] * weights[keep, None] + means[gone] * weights[gone, None]) / total[:, None]
        weights[keep] = total
        left = into == np.arange(len(means))
        name = (np.cumsum(left) - 1)[into]
        groups, means, weights = name[groups], means[left], weights[left]
        pairs = name[pairs]
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        if len(pairs) > 3 * len(means):  # doubles do no harm but cost time; planar graphs have fewer edges
            pairs = _once(pairs, len(means))
    return groups


def normalised_cut(count: int, pairs: Pairs, alike: NDArray[np.floating], dearest: float) -> NDArray[np.int64]:
    """Cut a graph in two again and again, as long as the normalised cut is cheap.

    Shi and Malik 2000, doi:10.1109/34.868688: along the eigenvector of the second smallest eigenvalue of
    ``(D - W) y = l D y``, at the best of ten levels.

    Parameters
    ----------
    count : int
        Number of nodes.
    pairs : ndarray of int64, shape (E, 2)
    alike : ndarray of float, shape (E,)
        Weights of the edges, 0 to 1.
    dearest : float
        A part stays whole where each of its cuts costs at least this (a normalised cut costs 0 to 2).

    Returns
    -------
    ndarray of int64, shape (count,)
        Part of each node, from 0. What is not connected is never one part.
    """
    weights = np.maximum(np.asarray(alike, np.float64), 1e-12)
    ends = np.concatenate([pairs, pairs[:, ::-1]])
    whole = sparse.csr_array((np.tile(weights, 2), (ends[:, 0], ends[:, 1])), shape=(count, count))
    names = np.zeros(count, np.int64)
    components = graph_components(count, pairs)
    order = np.argsort(components, kind="stable")
    waiting = np.split(order, np.flatnonzero(np.diff(components[order])) + 1)
    used = 0
    while waiting:
        look_up()
        nodes = waiting.pop()
        if len(nodes) > _DENSE:
            halves = _halves(whole[nodes][:, nodes], dearest)
            kept = [nodes] if halves is None else []
            waiting += [] if halves is None else [nodes[halves], nodes[~halves]]
        else:
            kept = [nodes[one] for one in _pieces(whole[nodes][:, nodes].toarray(), dearest)]
        for one in kept:
            names[one] = used
            used += 1
    return names


def _pieces(weights: NDArray[np.float64], dearest: float) -> list[NDArray[np.int64]]:
    """Cut a small graph, given as a matrix (n, n), as far as it goes."""
    waiting, kept = [np.arange(len(weights))], []
    while waiting:
        nodes = waiting.pop()
        halves = _halves(weights[np.ix_(nodes, nodes)], dearest) if len(nodes) > 1 else None
        if halves is None:
            kept.append(nodes)
        else:
            waiting += [nodes[halves], nodes[~halves]]
    return kept


def _halves(weights: Any, dearest: float) -> NDArray[np.bool_] | None:
    """Return the cheapest of the cuts along the second eigenvector, None if it is too dear; sparse or not, (n, n)."""
    degree = np.maximum(np.asarray(weights.sum(axis=1)).ravel(), 1e-12)
    count, root = len(degree), 1 / np.sqrt(degree)
    if count > _DENSE:
        scaled = sparse.csc_array(sparse.diags_array(root) @ weights @ sparse.diags_array(root))
        # the largest eigenvalues (1 and just below) lie close together: asked for as the nearest to a little more
        values, vectors = sparse_linalg.eigsh(scaled, k=2, sigma=1 + 1e-6, v0=np.linspace(1, 2, count))
        second = vectors[:, values.argmin()]
    elif count > _SMALL:
        second = linalg.eigh(weights * root[:, None] * root, subset_by_index=[count - 2, count - 2])[1][:, 0]
    else:
        second = np.linalg.eigh(weights * root[:, None] * root)[1][:, -2]
    along = second * root
    levels = np.linspace(along.min(), along.max(), _CUTS, endpoint=False)
    sides = (along[:, None] > levels).astype(np.float64)
    inside = degree @ sides
    crossing = inside - (sides * (weights @ sides)).sum(axis=0)
    rest = degree.sum() - inside
    usable = (inside > 0) & (rest > 0)
    if not usable.any():
        return None
    cost = np.where(usable, crossing / np.maximum(inside, 1e-300) + crossing / np.maximum(rest, 1e-300), np.inf)
    chosen = int(cost.argmin())
    return np.asarray(sides[:, chosen] > 0) if cost[chosen] < dearest else None
