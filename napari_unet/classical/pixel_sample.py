"""A small sample of the pixels of some planes, for methods that look at densities. Knows no method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def sample_pixels(
    stacks: Sequence[NDArray[np.float32]],
    valid: Sequence[NDArray[np.bool_]],
    paint: Sequence[NDArray[np.uint8]],
    number: int,
) -> NDArray[np.float32]:
    """Take half of a sample from anywhere, half from the painted pixels, of every class equally many.

    So a class which is rare, but painted, is seen too.

    Parameters
    ----------
    stacks : sequence of ndarray of float32, shape (F, Y, X)
    valid : sequence of ndarray of bool, shape (Y, X)
    paint : sequence of ndarray of uint8, shape (Y, X)
    number : int
        About how many pixels; fewer where there are not so many.

    Returns
    -------
    ndarray of float32, shape (n, F)
    """
    half = number // 2
    groups = [(stack[:, good].T, half // len(stacks)) for stack, good in zip(stacks, valid, strict=True)]
    ids = sorted({int(one) for plane in paint for one in np.unique(plane) if one})
    for one in ids:
        values = np.concatenate([stack[:, plane == one].T for stack, plane in zip(stacks, paint, strict=True)])
        groups.append((values, half // len(ids)))
    generator = np.random.default_rng(0)
    return np.concatenate([values[generator.permutation(len(values))[: max(1, few)]] for values, few in groups])
