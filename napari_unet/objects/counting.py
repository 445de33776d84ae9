"""What is counted of objects at all times: how many of each class, how many at the border, beside parts and holes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.components import label_components

from .class_field import ids_in
from .object_map import ObjectMap


@dataclasses.dataclass(frozen=True)
class ClassCount:
    """What there is of one class.

    Parameters
    ----------
    objects, at_border : int
        Objects, and those of them that touch the border of the plane (or volume).
    parts, holes : int
        Of the area of the class; in a volume holes are not counted.
    """

    objects: int = 0
    at_border: int = 0
    parts: int = 0
    holes: int = 0

    def __add__(self, other: ClassCount) -> ClassCount:
        """Return both together."""
        return ClassCount(*(one + more for one, more in zip(
            dataclasses.astuple(self), dataclasses.astuple(other), strict=True)))


def touching_border(numbers: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return the numbers of the objects that touch the border of a plane or volume, in order."""
    # a stack of one plane has no border above and below
    faces = [np.take(numbers, at, axis).ravel() for axis, size in enumerate(numbers.shape) if size > 1
             for at in (0, -1)]
    found = np.unique(np.concatenate(faces)) if faces else np.zeros(0, np.uint32)
    return found[found > 0].astype(np.int64)


def object_counts(
    found: ObjectMap, labels: NDArray[np.uint8], classes: Iterable[int] = ()
) -> Mapping[int, ClassCount]:
    """Count the objects of each class, and the parts and holes of its area.

    Parameters
    ----------
    found : ObjectMap
    labels : ndarray of uint8
        Painted ids, of the same shape.
    classes : iterable of int
        Painted ids that are counted although there may be none.
    """
    ids = sorted({*classes, *ids_in(labels), *np.unique(found.classes).tolist()} - {0, 1})
    edge = found.classes[touching_border(found.numbers)]
    return {one: ClassCount(found.count_of(one), int(np.count_nonzero(edge == one)), *_topology(labels == one))
            for one in ids}


def _topology(area: NDArray[np.bool_]) -> tuple[int, int]:
    """Return how many parts an area has (pixels touch by corners) and how many holes (they do not)."""
    parts = int(label_components(area).max(initial=0))
    if area.ndim > 2 or not parts:
        return parts, 0
    ground = label_components(np.pad(~area, 1, constant_values=True), corners=False)
    return parts, int(ground.max(initial=1)) - 1
