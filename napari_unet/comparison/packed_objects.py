"""Numbers of objects of a whole image, packed: they are kept for every method and way. Finds and judges nothing."""

from __future__ import annotations

import dataclasses
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..objects.object_map import ObjectMap


@dataclasses.dataclass(frozen=True, eq=False)
class PackedObjects:
    """An :class:`ObjectMap` that takes little memory.

    Parameters
    ----------
    shape : tuple of int
    planes : tuple of bytes
        Numbers of each plane, packed.
    classes : ndarray of uint8
        By number.
    spacing : tuple of float
    """

    shape: tuple[int, ...]
    planes: tuple[bytes, ...]
    classes: NDArray[np.uint8]
    spacing: tuple[float, ...]

    @classmethod
    def of(cls, found: ObjectMap) -> PackedObjects:
        """Pack objects."""
        numbers = np.ascontiguousarray(found.numbers, np.uint32)
        planes = numbers.reshape(-1, *numbers.shape[-2:])
        return cls(numbers.shape, tuple(zlib.compress(plane.tobytes(), 1) for plane in planes), found.classes,
                   found.spacing)

    def plane(self, number: int) -> NDArray[np.uint32]:
        """Return the numbers of a plane, counted through all leading axes."""
        values: NDArray[Any] = np.frombuffer(zlib.decompress(self.planes[number]), np.uint32)
        return values.reshape(self.shape[-2:])

    def whole(self) -> ObjectMap:
        """Return all of it."""
        numbers = np.stack([self.plane(number) for number in range(len(self.planes))])
        return ObjectMap(numbers.reshape(self.shape), self.classes, self.spacing)
