"""Where the model is unsure: a layer of it, and the way to the place to paint next. Has no widgets."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Layer
from qtpy.QtCore import QObject, Signal

from napari_unet.core.image import Image
from napari_unet.core.method import Progress
from napari_unet.core.threads import available_cores, limit_threads
from napari_unet.predicting.uncertainty import UncertainPlace, find_least_sure
from napari_unet.session.annotation_session import Session

from ..large_images import is_field
from ..workers import Worker, WorkerGroup
from .layer_binding import LayerBinding
from .live_layers import LiveLayers
from .viewport import go_to, shown_plane, visible_part

BRUSH = (5, 60)
"""Widths of a brush (px) that a place is looked for with; a wider or narrower brush counts as one of these."""


class UncertaintyView(QObject):
    """Shows where the model is unsure, and goes there.

    Parameters
    ----------
    viewer : napari Viewer
    session : Session
    workers : WorkerGroup
    prediction : LiveLayers
    parent : QObject, optional

    Attributes
    ----------
    visited : tuple of UncertainPlace
        Where it went on the present image.
    """

    shown_changed = Signal(bool)
    """The layer of uncertainty is wanted, or not any more."""

    progressed = Signal(str, float)
    """Text and fraction (0 to 1) of a search; an empty text when it is over."""

    said = Signal(str)
    """One sentence."""

    failed = Signal(object)
    """The error that ended a search."""

    def __init__(
        self, viewer: Any, session: Session, workers: WorkerGroup, prediction: LiveLayers,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer, self._session, self._workers, self._prediction = viewer, session, workers, prediction
        self._search: Worker | None = None
        self._image: Image | None = None
        self.visited: tuple[UncertainPlace, ...] = ()
        self._went_at: int | None = None

    @property
    def busy(self) -> bool:
        """Whether it is looking for a place."""
        return self._search is not None

    def show(self, shown: bool) -> None:
        """Show or remove the layer of uncertainty, which follows the live prediction."""
        if shown != self._prediction.unsure:
            self._prediction.show_unsure(shown)
            self.shown_changed.emit(shown)

    def note_removed(self, layer: Layer) -> None:
        """Take note that a layer was removed: without its layer, uncertainty is not computed any more."""
        binding = self._prediction.binding
        if binding is not None and binding.uncertainty is layer:
            self.show(False)

    def go(self) -> None:
        """Go to the least sure place: in view first; if that is sure, or nothing was painted since, in all planes."""
        binding, model = self._prediction.binding, self._session.model
        if self.busy:
            return
        if binding is None or binding.strokes not in self._viewer.layers or binding.key not in self._session.keys:
            self.said.emit("Choose an image and strokes first.")
            return
        if model is None:
            self.said.emit("There is no prediction yet. Paint a little of two classes.")
            return
        if is_field(binding.strokes):
            self.said.emit(f"{binding.image.name!r} is too large to be looked through. Tick 'Show where it is unsure': "
                           "it follows what you look at.")
            return
        binding.flush()
        if self._image is not binding.image:
            self._image, self.visited, self._went_at = binding.image, (), None
        pair = self._session.pair(binding.key)
        again = self._went_at == pair.scribbles.version
        view = None if again else visible_part(self._viewer, binding.strokes, binding.image)
        work = find_least_sure(
            model, binding.image, pair.scribbles, width=int(np.clip(binding.strokes.brush_size, *BRUSH)),
            plane=shown_plane(self._viewer, binding.strokes, binding.image), view=view, visited=self.visited,
        )
        self.progressed.emit("Looking for the least sure place", 0.0)
        self._search = self._workers.start(
            partial(_calmly, work), "napari-unet uncertainty",
            on_item=lambda step: self.progressed.emit(step.text, step.fraction or 0.0),
            on_result=partial(self._on_found, binding, pair.scribbles.version),
            on_error=self.failed.emit, on_end=self._on_end,
        )

    def cancel(self) -> None:
        """Stop looking; the view stays."""
        if self._search is not None:
            self._search.stop()
            self.said.emit("Cancelled.")

    def _on_end(self) -> None:
        self._search = None
        self.progressed.emit("", 0.0)

    def _on_found(self, binding: LayerBinding, version: int, place: UncertainPlace | None) -> None:
        if binding.strokes not in self._viewer.layers or binding.image is not self._image:
            return
        if place is None:
            seen, self.visited, self._went_at = bool(self.visited), (), None
            self.said.emit(
                "Everywhere else it is sure. Press again to go through the unsure places once more." if seen else
                "It is sure everywhere in this image. Look for mistakes yourself, and paint there."
            )
            return
        self.visited = (*self.visited, place)
        self._went_at = version
        go_to(self._viewer, binding.strokes, binding.image, place)
        self.said.emit(
            f"The least sure place is in the middle of the view (uncertainty {place.value:.2f} of 1). "
            "Paint what it is, or press again for the next."
        )


def _calmly(
    work: Generator[Progress, None, UncertainPlace | None]
) -> Generator[Progress, None, UncertainPlace | None]:
    """Go through work on a few cores, so that training and painting go on beside it."""
    limit_threads(max(1, available_cores() // 4))
    return (yield from work)
