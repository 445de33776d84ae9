"""Objects of one class at a time: where the class is, and the maps of all classes in one. Parts nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.components import label_components

from .class_field import ClassField
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
    """

    number: int
    mask: NDArray[np.bool_]
    free: NDArray[np.bool_]
    sure: NDArray[np.float32] | None
    spacing: tuple[float, ...]

    @classmethod
    def of(cls, field: ClassField, number: int) -> Foreground:
        """Return where a class is by its labels; a probability that is no number counts as the label says."""
        mask = field.labels == number
        sure = field.probability(number)
        if sure is not None:
            sure = np.clip(np.where(np.isfinite(sure), sure, mask), 0, 1).astype(np.float32, copy=False)
        return cls(number, mask, ~np.isin(field.labels, field.countable), sure, field.spacing)

    def filled(self, fill: bool = True) -> Foreground:
        """Return the same with holes filled, where ``fill``."""
        if not fill or not self.mask.any():
            return self
        outside = label_components(~self.mask, corners=False)
        rim = np.zeros(int(outside.max()) + 1, bool)
        for axis in range(outside.ndim):
            for end in (0, -1):
                rim[np.unique(np.take(outside, end, axis))] = True
        return dataclasses.replace(self, mask=self.mask | (~rim[outside] & (outside > 0) & self.free))


def joined_classes(
    field: ClassField, found: Iterable[tuple[int, NDArray[Any]]], smallest: float, note: str
) -> ObjectMap:
    """Return the objects of all classes (painted id, numbers from 1) in one map, without those of too few pixels."""
    numbers = np.zeros(field.labels.shape, np.uint32)
    classes = [np.zeros(1, np.uint8)]
    start = 0
    for class_id, own in found:
        sizes = np.bincount(own.ravel())
        large = sizes >= max(1, smallest)
        large[0] = False
        new = np.zeros(len(sizes), np.uint32)
        new[large] = np.arange(start + 1, start + 1 + np.count_nonzero(large))
        start += int(np.count_nonzero(large))
        np.maximum(numbers, new[own], out=numbers)
        classes.append(np.full(np.count_nonzero(large), class_id, np.uint8))
    return ObjectMap(numbers, np.concatenate(classes), field.spacing, note)
