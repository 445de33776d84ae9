"""Numbers of objects of a whole image, packed: they are kept for every method and way. Finds and judges nothing."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Sequence
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
    judged : tuple of int
        Planes that were looked at, counted through all leading axes; on others nothing is known.
    """

    shape: tuple[int, ...]
    planes: tuple[bytes, ...]
    classes: NDArray[np.uint8]
    spacing: tuple[float, ...]
    judged: tuple[int, ...]

    @classmethod
    def of(cls, found: ObjectMap, judged: Sequence[int] | None = None) -> PackedObjects:
        """Pack objects, which were looked for on all planes or on some."""
        numbers = np.ascontiguousarray(found.numbers, np.uint32)
        planes = numbers.reshape(-1, *numbers.shape[-2:])
        return cls(numbers.shape, tuple(zlib.compress(plane.tobytes(), 1) for plane in planes), found.classes,
                   found.spacing, tuple(range(len(planes)) if judged is None else judged))

    def plane(self, number: int) -> NDArray[np.uint32]:
        """Return the numbers of a plane, counted through all leading axes."""
        values: NDArray[Any] = np.frombuffer(zlib.decompress(self.planes[number]), np.uint32)
        return values.reshape(self.shape[-2:])

    def whole(self) -> ObjectMap:
        """Return all of it."""
        numbers = np.stack([self.plane(number) for number in range(len(self.planes))])
        return ObjectMap(numbers.reshape(self.shape), self.classes, self.spacing)

    def known(self) -> ObjectMap:
        """Return the planes that were looked at (n, Y, X), or :meth:`whole` if those are all."""
        if self.judged == tuple(range(len(self.planes))):
            return self.whole()
        return ObjectMap(np.stack([self.plane(number) for number in self.judged]), self.classes,
                         (1.0, *self.spacing[-2:]))
