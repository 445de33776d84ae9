"""Layers that lie on an image layer: strokes, predictions, uncertainty; and what is painted on them. Runs nothing.

Multiscale images are annotated and segmented at level 0 (the finest): napari cannot paint on multiscale labels.

A strokes layer has the image's axes without channels. Where the channel axis is not the first, it is kept with one
element that is as thick as all channels together, because napari matches axes from the last one backwards.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Scribbles, checked_ids

from .brush_width import proposed_width
from .large_images import is_field
from .layer_axes import GUESSED, axes_of, channel_axis, finest_level, layer_shape
from .layer_metadata import mark_layer, set_class_table

PLACE = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
"""What says where a layer lies; ours follow their image in all of it."""

def labels_like(
    layer: ImageLayer, image: Image, name: str, classes: ClassTable, *, background: bool = True, data: Any = None,
) -> Labels:
    """Return a labels layer that lies on an image layer: same scale, translate, units and axis labels.

    Parameters
    ----------
    layer : napari Image layer
    image : Image
        The same image as the methods see it (it knows which axis holds channels).
    background : bool
        False for a prediction, whose background is transparent.
    data : ndarray of uint8 of ``image.shape``, optional
        Default: zeros.
    """
    if data is None:
        data = np.zeros(image.shape, np.uint8)
    made = Labels(_shaped(layer, data), name=name, opacity=0.9 if background else 0.5, **place_of(layer))
    set_class_table(made, classes, background=background)
    return made


def uncertainty_like(layer: ImageLayer, image: Image, name: str) -> ImageLayer:
    """Return an image layer for uncertainty (0 to 1, float16) that lies on an image layer and lets it shine through."""
    data = _shaped(layer, np.zeros(image.shape, np.float16))
    return ImageLayer(data, name=name, colormap="inferno", blending="additive", opacity=0.5, contrast_limits=(0, 1),
                      **place_of(layer))


def _shaped(layer: ImageLayer, data: NDArray[Any]) -> NDArray[Any]:
    """Return data of an image's shape without channels as a layer on the image layer needs it."""
    channel = channel_axis(layer)
    return data if channel in (None, 0) else np.expand_dims(data, channel)


def place_of(layer: ImageLayer) -> dict[str, Any]:
    """Return where a labels layer of an image layer lies: scale, translation, rotation, shear, affine, units, names."""
    channel = channel_axis(layer)
    axes = list(range(layer.ndim))
    scale, translate = np.array(layer.scale, float), np.array(layer.translate, float)
    if channel == 0:
        axes = axes[1:]
    elif channel is not None:
        thick = layer_shape(layer)[channel]
        translate[channel] += scale[channel] * (thick - 1) / 2
        scale[channel] *= thick
    kept = np.ix_(axes, axes)
    return {
        "scale": scale[axes], "translate": translate[axes], "rotate": layer.rotate[kept],
        "shear": _full_shear(layer)[kept],
        "affine": layer.affine.set_slice(axes).affine_matrix,
        "units": [layer.units[axis] for axis in axes],
        "axis_labels": [_axis_names(layer)[axis] for axis in axes],
    }


def _axis_names(layer: ImageLayer) -> list[str]:
    """Return what the axes of an image layer are called: what its file says of them, where it has no names itself."""
    found = axes_of(layer)
    named = any(str(label).isalpha() for label in layer.axis_labels)
    if named or found.reason == GUESSED or layer.rgb:
        return [str(label) for label in layer.axis_labels]
    return [letter.lower() for letter in found.letters]


def follow(layer: Layer, image_layer: ImageLayer) -> None:
    """Put a layer of ours where its image layer lies now; one of another number of axes stays."""
    if is_field(layer):  # whoever fills it puts it where it belongs
        return
    place = place_of(image_layer)
    if layer.ndim != len(place["scale"]):
        return
    for name, value in place.items():
        setattr(layer, name, value)


def _full_shear(layer: Layer) -> NDArray[np.float64]:
    shear = np.asarray(layer.shear, float)
    if shear.ndim == 2:
        return shear
    full = np.eye(layer.ndim)
    full[np.triu_indices(layer.ndim, 1)] = shear
    return full


def strokes_for(layer: ImageLayer, image: Image, classes: ClassTable) -> Labels:
    """Return an empty strokes layer for an image layer, its brush ready with the first class after the background."""
    made = labels_like(layer, image, f"{layer.name} strokes", classes)
    mark_layer(made, "strokes", layer)
    prepare_brush(made, proposed_width(image))
    made.selected_label = next((number for number in classes.ids if number > 1), 1)
    return made


def prepare_brush(layer: Labels, width: int) -> None:
    """Take up a brush of so many pixels that paints one plane at a time."""
    layer.n_edit_dimensions = 2
    layer.brush_size = width
    layer.mode = "paint"


def add_strokes(viewer: Any, layer: Labels) -> Labels:
    """Put a strokes layer into the viewer, and let napari's buttons say that its brush is in hand."""
    viewer.add_layer(layer)
    layer.events.mode(mode=layer.mode)  # napari's buttons begin with the hand, whatever the layer's mode is
    return layer


def same_shape(layer: Layer, image: Image) -> bool:
    """Say whether a layer has an image's shape without channels, apart from axes of one element."""
    return [size for size in layer_shape(layer) if size > 1] == [size for size in image.shape if size > 1]


def label_view(layer: Layer, image: Image) -> NDArray[Any]:
    """Return a layer's labels (or uncertainty) in the image's shape without channels (a view where it is NumPy).

    Raises
    ------
    UserError
        If the layer does not have the image's shape.
    """
    if is_field(layer):
        raise UserError(
            f"{layer.name!r} shows a part of {image.name!r} at a time, because the whole is too large. This needs the "
            "whole; predict the image to a store, and open that."
        )
    shape = layer_shape(layer)
    if not same_shape(layer, image):
        raise UserError(
            f"{layer.name!r} has shape {shape}, but strokes on {image.name!r} need {image.shape} (axes "
            f"{image.label_axes}). Choose the strokes that belong to this image, or make new ones with +."
        )
    return np.asarray(finest_level(layer)).reshape(image.shape)


def scribbles_of(layer: Labels, image: Image, version: int = 0) -> Scribbles:
    """Return all strokes of a labels layer as a frozen snapshot.

    Raises
    ------
    UserError
        If the layer does not have the image's shape, or holds negative numbers or ids beyond 255.
    """
    view = label_view(layer, image)
    flat = view.reshape(-1, *view.shape[-2:])
    planes = {number: checked_ids(plane, layer.name) for number, plane in enumerate(flat) if plane.any()}
    return Scribbles(image.shape, planes, version)


def sliders_at(viewer: Any, layer: Layer) -> tuple[int, ...]:
    """Return where the sliders stand, by axis of a layer's data."""
    at = np.rint(layer.world_to_data(np.asarray(viewer.dims.point, float))).astype(int)
    return tuple(int(number) for number in at[-layer.ndim:])
