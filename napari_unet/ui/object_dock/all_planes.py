"""Counts the objects of every plane of an image, one after the other, in a thread. Shows nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_unet.core.errors import UserError
from napari_unet.session.object_notes import Place

from ..train.live_controller import LiveController
from ..workers import Worker
from .answered_objects import AnsweredObjects
from .object_finder import ObjectFinder
from .object_follower import PlaceState
from .object_layer import ObjectLayer


class AllPlanes(QObject):
    """Goes through the planes whose objects are not known, or not any more.

    Parameters
    ----------
    controller : LiveController
    finder : ObjectFinder
        Finds what is looked at; knows what is found of the other planes.
    parent : QObject, optional
    """

    changed = Signal()
    """A plane is done, or all are, or it was cancelled."""

    def __init__(self, controller: LiveController, finder: ObjectFinder, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller, self._finder = controller, finder
        self._of: ObjectLayer | None = None
        self._queue: list[int] = []
        self._worker: Worker | None = None

    @property
    def busy(self) -> bool:
        """Whether planes are still to be found."""
        return bool(self._queue) or self._worker is not None

    @property
    def left(self) -> int:
        """How many planes are still to be found."""
        return len(self._queue) + (self._worker is not None)

    def begin(self) -> None:
        """Find the objects of all planes that are not shown."""
        shown = self._finder.shown
        if shown is None or self.busy:
            return
        self._of = shown
        self._queue = self._unfound(shown)
        self._next()

    def cancel(self) -> None:
        """Stop; planes that are done stay."""
        self._queue = []
        if self._worker is not None:
            self._worker.stop()
        self.changed.emit()

    def _unfound(self, shown: ObjectLayer) -> list[int]:
        """Return the planes to find, first those with lines: these teach the others."""
        fresh = {place.plane for place, state in self._finder.states.items() if state.fresh and not place.volume}
        planes = [one for one in range(shown.source.image.n_planes) if one not in fresh and one != shown.place.plane]
        return sorted(planes, key=lambda one: not self._finder.has_lines(Place(one)))

    def _next(self) -> None:
        shown = self._finder.shown
        if shown is None or shown is not self._of or self._controller.workers.closed:
            self._queue = []
        if self._queue and shown is not None:
            place = Place(self._queue.pop(0))
            try:
                make = self._finder.question_of(place)
            except UserError as error:
                self._queue = []
                self._finder.failed.emit(error)
                self.changed.emit()
                return
            base, noted = shown.values(place), self._finder.noted

            def work() -> Iterator[AnsweredObjects]:
                yield AnsweredObjects.of(make(), (place.plane,), base).counted()

            def deliver(item: AnsweredObjects) -> None:
                if shown is self._finder.shown and place != shown.place and noted == self._finder.noted:
                    shown.put_aside(item.pieces)
                    self._finder.states[place] = PlaceState(item.found.classes, item.found.counts, True,
                                                            item.found.note, item.found.measured)
                    if self._finder.learn(place, item.found):
                        self._queue = self._unfound(shown)

            self._worker = self._controller.workers.start(
                work, "napari-unet objects", on_item=deliver, on_error=self._finder.failed.emit, on_end=self._on_end,
                owner=self)
        self.changed.emit()

    def _on_end(self, *_: Any) -> None:
        self._worker = None
        self._next()
