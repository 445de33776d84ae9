"""Fuzzy c-means: clusters to which a sample belongs more or less. Knows no image and no class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 60
_STILL = 1e-4


def memberships(samples: NDArray[np.floating], centres: NDArray[np.floating], softness: float) -> NDArray[np.float32]:
    """Say how much each sample belongs to each cluster (Bezdek 1981; Bezdek et al. 1984, equation 6).

    Parameters
    ----------
    samples : ndarray of float, shape (n, F)
    centres : ndarray of float, shape (M, F)
    softness : float
        The exponent m, more than 1; towards 1 memberships become 0 and 1.

    Returns
    -------
    ndarray of float32, shape (M, n)
        Sums to 1 over the clusters. A sample on a centre belongs to that one alone.
    """
    gaps = np.stack([np.square(samples - centre).sum(axis=1) for centre in centres]).astype(np.float64)
    nearest = np.maximum(gaps.min(axis=0), 1e-12)
    closeness = (np.maximum(gaps, 1e-12) / nearest) ** (-1 / (softness - 1))
    return np.asarray(closeness / closeness.sum(axis=0), np.float32)


def fuzzy_c_means(
    samples: NDArray[np.floating], centres: NDArray[np.floating], softness: float
) -> NDArray[np.float64]:
    """Move centres until they are the means of the samples, weighted by membership to the power of ``softness``.

    Parameters
    ----------
    samples : ndarray of float, shape (n, F)
    centres : ndarray of float, shape (M, F)
        Where to start.
    softness : float
        As in :func:`memberships`.

    Returns
    -------
    ndarray of float64, shape (M, F)
    """
    values, found = samples.astype(np.float64), centres.astype(np.float64)
    for _ in range(_ROUNDS):
        weights = memberships(values, found, softness).astype(np.float64) ** softness
        moved = weights @ values / np.maximum(weights.sum(axis=1), 1e-12)[:, None]
        still = float(np.abs(moved - found).max()) < _STILL
        found = moved
        if still:
            break
    return found
