"""Objects of one class at a time: where the class is, and the maps of all classes in one. Parts nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .class_field import ClassField
from .halves import by_halves, flat_places, looked_up, put_into
from .hole_filling import without_holes
from .object_map import ObjectMap


@dataclasses.dataclass(frozen=True, eq=False)
class Foreground:
    """Where one class is.

    Parameters
    ----------
    number : int
        Painted id.
    mask : ndarray of bool
    free : ndarray of bool
        Where holes may be filled: no other class of objects.
    sure : ndarray of float32, optional
        Probability of the class, 0 to 1, where it is known.
    spacing : tuple of float
    border : ndarray of float32, optional
        How much a pixel looks like a border, 0 to 1.
    """

    number: int
    mask: NDArray[np.bool_]
    free: NDArray[np.bool_]
    sure: NDArray[np.float32] | None
    spacing: tuple[float, ...]
    border: NDArray[np.float32] | None = None

    @classmethod
    def of(cls, field: ClassField, number: int, strokes: NDArray[Any] | None = None) -> Foreground:
        """Return where a class is by its labels, and by the strokes where there are; a probability that is no number
        counts as the label says."""
        mask = field.labels == number
        free = np.ones(field.labels.shape, bool)
        for one in field.countable:
            free &= field.labels != one
        sure = field.probability(number)
        if sure is not None:
            sure = _between_0_and_1(sure, mask)
        if strokes is not None:
            mask = np.where(strokes > 0, strokes == number, mask)
            free &= strokes == 0
        border = None if field.border is None else np.clip(np.nan_to_num(field.border), 0, 1).astype(np.float32)
        return cls(number, mask, free, sure, field.spacing, border)

    def filled(self, fill: bool = True) -> Foreground:
        """Return the same with all holes filled, where ``fill``."""
        return dataclasses.replace(self, mask=without_holes(self.mask, self.free)) if fill else self


def _between_0_and_1(sure: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return probabilities, 0 or 1 as a mask says where they are no numbers."""
    found = np.empty(sure.shape, np.float32)

    def fill(half: slice) -> None:
        known = np.isfinite(sure[half])
        np.clip(sure[half] if known.all() else np.where(known, sure[half], mask[half]), 0, 1, out=found[half])

    by_halves(fill, len(found), found.size)
    return found


def joined_classes(
    field: ClassField, found: Iterable[tuple[int, NDArray[Any], float]], strokes: NDArray[Any] | None, note: str
) -> ObjectMap:
    """Return the objects of all classes in one map.

    Parameters
    ----------
    field : ClassField
    found : iterable of (int, ndarray, float)
        Painted id of a class, its objects numbered from 1, and how many pixels one needs at least.
    strokes : ndarray, optional
        What a person has painted is an object, however small.
    note : str
    """
    numbers = np.zeros(field.labels.shape, np.uint32)
    classes = [np.zeros(1, np.uint8)]
    start = 0
    for class_id, own, smallest in found:
        inside = flat_places(own > 0)
        flat = looked_up(own.ravel(), inside)
        sizes = np.bincount(flat, minlength=1)
        kept = sizes >= max(1, smallest)
        if strokes is not None:
            kept[np.unique(own[strokes == class_id])] = True
        kept[0] = False
        new = np.zeros(len(sizes), np.uint32)
        new[kept] = np.arange(start + 1, start + 1 + np.count_nonzero(kept))
        start += int(np.count_nonzero(kept))
        flat = looked_up(new, flat)
        put_into(numbers, inside, flat if len(classes) == 1 else np.maximum(numbers.ravel()[inside], flat))
        classes.append(np.full(np.count_nonzero(kept), class_id, np.uint8))
    return ObjectMap(numbers, np.concatenate(classes), field.spacing, note)


def typical_size(sizes: NDArray[Any]) -> float:
    """Return the size of the object that a pixel most likely lies in: half of all pixels are in smaller ones."""
    ordered = np.sort(sizes)
    if not len(ordered) or not ordered[-1]:
        return 0.0
    return float(ordered[np.searchsorted(np.cumsum(ordered), ordered.sum() / 2)])
