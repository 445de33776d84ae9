"""Objects of the field of a large image that is looked at, at the level looked at; they follow its answer.

What is put right by hand is kept in pixels of the finest level, and holds in every field and level that shows it, and
for the objects of the whole image in a store.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet.core.errors import UserError
from napari_unet.core.level_field import LevelField
from napari_unet.objects.corrections import Pin
from napari_unet.objects.level_pixels import parameters_at
from napari_unet.session.level_notes import FieldNotes
from napari_unet.session.object_notes import Place
from napari_unet.session.object_search import FoundObjects, ObjectQuestion, ObjectWay, painted_ids

from ..large_images import is_field
from ..train.live_controller import LiveController
from ..workers import Worker
from .field_corrections import FieldCorrections
from .field_shown import FieldShown, place_of_field
from .object_follower import PlaceState
from .object_layer import with_classes

SOON_MS = 60
"""What changes within this time is answered together: an answer comes window by window."""

COUNTING = "Counting in the field that you look at..."
FIELD = "Counted is what is answered in the field that you look at. For the whole image, press Whole image..."
FAILED = "The objects of the field that you look at could not be found; why is said below."
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
    shown : FieldShown or None
        Where they are shown.
    corrections : FieldCorrections
        What is put right by hand.
    """

    found = Signal()
    """Other objects are shown."""

    said = Signal(str)
    """One sentence."""

    changed = Signal()
    """Counts, or how far they hold, have changed; or another source is followed."""

    failed = Signal(object)
    """An error behind what was said."""

    def __init__(self, controller: LiveController, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller, self._session, self._viewer = controller, controller.session, controller.viewer
        self.source: Labels | None = None
        self.state: PlaceState | None = None
        self.shown: FieldShown | None = None
        self.corrections = FieldCorrections(controller)
        self._worker: Worker | None = None
        self._again = False
        self.trouble: Literal["", "failed"] = ""  # until something changes, why nothing is looked for
        self._noted = 0  # grows whenever something is noted of the objects of the image
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SOON_MS)
        self._soon.timeout.connect(self._on_due)
        self._session.settings_changed.connect(self.ask)
        self._session.objects_changed.connect(self._on_noted)

    def close(self) -> None:
        """Let go of viewer and session; the layer of objects stays."""
        self.blockSignals(True)
        if self.shown is not None:
            self.shown.flush()
            self.shown.close(remove=False)
            self.shown = None
        self._follow(None)
        self._session.settings_changed.disconnect(self.ask, missing_ok=True)
        self._session.objects_changed.disconnect(self._on_noted, missing_ok=True)

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
        if self.shown is not None:
            self.shown.flush()
            self.shown.close(remove=True)
            self.shown.deleteLater()
        self.shown, self._again, self.trouble = None, False, ""
        self.source, self.state = source, None
        self.corrections.source = source
        self.corrections.image = None if source is None else self._controller.ties.image_of(source)
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
        self.trouble = ""
        if self.state is not None and self.state.fresh:
            self.state.fresh = False
            self.changed.emit()
        self._soon.start()

    @property
    def busy(self) -> bool:
        """Whether objects are being looked for."""
        return self._worker is not None or self._soon.isActive()

    @property
    def sentence(self) -> str:
        """Say how far the counts hold."""
        if self.trouble and not self.busy:
            return FAILED
        if self.state is None or not self.state.fresh:
            return COUNTING
        return FIELD if any(one.objects for one in self.state.counts.values()) else NONE_HERE

    def _on_edited(self, field: LevelField, pins: tuple[Pin, ...]) -> None:
        """Note what somebody has painted into the layer of objects."""
        made = with_classes(pins, self.corrections.class_of_new())
        try:
            self.said.emit(self.corrections.add("paint objects", field, pins=made).text)
        except UserError as error:
            self.said.emit(str(error))
            self.ask()  # what was painted goes

    def _on_noted(self, key: Any) -> None:
        if self.source is not None and key == self.corrections.key:
            self._noted += 1
            self.ask()

    # -- finding -----------------------------------------------------------------------------------------------------

    def _on_due(self) -> None:
        source = self.source
        if source is None or source not in self._viewer.layers or self._controller.workers.closed:
            return
        if self.shown is not None and self.shown.flush():
            return  # it is noted, which asks anew
        if self._worker is not None:
            self._again = True
            return
        self._again = False
        field = self.corrections.field
        notes = self.corrections.seen(field)
        try:
            question = self._question(source, field, notes)
        except UserError as error:
            self._on_failed(error)
            return
        place, noted = place_of_field(source), self._noted

        def work() -> Iterator[FoundObjects]:
            yield question.answer()

        def deliver(found: FoundObjects) -> None:
            if source is self.source and noted == self._noted and _same(place, place_of_field(source)):
                self._show(found, field, notes, place)

        self._worker = self._controller.workers.start(work, "napari-unet objects", on_item=deliver,
                                                      on_error=self._on_failed, on_end=self._on_end, owner=self)
        self.changed.emit()

    def _question(self, source: Labels, field: LevelField | None, notes: FieldNotes) -> ObjectQuestion:
        data = np.asarray(source.data)
        labels = painted_ids(np.array(data.reshape(data.shape[-2:])), True, source.name)
        before, shown = np.zeros(labels.shape, np.uint32), self.shown
        if shown is not None and shown.shown.shape == before.shape and _same(
                place_of_field(shown.layer), place_of_field(source)):
            before[...] = shown.shown
        names = {one.id: one.name for one in self._session.classes.classes}
        spacing = tuple(abs(float(one)) for one in source.scale[-2:])
        factor = (1, 1) if field is None else field.factor
        way = ObjectWay.of_settings(self._session.settings)
        way = ObjectWay(way.way, parameters_at(way.parameters, factor), way.areas)
        elsewhere = () if field is None else self._session.lessons_elsewhere(
            self.corrections.key, Place(field.plane), notes.lines)
        return ObjectQuestion(labels, before, np.zeros(1, np.uint8), way, notes.here, spacing=spacing, names=names,
                              elsewhere=elsewhere, stands_for=math.prod(factor))

    def _show(
        self, found: FoundObjects, field: LevelField | None, notes: FieldNotes, place: dict[str, Any]
    ) -> None:
        source = self.source
        assert source is not None
        if self.shown is not None and not self.shown.is_there:
            self.shown.close(remove=False)
            self.shown.deleteLater()
            self.shown = None
        if self.shown is None:
            self.shown = FieldShown(self._viewer, source, self.corrections.image, self)
            self.shown.edited.connect(self._on_edited)
        elif self.shown.flush():
            return  # it is noted, which asks anew
        self.shown.put(found.numbers, found.classes, field, place)
        if field is not None and found.said:
            self._session.learn_lines(self.corrections.key, Place(field.plane), notes.lines, found.said)
        self.state = PlaceState(found.classes, found.counts, not self._again and not self._soon.isActive(), found.note)
        self.found.emit()
        self.changed.emit()

    def _on_failed(self, error: Exception) -> None:
        self.trouble = "failed"
        self.failed.emit(error)
        self.changed.emit()

    def _on_end(self) -> None:
        self._worker = None
        if self._again:
            self._on_due()
        self.changed.emit()


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Say whether two layers lie at the same place."""
    return all(np.array_equal(np.asarray(one[name]), np.asarray(other[name])) for name in ("scale", "translate"))
