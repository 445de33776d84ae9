"""Growing of decision trees on the features of painted pixels; see :mod:`napari_unet.predicting.oblivious_trees`."""

from __future__ import annotations

import math
from collections.abc import Generator

import numpy as np
import torch
from numpy.typing import NDArray

from ..core.method import Progress
from ..predicting.oblivious_trees import DEPTH, ObliviousTrees, leaf_indices

COUNT = 40
"""Trees of an answer."""

DRAWN = 4000
"""Painted pixels that the questions of a tree are chosen by, drawn anew for each (Breiman 1996, "Bagging predictors").
Its leaves count all of them."""

DOUBT = 0.1
"""Painted pixels that the linear answer counts for in every leaf."""


def grow_trees(
    features: NDArray[np.float32], labels: NDArray[np.integer], share: NDArray[np.float32], seed: int = 0
) -> Generator[Progress, None, ObliviousTrees]:
    """Grow trees.

    At each level as many questions are compared as the root of the number of features: a feature drawn at random, and
    a threshold between two pixels (Geurts, Ernst and Wehenkel 2006, "Extremely randomized trees").

    Parameters
    ----------
    features : ndarray of float32, shape (P, F)
    labels : ndarray of int, shape (P,)
        Class numbers from 0; every class below the largest occurs.
    share : ndarray of float32, shape (P,)
        How much each pixel counts; positive.
    seed : int

    Yields
    ------
    Progress
        After each tree.
    """
    rng = np.random.default_rng(seed)
    columns, classes = np.ascontiguousarray(features.T), int(labels.max()) + 1
    counts = share * (len(share) / share.sum())
    tries = round(math.sqrt(len(columns)))
    chosen = np.empty((COUNT, DEPTH), np.int64)
    thresholds = np.empty((COUNT, DEPTH), np.float32)
    leaves = np.empty((COUNT, 2**DEPTH, classes + 1), np.float32)
    for tree in range(COUNT):
        drawn = rng.choice(len(labels), min(len(labels), DRAWN))
        leaf = np.zeros(len(drawn), np.int64)
        for level in range(DEPTH):
            tried = rng.integers(len(columns), size=tries)
            values = columns[tried[:, None], drawn]
            ends = values[np.arange(tries), rng.integers(len(drawn), size=(2, tries))]
            # features are kept in 16 bits: a threshold that they can hold is the same for whoever compares
            limits = ends.mean(axis=0).astype(np.float16).astype(np.float32)
            found = 2 * leaf + (values > limits[:, None])
            best = int(np.argmax([leaf_purity(one, labels[drawn], counts[drawn], classes) for one in found]))
            chosen[tree, level], thresholds[tree, level], leaf = tried[best], limits[best], found[best]
        ends_in = leaf_indices(columns, chosen[tree].tolist(), thresholds[tree]).astype(np.int64)
        painted = _counted(ends_in, labels, counts, 2**DEPTH, classes)
        total = painted.sum(axis=1, keepdims=True) + DOUBT
        leaves[tree, :, :-1], leaves[tree, :, -1:] = painted / total, DOUBT / total
        yield Progress("Looking closer")
    return ObliviousTrees(torch.from_numpy(chosen), torch.from_numpy(thresholds), torch.from_numpy(leaves))


def leaf_purity(
    leaf: NDArray[np.int64], labels: NDArray[np.integer], counts: NDArray[np.floating], classes: int
) -> float:
    """Return the sum over leaves of the squared class counts over the count: larger, the purer (Gini)."""
    painted = _counted(leaf, labels, counts, int(leaf.max()) + 1, classes)
    total = painted.sum(axis=1)
    return float(((painted**2).sum(axis=1)[total > 0] / total[total > 0]).sum())


def _counted(
    leaf: NDArray[np.int64], labels: NDArray[np.integer], counts: NDArray[np.floating], leaves: int, classes: int
) -> NDArray[np.float64]:
    """Return how much of each class is in each leaf, (leaves, classes)."""
    found = np.bincount(leaf * classes + labels, counts, leaves * classes)
    return found.reshape(leaves, classes).astype(np.float64)
