"""What of a large image the window shows, in pixels of its finest level. Changes nothing."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.utils.transforms import Affine
from numpy.typing import NDArray

from napari_unet.core.image import Image
from napari_unet.core.level_field import LevelField
from napari_unet.core.window_stack import SIDE

from ..large_images import ImageLevel
from ..layer_axes import axes_of
from ..layers import place_of
from .viewport import camera_of, shows_planes

LARGEST_FIELD = 4096
"""Rows and columns of a field; where more is seen (there is no coarser level), its middle."""


@dataclasses.dataclass(frozen=True)
class SeenBox:
    """What is seen of a plane.

    Parameters
    ----------
    plane : int
    rows, columns : slice
        Of the finest level.
    pixels : float
        Pixels of the finest level to a pixel of the screen.
    """

    plane: int
    rows: slice
    columns: slice
    pixels: float


def seen_box(viewer: Any, layer: ImageLayer, image: Image) -> SeenBox | None:
    """Return what is seen of an image; None where no plane is shown, or the image lies outside of the window.

    Parameters
    ----------
    viewer : napari Viewer
    layer : napari Image layer
    image : Image
        Its finest level.
    """
    if not shows_planes(viewer):
        return None
    camera = camera_of(viewer)
    native = viewer.window._qt_viewer.canvas.native
    size = np.array([native.height(), native.width()], float)
    middle = np.asarray(camera.center, float)[-2:]
    half = size / 2 / camera.zoom
    point = np.asarray(viewer.dims.point, float)
    corners = []
    for signs in itertools.product((-1, 1), repeat=2):
        world = point.copy()
        world[-2:] = middle + half * signs
        corners.append(np.asarray(layer.world_to_data(world[-layer.ndim:]), float))
    at = np.array(corners)
    (top, left), (bottom, right) = np.floor(at[:, -2:].min(0)).astype(int), np.ceil(at[:, -2:].max(0)).astype(int) + 1
    rows, columns = (slice(max(0, int(low)), min(length, int(high))) for low, high, length in
                     zip((top, left), (bottom, right), image.plane_shape, strict=True))
    if rows.stop <= rows.start or columns.stop <= columns.start:
        return None
    letters = axes_of(layer).letters.removesuffix("C") if layer.rgb else axes_of(layer).letters
    leading = [int(np.clip(round(float(at[0, axis])), 0, size - 1)) for letter, axis, size in (
        (letter, axis, int(_size(image, letter))) for axis, letter in enumerate(letters) if letter not in "CYX")]
    plane = int(np.ravel_multi_index(leading, image.shape[:-2])) if leading else 0
    return SeenBox(plane, rows, columns, float(((bottom - top, right - left) / size).max()))


def _size(image: Image, letter: str) -> int:
    return image.shape[image.label_axes.index(letter)]


def field_place(layer: ImageLayer, image: Image, field: LevelField) -> dict[str, Any]:
    """Return where a layer lies that shows a field of an image: as :func:`..layers.place_of`, moved and enlarged."""
    place = place_of(layer)
    count = len(place["scale"])
    offset = np.zeros(count)
    leading = iter(int(number) for number in image.where(field.plane)[:-2])  # type: ignore[arg-type]  # not slices
    letters = axes_of(layer).letters
    letters = letters.removesuffix("C") if layer.rgb else letters
    kept = [letter for axis, letter in enumerate(letters) if not (letter == "C" and axis == 0)]
    for axis, letter in enumerate(kept):
        if letter not in "CYX":
            offset[axis] = next(leading)
    offset[-2:] = [part.start * by + (by - 1) / 2 for part, by in zip(
        (field.rows, field.columns), field.factor, strict=True)]
    plain = Affine(scale=place["scale"], translate=place["translate"], rotate=place["rotate"], shear=place["shear"])
    scale = np.array(place["scale"], float)
    scale[-2:] *= field.factor
    return {**place, "scale": scale, "translate": np.asarray(plain(offset), float)}


def field_of(seen: SeenBox, level: ImageLevel) -> LevelField:
    """Return the field that holds what is seen of a level, whole windows of it."""
    parts = []
    for part, by, size in zip((seen.rows, seen.columns), level.factor, level.image.plane_shape, strict=True):
        low, high = part.start // by, min(size, -(-part.stop // by))
        if high - low > LARGEST_FIELD - SIDE:
            middle = (low + high) // 2
            low, high = middle - LARGEST_FIELD // 2, middle + LARGEST_FIELD // 2 - SIDE
        parts.append(slice(max(0, low) // SIDE * SIDE, min(size, -(-high // SIDE) * SIDE)))
    return LevelField(seen.plane, parts[0], parts[1], level.factor)


def as_seen_before(shown: NDArray[Any], before: LevelField, now: LevelField) -> NDArray[Any]:
    """Return a field as it looks in what was shown of another one; 0 where that shows nothing."""
    out = np.zeros(now.shape, shown.dtype)
    if before.plane != now.plane:
        return out
    places = []
    for part, by, old, of_old in zip((now.rows, now.columns), now.factor, (before.rows, before.columns), before.factor,
                                     strict=True):
        at = (np.arange(part.start, part.stop) * by + (by - 1) // 2) // of_old - old.start
        places.append((np.flatnonzero((at >= 0) & (at < old.stop - old.start)), at))
    (rows, down), (columns, right) = places
    out[rows[:, None], columns] = shown[down[rows][:, None], right[columns]]
    return out
