"""How far an object reaches by how sure the answer is, and how sure it is of each. Parts nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.components import label_components

FADES = 0.4
"""An object reaches to where the answer is less than this share as sure as in the object."""

FAINTEST = 0.2
"""However unsure the answer is in an object, it does not reach where it is surer of something else by so much."""

Numbers = NDArray[np.integer[Any]]


def grown(numbers: Numbers, sure: NDArray[np.float32], free: NDArray[np.bool_]) -> Numbers:
    """Return objects with what fades around them; the input is never changed.

    A faint object is classified only where it is brightest: its rim is as sure beside its middle as that of others.

    Parameters
    ----------
    numbers : ndarray of int
    sure : ndarray of float32
        Probability of the class.
    free : ndarray of bool
        Where objects may grow.
    """
    from scipy import ndimage
    from skimage.segmentation import watershed

    taken = numbers > 0
    least = np.clip(FADES * mean_of(numbers, sure), FAINTEST, 0.5)
    around = free & ~taken & (sure > least[1:].min(initial=1))
    if not around.any():
        return numbers
    rim = taken & ndimage.binary_dilation(around, np.ones((3,) * numbers.ndim))
    flown = watershed(-sure, np.where(rim, numbers, 0).astype(np.int32), mask=around | rim, connectivity=numbers.ndim)
    reached = np.where(around & (sure > least[flown]), flown, 0)
    # what dips on the way is no part of the object
    parts = label_components(reached + np.where(rim, numbers, 0).astype(flown.dtype))
    whole = np.zeros(int(parts.max(initial=0)) + 1, bool)
    whole[np.unique(parts[rim])] = True
    return np.where(taken, numbers, np.where(whole[parts], reached, 0).astype(numbers.dtype))


def mean_of(numbers: Numbers, values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean value of each object, by its number; 0 for what is none."""
    flat = numbers.ravel()
    counts = np.bincount(flat)
    found: NDArray[np.float64] = np.bincount(flat, values.ravel()) / np.maximum(counts, 1)
    found[0] = 0
    return found


def most_of(numbers: Numbers, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the greatest value of each object, by its number; 0 for what is none."""
    found = np.zeros(int(numbers.max(initial=0)) + 1, np.float32)
    inside = numbers > 0
    np.maximum.at(found, numbers[inside], values[inside])
    return found
