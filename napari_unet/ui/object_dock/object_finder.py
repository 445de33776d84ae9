"""Finds the objects of what is looked at, in threads, and keeps their layer up to date. Has no widgets.

1. Something has changed (the prediction, what is noted, the way, the plane): the plane shown is stale.
2. A thread finds the objects of the visible field (of all of a small plane), which are pasted.
3. A second thread finds those of the whole plane; if anything has changed meanwhile, they are dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from qtpy.QtCore import QObject, QTimer

from napari_unet.core.errors import UserError
from napari_unet.session.object_notes import Place
from napari_unet.session.object_search import FoundObjects, ObjectQuestion

from ..train.live_controller import LiveController
from ..train.viewport import shows_planes
from ..workers import Worker
from .answered_objects import AnsweredObjects
from .object_follower import ObjectFollower, PlaceState
from .question_maker import QuestionMaker

SOON_MS = 15
"""What changes within this time is answered together."""


class ObjectFinder(ObjectFollower):
    """Finds the objects of one source, the visible field first.

    Parameters
    ----------
    controller : LiveController
    parent : QObject, optional
    """

    def __init__(self, controller: LiveController, parent: QObject | None = None) -> None:
        super().__init__(controller, parent)
        self._questions = QuestionMaker(controller, self._likely)
        self._front: Worker | None = None
        self._rest: Worker | None = None
        self._again = False
        self.trouble: Literal["", "failed", "cancelled"] = ""  # until something changes, why nothing is looked for
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SOON_MS)
        self._soon.timeout.connect(self._on_due)

    def close(self) -> None:
        """Let go of viewer and session; the layer of objects stays."""
        self._soon.stop()
        self.cancel()
        super().close()

    @property
    def busy(self) -> bool:
        """Whether objects are being looked for."""
        return self._front is not None or self._rest is not None or self._soon.isActive()

    def ask(self) -> None:
        """Find the objects of what is shown, in a moment."""
        self._serial += 1
        self.trouble = ""
        state = self.state
        if state is not None:
            state.fresh = False
        if not self._soon.isActive():
            self._soon.start()
        self.changed.emit()

    def find_volume(self, whole: bool) -> None:
        """Find the objects of the whole volume that is looked at, or (not ``whole``) plane by plane again."""
        if self.shown is None or self.by_volume == whole or (whole and self.shown.source.depth is None):
            return
        self.cancel()
        self.shown.flush()
        self.by_volume = whole
        self._neck = self._taught_neck()
        self._turn(self.present_place())
        self.ask()

    def cancel(self) -> None:
        """Drop what is being looked for."""
        for worker in (self._front, self._rest):
            if worker is not None:
                worker.stop()
        self._again, self.trouble = False, "cancelled"

    def question_of(self, place: Place) -> Callable[[], ObjectQuestion]:
        """Return what asks for the objects of a plane that is not shown; errors as :meth:`.QuestionMaker.make`."""
        assert self.shown is not None
        return self._questions.make(self.shown, place, None, self._serial)

    # -- finding -----------------------------------------------------------------------------------------------------

    def _on_due(self) -> None:
        shown = self.shown
        if self._controller.workers.closed:
            return
        if shown is None or not shown.is_there or (not shows_planes(self._viewer) and not self.by_volume):
            return
        if shown.flush():
            return  # it is noted, which asks anew
        if (self._rest if self.by_volume else self._front) is not None:
            self._again = True
        elif self.by_volume:
            self._again = False
            self._rest = self._start(None, self._on_rest_end)
        else:
            self._again = False
            self._front = self._start(self._questions.box(shown), self._on_front_end)

    def _start(self, box: tuple[slice, ...] | None, on_end: Callable[[], None]) -> Worker | None:
        """Look for the objects of what is shown, or of a part of it; None if that cannot be done, which is said."""
        shown, noted = self.shown, self.noted
        assert shown is not None
        place, base, planes = shown.place, shown.shown, shown.source.planes_of(shown.place)
        try:
            make: Callable[[], ObjectQuestion] = self._questions.make(shown, place, box, self._serial)
        except UserError as error:
            self._on_failed(error)
            return None

        def work() -> Iterator[AnsweredObjects]:
            item = AnsweredObjects.of(make(), planes, base)
            yield item
            if box is None:
                yield item.counted()

        def deliver(item: AnsweredObjects) -> None:
            if shown is not self.shown or place != shown.place or noted != self.noted:
                return
            if item.found.measured is None:
                self._take(item)
            elif item.numbers is shown.shown:
                self._take_counts(item.found)

        return self._controller.workers.start(work, "napari-unet objects", on_item=deliver, on_error=self._on_failed,
                                              on_end=on_end, owner=self)

    def _take(self, item: AnsweredObjects) -> None:
        """Show what was found; it is dropped if something else was pasted or painted there meanwhile."""
        shown, found = self.shown, item.found
        assert shown is not None
        box, current = found.question.box, found.question.serial == self._serial
        if shown.flush():
            return
        if item.base is not shown.shown:
            self._again = True
            return
        state = self.states.get(shown.place)
        self.states[shown.place] = PlaceState(
            found.classes, state.counts if state is not None else {}, False, found.note)
        shown.paste(item.numbers, found.classes, item.pieces)
        if box is not None and current and self._rest is None:
            self._rest = self._start(None, self._on_rest_end)
        self.said.emit("")
        self.changed.emit()

    def _take_counts(self, found: FoundObjects) -> None:
        """Show the numbers of objects that are shown already."""
        shown = self.shown
        assert shown is not None
        fresh = found.question.serial == self._serial
        self.states[shown.place] = PlaceState(found.classes, found.counts, fresh, found.note, found.measured)
        if found.measured is not None:
            shown.tell_features(found.measured, self.classes())
        self.learn(shown.place, found)
        self.changed.emit()

    def _on_front_end(self) -> None:
        self._front = None
        if self._again:
            self._on_due()
        self.changed.emit()

    def _on_rest_end(self) -> None:
        self._rest = None
        state = self.state
        if self.by_volume and self._again:
            self._on_due()
        elif not self.by_volume and not self.busy and state is not None and not state.fresh and not self.trouble:
            self.ask()  # what was found was of before
        self.changed.emit()

    def _on_failed(self, error: Exception) -> None:
        self.trouble = "failed"
        self.failed.emit(error)
        self.changed.emit()
