"""Keeps the current image of the session, the active layer and the view together. Trains nothing, has no widgets."""

from __future__ import annotations

from typing import Any

from napari.layers import Image as ImageLayer
from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet.session.annotation_session import Session

from ..channel_layers import channels_of
from ..image_ties import ImageTies
from ..layer_axes import axes_of
from ..layer_metadata import identity
from .one_at_a_time import OneAtATime


class CurrentImage(QObject):
    """The image that is looked at, painted and predicted.

    It follows the active layer: an image, or a layer that belongs to one. Choosing it (:meth:`choose`, :meth:`step`)
    brings it into view. Which image it is, the session knows.

    Parameters
    ----------
    viewer : napari Viewer
    session : Session
    ties : ImageTies
    parent : QObject, optional
    """

    changed = Signal()
    """Another image is the current one, or none is."""

    def __init__(self, viewer: Any, session: Session, ties: ImageTies, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer, self._images, self._ties = viewer, session.images, ties
        self.view = OneAtATime(viewer, ties)
        self._follow = QTimer(self)
        self._follow.setSingleShot(True)
        self._follow.setInterval(0)  # after whatever is inserted now has given the selection back
        self._follow.timeout.connect(self._on_active)
        layers = viewer.layers
        self._connected: list[tuple[Any, Any]] = [
            (layers.selection.events.active, self._on_selected), (layers.events.inserted, self._on_layers),
            (layers.events.removed, self._on_layers), (layers.events.reordered, self._on_layers),
            (session.images.current_changed, self._on_current),
        ]
        for emitter, slot in self._connected:
            emitter.connect(slot)
        ties.changed.connect(self._on_layers)
        self._connected.append((ties.changed, self._on_layers))
        self.refresh()

    def close(self) -> None:
        """Let go of the viewer, and show again what was hidden."""
        for emitter, slot in self._connected:
            emitter.disconnect(slot)
        self._connected = []
        self._follow.stop()
        self.view.turn(False, None)

    @property
    def layer(self) -> ImageLayer | None:
        """The layer of the current image."""
        return self._ties.image(self._images.current)

    def choose(self, layer: ImageLayer | None) -> None:
        """Make an image the current one."""
        self._images.choose(None if layer is None else identity(layer))

    def step(self, by: int) -> None:
        """Go to the next (1) or previous (-1) image."""
        self._images.step(by)

    def turn(self, one_at_a_time: bool) -> None:
        """Look at one image at a time, or at all."""
        self.view.turn(one_at_a_time, self.layer)

    def refresh(self) -> None:
        """Take note that layers came, went, or belong to others."""
        open_now = self._ties.images
        self._images.put([identity(one) for one in open_now])
        for one in open_now:
            self._note(one)
        self.view.note_new(self.layer)

    def _note(self, image: ImageLayer) -> None:
        """Let the session know what the window knows of an image."""
        parts, strokes = channels_of(image), self._ties.strokes_of(image)
        paths = [str(one.source.path) for one in parts if one.source.path]
        self._images.note(
            identity(image), name=image.name, axes=axes_of(image).letters,
            channels=tuple(one.name for one in parts) if len(parts) > 1 else (),
            **({} if strokes is None else {"strokes_key": identity(strokes)}),
            **({} if self._images.is_listed(identity(image)) else {"source": tuple(paths)}),
        )

    def _on_layers(self, _event: Any = None) -> None:
        self._follow.start()

    def _on_selected(self, _event: Any = None) -> None:
        self._follow.start()

    def _on_active(self) -> None:
        self.refresh()
        active = self._viewer.layers.selection.active
        owner = self._ties.image_of(active) if active is not None else None
        if owner is not None and identity(owner) != self._images.current:  # else one that is awaited would be forgotten
            self.choose(owner)

    def _on_current(self) -> None:
        layer = self.layer
        if layer is not None:
            self.view.look(layer)
            self._take_up(layer)
        self.changed.emit()

    def _take_up(self, image: ImageLayer) -> None:
        """Make a layer of the image the active one, its strokes first, so that the brush paints on what is seen."""
        layers = self._viewer.layers
        active = layers.selection.active
        if active is None or self._ties.image_of(active) is not image:
            layers.selection.active = self._ties.strokes_of(image) or image
