"""How classes look from place to place, where lighting or staining drifts. Knows no method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .appearance import Appearance
from .background import estimate_shading, widths_along


def local_memberships(
    looks: Appearance, stack: NDArray[np.float32], taken: NDArray[np.int16], reach: float,
    spacing: Sequence[float] = (1.0, 1.0),
) -> NDArray[np.float32]:
    """Say how much each pixel resembles each class, when a class looks as it does in the pixels it holds nearby.

    The look of a class is moved by the difference between the mean of its pixels near a place (a Gaussian of width
    ``reach``) and the mean of the pixels it was learnt from. A class that holds no pixel looks as learnt.

    Parameters
    ----------
    looks : Appearance
    stack : ndarray of float32, shape (F, Y, X)
    taken : ndarray of int16, shape (Y, X)
        Class index, -1 where no class has come yet.
    reach : float
        Pixels along rows.
    spacing : sequence of float
        Steps from pixel to pixel along each axis.

    Returns
    -------
    ndarray of float32, shape (K, Y, X)
        Sums to 1.
    """
    width, shape, reaches = len(stack), taken.shape, widths_along(reach, spacing)
    flat = stack.reshape(width, -1).T
    scores = []
    for index in range(int(looks.owner.max()) + 1):
        mine = taken == index
        values = flat
        if mine.any():
            around = np.stack([estimate_shading(np.where(mine, channel, 0), mine, reaches) for channel in stack])
            values = flat - around.reshape(width, -1).T + looks.mean(index)
        scores.append(looks.log_scores(values)[index])
    logs = np.stack(scores)
    logs -= logs.max(axis=0)
    np.exp(logs, out=logs)
    return (logs / logs.sum(axis=0)).reshape(-1, *shape)
