"""Work with a progress bar and a way out: segmenting whole images, and model files. Has no widgets."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.method import Model, Progress
from napari_unet.core.provenance import Provenance, now
from napari_unet.workflows.batch import BatchEvent, BatchPiece, BatchSummary, PieceDone, PieceProgress, run_batch

from ..large_images import is_painted_in_fields
from ..layer_axes import image_of
from ..layer_metadata import identity, mark_layer
from ..layer_origin import note_origin, sum_of
from ..layers import labels_like
from ..projects.keeper import keeper_of
from ..projects.project_jobs import project_jobs_of
from ..workers import Worker, error_sentence
from .live_controller import LiveController

TICK = 0.1
"""Seconds between two reports of progress."""


@dataclasses.dataclass(frozen=True, eq=False)
class _Segmented:
    """A whole image, segmented; where that comes from, and what :func:`sum_of` says of it."""

    layer: ImageLayer
    image: Image
    labels: NDArray[np.uint8]
    origin: Provenance
    known_by: int


class BackgroundJobs(QObject):
    """Predicts whole images into new layers and keeps models in files, one thing at a time."""

    progressed = Signal(str, float)
    """Text and fraction (0 to 1) of what is running; an empty text when it is over."""

    def __init__(self, controller: LiveController, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._job: Worker | None = None

    @property
    def busy(self) -> bool:
        """Whether a job is running."""
        return self._job is not None

    def predict_all(self) -> None:
        """Segment the images of the project into it, then others that are open, each into a new layer."""
        controller = self._controller
        layers, folder = controller.ties.images, keeper_of(controller.viewer).folder
        if folder is None or folder.read_only or not folder.state.images:
            self.predict(layers)
            return
        loose = [one for one in layers if not controller.session.images.is_listed(identity(one))]
        project_jobs_of(controller.viewer).predict_all(lambda: self.predict(loose) if loose else None)

    def predict(self, targets: Sequence[ImageLayer]) -> None:
        """Segment whole images with the present model, each into a new layer above its image."""
        controller, model = self._controller, self._controller.session.model
        if self.busy:
            return
        if model is None:
            controller.said.emit("There is no model yet. Paint a little of two classes, or load a model.")
            return
        if not targets:
            controller.said.emit("There is no image to segment. Open one first.")
            return
        large = [one.name for one in targets if is_painted_in_fields(one)]
        if large:
            controller.said.emit(f"{', '.join(map(repr, large))}: too large for a layer. Choose it, and press Whole "
                                 "image to a store.")
            targets = [one for one in targets if not is_painted_in_fields(one)]
            if not targets:
                return
        pieces = [BatchPiece(layer.name, partial(_segmented, model, layer, _picture(layer))) for layer in targets]
        self.progressed.emit("Predicting", 0.0)
        self._job = controller.workers.start(
            partial(run_batch, pieces), "napari-unet job",
            on_item=self._on_item, on_result=self._on_summary, on_error=self._on_error, on_end=self._on_end,
        )

    def cancel(self) -> None:
        """Stop what is running; images finished before keep their layers."""
        if self._job is not None:
            self._job.stop()
            self._controller.said.emit("Cancelled.")

    def _on_item(self, event: BatchEvent) -> None:
        if isinstance(event, PieceProgress):
            self.progressed.emit(f"{event.heading}: {event.item.text}",
                                 (event.number + (event.item.fraction or 0.0)) / event.total)
        elif isinstance(event, PieceDone):
            self._show(event.result)

    def _show(self, item: _Segmented) -> None:
        """Put the result into a layer above its image."""
        made = labels_like(
            item.layer, item.image, f"{item.layer.name} segmentation", self._controller.session.classes,
            background=False, data=item.labels,
        )
        mark_layer(made, "result", item.layer)
        note_origin(made, item.origin, item.known_by)
        layers = self._controller.viewer.layers
        active = layers.selection.active
        layers.insert(layers.index(item.layer) + 1 if item.layer in layers else len(layers), made)
        layers.selection.active = active  # the brush stays in the hand
        self._controller.said.emit(f"Made the layer {made.name!r}.")

    def _on_summary(self, summary: BatchSummary) -> None:
        if summary.failed:
            self._controller.said.emit(summary.sentence)

    def _on_error(self, error: Exception) -> None:
        self._controller.tell(error)

    def _on_end(self) -> None:
        self._job = None
        self.progressed.emit("", 0.0)

    def save(self, path: Path) -> None:
        """Write the present model to a file; says how it went."""
        from napari_unet.io.model_file import save_model

        model: Any = self._controller.session.model
        if model is None:
            self._controller.said.emit("There is no model to save yet. Paint a little of two classes.")
            return
        try:
            save_model(path, model, overwrite=True)  # the file dialog has asked
        except (UserError, OSError) as error:
            self._controller.said.emit(error_sentence(error))
        else:
            self._controller.said.emit(f"Saved the model as {path.name}.")

    def export(self, path: Path, overwrite: bool = False) -> None:
        """Export the present model for other programs; says how it went."""
        from napari_unet.exchange.model_export import export_model  # imports torch

        controller, model = self._controller, self._controller.session.model
        if self.busy:
            controller.said.emit("Something else is running. Export the model when that is done.")
            return
        if model is None:
            controller.said.emit("There is no model to export yet. Paint a little of two classes.")
            return
        self.progressed.emit("Exporting", 0.0)
        self._job = controller.workers.start(
            partial(export_model, path, model, overwrite=overwrite), "napari-unet export",
            on_item=lambda text: self.progressed.emit(text, 0.5),
            on_result=lambda _: controller.said.emit(f"Exported the model as {path.name}; it gives the same answers."),
            on_error=self._on_error, on_end=self._on_end, owner=self,
        )

    def load(self, path: Path, device: str = "auto") -> None:
        """Read a model from a file and predict with it; says how it went."""
        from napari_unet.io.model_file import load_network

        controller = self._controller
        try:
            model = load_network(path, device=device)
        except (UserError, OSError) as error:
            controller.said.emit(error_sentence(error))
            return
        controller.stop()
        controller.session.set_model(model)
        controller.session.set_state("paused", f"Loaded {path.name}. Press Live to train it on with your strokes.")


def _picture(layer: ImageLayer) -> Image | UserError:
    """Take what is to be segmented from a layer (in the GUI thread), or the reason why that cannot be."""
    try:
        return image_of(layer)
    except UserError as error:
        return error


def _segmented(model: Model, layer: ImageLayer, image: Image | UserError) -> Generator[Progress, None, _Segmented]:
    """Segment one image (in another thread)."""
    if isinstance(image, UserError):
        raise image
    from napari_unet.predicting.mask_origin import mask_provenance  # imports torch

    labels, told, begun = np.zeros(image.shape, np.uint8), 0.0, now()
    for patch in model.segment(image):
        labels[patch.where] = patch.labels
        if time.monotonic() - told > TICK:
            told = time.monotonic()
            yield Progress(f"tile {patch.done} of {patch.total}", patch.done / patch.total)
    origin = dataclasses.replace(mask_provenance(model, image, begun=begun, made_by="window"), ended=now())
    known_by = sum_of(labels[image.where(number)] for number in range(image.n_planes))
    return _Segmented(layer, image, labels, origin, known_by)
