"""Between napari layers and the project's own objects: images, strokes, class tables. Runs nothing, draws nothing.

The class table of a labels layer lives in ``layer.metadata["napari_unet"]["classes"]`` as
``[[id, name, "#rrggbb"], ...]`` with painted ids (1 = background); beside it, ``"role"`` (``"strokes"``,
``"prediction"``, ``"result"``, ``"errors"`` or ``"uncertainty"``) and ``"image"`` (name of the image layer it is for).

Multiscale images are annotated and segmented at level 0 (the finest): napari cannot paint on multiscale labels.

A strokes layer has the image's axes without channels. Where the channel axis is not the first, it is kept with one
element that is as thick as all channels together, because napari matches axes from the last one backwards.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable, PaintedClass
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Scribbles, checked_ids

KEY = "napari_unet"
"""Our corner of a layer's metadata."""
NO_DATA = "no_data"
"""Key of an image layer's metadata: a list of the numbers that stand for no data."""


# -- class tables ----------------------------------------------------------------------------------------------------


def class_table(layer: Layer) -> ClassTable | None:
    """Read the class table of a layer, None if it has none (or one that is not ours)."""
    try:
        rows = layer.metadata[KEY]["classes"]
        return ClassTable(tuple(PaintedClass(int(number), str(name), str(color)) for number, name, color in rows))
    except (KeyError, TypeError, ValueError):
        return None


def set_class_table(layer: Labels, classes: ClassTable, *, background: bool = True) -> None:
    """Write the class table of a labels layer and colour it.

    Parameters
    ----------
    background : bool
        False makes the background class (id 1) transparent, as in a prediction.
    """
    rows = [[one.id, one.name, one.color] for one in classes.classes]
    layer.metadata = {**layer.metadata, KEY: {**layer.metadata.get(KEY, {}), "classes": rows}}
    layer.colormap = colormap(classes, background=background)


def mark_layer(layer: Layer, role: str, image_name: str) -> None:
    """Note in a layer's metadata what it is and of which image."""
    ours = {**layer.metadata.get(KEY, {}), "role": role, "image": image_name}
    layer.metadata = {**layer.metadata, KEY: ours}


def role_of(layer: Layer) -> str:
    """Return the role of a layer: ``"strokes"``, ``"prediction"``, ...; ``""`` for one that is none of ours.

    A layer of class labels without a role counts as strokes if its name says so.
    """
    ours = layer.metadata.get(KEY)
    role = str(ours.get("role", "")) if isinstance(ours, dict) else ""
    if not role and isinstance(layer, Labels) and any(word in layer.name.lower() for word in ("stroke", "scribble")):
        return "strokes"
    return role


def is_source_image(layer: Layer) -> bool:
    """Whether a layer is an image that someone may want to segment, and not one of ours about it."""
    return isinstance(layer, ImageLayer) and role_of(layer) != "uncertainty"


def image_name_of(layer: Layer) -> str:
    """Return the name of the image layer that a layer of ours was made for, or ``""``."""
    ours = layer.metadata.get(KEY)
    return str(ours.get("image", "")) if isinstance(ours, dict) else ""


def colormap(classes: ClassTable, *, background: bool = True) -> DirectLabelColormap:
    """Return the colours of a class table for a labels layer; ids that are not in it are grey."""
    colors: dict[int | None, str] = {one.id: one.color for one in classes.classes}
    if not background:
        colors[1] = "transparent"
    return DirectLabelColormap(color_dict={**colors, 0: "transparent", None: "gray"})


# -- images ----------------------------------------------------------------------------------------------------------


def layer_shape(layer: Layer) -> tuple[int, ...]:
    """Shape of a layer's data at its finest level, with a colour axis if it has one."""
    return tuple(finest_level(layer).shape)


def finest_level(layer: Layer) -> Any:
    """Return a layer's data; of a multiscale layer the finest level."""
    return layer.data[0] if layer.multiscale else layer.data


def channel_choices(layer: ImageLayer) -> tuple[int, ...]:
    """Return the axes of a layer that may be its channel axis (none for a colour image, which has it already)."""
    return () if layer.rgb else tuple(range(len(layer_shape(layer)) - 2))


def guess_channel_axis(layer: ImageLayer) -> int | None:
    """Return the axis that is labelled as channels, or None."""
    for axis in channel_choices(layer):
        if layer.axis_labels[axis].lower() in ("c", "ch", "channel", "channels"):
            return axis
    return None


