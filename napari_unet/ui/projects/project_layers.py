"""The layers of an image of a project, known by the project's ids. Opens files, knows no viewer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer
from napari.layers._source import layer_source

from napari_unet.core.classes import ClassTable
from napari_unet.core.image import Image
from napari_unet.core.made_levels import made_levels
from napari_unet.core.scribbles import Scribbles
from napari_unet.project.lazy_pixels import Reordered
from napari_unet.project.records import ImageRecord

from ..brush_width import proposed_width
from ..files.layer_reader import get_reader, read_layers
from ..large_images import LARGEST_LAZY, expect_strokes, is_painted_in_fields, levels_of, needs_fields
from ..layer_axes import image_of
from ..layer_metadata import MADE_LEVELS, NO_DATA, mark_layer, note, notes_of, role_of
from ..layers import labels_like, prepare_brush
from ..seen_levels import guessed_contrast, seen_levels
from ..train.field_strokes import new_field_strokes

SAVED = "project_result"
"""Note of a layer that shows a prediction which lies in the project."""

_LOOKS = ("contrast_limits", "gamma", "opacity", "blending", "colormap", "interpolation2d", "visible")


def image_layers(image: Image, record: ImageRecord, limits: Any = (), path: str = "") -> list[ImageLayer]:
    """Return the layers of an image, rows and columns last: one, or one for each file where files are its channels.

    Parameters
    ----------
    image : Image
    record : ImageRecord
    limits : sequence of (float, float)
        Contrast of each channel, see :class:`~.prepared_image.PreparedImage`.
    path : str
        The file, for those who ask a layer where it comes from.
    """
    opened = _opened(image, record, path)
    if opened is not None:
        note(opened, id=record.id)
        return [opened]
    parts = getattr(image.data, "parts", None)
    if len(record.source.paths) > 1 and parts is not None and len(parts) == image.n_channels:
        names = record.channels if len(record.channels) == len(parts) else ()
        letters = image.axes.replace("C", "")
        made = [
            _layer(image, part, letters, names[at] if names else f"{record.name} {at + 1}", limits[at:at + 1], path)
            for at, part in enumerate(parts)
        ]
    else:
        made = [_layer(image, image.data, image.axes, record.name, limits, path)]
    for number, one in enumerate(made):
        note(one, id=record.id if number == 0 else f"{record.id}-{number + 1}")
    return made


def _opened(image: Image, record: ImageRecord, path: str) -> ImageLayer | None:
    """Return the layer of a large image in one file or folder, with all its levels; None for any other image."""
    one = len(record.source.paths) == 1 and not record.source.stored and not record.source.series
    if math.prod(image.plane_shape) <= LARGEST_LAZY or not one or get_reader(path) is None:
        return None
    data, options, kind = read_layers(path)[0]
    colour = record.axes.endswith("YXC")
    same = kind == "image" and bool(options.get("multiscale")) and bool(options.get("rgb")) is colour and (
        sorted(data[0].shape) == sorted(image.data.shape))
    if not same:
        return None
    place = _place(image, record.axes.removesuffix("C") if options.get("rgb") else record.axes)
    with layer_source(path=path):
        made = ImageLayer(data, **{**options, **place, "name": record.name})
    note(made, axes=record.axes)
    return made


def _layer(image: Image, data: Any, letters: str, name: str, limits: Any, path: str) -> ImageLayer:
    colour = letters.endswith("YXC") and data.shape[-1] in (3, 4) and data.dtype in (np.uint8, np.uint16)
    axes = _axes_shown(letters, colour)
    if axes != letters:
        data = Reordered(data, [letters.index(one) for one in axes])
    plain = axes.removesuffix("C") if colour else axes
    options: dict[str, Any] = {}
    if limits and not colour:
        options["contrast_limits"] = (min(low for low, _ in limits), max(high for _, high in limits))
    large = needs_fields(data, *image.plane_shape)
    notes = {NO_DATA: list(image.no_data), MADE_LEVELS: large}
    options["metadata"] = {name: one for name, one in notes.items() if one}
    shown = data
    if large:
        seen = seen_levels(made_levels(data, axes, mean=not image.no_data), range(data.ndim), name)
        shown, options = [data, *seen], {**guessed_contrast(seen, data, axes, image.no_data), **options}
    with layer_source(path=path or None):
        made = ImageLayer(
            shown, rgb=colour, multiscale=large, name=name, axis_labels=[one.lower() for one in plain],
            **_place(image, plain), **options,
        )
    note(made, axes=axes)
    return made


def _axes_shown(letters: str, colour: bool) -> str:
    """Return the axes in the order in which napari shows them: rows and columns last, but for colours."""
    planes = "".join(one for one in letters if one not in "YXC")
    if colour:
        return f"{planes}YXC"
    return f"{'C' if 'C' in letters else ''}{planes}YX"


def _place(image: Image, axes: str) -> dict[str, Any]:
    """Return where the layer of an image lies."""
    step, start = (dict(zip(image.label_axes, one, strict=True)) for one in (image.scale, image.translate))
    unit = {"C": "pixel", "T": image.time_unit}
    return {
        "scale": [step.get(one, 1.0) for one in axes], "translate": [start.get(one, 0.0) for one in axes],
        "units": [unit.get(one, image.unit) for one in axes],
    }


def strokes_layer(layer: ImageLayer, record: ImageRecord, scribbles: Scribbles | None, classes: ClassTable,
                  brush: Labels | None = None) -> Labels:
    """Return the strokes layer of an image, with the brush of another layer, or else one that suits the image."""
    if is_painted_in_fields(layer):
        large = new_field_strokes(layer, classes, proposed_width(levels_of(layer).levels[-1].image))
        note(large, id=record.pair_key)
        expect_strokes(large, scribbles)
        if brush is not None:
            take_brush(large, brush)
        return large
    image = image_of(layer)
    data = scribbles.to_array() if scribbles is not None and scribbles.shape == image.shape else None
    made = labels_like(layer, image, f"{layer.name} strokes", classes, data=data)
    mark_layer(made, "strokes", layer)
    note(made, id=record.pair_key)
    if brush is None:
        prepare_brush(made, proposed_width(image, () if scribbles is None else (scribbles,)))
        made.selected_label = next((number for number in classes.ids if number > 1), 1)
    else:
        take_brush(made, brush)
    return made


def result_layer(layer: ImageLayer, result: Any, classes: ClassTable) -> Labels:
    """Return a layer that shows the prediction which the project has of an image."""
    made = labels_like(layer, image_of(layer), f"{layer.name} saved prediction", classes, background=False, data=result)
    mark_layer(made, "result", layer)
    note(made, **{SAVED: True})
    return made


def is_saved_result(layer: Layer) -> bool:
    """Whether a layer shows a prediction as the project has it; not so once a person has painted on it."""
    return bool(notes_of(layer).get(SAVED)) and not getattr(layer, "_undo_history", ())


def look_of(layer: ImageLayer) -> dict[str, Any]:
    """Return how a person has set an image layer: contrast, colours and the like."""
    return {name: getattr(layer, name) for name in _LOOKS if not (layer.rgb and name == "colormap")}


def set_look(layer: ImageLayer, look: dict[str, Any]) -> None:
    """Set an image layer as it was set before, as far as it can be."""
    for name, value in look.items():
        setattr(layer, name, value)


def brush_in_hand(active: Layer | None, strokes: Labels | None) -> Labels | None:
    """Return the layer whose brush is in the hand: the active one where it holds strokes, else the present strokes."""
    return active if isinstance(active, Labels) and role_of(active) == "strokes" else strokes


def take_brush(strokes: Labels, before: Labels) -> None:
    """Go on with the brush that was in the hand: its class, size and mode."""
    for name in ("selected_label", "brush_size", "n_edit_dimensions", "mode"):
        setattr(strokes, name, getattr(before, name))
