"""Finding the objects of one plane or volume: what is asked, and what comes of it. Starts no thread, knows no layer.

A question is frozen and may be answered in any thread. A part of a plane (the visible field) is asked for like a whole
one: what lies across its edge keeps the number it has in the rest of the plane, until the whole plane is found.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import UserError
from ..objects.border_strokes import border_strokes
from ..objects.class_field import ClassField, ids_in
from ..objects.corrections import put_right
from ..objects.counting import ClassCount, object_counts
from ..objects.finding import find_objects
from ..objects.hints import Hints, Line
from ..objects.measure_table import MeasureTable
from ..objects.numbering import keep_numbers
from ..objects.object_map import ObjectMap
from ..objects.quick_measures import quick_measures
from .likelihoods import Likelihoods, put_together, seen_border
from .object_notes import NOTHING_NOTED, PlaceNotes

Box = tuple[slice, ...]

SETTING = "objects"
"""Setting of a session (and its project): ``{"way": "auto", "parameters": {...}, "areas": [...]}``."""


@dataclasses.dataclass(frozen=True)
class ObjectWay:
    """How objects are found in all images of a sitting.

    Parameters
    ----------
    way : str
        Of the registry of ways.
    parameters : mapping
        Those that are not as they come.
    areas : tuple of int
        Painted ids of classes that are areas: their objects are not counted.
    """

    way: str = "auto"
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)
    areas: tuple[int, ...] = ()

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any]) -> ObjectWay:
        """Return what the settings of a session say; what makes no sense is left out."""
        given = settings.get(SETTING)
        if not isinstance(given, Mapping):
            return cls()
        way, parameters, areas = (given.get(name) for name in ("way", "parameters", "areas"))
        return cls(way if isinstance(way, str) else "auto", dict(parameters) if isinstance(parameters, Mapping) else {},
                   tuple(one for one in areas if type(one) is int) if isinstance(areas, (list, tuple)) else ())

    def to_setting(self) -> dict[str, Any]:
        """Return it as a setting, ready for JSON."""
        return {"way": self.way, "parameters": dict(self.parameters), "areas": list(self.areas)}


@dataclasses.dataclass(frozen=True, eq=False)
class ObjectQuestion:
    """Which objects there are in a plane, a part of it, or a volume.

    Parameters
    ----------
    labels : ndarray of uint8, shape (Y, X) or (Z, Y, X)
        Painted ids, of ``box`` if there is one; not changed by anybody any more.
    before : ndarray of uint32, same shape
        Numbers of the objects found before.
    taken : ndarray of uint8
        Classes by number of all objects found before, also outside of the box.
    way : ObjectWay
    notes : PlaceNotes
    strokes : ndarray of uint8, optional
        What is painted there.
    likely : tuple of Likelihoods
        Of parts of the plane; all of it must be covered, else they are not used.
    spacing : tuple of float
    elsewhere : tuple of float
        What lines on other planes and images say of necks, empty if nothing.
    box : tuple of slice, optional
        The part of the plane that ``labels`` is; None: all of it.
    serial : int
        Newer questions have larger numbers.
    names : mapping of int to str
        What people call the classes.
    border : ndarray of float, optional
        How much each pixel of ``labels`` looks like a border; None: as ``likely`` say.
    stands_for : int
        Pixels of the image that one of ``labels`` stands for, which are of a level of it.
    """

    labels: NDArray[np.uint8]
    before: NDArray[np.uint32]
    taken: NDArray[np.uint8]
    way: ObjectWay = ObjectWay()
    notes: PlaceNotes = NOTHING_NOTED
    strokes: NDArray[np.uint8] | None = None
    likely: tuple[Likelihoods, ...] = ()
    spacing: tuple[float, ...] = ()
    elsewhere: tuple[float, ...] = ()
    box: Box | None = None
    serial: int = 0
    names: Mapping[int, str] = dataclasses.field(default_factory=dict)
    border: NDArray[np.float32] | None = None
    stands_for: int = 1

    def answer(self) -> FoundObjects:
        """Find them and count them; errors as :meth:`found`."""
        return self.found().counted()

    def found(self) -> FoundObjects:
        """Find them, which is what people wait for; :meth:`FoundObjects.counted` does the rest.

        Raises
        ------
        UserError
            If the way cannot do it.
        """
        countable = tuple(one for one in ids_in(self.labels) if one > 1 and one not in self.way.areas)
        hints = Hints(self._lines(), self.strokes, self.elsewhere)
        if countable:
            probabilities, ids = put_together(self.likely, self.labels.shape, self.box, countable)
            border = seen_border(self.likely, self.labels.shape, self.box) if self.border is None else self.border
            field = ClassField(self.labels, countable, probabilities, ids, self.spacing, border, self.names,
                               self.stands_for)
            found = find_objects(field, hints, self.way.way, **self.way.parameters)
        else:  # a field without countable classes would count all
            found = ObjectMap(np.zeros(self.labels.shape, np.uint32), np.zeros(1, np.uint8), self.spacing)
        right = put_right(found, self._pins())
        numbers, classes = keep_numbers(right, self.before, None if self.box is None else self.taken)
        numbers.flags.writeable = classes.flags.writeable = False
        return FoundObjects(self, numbers, classes, note=found.note, said=found.said if self.box is None else (),
                            lined=found if hints.cuts and self.box is None else None)

    def _lines(self) -> tuple[Line, ...]:
        if self.box is None:
            return self.notes.lines
        start = [one.start for one in self.box]
        moved = (Line(one.kind, tuple(tuple(np.subtract(point, start)) for point in one.points))
                 for one in self.notes.lines)
        return tuple(one for one in moved if one.pixels(self.labels.shape)[0].size)

    def _pins(self) -> tuple[Any, ...]:
        if self.box is None:
            return self.notes.pins
        return tuple(one for pin in self.notes.pins if (one := pin.within(self.box)) is not None)


@dataclasses.dataclass(frozen=True, eq=False)
class FoundObjects:
    """The objects of a plane, a part of it, or a volume.

    Parameters
    ----------
    question : ObjectQuestion
    numbers : ndarray of uint32
        Shape of the question's labels.
    classes : ndarray of uint8
        Painted id of the class by number, also of objects outside of the question's box.
    counts : mapping of int to ClassCount
        By painted id; empty for a part of a plane, and before :meth:`counted`.
    note : str
        What was chosen and why.
    said : tuple of tuple of float
        What each line of the question says of necks; empty if the way did not ask them, or for a part of a plane.
    borders : ndarray of uint8, optional
        Border strokes (:mod:`napari_unet.objects.border_strokes`), where something was cut in a whole plane or volume.
    measured : MeasureTable, optional
        What is known of the objects at once; None for a part of a plane, and before :meth:`counted`.
    lined : ObjectMap, optional
        The objects before anything was put right by hand, where something was cut.
    """

    question: ObjectQuestion
    numbers: NDArray[np.uint32]
    classes: NDArray[np.uint8]
    counts: Mapping[int, ClassCount] = dataclasses.field(default_factory=dict)
    note: str = ""
    said: tuple[tuple[float, ...], ...] = ()
    borders: NDArray[np.uint8] | None = None
    measured: MeasureTable | None = None
    lined: ObjectMap | None = None

    def counted(self) -> FoundObjects:
        """Return the same, counted and measured; a part of a plane as it is."""
        asked = self.question
        if asked.box is not None:
            return self
        made = ObjectMap(self.numbers, self.classes, asked.spacing)
        borders = None if self.lined is None else border_strokes(self.lined, Hints(asked.notes.lines, asked.strokes))
        return dataclasses.replace(self, counts=object_counts(made, asked.labels), borders=borders, lined=None,
                                   measured=quick_measures(made))


def painted_ids(labels: NDArray[Any], has_classes: bool, name: str) -> NDArray[np.uint8]:
    """Return the classes of a labels layer as painted ids.

    Parameters
    ----------
    labels : ndarray of int
    has_classes : bool
        Whether the numbers are painted ids already; else 0 is background and 1, 2, ... are classes.
    name : str
        For messages.

    Raises
    ------
    UserError
        If they are too many to be classes: single objects, probably.
    """
    largest, least = int(labels.max(initial=0)), int(labels.min(initial=0))
    if least < 0 or largest > 254 + has_classes:
        raise UserError(f"{name!r} holds numbers from {least} to {largest}. Objects are made of classes, 0 to 254; "
                        "these are single objects already, it seems. Choose a prediction or a mask.")
    return labels.astype(np.uint8) if has_classes else (labels.astype(np.uint8) + np.uint8(1))
