"""A new layer for the strokes of an image, large or not. Links nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels

from napari_unet.core.classes import ClassTable
from napari_unet.core.image import Image
from napari_unet.core.level_field import LevelField

from ..brush_width import proposed_width
from ..large_images import is_painted_in_fields, levels_of, mark_field
from ..layer_axes import image_of
from ..layer_metadata import mark_layer, set_class_table
from ..layers import prepare_brush, strokes_for
from .field_view import field_place, seen_box


def new_strokes(viewer: Any, layer: ImageLayer, classes: ClassTable) -> tuple[Labels, Image]:
    """Return a layer to paint on, and the image that its brush is to suit.

    Raises
    ------
    UserError
        If the image cannot be used.
    """
    if not is_painted_in_fields(layer):
        seen = image_of(layer)
        return strokes_for(layer, seen, classes), seen
    found = levels_of(layer)
    box = seen_box(viewer, layer, found.levels[0].image)
    seen = found.seen_at(1.0 if box is None else box.pixels).image
    return new_field_strokes(layer, classes, proposed_width(seen)), seen


def new_field_strokes(layer: ImageLayer, classes: ClassTable, width: int) -> Labels:
    """Return a layer for the strokes of a large image; what it shows is settled when it is linked."""
    finest = levels_of(layer).levels[0].image
    field = LevelField(0, slice(0, 1), slice(0, 1), (1, 1))
    place = field_place(layer, finest, field)
    made = Labels(np.zeros((1,) * len(place["scale"]), np.uint8), name=f"{layer.name} strokes", opacity=0.9, **place)
    set_class_table(made, classes)
    mark_field(made)
    mark_layer(made, "strokes", layer)
    prepare_brush(made, width)
    made.selected_label = next((number for number in classes.ids if number > 1), 1)
    return made

