"""Follows what objects are found in: which layer, which plane, and whether what was found still holds. Finds none."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_unet.core.classes import ClassTable
from napari_unet.objects.corrections import Pin
from napari_unet.objects.counting import ClassCount
from napari_unet.objects.measure_table import MeasureTable
from napari_unet.objects.neck_choice import chosen_neck
from napari_unet.session.object_notes import Place, PlaceNotes
from napari_unet.session.object_search import FoundObjects, ObjectWay
from napari_unet.session.run_schedule import LivePatch

from ..train.live_controller import LiveController
from ..train.viewport import shown_plane
from .border_teaching import teach_borders
from .likelihood_shelf import LikelihoodShelf
from .object_layer import ObjectLayer, with_classes
from .object_source import ObjectSource


@dataclasses.dataclass
class PlaceState:
    """What is known of the objects of a plane or volume."""

    classes: NDArray[np.uint8]
    counts: Mapping[int, ClassCount]
    fresh: bool
    note: str = ""
    measured: MeasureTable | None = None


class ObjectFollower(QObject):
    """Follows one source of objects; :class:`.ObjectFinder` finds them.

    Parameters
    ----------
    controller : LiveController
    parent : QObject, optional

    Attributes
    ----------
    shown : ObjectLayer or None
        Where objects are shown.
    states : dict of Place to PlaceState
        What is known of the places that were found.
    by_volume : bool
        Whether objects are those of the whole volume.
    noted : int
        Grows whenever something is noted of the objects of the image.
    """

    changed = Signal()
    """Counts, or how far they hold, have changed; or another source is followed."""

    found = Signal()
    """Other objects are shown."""

    said = Signal(str)
    """One sentence, ``""`` when there is nothing to say any more."""

    failed = Signal(object)
    """An error behind what was said."""

    def __init__(self, controller: LiveController, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller, self._session, self._viewer = controller, controller.session, controller.viewer
        self.shown: ObjectLayer | None = None
        self.states: dict[Place, PlaceState] = {}
        self.by_volume = False
        self._likely = LikelihoodShelf()
        self._serial = self.noted = 0
        self._neck = 0.0  # what all lines together choose
        session, dims = self._session, self._viewer.dims.events
        self._connected: list[tuple[Any, Any]] = [
            (session.objects_changed, self._on_noted), (session.settings_changed, self._on_stale_all),
            (session.lines_taught, self._on_taught),
            (dims.current_step, self._on_looked), (dims.ndisplay, self._on_looked), (dims.order, self._on_looked),
        ]
        for emitter, slot in self._connected:
            emitter.connect(slot)
        controller.prediction.pasted.connect(self._on_pasted)
        self._source_events: list[tuple[Any, Any]] = []

    def close(self) -> None:
        """Let go of viewer and session; the layer of objects stays."""
        self.blockSignals(True)  # whoever listens is gone, or about to go
        with contextlib.suppress(RuntimeError):  # with the window the predictor goes too, maybe before us
            self._controller.prediction.pasted.disconnect(self._on_pasted)
        self.follow(None)
        for emitter, slot in self._connected:
            emitter.disconnect(slot)
        self._connected = []

    # -- what is followed --------------------------------------------------------------------------------------------

    def follow(self, source: ObjectSource | None) -> None:
        """Find the objects of a source from now on; None: of nothing."""
        if self.shown is not None:
            self.shown.flush()
            self.shown.close()
            self.shown.deleteLater()
        for emitter, slot in self._source_events:
            emitter.disconnect(slot)
        self._source_events, self.shown, self.by_volume = [], None, False
        self.states = {}
        self._likely.clear()
        self._serial += 1
        with contextlib.suppress(RuntimeError):
            self._controller.prediction.tell_likely(source is not None and source.is_live)
        if source is not None:
            made = self.shown = ObjectLayer(self._viewer, source, self)
            made.edited.connect(self._on_edited)
            made.lost.connect(self._on_lost)
            made.drawn.connect(self.found)
            events = source.layer.events
            self._source_events = [(one, self._on_source) for one in (events.set_data, events.data, events.paint)]
            for emitter, slot in self._source_events:
                emitter.connect(slot)
            self._turn(self.present_place())
            self._neck = self._taught_neck()
            self.ask()
        self.changed.emit()

    @property
    def source(self) -> ObjectSource | None:
        """What is followed."""
        return self.shown.source if self.shown is not None else None

    @property
    def state(self) -> PlaceState | None:
        """What is known of the place that is shown, None before anything is found there."""
        return self.states.get(self.shown.place) if self.shown is not None else None

    @property
    def notes(self) -> PlaceNotes:
        """What is noted of the place that is shown."""
        assert self.shown is not None
        source = self.shown.source
        return self._session.object_notes(source.key, source.image.shape).at(self.shown.place)

    def has_lines(self, place: Place) -> bool:
        """Whether somebody has drawn cuts or joins at a place of the image."""
        source = self.source
        return source is not None and bool(
            self._session.object_notes(source.key, source.image.shape).at(place).lines)

    def way(self) -> ObjectWay:
        """Return how objects are found."""
        return ObjectWay.of_settings(self._session.settings)

    def present_place(self) -> Place:
        """Return the plane (or its volume) that is looked at."""
        assert self.shown is not None
        plane = shown_plane(self._viewer, self.shown.source.layer, self.shown.source.image)
        return self.shown.source.volume_at(plane) if self.by_volume else Place(plane)

    def _turn(self, place: Place) -> None:
        assert self.shown is not None
        known = self.states.get(place)
        self.shown.turn_to(place, known.classes if known is not None else np.zeros(1, np.uint8))
        if known is not None and known.measured is not None:
            self.shown.tell_features(known.measured, self.classes())

    def classes(self) -> ClassTable:
        """Return names and colours of what is shown; those of a live answer are the session's."""
        source = self.source
        return source.classes if source is not None and not source.is_live else self._session.classes

    def ask(self) -> None:
        """Find the objects of what is shown, in a moment."""
        raise NotImplementedError

    # -- what changes ------------------------------------------------------------------------------------------------

    def _on_pasted(self, found: LivePatch) -> None:
        source = self.source
        if source is None or source.image_layer is None or not source.is_live:
            return
        binding = self._controller.current
        if binding is None or binding.prediction is not source.layer or binding.image is not found.focus.image:
            return
        plane = found.focus.image.plane_of(found.patch.where)
        if found.likely is not None:
            self._likely.put(plane, found.likely)
        self._on_plane(plane)

    def _on_plane(self, plane: int) -> None:
        """Take note that the classes of a plane are others."""
        assert self.shown is not None
        if not self.by_volume and plane == self.shown.place.plane:
            self.ask()
            return
        for place, state in self.states.items():
            if place.plane == plane or (place.volume and self.by_volume):
                state.fresh = False
        if self.by_volume:
            self._serial += 1
            self.changed.emit()

    def _on_source(self, _event: Any = None) -> None:
        """Take note that the layer of classes was drawn anew: by whom else than the live prediction."""
        source = self.source
        binding = self._controller.current
        if source is not None and not (binding is not None and binding.prediction is source.layer and source.is_live):
            self._on_stale_all()

    def _on_stale_all(self) -> None:
        for state in self.states.values():
            state.fresh = False
        if self.shown is not None and not self.by_volume:
            self.ask()
        elif self.shown is not None:
            self.changed.emit()

    def _on_noted(self, key: Any) -> None:
        source = self.source
        if source is not None and source.key == key:
            self.noted += 1
            self._neck = self._taught_neck()
            for state in self.states.values():
                state.fresh = False
            self.ask()
        else:
            self._heed_lines(None)  # as when a line of another image is undone

    def _on_taught(self) -> None:
        self._heed_lines(None)

    def learn(self, place: Place, found: FoundObjects) -> bool:
        """Keep what the lines of a place say of necks; say whether others must be found anew because of that."""
        source = self.source
        if source is None:
            return False
        if found.borders is not None:
            teach_borders(self._controller, source, place, found)
        if not found.said:
            return False
        self._session.learn_lines(source.key, place, found.question.notes.lines, found.said)
        return self._heed_lines(place)

    def _heed_lines(self, but: Place | None) -> bool:
        """Find all places anew, but for one, if all lines together choose another neck now."""
        before, self._neck = self._neck, self._taught_neck()
        way = self.way()
        if self.shown is None or before == self._neck or way.way != "auto" or way.parameters.get("neck") is not None:
            return False
        for place, state in self.states.items():
            state.fresh = state.fresh and place == but
        if self.shown.place != but and not self.by_volume:
            self.ask()
        return True

    def _taught_neck(self) -> float:
        return chosen_neck([self._session.lessons_elsewhere(place=Place(0, self.by_volume))])

    def _on_looked(self, _event: Any = None) -> None:
        """Take note that another plane may be looked at."""
        if self.shown is None or not self.shown.is_there:
            return
        place = self.present_place()
        if place != self.shown.place:
            self.shown.flush()
            self._turn(place)
            state = self.state
            if not self.by_volume and (state is None or not state.fresh):
                self.ask()
            self.changed.emit()
            self.found.emit()

    def _on_edited(self, place: Place, pins: tuple[Pin, ...]) -> None:
        """Note what somebody has painted into the layer of objects."""
        assert self.shown is not None
        source = self.shown.source
        before = self._session.object_notes(source.key, source.image.shape).at(place)
        made = with_classes(pins, self.class_of_new())
        outcome = self._session.edit_objects("paint objects", source.key, source.image.shape, place,
                                             before.with_pins(made))
        self.said.emit(outcome.text)

    def class_of_new(self) -> int:
        """Return the class of an object that somebody paints: the first that is counted."""
        areas, source = self.way().areas, self.source
        ids = source.classes.ids if source is not None else (2,)
        return next((one for one in ids if one > 1 and one not in areas), 2)

    def _on_lost(self, text: str) -> None:
        source = self.source
        self.follow(source)  # into a new layer; what somebody has put into the old one stays there
        self.said.emit(text)
