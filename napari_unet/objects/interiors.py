"""The insides of objects as paint: what is surely of the class, rims left out. Finds no object."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .object_map import ObjectMap

_AWAY = 3
"""Pixels between an object and what is painted as background."""


def interiors(found: ObjectMap) -> NDArray[np.uint8]:
    """Return paint for objects, plane by plane.

    The inside of an object is of its class: pixels all of whose eight neighbours are of the same object, or all of it
    where there is no such pixel. What is three pixels away from every object is background; the rest is not painted,
    because rims are where programs differ.

    Returns
    -------
    ndarray of uint8, shape of ``found.numbers``
        Painted ids, 0 = not painted.
    """
    numbers = found.numbers
    around = (1,) * (numbers.ndim - 2)
    lowest = ndimage.minimum_filter(numbers, size=(*around, 3, 3), mode="nearest")
    highest = ndimage.maximum_filter(numbers, size=(*around, 3, 3), mode="nearest")
    inside = (numbers > 0) & (lowest == highest)
    has_inside = np.zeros(len(found.classes), bool)
    has_inside[np.unique(numbers[inside])] = True
    painted = np.where(inside | ~has_inside[numbers], found.classes[numbers], 0).astype(np.uint8)
    wide = 2 * _AWAY + 1
    away = ndimage.maximum_filter(numbers > 0, size=(*around, wide, wide), mode="constant") == 0
    painted[away] = 1
    return painted
