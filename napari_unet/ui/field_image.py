"""A field of a large image as an image of its own, and which field a layer shows. Reads pixels when asked for them."""

from __future__ import annotations

import dataclasses
import math
import threading
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels
from numpy.typing import NDArray

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.level_field import LevelField

from .large_images import ImageLevel, levels_of
from .layer_axes import axes_of


class CutPixels:
    """The pixels of a field; read once, by whichever thread asks first.

    Parameters
    ----------
    level : Image
    field : LevelField
    """

    def __init__(self, level: Image, field: LevelField) -> None:
        self._level, self.field = level, field
        sizes = {"Y": field.shape[0], "X": field.shape[1], "C": level.n_channels}
        self.shape = tuple(sizes.get(letter, 1) for letter in level.axes)
        self.ndim, self.size, self.dtype = len(self.shape), math.prod(self.shape), np.dtype(level.data.dtype)
        self._kept: NDArray[Any] | None = None
        self._lock = threading.Lock()

    def __getitem__(self, index: Any) -> NDArray[Any]:
        return self._read()[index]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self._read(), dtype=dtype, copy=copy)

    def _read(self) -> NDArray[Any]:
        with self._lock:
            if self._kept is None:
                level, field = self._level, self.field
                found = level.window(field.plane, field.rows, field.columns)
                inner = "".join(letter for letter in level.axes if letter in "CYX")
                found = np.moveaxis(found, 0, inner.index("C")) if "C" in inner else found[0]
                self._kept = found.reshape(self.shape)
            return self._kept


def cut_image(finest: Image, level: ImageLevel, field: LevelField) -> Image:
    """Return a field as an image, with axes of one element before rows and columns; its name says which part it is.

    Parameters
    ----------
    finest : Image
        All of it.
    level : ImageLevel
        That of the field.
    field : LevelField
    """
    at = [*(int(number) for number in finest.where(field.plane)[:-2]),  # type: ignore[arg-type]  # not slices
          field.rows.start, field.columns.start]
    spans = [f"{part.start * by} to {min(part.stop * by, size) - 1}" for part, by, size in zip(
        (field.rows, field.columns), field.factor, finest.plane_shape, strict=True)]
    plane = f"plane {field.plane}, " if finest.n_planes > 1 else ""
    return dataclasses.replace(
        level.image, data=CutPixels(level.image, field),
        name=f"{finest.name} [{plane}rows {spans[0]}, columns {spans[1]}, at 1 : {max(field.factor)}]",
        translate=tuple(first + number * step for first, number, step in zip(
            level.image.translate, at, level.image.scale, strict=True)))


def field_under(image: Image) -> LevelField | None:
    """Return which field an image is; None for any other image."""
    return image.data.field if isinstance(image.data, CutPixels) else None


def image_under(layer: Labels, image_layer: ImageLayer) -> Image:
    """Return what lies under a layer that shows a field of a large image.

    Raises
    ------
    UserError
        If it lies on no level of this image.
    """
    levels = levels_of(image_layer)
    finest = levels.levels[0].image
    first, second = (_beneath(layer, image_layer, corner) for corner in (0, 1))
    factor = tuple(int(one) for one in np.rint(second - first)[-2:])
    level = next((one for one in levels.levels if one.factor == factor), None)
    rows, columns = (_span(float(at), by, size) for at, by, size in zip(
        first[-2:], factor, layer.data.shape[-2:], strict=True))
    if level is None or not all(part.start >= 0 and part.stop <= size for part, size in zip(
            (rows, columns), level.image.plane_shape, strict=True)):
        raise UserError(f"{layer.name!r} does not lie on {image_layer.name!r} any more. Find its objects again.")
    letters = axes_of(image_layer).letters.removesuffix("C" if image_layer.rgb else "")
    leading = [round(float(first[axis])) for axis, letter in enumerate(letters) if letter not in "CYX"]
    plane = int(np.ravel_multi_index(leading, finest.shape[:-2], mode="clip")) if leading else 0
    return cut_image(finest, level, LevelField(plane, rows, columns, level.factor))


def _beneath(layer: Labels, image_layer: ImageLayer, corner: int) -> NDArray[np.float64]:
    """Return what lies under pixel (0, 0) or (1, 1) of a layer, in pixels of the finest level of an image."""
    world = np.zeros(image_layer.ndim)
    world[-layer.ndim:] = layer.data_to_world((*(0,) * (layer.ndim - 2), corner, corner))
    return np.asarray(image_layer.world_to_data(world), float)


def _span(first: float, by: int, size: int) -> slice:
    """Return rows (columns) of a level, by the middle of the first in pixels of the finest level."""
    start = round((first - (by - 1) / 2) / max(1, by))
    return slice(start, start + size)
