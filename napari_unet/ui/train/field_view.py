"""What of a large image the window shows, in pixels of its finest level. Changes nothing."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.utils.transforms import Affine

from napari_unet.core.image import Image
from napari_unet.core.level_strokes import Field

from ..layer_axes import axes_of
from ..layers import place_of
from .viewport import camera_of, shows_planes


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


def field_place(layer: ImageLayer, image: Image, field: Field) -> dict[str, Any]:
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
