"""An image as it is seen from afar: rows and columns averaged, plane by plane, when they are asked for."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import UserError
from .image import Image
from .level_field import LevelField
from .scribbles import Pair, Scribbles
from .window_stack import by_planes

LOOKED_AT = 4
"""So many rows and columns of those that become one are averaged at most; of more, some, evenly spread."""


class ReducedPixels:
    """The pixels of an image, so many rows and columns as one; the plane read last is kept.

    Parameters
    ----------
    image : Image
    by : int
    """

    def __init__(self, image: Image, by: int) -> None:
        self._image, self._by = weakref.ref(image), by  # weakly: what is known of an image must not keep it
        self._leading = image.shape[:-2]
        channels = (image.n_channels,) if "C" in image.axes else ()
        self.axes = f"{image.label_axes[:-2]}{'C' if channels else ''}YX"
        self.shape = (*image.shape[:-2], *channels, *(-(-size // by) for size in image.plane_shape))
        self.ndim, self.dtype = len(self.shape), np.dtype(image.data.dtype)
        self._kept: tuple[int, NDArray[Any]] | None = None

    def __getitem__(self, index: Any) -> NDArray[Any]:
        return by_planes(self._part, index, self.shape, self.axes)

    def _part(self, index: tuple[Any, ...]) -> NDArray[Any]:
        """Return a part of one plane, its leading axes given as numbers."""
        at = dict(zip(self.axes, index, strict=True))
        leading = [int(at[letter]) for letter in self.axes if letter not in "CYX"]
        number = int(np.ravel_multi_index(leading, self._leading)) if leading else 0
        plane = self._plane(number)[:, at["Y"], at["X"]]
        return plane[at["C"]] if "C" in at else plane[0]

    def _plane(self, number: int) -> NDArray[Any]:
        if self._kept is None or self._kept[0] != number:
            image = self._image()
            if image is None:
                raise UserError("The image was closed while it was looked at.")
            self._kept = number, averaged(image.window(number), self._by)
        return self._kept[1]


def averaged(plane: NDArray[Any], by: int) -> NDArray[Any]:
    """Return a plane (C, Y, X) with so many rows and columns as one, of the same type."""
    every = max(1, by // LOOKED_AT)
    thin, wide = plane[:, ::every, ::every], by // every
    height, width = (-(-size // by) for size in plane.shape[1:])
    rows, columns = height * wide - thin.shape[1], width * wide - thin.shape[2]
    if rows > 0 or columns > 0:
        thin = np.pad(thin, ((0, 0), (0, max(0, rows)), (0, max(0, columns))), mode="edge")
    thin = thin[:, : height * wide, : width * wide]
    total, count = _summed(thin, wide), np.array(wide * wide)
    if thin.dtype.kind == "f" and np.isnan(total).any():  # one pixel without a number takes no others with it
        known = ~np.isnan(thin)
        total, count = _summed(np.where(known, thin, 0), wide), _summed(known, wide)
    with np.errstate(invalid="ignore"):
        mean = total / count
    if thin.dtype.kind == "b":
        return mean >= 0.5
    return (mean if thin.dtype.kind == "f" else np.rint(mean)).astype(thin.dtype)


def _summed(plane: NDArray[Any], by: int) -> NDArray[Any]:
    """Return the sums of so many rows and columns, in numbers that are large enough for them."""
    exact = np.result_type(plane.dtype, np.float32) if plane.dtype.kind == "f" else np.float64
    total = np.zeros((len(plane), plane.shape[1] // by, plane.shape[2] // by), exact)
    for down in range(by):
        for right in range(by):
            total += plane[:, down::by, right::by]
    return total


def reduced_pair(pair: Pair, by: int) -> Pair:
    """Return an image and its strokes as they are seen from afar; the image is the same one each time."""
    known = _reduced.setdefault(pair.image, {})
    if by not in known:
        data = ReducedPixels(pair.image, by)
        known[by] = Image(data, data.axes, pair.image.name, pair.image.scale, no_data=pair.image.no_data,
                          guessed_axes=pair.image.guessed_axes)
    image = known[by]
    rows, columns = (slice(0, size) for size in image.plane_shape)
    planes = {number: LevelField(number, rows, columns, (by, by)).painted(pair.scribbles)
              for number in pair.scribbles.planes}
    return Pair(image, Scribbles(image.shape, planes, pair.scribbles.version))


_reduced: weakref.WeakKeyDictionary[Image, dict[int, Image]] = weakref.WeakKeyDictionary()
