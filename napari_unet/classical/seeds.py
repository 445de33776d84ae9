"""Seeds: pixels whose class is certain enough to start from. Knows no method and looks at no image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def confident_seeds(shares: NDArray[np.float32], sure: float, size: int) -> NDArray[np.int16]:
    """Return the class index of pixels that surely look like it, -1 elsewhere.

    Parameters
    ----------
    shares : ndarray of float32, shape (K, Y, X)
    sure : float
        Least membership, 0 to 1.
    size : int
        Least number of touching pixels (4 neighbours, in a volume 6). A class without so large a patch starts at its
        smaller ones.
    """
    seeds = np.full(shares.shape[1:], -1, np.int16)
    for index, share in enumerate(shares):
        patches, count = ndimage.label((share >= sure) & (shares.argmax(axis=0) == index))
        large = np.bincount(patches.ravel(), minlength=count + 1) >= size
        large[0] = False
        if not large.any():
            large[1:] = True
        seeds[large[patches]] = index
    return seeds


def memberships_of_taken(shares: NDArray[np.float32], taken: NDArray[np.int16]) -> NDArray[np.float32]:
    """Make the class taken the largest membership: where it is not, it shares the lead with a little more than half.

    Parameters
    ----------
    shares : ndarray of float32, shape (K, Y, X)
        Memberships that sum to 1.
    taken : ndarray of int, shape (Y, X)
        Class index, -1 where nothing was decided.

    Returns
    -------
    ndarray of float32, shape (K, Y, X)
        Sums to 1.
    """
    likeliest = shares.argmax(axis=0)
    best = np.where(taken >= 0, taken, likeliest)
    overruled = best != likeliest
    others = 1 - shares[(best[overruled], *np.nonzero(overruled))]
    out = shares.copy()
    for index, share in enumerate(out):
        mine = best[overruled] == index
        share[overruled] = np.where(mine, 0.51, 0.49 * share[overruled] / np.maximum(others, 1e-6))
    return out / out.sum(axis=0)
