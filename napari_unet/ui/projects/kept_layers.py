"""Which layers of a viewer a project keeps, and what becomes of them when it is closed. Writes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer

from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.records import ProjectState
from napari_unet.session.annotation_session import Session

from ..channel_layers import channels_of, first_channel
from ..image_ties import ImageTies
from ..layer_axes import finest_level
from ..layer_metadata import identity, role_of
from .image_references import lacks_pixels
from .project_layers import is_saved_result

_MADE_AGAIN = ("prediction", "uncertainty", "errors", "objects")
"""Roles of layers that follow from strokes and images."""

_OURS = ("strokes", "prediction", "uncertainty", "objects")


def are_safe(layers: Any, state: ProjectState, session: Session) -> bool:
    """Say whether all layers are in the project, in files, or made again from these."""
    return all(_is_safe(layer, state, session) for layer in layers)


def _is_safe(layer: Layer, state: ProjectState, session: Session) -> bool:
    role, opened = role_of(layer), bool(layer.source.path or layer.source.sample)
    if role in _MADE_AGAIN or is_saved_result(layer):
        return True
    if role == "strokes" and isinstance(layer, Labels):
        kept = identity(layer) in session.keys and state.pair_image(identity(layer)) is not None
        return kept or not np.any(finest_level(layer))
    if isinstance(layer, ImageLayer):
        record = state.image(identity(first_channel(layer)))
        return opened or (record is not None and record.source.stored and not lacks_pixels(record))
    return opened and isinstance(layer, Labels) and not getattr(layer, "_undo_history", True)


def leave_layers(folder: ProjectFolder, session: Session, ties: ImageTies, layers: Any) -> None:
    """Take the images of a project, their strokes and predictions out of a viewer and its session.

    An image whose pixels the project has not stored stays: it is nowhere else.
    """
    for record in folder.state.images:
        image = ties.image(record.id)
        if image is not None:
            gone = [one for one in ties.layers_of(image) if role_of(one) in _OURS]
            gone += [] if lacks_pixels(record) else channels_of(image)
        else:
            gone = [one for one in layers if identity(one) == record.pair_key]
        for layer in gone:
            if layer in layers:
                layers.remove(layer)
        session.remove_pair(record.pair_key)
