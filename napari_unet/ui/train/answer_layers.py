"""The prediction layer and the layer of uncertainty of one image with strokes. Predicts nothing, knows no session."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.method import Patch

from ..layer_axes import image_of
from ..layer_metadata import class_table, mark_layer, set_class_table
from ..layers import label_view, labels_like, same_shape, uncertainty_like
from ..sessions import ties_of
from .partial_redraw import StalePart
from .viewport import shown_plane, shows_planes

REDRAW_MS = 80
"""A prediction layer that fills in is redrawn at most this often."""


class AnswerLayers(QObject):
    """What is predicted of an image, in layers below its strokes.

    Parameters
    ----------
    viewer : napari Viewer
    image_layer : napari Image layer
    strokes : napari Labels layer
    parent : QObject, optional

    Raises
    ------
    UserError
        If the image cannot be used.
    """

    def __init__(self, viewer: Any, image_layer: ImageLayer, strokes: Labels, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.image_layer, self.strokes = image_layer, strokes
        self.image = image_of(image_layer)
        self.prediction: Labels | None = None
        self.uncertainty: ImageLayer | None = None
        self._stale = StalePart()
        self._redraw = QTimer(self)
        self._redraw.setSingleShot(True)
        self._redraw.timeout.connect(self._on_redraw)

    def stop_drawing(self) -> None:
        """Draw nothing any more; what has been pasted stays."""
        self._redraw.stop()

    def make_prediction(self, classes: ClassTable) -> Labels:
        """Return the prediction layer, made and put right below the strokes if it is not there."""
        if self.prediction is None or self.prediction not in self._viewer.layers:
            ties = ties_of(self._viewer)
            self.prediction = ties.live_prediction_of(self.image_layer)  # of other strokes, or a dock that was closed
            if self.prediction is not None and not same_shape(self.prediction, self.image):
                ties.remove(self.prediction)  # the layer has held another picture
                self.prediction = None
            if self.prediction is None:
                name = f"{self.image_layer.name} prediction"
                self.prediction = labels_like(self.image_layer, self.image, name, classes, background=False)
                self._insert(self.prediction, "prediction")
                ties.predict_into(self.image_layer, self.prediction)
            self.show_classes(classes)
        return self.prediction

    def make_uncertainty(self) -> ImageLayer:
        """Return the layer of uncertainty, made and put right below the strokes if it is not there."""
        if self.uncertainty is None or self.uncertainty not in self._viewer.layers:
            self.uncertainty = uncertainty_like(self.image_layer, self.image, f"{self.image_layer.name} uncertainty")
            self._insert(self.uncertainty, "uncertainty")
        return self.uncertainty

    def drop_uncertainty(self) -> None:
        """Remove the layer of uncertainty, if there is one."""
        layer, self.uncertainty = self.uncertainty, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def _insert(self, layer: Layer, role: str) -> None:
        layers = self._viewer.layers
        mark_layer(layer, role, self.image_layer)
        active = layers.selection.active
        layers.insert(layers.index(self.strokes), layer)
        layers.selection.active = active  # the brush stays in the hand

    def paste(self, patch: Patch, unsure: NDArray[np.floating] | None = None) -> None:
        """Show a patch of the prediction and of its uncertainty (0 to 1); dropped if their layers are gone."""
        for layer, values in ((self.prediction, patch.labels), (self.uncertainty, unsure)):
            if layer is None or values is None or layer not in self._viewer.layers:
                continue
            try:
                self._put(layer, patch, values)
            except (UserError, ValueError):  # changed by hand
                continue
            self._note_stale(patch)
        if self._stale and not self._redraw.isActive():
            self._on_redraw()

    def _put(self, layer: Layer, patch: Patch, values: NDArray[Any]) -> None:
        label_view(layer, self.image)[patch.where] = values

    def _note_stale(self, patch: Patch) -> None:
        """Take note of what is to be drawn: nothing of a plane that is not shown."""
        if not shows_planes(self._viewer):
            self._stale.add_all()
        elif self.image.plane_of(patch.where) == shown_plane(self._viewer, self.strokes, self.image):
            self._stale.add(self.image.plane_shape, *patch.where[-2:])

    def _on_redraw(self) -> None:
        """Draw what came, at once if nothing was drawn lately, and look again a little later."""
        if self._stale:
            if self.prediction is not None:
                self._stale.draw(self.prediction)
            if self.uncertainty is not None:
                self.uncertainty.refresh(extent=False, highlight=False, thumbnail=False)
            self._stale = StalePart()
            self._redraw.start(REDRAW_MS)

    def show_classes(self, classes: ClassTable) -> None:
        """Give both layers these names and colours."""
        for layer, background in ((self.strokes, True), (self.prediction, False)):
            if layer is not None and class_table(layer) != classes:
                set_class_table(layer, classes, background=background)

    def clear_prediction(self) -> None:
        """Empty the prediction layer, which shows the old image; leave it if the new one has another shape."""
        if self.prediction is not None:
            try:
                label_view(self.prediction, self.image)[:] = 0
            except UserError:
                self.prediction = None
            else:
                self.prediction.refresh()
