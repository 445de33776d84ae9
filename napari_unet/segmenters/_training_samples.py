"""The planes that a classical method learns from, with their paint. Decides nothing about which those are."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.depth import stack_planes
from napari_unet.core.image import Image

from ._painted_fields import PaintedField
from ._steps import Paint

SAMPLE_PLANES = 4
"""So many planes (or volumes) are looked at together, before any of them is described."""


@dataclasses.dataclass(frozen=True, eq=False)
class TrainingSamples:
    """What there is to learn: painted planes, or, without paint, planes with two classes guessed.

    Parameters
    ----------
    classes : ClassTable
    ids : tuple of int
        Ids that can be predicted.
    channels : int or None
        Channels of the images, None if there is no image at all.
    places : tuple of (Image, int)
        Image and number of each plane to learn from.
    paint : tuple of ndarray of uint8
        Paint of each of them; none on pixels that are not numbers.
    painted : bool
        False if the paint was guessed.
    remark : str
        How it was guessed.
    """

    classes: ClassTable
    ids: tuple[int, ...]
    channels: int | None
    places: tuple[tuple[Image, int], ...]
    paint: tuple[Paint, ...]
    painted: bool
    remark: str = ""

    def planes(self) -> Iterator[tuple[NDArray[np.float32], Paint]]:
        """Yield the pixels (C, Y, X), as read, and the paint (Y, X) of each plane."""
        for (image, number), paint in zip(self.places, self.paint, strict=True):
            yield image.plane(number), paint

    def fields(self, deep: bool) -> list[PaintedField]:
        """Return the planes to learn from, or the volumes that they are of."""
        if not deep:
            return [PaintedField(image, (number,), {0: paint})
                    for (image, number), paint in zip(self.places, self.paint, strict=True)]
        found: dict[tuple[Image, tuple[int, ...]], dict[int, Paint]] = {}
        for (image, number), paint in zip(self.places, self.paint, strict=True):
            stack = stack_planes(image, number)
            found.setdefault((image, stack), {})[stack.index(number)] = paint
        return [PaintedField(image, stack, painted) for (image, stack), painted in found.items()]

    def sample(self, deep: bool) -> list[PaintedField]:
        """Return a few planes (or volumes) to learn from, evenly spread."""
        fields = self.fields(deep)
        chosen = np.unique(np.linspace(0, len(fields) - 1, SAMPLE_PLANES).round().astype(int))
        return [fields[index] for index in chosen]

    def strokes(self) -> Mapping[bytes, Paint]:
        """Return the paint by the plane's fingerprint; nothing if it was guessed."""
        known: dict[bytes, Paint] = {}
        if self.painted:
            for pixels, paint in self.planes():
                key = plane_fingerprint(pixels)
                known[key] = np.where(paint > 0, paint, known.get(key, paint))
        return MappingProxyType(known)


def plane_fingerprint(pixels: NDArray[np.float32]) -> bytes:
    """Tell a plane (C, Y, X) by its contents, so that a painted plane is known again however it was loaded."""
    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.digest()
