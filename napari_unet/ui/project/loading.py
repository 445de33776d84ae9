"""Opens the layers of one image of a project. Decides nothing about which image that is, and writes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels

from napari_unet.core.image import Image
from napari_unet.core.scribbles import Scribbles
from napari_unet.project.image_records import ImageRecord
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.sources import read_source

from ..layer_axes import image_of
from ..layer_metadata import identity, mark_layer, note
from ..layers import labels_like, prepare_brush
from ..sessions import session_of, ties_of


def show_image(viewer: Any, folder: ProjectFolder, image_id: str) -> None:
    """Open an image of a project with its strokes, known by their ids; layers that are open already are taken.

    Raises
    ------
    UserError
        If the image is missing or cannot be read.
    """
    record = folder.state.image(image_id)
    if record is None:
        return
    ties, session = ties_of(viewer), session_of(viewer)
    layer = ties.image(image_id)
    if layer is None:
        layer = viewer.add_layer(_image_layer(read_source(record, folder.path), record))
    if not any(identity(one) == record.pair_key for one in viewer.layers):
        if record.pair_key in session.keys:
            scribbles: Scribbles | None = session.pair(record.pair_key).scribbles
        else:
            scribbles = folder.read_strokes(image_id)
        if scribbles is not None:
            viewer.add_layer(_strokes_layer(layer, record, scribbles, session.classes))
            ties.changed.emit()
    session.images.choose(image_id)


def _image_layer(image: Image, record: ImageRecord) -> ImageLayer:
    """Return a layer of an image, rows and columns last, channels first."""
    data = np.asarray(image.data)
    letters = image.axes
    colour = letters.endswith("YXC") and data.shape[-1] in (3, 4) and data.dtype in (np.uint8, np.uint16)
    axes = "".join(one for one in letters if one not in "YXC")
    axes = f"{axes}YXC" if colour else f"{'C' if 'C' in letters else ''}{axes}YX"
    data = data.transpose([letters.index(one) for one in axes])
    step = dict(zip(image.label_axes, image.scale, strict=True))
    start = dict(zip(image.label_axes, image.translate, strict=True))
    plain = axes.removesuffix("C") if colour else axes
    made = ImageLayer(
        data, rgb=colour, name=record.name, scale=[step.get(one, 1) for one in plain],
        translate=[start.get(one, 0) for one in plain],
        units=["pixel" if one == "C" else image.time_unit if one == "T" else image.unit for one in plain],
    )
    note(made, id=record.id, axes=axes)
    return made


def _strokes_layer(layer: ImageLayer, record: ImageRecord, scribbles: Scribbles, classes: Any) -> Labels:
    image = image_of(layer)
    made = labels_like(layer, image, f"{layer.name} strokes", classes,
                       data=scribbles.to_array().reshape(image.shape))
    mark_layer(made, "strokes", layer)
    note(made, id=record.pair_key)
    prepare_brush(made, min(image.plane_shape))
    made.selected_label = next((number for number in classes.ids if number > 1), 1)
    return made
