"""What of an image the viewer shows: the plane and the visible field. Changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Labels

from napari_unet.core.image import Image
from napari_unet.core.method import View
from napari_unet.predicting.uncertainty import UncertainPlace


def camera_of(viewer: Any) -> Any:
    """Return the viewer's camera, which napari 0.9 has moved to the scene."""
    return getattr(viewer, "scene", viewer).camera


def in_grid(viewer: Any) -> bool:
    """Whether the viewer shows layers side by side (napari 0.9 has moved its grid to the canvas)."""
    return bool(getattr(viewer, "canvas", viewer).grid.enabled)


def shows_planes(viewer: Any) -> bool:
    """Whether the viewer shows whole (Y, X) planes, not a volume and not a cut along another axis."""
    dims = viewer.dims
    return dims.ndisplay == 2 and tuple(dims.order[-2:]) == (dims.ndim - 2, dims.ndim - 1)


def shown_plane(viewer: Any, layer: Labels, image: Image) -> int:
    """Return the number of the plane that is shown (or that the sliders stand at).

    Parameters
    ----------
    viewer : napari Viewer
    layer : Labels
        A layer made by :func:`napari_unet.ui.layers.labels_like` for the image.
    image : Image
    """
    if not image.shape[:-2]:
        return 0
    at = np.rint(layer.world_to_data(np.asarray(viewer.dims.point, float)))[:-2].astype(int)
    at = np.delete(at, [axis for axis in _extra_axes(layer, image) if axis < at.size])
    at = np.concatenate([np.zeros(max(0, len(image.shape) - 2 - at.size), int), at])[-len(image.shape[:-2]):]
    return int(np.ravel_multi_index(tuple(np.clip(at, 0, np.array(image.shape[:-2]) - 1)), image.shape[:-2]))


def visible_part(viewer: Any, layer: Labels, image: Image) -> View | None:
    """Return the visible field of the shown plane, None where it is not known (volumes, cuts, nothing drawn yet)."""
    if not shows_planes(viewer):
        return None
    (top, left), (bottom, right) = np.asarray(layer.corner_pixels)[:, -2:]
    rows = slice(max(0, int(top)), min(image.plane_shape[0], int(bottom) + 1))
    columns = slice(max(0, int(left)), min(image.plane_shape[1], int(right) + 1))
    if rows.stop - rows.start < 2 or columns.stop - columns.start < 2:
        return None
    return View(image.where(shown_plane(viewer, layer, image), rows, columns))


def go_to(viewer: Any, layer: Labels, image: Image, place: UncertainPlace) -> None:
    """Show a place: move the sliders to its plane, and its pixel into the middle of the view."""
    index = [int(number) for number in image.where(place.plane)[:-2]]  # type: ignore[arg-type]  # not slices
    for axis in _extra_axes(layer, image):
        index.insert(axis, 0)
    world = layer.data_to_world((*index, place.row, place.column))
    first = viewer.dims.ndim - len(world)
    for axis, value in enumerate(world[:-2]):
        viewer.dims.set_point(first + axis, float(value))
    if shows_planes(viewer):
        camera = camera_of(viewer)
        camera.center = (camera.center[0], float(world[-2]), float(world[-1]))


def _extra_axes(layer: Labels, image: Image) -> list[int]:
    """Axes that the layer has beyond the image's shape: the channel axis, kept with one element."""
    if layer.ndim <= len(image.shape) or "C" not in image.axes:
        return []
    return [image.axes.index("C")]