def axes_of(layer: ImageLayer, channel_axis: int | None = None) -> str:
    """Return one letter per axis of a layer's data: ``C`` for channels, ``YX`` last, others for planes."""
    n_spatial = len(layer_shape(layer)) - (1 if layer.rgb else 0)
    leading = [axis for axis in range(n_spatial - 2) if axis != channel_axis]
    labels = [layer.axis_labels[axis][:1].upper() for axis in leading]
    usable = all(one.isalpha() and one.isascii() and one not in "CYX" for one in labels)
    if not usable or len(set(labels)) < len(labels):
        labels = list("NTZABDEFGH"[:len(leading)]) if len(leading) != 2 else ["T", "Z"]
    letters = dict(zip(leading, labels, strict=True)) | {n_spatial - 2: "Y", n_spatial - 1: "X"}
    if channel_axis is not None:
        letters[channel_axis] = "C"
    return "".join(letters[axis] for axis in range(n_spatial)) + ("C" if layer.rgb else "")


def image_of(layer: ImageLayer, channel_axis: int | None = None) -> Image:
    """Return an image layer as the methods see it. Its data is neither copied nor changed.

    Parameters
    ----------
    layer : napari Image layer
    channel_axis : int, optional
        Axis of ``layer.data`` that holds channels; colour (RGB) layers need none.

    Raises
    ------
    UserError
        If the layer is empty, complex, one-dimensional, or the axis cannot be a channel axis.
    """
    if len(layer_shape(layer)) - (1 if layer.rgb else 0) < 2:
        raise UserError(f"{layer.name!r} has one axis only. Choose an image with rows and columns.")
    if channel_axis is not None and channel_axis not in channel_choices(layer):
        raise UserError(
            f"Axis {channel_axis} of {layer.name!r} (shape {layer_shape(layer)}) cannot hold channels. Allowed: "
            f"{', '.join(map(str, channel_choices(layer))) or 'none, it is a plain or colour image'}."
        )
    axes = axes_of(layer, channel_axis)
    kept = [axis for axis in range(layer.ndim) if axis != channel_axis]
    units = {str(layer.units[axis]) for axis in kept[-2:]}
    return Image(
        finest_level(layer), axes, layer.name, tuple(abs(float(layer.scale[axis])) for axis in kept),
        units.pop() if len(units) == 1 else "pixel", no_data=tuple(map(float, layer.metadata.get(NO_DATA, ()))),
    )


# -- strokes and results ---------------------------------------------------------------------------------------------


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
    data, place = _placed(layer, image, data)
    made = Labels(data, name=name, opacity=0.9 if background else 0.5, **place)
    set_class_table(made, classes, background=background)
    return made


def uncertainty_like(layer: ImageLayer, image: Image, name: str) -> ImageLayer:
    """Return an image layer for uncertainty (0 to 1, float16) that lies on an image layer and lets it shine through."""
    data, place = _placed(layer, image, np.zeros(image.shape, np.float16))
    return ImageLayer(
        data, name=name, colormap="inferno", blending="additive", opacity=0.5, contrast_limits=(0, 1), **place
    )


def _placed(layer: ImageLayer, image: Image, data: NDArray[Any]) -> tuple[NDArray[Any], dict[str, Any]]:
    """Return data of ``image.shape`` as a layer on an image layer needs it, and where that lies."""
    channel = image.axes.index("C") if "C" in image.axes and not layer.rgb else None
    axes = list(range(layer.ndim))
    scale, translate = np.array(layer.scale, float), np.array(layer.translate, float)
    if channel == 0:
        axes = axes[1:]
    elif channel is not None:
        translate[channel] += scale[channel] * (image.n_channels - 1) / 2
        scale[channel] *= image.n_channels
        data = np.expand_dims(data, channel)
    kept = np.ix_(axes, axes)
    return data, {
        "scale": scale[axes], "translate": translate[axes], "rotate": layer.rotate[kept],
        "shear": _full_shear(layer)[kept],
        "affine": layer.affine.set_slice(axes).affine_matrix,
        "units": [layer.units[axis] for axis in axes],
        "axis_labels": [layer.axis_labels[axis] for axis in axes],
    }


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
    mark_layer(made, "strokes", layer.name)
    prepare_brush(made, min(image.plane_shape))
    made.selected_label = next((number for number in classes.ids if number > 1), 1)
    return made


def prepare_brush(layer: Labels, size: int) -> None:
    """Take up a brush that paints one plane at a time and suits an image of ``size`` pixels."""
    layer.n_edit_dimensions = 2
    layer.brush_size = int(np.clip(round(size / 80), 3, 20))
    layer.mode = "paint"


def label_view(layer: Layer, image: Image) -> NDArray[Any]:
    """Return a layer's labels (or uncertainty) in the image's shape without channels (a view where it is NumPy).

    Raises
    ------
    UserError
        If the layer does not have the image's shape.
    """
    shape = layer_shape(layer)
    if shape != image.shape and [size for size in shape if size > 1] != [size for size in image.shape if size > 1]:
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
