"""A plane, or a volume, that a classical method learns from, with its paint. Learns nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from napari_unet.classical.background import PreparedPlane
from napari_unet.core.depth import elongation
from napari_unet.core.image import Image
from napari_unet.core.volume_pixels import read_volume

from ._steps import ClassicalSteps, Paint


@dataclasses.dataclass(frozen=True, eq=False)
class PaintedField:
    """A plane, or all planes of a volume, with what is painted there.

    Parameters
    ----------
    image : Image
    planes : tuple of int
        Numbers of the planes in the order of z; a single one is a plane.
    painted : mapping of int to ndarray of uint8, shape (Y, X)
        By place in ``planes``; none on pixels that are not numbers.
    """

    image: Image
    planes: tuple[int, ...]
    painted: Mapping[int, Paint]

    @property
    def deep(self) -> bool:
        """Whether it is a volume."""
        return len(self.planes) > 1

    @property
    def shape(self) -> tuple[int, ...]:
        """(Y, X), or (Z, Y, X) of a volume."""
        return (len(self.planes), *self.image.plane_shape) if self.deep else self.image.plane_shape

    @property
    def paint(self) -> Paint:
        """All of its paint, of :attr:`shape`."""
        return self.paint_in(tuple(slice(0, size) for size in self.shape))

    def paint_in(self, window: tuple[slice, ...]) -> Paint:
        """Return the paint in a window with start and stop along each axis."""
        if not self.deep:
            return self.painted[0][window]
        out = np.zeros(tuple(part.stop - part.start for part in window), np.uint8)
        for place, plane in self.painted.items():
            if window[0].start <= place < window[0].stop:
                out[place - window[0].start] = plane[window[1:]]
        return out

    def places(self) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Return where it is painted (n, axes), and with what (n,)."""
        found, ids = [], []
        for place, plane in self.painted.items():
            where = np.nonzero(plane)
            ids.append(plane[where])
            found.append(np.stack([*([np.full(len(where[0]), place)] if self.deep else []), *where], axis=1))
        return np.concatenate(found), np.concatenate(ids)

    def prepared(self, method: ClassicalSteps) -> PreparedPlane:
        """Read it, and return it as a method wants it."""
        if self.deep:
            return method.prepared(read_volume(self.image, self.planes), elongation(self.image))
        return method.prepared(self.image.plane(self.planes[0]))

    def plane(self, place: int) -> PaintedField:
        """Return one painted plane of a volume."""
        return PaintedField(self.image, (self.planes[place],), {0: self.painted[place]})
