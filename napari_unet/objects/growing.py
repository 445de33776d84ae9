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
    from skimage.segmentation import watershed

    taken = numbers > 0
    means = mean_of(numbers, sure) if means is None else means
    least = np.clip(FADES * means, FAINTEST, 0.5)
    around = sure > least[1:].min(initial=1)
    around &= free
    around &= ~taken
    outside = np.flatnonzero(around)
    if not len(outside):
        return numbers
    rim = taken & _neighbourhood(around)
    seeds = (numbers * rim).astype(np.int32, copy=False)
    flown = watershed(-sure, seeds, mask=around | rim, connectivity=numbers.ndim).ravel()[outside]
    flown[~(sure.ravel()[outside] > least[flown])] = 0
    # what dips on the way is no part of the object
    reached = seeds.copy()
    reached.ravel()[outside] = flown
    parts = label_components(reached)
    whole = np.zeros(int(parts.max(initial=0)) + 1, bool)
    whole[parts.ravel()[np.flatnonzero(rim)]] = True
    flown[~whole[parts.ravel()[outside]]] = 0
    found: Numbers = np.array(numbers, order="C")
    found.ravel()[outside] = flown
    return found


def _neighbourhood(chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return what is chosen and its neighbours, by a corner too."""
    for axis in range(chosen.ndim):
        lower = (slice(None),) * axis + (slice(None, -1),)
        upper = (slice(None),) * axis + (slice(1, None),)
        found = chosen.copy()
        found[upper] |= chosen[lower]
        found[lower] |= chosen[upper]
        chosen = found
    return chosen


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
    sizes = np.bincount(number, minlength=1)
    means = np.bincount(number, value, 1) / np.maximum(sizes, 1)
    once = np.zeros(len(sizes), bool)
    once[number[value >= somewhere]] = True
    kept = once & (means >= average) & (sizes >= smallest)
    kept[0] = False
    return kept, means


def _flat(numbers: Numbers, values: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return number and value of each pixel of an object: mostly few, and whole arrays are slow to count."""
    inside = np.flatnonzero(numbers > 0)
    return numbers.ravel()[inside].astype(np.intp), values.ravel()[inside]
