"""Objects of the field of a large image that is looked at, at the level looked at; they follow its answer.

They are counted and shown, not put right by hand: the next field is another one. The whole image is for stores.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet.core.errors import UserError
from napari_unet.session.object_search import FoundObjects, ObjectQuestion, ObjectWay, painted_ids

from ..large_images import is_field, mark_field
from ..layer_metadata import identity, mark_layer, note
from ..train.edit_layers import forget_edits
from ..train.live_controller import LiveController
from ..workers import Worker
from .object_follower import PlaceState

SOON_MS = 60
"""What changes within this time is answered together: an answer comes window by window."""

PLACE = ("scale", "translate", "rotate", "shear", "affine", "units")
COUNTING = "Counting in the field that you look at..."
FIELD = "Counted is what is answered in the field that you look at. For the whole image, press Whole image..."
NONE_HERE = "There are no objects in the field that you look at."


class FieldObjects(QObject):
    """Finds the objects of a field, and shows them in a layer that lies over it.

    Parameters
    ----------
    controller : LiveController
    parent : QObject, optional

    Attributes
    ----------
    source : Labels or None
        The answer of the field, if one is followed.
    state : PlaceState or None
        What is known of its objects.
    """

    changed = Signal()
    """Counts, or how far they hold, have changed; or another source is followed."""

    failed = Signal(object)
    """An error behind what was said."""

    def __init__(self, controller: LiveController, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller, self._session, self._viewer = controller, controller.session, controller.viewer
        self.source: Labels | None = None
        self.state: PlaceState | None = None
        self._image: ImageLayer | None = None
        self._layer: Labels | None = None
        self._worker: Worker | None = None
        self._again = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SOON_MS)
        self._soon.timeout.connect(self._on_due)
        self._session.settings_changed.connect(self.ask)

    def close(self) -> None:
        """Let go of viewer and session; the layer of objects stays."""
        self.blockSignals(True)
        self._layer = None
        self._follow(None)
        self._session.settings_changed.disconnect(self.ask, missing_ok=True)

    def takes(self, layer: Any) -> bool:
        """Find the objects of a layer from now on if it shows a field, else of nothing; say whether it does."""
        field = layer if isinstance(layer, Labels) and is_field(layer) else None
        self._follow(field)
        return field is not None

    def _follow(self, source: Labels | None) -> None:
        if source is self.source:
            return
        if self.source is not None:
            for event in self._events(self.source):
                event.disconnect(self.ask)
        self._soon.stop()
        if self._worker is not None:
            self._worker.stop()
        if self._layer is not None and self._layer in self._viewer.layers:
            self._viewer.layers.remove(self._layer)
        self._layer, self._again = None, False
        self.source, self.state = source, None
        self._image = None if source is None else self._controller.ties.image_of(source)
        if source is not None:
            for event in self._events(source):
                event.connect(self.ask)
            self.ask()
        self.changed.emit()

    @staticmethod
    def _events(layer: Labels) -> tuple[Any, ...]:
        return layer.events.data, layer.events.set_data, layer.events.labels_update

    def ask(self, _event: Any = None) -> None:
        """Find the objects of what is shown, in a moment."""
        if self.source is None:
            return
        if self.state is not None and self.state.fresh:
            self.state.fresh = False
            self.changed.emit()
        self._soon.start()

    @property
    def sentence(self) -> str:
        """Say how far the counts hold."""
        if self.state is None or not self.state.fresh:
            return COUNTING
        return FIELD if any(one.objects for one in self.state.counts.values()) else NONE_HERE

    def _on_due(self) -> None:
        source = self.source
        if source is None or source not in self._viewer.layers:
            return
        if self._worker is not None:
            self._again = True
            return
        self._again = False
        try:
            question = self._question(source)
        except UserError as error:
            self.failed.emit(error)
            return
        place = _place_of(source)

        def work() -> Iterator[FoundObjects]:
            yield question.answer()

        def deliver(found: FoundObjects) -> None:
            if source is self.source and _same(place, _place_of(source)):
                self._show(found, place)

        self._worker = self._controller.workers.start(work, "napari-unet objects", on_item=deliver,
                                                      on_error=self.failed.emit, on_end=self._on_end)

    def _question(self, source: Labels) -> ObjectQuestion:
        data = np.asarray(source.data)
        labels = painted_ids(np.array(data.reshape(data.shape[-2:])), True, source.name)
        layer = self._layer
        same = layer is not None and layer.data.shape == data.shape and _same(_place_of(layer), _place_of(source))
        before = np.zeros(labels.shape, np.uint32)
        if layer is not None and same:
            before[...] = np.asarray(layer.data).reshape(labels.shape)
        names = {one.id: one.name for one in self._session.classes.classes}
        spacing = tuple(abs(float(one)) for one in source.scale[-2:])
        return ObjectQuestion(labels, before, np.zeros(1, np.uint8), ObjectWay.of_settings(self._session.settings),
                              spacing=spacing, names=names)

    def _show(self, found: FoundObjects, place: dict[str, Any]) -> None:
        source = self.source
        assert source is not None
        numbers = np.array(found.numbers).reshape(*(1,) * (source.ndim - 2), *found.numbers.shape)
        if self._layer is None or self._layer not in self._viewer.layers:
            self._layer = self._made(source, numbers, place)
        else:
            self._layer.data = numbers
            for name, value in place.items():
                setattr(self._layer, name, value)
            forget_edits(self._layer)
        self.state = PlaceState(found.classes, found.counts, not self._again and not self._soon.isActive(), found.note)
        self.changed.emit()

    def _made(self, source: Labels, numbers: NDArray[np.uint32], place: dict[str, Any]) -> Labels:
        """Return the layer of objects, put above the answer."""
        name = source.name if self._image is None else self._image.name
        made = Labels(numbers, name=f"{name} objects", opacity=0.6, **place)
        if self._image is not None:
            mark_layer(made, "objects", self._image)
        note(made, objects_of=identity(source))
        mark_field(made)
        made.editable = False
        layers = self._viewer.layers
        active = layers.selection.active
        layers.insert(layers.index(source) + 1, made)
        layers.selection.active = active  # the brush stays in the hand
        return made

    def _on_end(self) -> None:
        self._worker = None
        if self._again:
            self._on_due()
        self.changed.emit()


def _place_of(layer: Labels) -> dict[str, Any]:
    return {name: getattr(layer, name) for name in PLACE}


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Say whether two layers lie at the same place."""
    return all(np.array_equal(np.asarray(one[name]), np.asarray(other[name])) for name in ("scale", "translate"))
