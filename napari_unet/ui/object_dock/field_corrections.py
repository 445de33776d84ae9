"""What is put right by hand in fields of a large image, as its session keeps it. Shows nothing, finds no object."""

from __future__ import annotations

from collections.abc import Sequence

from napari.layers import Image as ImageLayer
from napari.layers import Labels

from napari_unet.core.errors import UserError
from napari_unet.core.level_field import LevelField
from napari_unet.objects.corrections import Pin
from napari_unet.objects.hints import Line
from napari_unet.session.edit_history import EditOutcome
from napari_unet.session.level_notes import FieldNotes, line_of_field, notes_in_field, with_pins_of_field
from napari_unet.session.object_notes import NOTHING_NOTED, ObjectNotes, Place, PlaceNotes
from napari_unet.session.object_search import ObjectWay

from ..layer_metadata import identity
from ..train.field_binding import FieldBinding
from ..train.live_controller import LiveController

NO_STROKES = ("Not done: the image or its strokes were closed, so nobody knows which part of it this is. Press + "
              "beside Strokes in Train U-Net first.")
NOTHING_SEEN = FieldNotes(NOTHING_NOTED, (), ())


class FieldCorrections:
    """Cuts, joins and pins of the image whose field is shown.

    Parameters
    ----------
    controller : LiveController

    Attributes
    ----------
    source : Labels or None
        The answer of the field.
    image : ImageLayer or None
    """

    def __init__(self, controller: LiveController) -> None:
        self._controller, self._session = controller, controller.session
        self.source: Labels | None = None
        self.image: ImageLayer | None = None

    @property
    def key(self) -> str:
        """What the image is known by in the session."""
        return "" if self.image is None else identity(self.image)

    @property
    def _binding(self) -> FieldBinding | None:
        """Who knows which field is shown; None where the answer is left of a pair that is not there any more."""
        return next((one for one in self._controller.bindings.values()
                     if isinstance(one, FieldBinding) and one.prediction is self.source), None)

    @property
    def field(self) -> LevelField | None:
        """Which field the answer shows, None where nobody knows."""
        binding, source = self._binding, self.source
        fits = binding is not None and source is not None and binding.field.shape == source.data.shape[-2:]
        return binding.field if binding is not None and fits else None

    @property
    def kept(self) -> ObjectNotes | None:
        """What is noted of the objects of the image; None where nothing can be."""
        binding = self._binding
        return None if binding is None or not self.key else self._session.object_notes(self.key, binding.image.shape)

    def seen(self, field: LevelField | None) -> FieldNotes:
        """Return what is noted of the objects in a field."""
        kept = self.kept
        return NOTHING_SEEN if field is None or kept is None else notes_in_field(kept, field)

    def class_of_new(self) -> int:
        """Return the class of an object that somebody paints: the first that is counted."""
        areas = ObjectWay.of_settings(self._session.settings).areas
        return next((one for one in self._session.classes.ids if one > 1 and one not in areas), 2)

    def add(self, text: str, field: LevelField, lines: Sequence[Line] = (), pins: Sequence[Pin] = ()) -> EditOutcome:
        """Note lines and pins that were made in a field, as one step of undo.

        Raises
        ------
        UserError
            If a pin is too large to be kept, or goes on beyond the field; or if nothing can be noted any more.
        """
        kept = self.kept
        if kept is None:
            raise UserError(NO_STROKES)
        shape, place = (kept.shape[-2], kept.shape[-1]), Place(field.plane)
        notes = kept.at(place)
        for line in lines:
            notes = notes.with_line(line_of_field(line, field))
        if pins:
            notes = with_pins_of_field(notes, pins, field, shape)
        return self._session.edit_objects(text, self.key, kept.shape, place, notes)

    def forget(self, text: str, field: LevelField) -> EditOutcome:
        """Take back what is seen in a field, as one step of undo; what lies elsewhere stays."""
        kept, seen, place = self.kept, self.seen(field), Place(field.plane)
        if kept is None:
            raise UserError(NO_STROKES)
        here, gone = kept.at(place), {id(one) for one in (*seen.lines, *seen.pins)}
        return self._session.edit_objects(text, self.key, kept.shape, place, PlaceNotes(
            tuple(one for one in here.lines if id(one) not in gone),
            tuple(one for one in here.pins if id(one) not in gone)))
