"""What is known of objects at once: number, size and center, in pixels; the rest is measured when it is asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .measure_table import PIXEL_ENDING, MeasureTable
from .object_map import ObjectMap


def quick_measures(found: ObjectMap) -> MeasureTable:
    """Return area (volume) and center of every object, in columns named as in :mod:`.measures`, rows by number.

    The column ``class`` holds painted ids.
    """
    numbers, size, axes = found.numbers, len(found.classes), found.numbers.ndim
    inside = np.flatnonzero(numbers)
    flat = numbers.ravel()[inside].astype(np.intp)
    area = np.bincount(flat, minlength=size)
    there = np.flatnonzero(area)
    word, unit = ("area", "pixel") if axes == 2 else ("volume", "voxel")
    columns: dict[str, NDArray[np.generic]] = {
        "object": there, "class": found.classes[there], word + PIXEL_ENDING: area[there]}
    units = {word + PIXEL_ENDING: unit}
    for letter, places in zip("zyx"[-axes:], np.unravel_index(inside, numbers.shape), strict=True):
        name = letter + PIXEL_ENDING
        columns[name] = np.bincount(flat, places, size)[there] / area[there]
        units[name] = "pixel"
    return MeasureTable(columns, units)
