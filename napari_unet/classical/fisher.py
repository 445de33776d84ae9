"""Several channels as one grey value. Knows no image and no method; channels come in as plain arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def fisher_discriminant(colours: NDArray[np.float32], labels: NDArray[np.intp]) -> NDArray[np.float32]:
    """Mix channels so that classes are told apart best (Fisher 1936; the first axis where there are more classes).

    Parameters
    ----------
    colours : ndarray of float32, shape (n, C)
    labels : ndarray of int, shape (n,)

    Returns
    -------
    ndarray of float32, shape (C,)
        Absolute values sum to 1, so that grey values stay between about -1 and 1; the mean of the channels where
        there is nothing to tell apart.
    """
    channels = colours.shape[1]
    mean = np.full(channels, 1 / channels, np.float32)
    found = np.unique(labels)
    if channels == 1 or len(found) < 2:
        return mean
    values = colours.astype(np.float64)
    centres = np.stack([values[labels == index].mean(axis=0) for index in found])
    within = sum(np.cov(values[labels == index].T, bias=True) for index in found) / len(found)
    within = within + np.eye(channels) * (1e-4 + 1e-3 * np.trace(within))
    between = np.cov(centres.T, bias=True)
    root = np.linalg.inv(np.linalg.cholesky(within))
    axis = root.T @ np.linalg.eigh(root @ between @ root.T)[1][:, -1]
    if not np.abs(axis).sum() > 0 or not np.any(between):
        return mean
    axis = axis / np.abs(axis).sum()
    return (axis * (1 if axis[np.abs(axis).argmax()] > 0 else -1)).astype(np.float32)
