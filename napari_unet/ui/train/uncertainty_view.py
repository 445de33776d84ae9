"""Where the model is unsure: a layer of it, and the way to the place to paint next. Has no widgets."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Layer
from qtpy.QtCore import QObject, Signal

from napari_unet.core.image import Image
from napari_unet.core.method import Model, Progress
from napari_unet.core.threads import available_cores, limit_threads
from napari_unet.predicting.uncertainty import UncertainPlace, find_least_sure
from napari_unet.session.annotation_session import Session

from ..worker_group import WorkerGroup
from ..workers import Worker
from .field_binding import FieldBinding
from .layer_binding import LayerBinding
from .live_layers import LiveLayers
from .seen_windows import SeenWindows
from .viewport import camera_of, go_to, shown_plane, shows_planes, visible_part

Search = Generator[Progress, None, UncertainPlace | None]

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
        """Go to the least sure place: in view first; if that is sure, or nothing was painted since, in all planes.

        Of a large image only the field that is looked at is answered, and looked through.
        """
        binding, model = self._prediction.binding, self._session.model
        if self.busy:
            return
        if binding is None or binding.strokes not in self._viewer.layers or binding.key not in self._session.keys:
            self.said.emit("Choose an image and strokes first.")
            return
        if model is None:
            self.said.emit("There is no prediction yet. Paint a little of two classes.")
            return
        binding.flush()
        if isinstance(binding, FieldBinding):
            self._look_in_field(binding, model)
        else:
            self._look_in_image(binding, model)

    def _look_in_image(self, binding: LayerBinding, model: Model) -> None:
        pair = self._session.pair(binding.key)
        self._turn_to(binding.image)
        again = self._went_at == pair.scribbles.version
        self._look(binding, pair.scribbles.version, find_least_sure(
            model, binding.image, pair.scribbles, width=_brush(binding.strokes.brush_size),
            plane=shown_plane(self._viewer, binding.strokes, binding.image),
            view=None if again else visible_part(self._viewer, binding.strokes, binding.image), visited=self.visited,
        ))

    def _look_in_field(self, binding: FieldBinding, model: Model) -> None:
        seen = SeenWindows.of(binding, self._session)
        if seen is None:
            self.said.emit(f"Nothing of {binding.image.name!r} is in view. Move the view to it.")
            return
        self._turn_to(seen.windows)
        self._look(binding, seen.scribbles.version, find_least_sure(
            model, seen.windows, seen.scribbles, width=_brush(seen.brush(binding.strokes.brush_size, binding.field)),
            visited=self.visited, planes=seen.planes,
        ), seen)

    def _turn_to(self, image: Image) -> None:
        """Forget where it went on another image."""
        if self._image is not image:
            self._image, self.visited, self._went_at = image, (), None

    def _look(self, binding: LayerBinding, version: int, work: Search, seen: SeenWindows | None = None) -> None:
        self.progressed.emit("Looking for the least sure place", 0.0)
        self._search = self._workers.start(
            partial(_calmly, work), "napari-unet uncertainty",
            on_item=lambda step: self.progressed.emit(step.text, step.fraction or 0.0),
            on_result=partial(self._on_found, binding, version, seen),
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

    def _on_found(
        self, binding: LayerBinding, version: int, seen: SeenWindows | None, place: UncertainPlace | None
    ) -> None:
        image = binding.image if seen is None else seen.windows
        if binding.strokes not in self._viewer.layers or image is not self._image:
            return
        if place is None:
            went, self.visited, self._went_at = bool(self.visited), (), None
            self.said.emit(_nothing_left(went) if seen is None else _nothing_in_field(went))
            return
        if seen is None:
            go_to(self._viewer, binding.strokes, binding.image, place)
        elif not self._go_in_field(binding, seen, place):
            self.said.emit("Another plane is looked at by now. Press again to look there.")
            return
        self.visited = (*self.visited, place)
        self._went_at = version
        where = "place" if seen is None else "place of the field that you look at"
        self.said.emit(
            f"The least sure {where} is in the middle of the view (uncertainty {place.value:.2f} of 1). "
            "Paint what it is, or press again for the next."
        )

    def _go_in_field(self, binding: LayerBinding, seen: SeenWindows, place: UncertainPlace) -> bool:
        """Bring a place of a large image into the middle of the view; say whether its plane is still looked at."""
        at = seen.in_field(place, binding.field) if isinstance(binding, FieldBinding) else None
        if at is None or not shows_planes(self._viewer):
            return False
        world = binding.strokes.data_to_world((*(0,) * (binding.strokes.ndim - 2), *at))
        camera = camera_of(self._viewer)
        camera.center = (camera.center[0], float(world[-2]), float(world[-1]))
        return True


def _nothing_left(went: bool) -> str:
    return ("Everywhere else it is sure. Press again to go through the unsure places once more." if went else
            "It is sure everywhere in this image. Look for mistakes yourself, and paint there.")


def _nothing_in_field(went: bool) -> str:
    if went:
        return ("Everywhere else in the field that you look at it is sure. Press again to go through its unsure places "
                "once more, or move the view.")
    return "It is sure everywhere in the field that you look at. Move the view, or look for mistakes yourself."


def _brush(width: float) -> int:
    """Return the width of a brush that a place is looked for with."""
    return int(np.clip(width, *BRUSH))


def _calmly(work: Search) -> Search:
    """Go through work on a few cores, so that training and painting go on beside it."""
    limit_threads(max(1, available_cores() // 4))
    return (yield from work)
