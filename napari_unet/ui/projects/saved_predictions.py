"""The layer that shows the prediction which the project has of an image. Predicts nothing, reads what is there."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels

from napari_unet.core.errors import UserError
from napari_unet.session.annotation_session import Session

from ..layer_axes import image_of
from ..layer_metadata import role_of
from ..layer_origin import note_origin
from ..sessions import PerOwner, session_of, ties_of
from ..workers import error_sentence
from .prepared_image import Result, result_with_origin
from .project_images import project_images_of
from .project_layers import is_saved_result, result_layer


class SavedPredictions:
    """Keeps the layer up to date, and out of the way of a live prediction: two answers on each other are none.

    Parameters
    ----------
    viewer : napari Viewer
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = weakref.ref(viewer)
        self._session, self._ties, self._images = session_of(viewer), ties_of(viewer), project_images_of(viewer)
        viewer.layers.events.inserted.connect(self._on_inserted)

    def show(self, key: str) -> str:
        """Show a new prediction of an image that is in the window; returns why that cannot be, or ``""``."""
        viewer, image, folder = self._viewer(), self._ties.image(key), self._images.folder
        if viewer is None or image is None or folder is None:
            return ""
        for one in self._ties.layers_of(image):
            if is_saved_result(one):
                viewer.layers.remove(one)
        try:
            result = result_with_origin(folder.result_path(key), image_of(image))
        except (UserError, OSError) as error:
            return error_sentence(error)
        if result is not None:
            put_result(viewer, self._session, image, result)
            self._look(self._ties.live_prediction_of(image))
        return ""

    def _on_inserted(self, event: Any) -> None:
        layer = event.value
        if role_of(layer) == "prediction" and isinstance(layer, Labels):
            layer.events.set_data.connect(self._on_drawn)

    def _on_drawn(self, event: Any) -> None:
        """Make way when the live prediction has an answer for all that one sees."""
        self._look(event.source)

    def _look(self, live: Labels | None) -> None:
        if live is None:
            return
        seen = live._slice.image.raw
        if live.visible and seen.size and np.asarray(seen).all():
            self._make_way()

    def _make_way(self) -> None:
        """Hide the layer: a newer answer, that follows the strokes, is there."""
        viewer = self._viewer()
        if viewer is None or not self._session.speaks or self._session.model is None:
            return
        for layer in viewer.layers:
            if is_saved_result(layer) and layer.visible:
                layer.visible = False


def put_result(viewer: Any, session: Session, image: ImageLayer, result: Result) -> None:
    """Put a saved prediction above its image; it is seen until a live one is there."""
    layers, (labels, origin, known_by) = viewer.layers, result
    saved = result_layer(image, labels, session.classes)
    note_origin(saved, origin, known_by)
    active = layers.selection.active
    layers.insert(layers.index(image) + 1, saved)
    layers.selection.active = active


_all_saved = PerOwner(SavedPredictions)


def saved_predictions_of(viewer: Any) -> SavedPredictions:
    """Return what shows the saved predictions of a viewer, the same each time it is asked for."""
    return _all_saved.of(viewer)
