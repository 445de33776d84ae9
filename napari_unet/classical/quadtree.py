"""The quadtree of a plane: squares are quartered until what is inside them is even. Knows no class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def quadtree_regions(stack: NDArray[np.float32], uneven: float, largest: int) -> NDArray[np.int64]:
    """Quarter squares until each is even, or one pixel (the splitting of Horowitz and Pavlidis 1976).

    Parameters
    ----------
    stack : ndarray of float32, shape (F, Y, X)
        Finite.
    uneven : float
        A square is quartered if the standard deviation inside it is larger, as root mean square over the features.
    largest : int
        Side of the squares to begin with, in pixels; a power of two.

    Returns
    -------
    ndarray of int64, shape (Y, X)
        Number of the square, from 0, without gaps.
    """
    rows, columns = stack.shape[1:]
    padded = np.pad(
        stack.astype(np.float64), ((0, 0), (0, -rows % largest), (0, -columns % largest)), mode="edge"
    )
    numbers = np.full(padded.shape[1:], -1, np.int64)
    side, used = largest, 0
    while side >= 1:
        down, across = padded.shape[1] // side, padded.shape[2] // side
        blocks = padded.reshape(len(padded), down, side, across, side)
        even = np.ones((down, across), bool)
        if side > 1:
            even = blocks.var(axis=(2, 4)).mean(axis=0) <= uneven**2
        free = numbers[::side, ::side] < 0
        leaf = even & free
        names = np.where(leaf, used + np.cumsum(leaf.ravel()).reshape(leaf.shape) - 1, -1)
        used += int(leaf.sum())
        spread = np.repeat(np.repeat(names, side, axis=0), side, axis=1)
        numbers = np.where(spread >= 0, spread, numbers)
        side //= 2
    kept = numbers[:rows, :columns]
    return np.unique(kept, return_inverse=True)[1].reshape(kept.shape).astype(np.int64)
