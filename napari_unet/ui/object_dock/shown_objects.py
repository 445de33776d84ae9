"""What objects are shown, of a whole image or of a field of a large one, and noting what is put right in them.

So that tools and buttons do the same in both. Shows and finds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from napari.layers import Image as ImageLayer
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_unet.objects.corrections import Pin
from napari_unet.objects.hints import Line
from napari_unet.session.edit_history import EditOutcome
from napari_unet.session.object_notes import NOTHING_NOTED, PlaceNotes

from ..train.live_controller import LiveController
from ..train.viewport import shown_plane
from .field_objects import FieldObjects
from .field_shown import FieldShown
from .object_finder import ObjectFinder
from .object_layer import ObjectLayer


class ShownObjects(QObject):
    """The objects that a person sees and puts right.

    Parameters
    ----------
    controller : LiveController
    finder : ObjectFinder
    field : FieldObjects
    parent : QObject, optional
    """

    found = Signal()
    """Other objects are shown."""

    changed = Signal()
    """Another layer may be shown."""

    def __init__(
        self, controller: LiveController, finder: ObjectFinder, field: FieldObjects, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._controller, self._session = controller, controller.session
        self._finder, self._field = finder, field
        for one in (finder, field):
            one.found.connect(self.found)
            one.changed.connect(self.changed)

    @property
    def now(self) -> ObjectLayer | FieldShown | None:
        """What is shown; None while nothing is that can be put right."""
        if self._field.source is None:
            return self._finder.shown
        shown = self._field.shown
        return None if shown is None or shown.field is None else shown

    @property
    def is_field(self) -> bool:
        """Whether it is a field of a large image."""
        return self._field.source is not None

    @property
    def image_layer(self) -> ImageLayer | None:
        """The image that it is about, if that is known."""
        source = self._finder.source
        return self._field.corrections.image if self.is_field else source.image_layer if source is not None else None

    @property
    def notes(self) -> PlaceNotes:
        """What is noted of it, in pixels of what is shown."""
        now = self.now
        if isinstance(now, FieldShown):
            return self._field.corrections.seen(now.field).here
        return NOTHING_NOTED if now is None else self._finder.notes

    @property
    def height(self) -> int | None:
        """At which height of a volume one looks, where a whole volume is shown."""
        now = self.now
        return now.source.height(self.plane) if isinstance(now, ObjectLayer) and now.place.volume else None

    @property
    def plane(self) -> int:
        """The number of the plane that is looked at."""
        source = self._finder.source
        return 0 if source is None else shown_plane(self._controller.viewer, source.layer, source.image)

    def numbers(self) -> NDArray[np.uint32] | None:
        """Return the numbers (Y, X) of the plane that is looked at, None while nothing is shown."""
        now, height = self.now, self.height
        return None if now is None else now.shown if height is None else now.shown[height]

    def class_of_new(self) -> int:
        """Return the class of an object that somebody paints."""
        return self._field.corrections.class_of_new() if self.is_field else self._finder.class_of_new()

    def add(self, text: str, lines: Sequence[Line] = (), pins: Sequence[Pin] = ()) -> EditOutcome:
        """Note lines and pins in pixels of what is shown, as one step of undo; errors as :meth:`.FieldCorrections.add`.
        """
        now = self.now
        if isinstance(now, FieldShown) and now.field is not None:
            return self._field.corrections.add(text, now.field, lines, pins)
        notes = self._finder.notes
        for line in lines:
            notes = notes.with_line(line)
        return self._put(text, notes.with_pins(pins) if pins else notes)

    def forget(self, text: str) -> EditOutcome:
        """Take back all that is noted of what is shown, as one step of undo."""
        now = self.now
        if isinstance(now, FieldShown) and now.field is not None:
            return self._field.corrections.forget(text, now.field)
        return self._put(text, NOTHING_NOTED)

    def _put(self, text: str, notes: PlaceNotes) -> EditOutcome:
        now = self._finder.shown
        assert now is not None
        source = now.source
        return self._session.edit_objects(text, source.key, source.image.shape, now.place, notes)
