"""What a person has put right by hand: objects pinned to their pixels, whatever the answer says. Finds no object."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .object_map import ObjectMap


@dataclasses.dataclass(frozen=True, eq=False)
class Pin:
    """Pixels that are one object, or none, by hand.

    Parameters
    ----------
    start : tuple of int
        First row and column (plane, row, column) of ``mask`` in the array.
    mask : ndarray of bool
        The pixels.
    class_id : int
        Painted id of the class of the object; 1 where there is no object.
    """

    start: tuple[int, ...]
    mask: NDArray[np.bool_]
    class_id: int

    @classmethod
    def of(cls, chosen: NDArray[np.bool_], class_id: int) -> Pin:
        """Return a pin of all true pixels of an array, at least one."""
        found = np.nonzero(chosen)
        start = tuple(int(one.min()) for one in found)
        box = tuple(slice(int(one.min()), int(one.max()) + 1) for one in found)
        mask = np.array(chosen[box], bool)
        mask.flags.writeable = False
        return cls(start, mask, class_id)

    @property
    def where(self) -> tuple[slice, ...]:
        """Where ``mask`` lies in the array."""
        return tuple(slice(at, at + size) for at, size in zip(self.start, self.mask.shape, strict=True))


def put_right(found: ObjectMap, pins: Iterable[Pin]) -> ObjectMap:
    """Return objects with pins put over them, later pins over earlier ones; what a pin covers whole is gone."""
    pins = tuple(pins)
    if not pins:
        return found
    numbers, classes = found.numbers.copy(), list(found.classes)
    for pin in pins:
        here = numbers[pin.where]
        here[pin.mask] = len(classes) if pin.class_id > 1 else 0
        if pin.class_id > 1:
            classes.append(np.uint8(pin.class_id))
    left = np.zeros(len(classes), bool)
    left[np.unique(numbers)] = True
    left[0] = False
    kept = np.where(left, np.array(classes, np.uint8), np.uint8(0))
    return dataclasses.replace(found, numbers=numbers, classes=kept).renumbered()
