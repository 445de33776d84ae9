"""What a person has shown about the objects of images: cuts and joins, objects put right by hand. Finds no object.

It belongs to an image and to a plane of it (or to a whole volume), and holds for every answer that comes: the objects
of a new answer are found with these lines, and these pins are put over them. Every change is one step of the same undo
as that of strokes and classes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Hashable, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from ..core.image import Image
from ..core.latest import Latest
from ..learning.border_lesson import BorderLesson
from ..objects.corrections import Pin
from ..objects.hints import Line
from .annotations import Annotations
from .edit_history import EditOutcome, StrokeEdit
from .line_lessons import LineBorders, LineLessons


class Place(NamedTuple):
    """A plane by its number, or the volume that begins with this plane."""

    plane: int
    volume: bool = False


FIRST = Place(0)
"""The plane of an image that has one only."""


@dataclasses.dataclass(frozen=True, eq=False)
class PlaceNotes:
    """Lines and pins of one plane or volume, in the order in which they came."""

    lines: tuple[Line, ...] = ()
    pins: tuple[Pin, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lines or self.pins)

    def with_line(self, line: Line) -> PlaceNotes:
        """Return the same with a line more."""
        return PlaceNotes((*self.lines, line), self.pins)

    def with_pins(self, pins: Iterable[Pin]) -> PlaceNotes:
        """Return the same with pins over those that there are; what is covered whole is left out."""
        new = tuple(pins)
        kept = (old for old in self.pins if not any(one.covers(old) for one in new))
        return PlaceNotes(self.lines, (*kept, *new))

    def bytes_beside(self, other: PlaceNotes) -> int:
        """Return the bytes that these take in memory beside others, with which they share what is the same."""
        shared = {id(one) for one in (*other.pins, *other.lines)}
        return (sum(one.mask.nbytes for one in self.pins if id(one) not in shared)
                + sum(16 * len(one.points) for one in self.lines if id(one) not in shared))


NOTHING_NOTED = PlaceNotes()


@dataclasses.dataclass(frozen=True, eq=False)
class ObjectNotes:
    """Everything noted of the objects of one image.

    Parameters
    ----------
    shape : tuple of int
        Of the image without channels, rows and columns last.
    places : mapping of Place to PlaceNotes
        Only those where something is noted.
    """

    shape: tuple[int, ...]
    places: Mapping[Place, PlaceNotes] = dataclasses.field(default_factory=dict)

    def at(self, place: Place) -> PlaceNotes:
        """Return what is noted of a plane or volume."""
        return self.places.get(place, NOTHING_NOTED)

    def replacing(self, place: Place, notes: PlaceNotes) -> ObjectNotes:
        """Return the same with other notes of one plane or volume."""
        places = {one: kept for one, kept in self.places.items() if one != place}
        if notes:
            places[place] = notes
        return ObjectNotes(self.shape, MappingProxyType(places))


@dataclasses.dataclass(frozen=True, eq=False)
class ObjectsEdit(StrokeEdit):
    """A change of what is noted of objects; no stroke and no class is changed.

    Parameters
    ----------
    key : hashable
        Of the image.
    shape : tuple of int
    place : Place
    old, new : PlaceNotes
        Before and after.
    """

    key: Hashable = None
    shape: tuple[int, ...] = ()
    place: Place = FIRST
    old: PlaceNotes = NOTHING_NOTED
    new: PlaceNotes = NOTHING_NOTED

    @property
    def size(self) -> int:
        """Bytes that it keeps in memory."""
        return self.old.bytes_beside(self.new) + self.new.bytes_beside(self.old)


class ObjectAnnotations(Annotations):
    """Annotations, and what is noted of objects, image by image.

    Attributes
    ----------
    borders : Latest[BorderLesson | None]
        What cuts teach of borders between objects; what a predictor in another thread reads.
    """

    objects_changed = Signal(object)
    """What is noted of the objects of an image (its key) has changed."""

    lines_taught = Signal()
    """Lines have said something of necks or borders although nobody looks at them."""

    def __init__(self) -> None:
        super().__init__()
        self._notes: dict[Hashable, ObjectNotes] = {}
        self._lessons, self._borders = LineLessons(), LineBorders()
        self.borders: Latest[BorderLesson | None] = Latest(None)
        self.pairs_changed.connect(self._forget_closed)

    @property
    def noted_images(self) -> Mapping[Hashable, ObjectNotes]:
        """What is noted, by key of the image."""
        return MappingProxyType(self._notes)

    def object_notes(self, key: Hashable, shape: tuple[int, ...]) -> ObjectNotes:
        """Return what is noted of the objects of an image of this shape; notes of another shape do not hold for it."""
        found = self._notes.get(key)
        return found if found is not None and found.shape == shape else ObjectNotes(shape)

    def learn_lines(
        self, key: Hashable, place: Place, lines: tuple[Line, ...], said: tuple[tuple[float, ...], ...]
    ) -> None:
        """Keep what the lines of a plane or volume say of necks, now that its objects were found with them."""
        self._lessons.put((key, place), lines, said)

    def _forget_closed(self) -> None:
        """Forget what images teach of borders that are no longer among the pairs: they must not stay in memory."""
        if self._borders and self._borders.keep([item.pair.image for item in self._items.values()]):
            self._publish_borders()

    def learn_borders(
        self, key: Hashable, place: Place, lines: tuple[Line, ...], image: Image,
        planes: Mapping[int, NDArray[np.uint8]],
    ) -> None:
        """Keep the border strokes of a plane or volume (of planes by number), now that its objects were found."""
        if self._borders.put((key, place), lines, image, planes):
            self._publish_borders()

    def teach_lines(
        self, key: Hashable, place: Place, lines: tuple[Line, ...], said: tuple[tuple[float, ...], ...],
        image: Image | None, borders: Mapping[int, NDArray[np.uint8]] | None,
    ) -> None:
        """Keep what lines say that nobody looks at; borders are only learnt on an image that is painted on."""
        self.learn_lines(key, place, lines, said)
        if image is not None and borders is not None:
            self.learn_borders(key, place, lines, image, borders)
        self.lines_taught.emit()

    def _publish_borders(self) -> None:
        lesson = self._borders.lesson(((image, where), kept.lines) for image, notes in self._notes.items()
                                      for where, kept in notes.places.items())
        if lesson is not self.borders.get():
            self.borders.put(lesson)

    def lessons_elsewhere(
        self, key: Hashable = None, place: Place = FIRST, asked: Collection[Line] | None = None
    ) -> tuple[float, ...]:
        """Return what all lines say of necks but those of this place; planes teach planes, and volumes volumes.

        Without a key it is what the lines of all planes (or of all volumes, if ``place`` is one) say. Where only a part
        of the place is looked at, ``asked`` are the lines in that part.
        """
        def others(image: Hashable, where: Place, lines: tuple[Line, ...]) -> tuple[Line, ...]:
            if (image, where) != (key, place):
                return lines
            return () if asked is None else tuple(one for one in lines if one not in asked)

        return self._lessons.total(
            ((image, where), others(image, where, kept.lines)) for image, notes in self._notes.items()
            for where, kept in notes.places.items() if where.volume == place.volume)

    def restore_objects(self, key: Hashable, notes: ObjectNotes) -> None:
        """Take up what was noted before, as from a project."""
        self._put_notes(key, notes)

    def edit_objects(
        self, text: str, key: Hashable, shape: tuple[int, ...], place: Place, notes: PlaceNotes
    ) -> EditOutcome:
        """Note something else of the objects of a plane or volume, as one step of undo.

        Parameters
        ----------
        text : str
            What is done, as people read it behind *Undo*: "cut an object".
        key : hashable
            Of the image.
        shape : tuple of int
            Of the image without channels.
        place : Place
        notes : PlaceNotes
            All that is noted there from now on.
        """
        before = self.object_notes(key, shape)
        old, notes = before.at(place), notes or NOTHING_NOTED
        if notes is old:
            return EditOutcome(False)
        self._put_notes(key, before.replacing(place, notes))
        told = self.edits.add(ObjectsEdit(text, (), {}, {}, self.classes, self.classes, key, shape, place, old, notes))
        return EditOutcome(True, f"Done: {text}. {told}".strip())

    def _put_notes(self, key: Hashable, notes: ObjectNotes) -> None:
        before = self._notes.get(key)
        self._notes[key] = notes
        if before is not None and self._borders:
            self._publish_borders()  # a line was undone, say: it teaches no more
        self.objects_changed.emit(key)

    def _go(self, undoing: bool) -> EditOutcome:
        edit = self.edits.next_edit(undoing)
        if not isinstance(edit, ObjectsEdit):
            return super()._go(undoing)
        now = self.object_notes(edit.key, edit.shape)
        was, wanted = (edit.new, edit.old) if undoing else (edit.old, edit.new)
        word = "Undone" if undoing else "Done again"
        if now.at(edit.place) is not was:
            self.edits.moved(undoing, keep=False)
            return EditOutcome(False, f"Not {word.lower()}: {edit.text}. The objects there were changed since.")
        self._put_notes(edit.key, now.replacing(edit.place, wanted))
        self.edits.moved(undoing)
        return EditOutcome(True, f"{word}: {edit.text}.")
