"""The button that segments the whole image: into a layer, or of a large image into a store. Segments nothing itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from napari.layers import Image as ImageLayer
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QFileDialog, QPushButton

from napari_unet.core.errors import UserError
from napari_unet.core.window_stack import windows_of

from ..large_images import is_painted_in_fields
from .background_jobs import BackgroundJobs
from .field_binding import FieldBinding
from .layer_chooser import LayerChooser
from .live_controller import LiveController
from .store_filler import StoreFiller, asked_path

TO_LAYER = "Predict image"
TO_STORE = "Whole image to a store..."
ABOUT_LAYER = "Segment this whole image, all planes, into a new layer."
ABOUT_STORE = ("Segment this whole image, at the level that is learnt from, into an OME-Zarr folder, block by block. "
               "It fills as a layer; stopped, it goes on when the same name is chosen again.")


class PredictButton(QObject):
    """What the button says and does, by the size of the present image.

    Parameters
    ----------
    button : QPushButton
    controller : LiveController
    chooser : LayerChooser
        Knows the present image.
    jobs : BackgroundJobs
        Segments into layers.
    """

    def __init__(
        self, button: QPushButton, controller: LiveController, chooser: LayerChooser, jobs: BackgroundJobs
    ) -> None:
        super().__init__(button)
        self._button, self._controller, self._chooser, self._jobs = button, controller, chooser, jobs
        self.filler = StoreFiller(controller, self)
        button.clicked.connect(self._on_click)
        controller.pairs_changed.connect(self.look)
        controller.images.changed.connect(self.look)
        self.look()

    @property
    def _layer(self) -> ImageLayer | None:
        layer = self._chooser.image_box.layer
        return layer if isinstance(layer, ImageLayer) else None

    def look(self) -> None:
        """Say what the button does for the present image."""
        large = self._layer is not None and is_painted_in_fields(self._layer)
        self._button.setText(TO_STORE if large else TO_LAYER)
        self._button.setToolTip(ABOUT_STORE if large else ABOUT_LAYER)

    def _on_click(self) -> None:
        layer = self._layer
        if layer is None or not is_painted_in_fields(layer):
            self._jobs.predict([] if layer is None else [layer])
            return
        model, binding = self._controller.session.model, self._binding(layer)
        if model is None or binding is None:
            self._controller.said.emit("There is no model yet. Paint a little of two classes, or load a model.")
            return
        try:
            path = asked_path(self._ask, _suggested(layer))
        except UserError as error:
            self._controller.said.emit(str(error))
            return
        lens = self._controller.session.lens(binding.key)
        pixels = None if lens is None else windows_of(lens.windows)
        if path is not None and lens is not None and pixels is not None:
            binding.flush()
            self.filler.start(layer, binding.image, pixels.whole, lens.factor, model, path, overwrite=path.exists())

    def _binding(self, layer: ImageLayer) -> FieldBinding | None:
        found: Any = next((one for one in self._controller.bindings.values() if one.image_layer is layer), None)
        return found if isinstance(found, FieldBinding) else None

    def _ask(self, suggested: str) -> str:
        name, _ = QFileDialog.getSaveFileName(self._button, TO_STORE.rstrip("."), suggested, "OME-Zarr (*.zarr)")
        return str(name)


def _suggested(layer: ImageLayer) -> Path:
    """Return a name beside the image's file where one may write, else in the home."""
    source = Path(str(layer.source.path)) if layer.source.path else None
    folder = source.parent if source is not None and os.access(source.parent, os.W_OK) else Path.home()
    stem = "".join(one if one.isalnum() or one in "._-" else "_" for one in layer.name)
    return folder / f"{stem}_mask.ome.zarr"
