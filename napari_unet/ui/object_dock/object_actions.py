"""What a person does to objects: cut, join, delete, merge, fill, and hand to the strokes. Each is one step of undo."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal
from scipy.ndimage import binary_erosion, binary_fill_holes, distance_transform_edt

from napari_unet.core.level_field import LevelField
from napari_unet.objects.corrections import Pin, pins_of_line
from napari_unet.objects.hints import Line
from napari_unet.session.edit_history import EditOutcome
from napari_unet.session.object_notes import Place
from napari_unet.session.stroke_edits import accept_labels

from ..layer_metadata import identity
from ..train.edit_actions import EditActions
from ..train.live_controller import LiveController
from .field_shown import FieldShown
from .object_layer import ObjectLayer
from .shown_objects import ShownObjects

NOTHING_SHOWN = "There are no objects here yet."
PICK_FIRST = "Pick an object first: press Pick, then click it."
NOT_IN_FIELDS = ("Objects of a part of a large image do not go into the strokes. Paint on it with the brush; what you "
                 "cut teaches where objects are parted.")
NO_STROKES = "This image has no strokes yet. Press + beside Strokes in Train U-Net first."


class ObjectActions(QObject):
    """Operations on the objects that are shown.

    Parameters
    ----------
    controller : LiveController
    objects : ShownObjects
    editing : EditActions
        Does them, and writes strokes into their layer.
    parent : QObject, optional
    """

    said = Signal(str)
    """One sentence."""

    picked_changed = Signal()
    """Other objects are picked."""

    def __init__(
        self, controller: LiveController, objects: ShownObjects, editing: EditActions, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._controller, self._session = controller, controller.session
        self._objects, self._editing = objects, editing
        self.picked: tuple[int, ...] = ()
        self._picked_in: tuple[Labels, LevelField | Place | None] | None = None
        objects.found.connect(self._on_found)

    # -- picking -----------------------------------------------------------------------------------------------------

    def pick(self, numbers: Iterable[int], more: bool = False) -> None:
        """Pick objects instead of those picked before, or (``more``) add them, or let them go if they are picked."""
        new = tuple(dict.fromkeys(numbers))
        if more:
            new = (*(one for one in self.picked if one not in new), *(one for one in new if one not in self.picked))
        self._picked_in = self._where
        if new != self.picked:
            self.picked = new
            self.picked_changed.emit()

    def at(self, point: Sequence[float]) -> int:
        """Return the number of the object at a point (row, column) of the plane, 0 where there is none."""
        numbers = self._objects.numbers()
        row, column = (int(one) for one in np.rint(point[-2:]))
        if numbers is None or not (0 <= row < numbers.shape[0] and 0 <= column < numbers.shape[1]):
            return 0
        return int(numbers[row, column])

    def _on_found(self) -> None:
        """Let go of picked objects that are no more."""
        shown = self._objects.now
        if self._where != self._picked_in:
            self.pick(())  # numbers mean others in another image, plane or field
        elif self.picked and shown is not None:
            there = [one for one in self.picked if one < len(shown.classes) and shown.classes[one]]
            self.pick(there)

    @property
    def _where(self) -> tuple[Labels, LevelField | Place | None] | None:
        """In which layer, and which plane or field, the numbers are that are shown."""
        now = self._objects.now
        return None if now is None else (now.layer, now.field if isinstance(now, FieldShown) else now.place)

    def outlines_of(self) -> tuple[NDArray[np.bool_], tuple[int, int]] | None:
        """Return the picked objects of the plane looked at, as a mask and its corner; None if none is there."""
        numbers = self._objects.numbers()
        if numbers is None or not self.picked:
            return None
        mask = np.isin(numbers, self.picked)
        if not mask.any():
            return None
        pin = Pin.of(mask, 1)
        return pin.mask, (pin.start[0], pin.start[1])

    # -- lines -------------------------------------------------------------------------------------------------------

    def cut(self, points: Sequence[Sequence[float]]) -> bool:
        """Note that what lies on the two sides of a line (rows, columns of the plane) are two objects."""
        return self._line("cut", points)

    def join(self, points: Sequence[Sequence[float]]) -> bool:
        """Note that all that a line touches is one object."""
        return self._line("join", points)

    def _line(self, kind: str, points: Sequence[Sequence[float]]) -> bool:
        shown, numbers = self._shown(), self._objects.numbers()
        if shown is None or numbers is None:
            self.said.emit(NOTHING_SHOWN)
            return False
        flat = Line("cut" if kind == "cut" else "join", tuple(tuple(map(float, one)) for one in points))
        touched = np.unique(numbers[flat.pixels(numbers.shape)])
        touched = touched[touched > 0]
        if not touched.size:
            self.said.emit("The line touches no object. Draw it across the bridge between two." if kind == "cut"
                           else "The line touches no object. Draw it from one object into the other.")
            return False
        if kind == "join" and touched.size < 2:
            self.said.emit("The line touches one object only. Draw it from one object into the other.")
            return False
        height = () if self._objects.height is None else (float(self._objects.height),)
        line = Line(flat.kind, tuple((*height, *point) for point in flat.points))
        words = {"cut": "cut an object", "join": f"join {touched.size} objects"}
        notes = self._objects.notes
        pins = pins_of_line(shown.shown, shown.classes, notes.pins, line, notes.lines, self._objects.class_of_new())
        return self._do(lambda: self._objects.add(words[kind], lines=(line,), pins=pins))

    # -- what is picked ----------------------------------------------------------------------------------------------

    def delete(self, numbers: Sequence[int] | None = None) -> bool:
        """Take objects away, by default those picked; they stay away when the answer changes a little."""
        chosen = self._chosen(numbers)
        return bool(chosen) and self._pin(
            f"delete {_objects(chosen)}", [Pin.of(self._mask(one), 1) for one in chosen])

    def merge(self) -> bool:
        """Make one object of those that are picked."""
        chosen = self._chosen(None)
        if len(chosen) == 1:
            self.said.emit("One object is picked. Pick a second one too: hold Shift and click it.")
            return False
        if not chosen:
            return False
        shown = self._objects.now
        assert shown is not None
        return self._pin(f"merge {_objects(chosen)}", [Pin.of(np.isin(shown.shown, chosen), self._class(chosen[0]))])

    def fill(self) -> bool:
        """Fill the holes of the picked objects."""
        made, chosen = [], self._chosen(None)
        for one in chosen:
            pin = Pin.of(self._mask(one), self._class(one))
            filled = binary_fill_holes(pin.mask)
            if not np.array_equal(filled, pin.mask):
                filled.flags.writeable = False
                made.append(Pin(pin.start, filled, pin.class_id))
        if chosen and not made:
            self.said.emit("What is picked has no holes.")
        return bool(made) and self._pin(f"fill {_objects(made)}", made)

    def forget(self) -> bool:
        """Take back all cuts, joins and corrections of the plane (or volume) that is shown."""
        if self._shown() is None or not self._objects.notes:
            self.said.emit("There are no cuts, joins or corrections here.")
            return False
        return self._do(lambda: self._objects.forget("forget cuts and corrections"))

    def repaint(self) -> bool:
        """Take up napari's brush with the number of the picked object; what it paints is noted."""
        chosen, shown = self._chosen(None), self._objects.now
        if not chosen or shown is None:
            return False
        layer = shown.layer
        self._controller.viewer.layers.selection.active = layer
        layer.selected_label = chosen[-1]
        area = float(self._mask(chosen[-1]).sum())
        layer.brush_size = max(1, min(40, round(area**0.5 / 4)))
        layer.mode = "paint"
        self.said.emit("Paint the object with the brush; 1 is the eraser, 6 ends it. What you paint is kept.")
        return True

    # -- strokes -----------------------------------------------------------------------------------------------------

    def to_strokes(self) -> bool:
        """Paint the inside of the picked objects, else of all that were put right or cut, where nothing is painted."""
        shown, image_layer = self._shown(), self._objects.image_layer
        if shown is None or isinstance(shown, FieldShown):
            self.said.emit(NOTHING_SHOWN if shown is None else NOT_IN_FIELDS)
            return False
        strokes = None if image_layer is None else self._controller.ties.strokes_of(image_layer)
        key = "" if strokes is None else identity(strokes)
        if key not in self._session.keys:
            self.said.emit(NO_STROKES)
            return False
        chosen = (self.picked if self._where == self._picked_in else ()) or self._put_right()
        numbers = self._objects.numbers()
        if not chosen or numbers is None:
            self.said.emit("Nothing was put right on this plane, and nothing is picked.")
            return False
        labels = np.zeros(numbers.shape, np.uint8)
        for one in chosen:
            mask = numbers == one
            if mask.any():
                pin = Pin.of(mask, 2)
                labels[pin.where][inside_of(pin.mask)] = self._class(one)
        return self._do(lambda: accept_labels(self._session, key, self._objects.plane, labels,
                                              f"paint {_objects(chosen)} into the strokes"))

    def _put_right(self) -> tuple[int, ...]:
        """Return the objects under the pins and cuts of what is shown."""
        shown, notes = self._objects.now, self._objects.notes
        assert shown is not None
        found = [shown.shown[pin.where][pin.mask] for pin in notes.pins if pin.class_id > 1]
        for line in notes.lines:
            rim = np.zeros(shown.shown.shape, bool)
            rim[line.pixels(rim.shape)] = True
            around = Pin.of(rim, 1) if rim.any() else None
            if around is not None:  # a pixel to each side of the line lies in the two objects that it parts
                wide = tuple(slice(max(0, one.start - 2), one.stop + 2) for one in around.where)
                near = distance_transform_edt(~rim[wide]) <= 2
                found.append(shown.shown[wide][near])
        numbers = np.unique(np.concatenate(found)) if found else np.zeros(0, np.uint32)
        return tuple(int(one) for one in numbers if one)

    # -- doing -------------------------------------------------------------------------------------------------------

    def _chosen(self, numbers: Sequence[int] | None) -> tuple[int, ...]:
        if numbers is None and self._where != self._picked_in:
            self.pick(())
        chosen = self.picked if numbers is None else tuple(numbers)
        if not chosen or self._shown() is None:
            self.said.emit(PICK_FIRST)
            return ()
        return chosen

    def _mask(self, number: int) -> NDArray[np.bool_]:
        shown = self._objects.now
        assert shown is not None
        return shown.shown == number

    def _class(self, number: int) -> int:
        shown = self._objects.now
        known = 0 if shown is None or number >= len(shown.classes) else int(shown.classes[number])
        return known or self._objects.class_of_new()

    def _pin(self, text: str, pins: Sequence[Pin]) -> bool:
        return self._do(lambda: self._objects.add(text, pins=pins))

    def _shown(self) -> ObjectLayer | FieldShown | None:
        """Return the layer of objects, with what was painted in it a moment ago taken up."""
        shown = self._objects.now
        if shown is not None:
            shown.flush()
        return shown

    def _do(self, operation: Callable[[], EditOutcome]) -> bool:
        return self._editing.do(operation)


def inside_of(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the inside of an object: without the pixels at its edge; of a thin one, its middle."""
    inside: NDArray[np.bool_] = binary_erosion(np.pad(mask, 1), iterations=2)[1:-1, 1:-1]
    if inside.any():
        return inside
    depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    middle: NDArray[np.bool_] = depth == depth.max()
    return middle


def _objects(chosen: Sequence[object]) -> str:
    return "an object" if len(chosen) == 1 else f"{len(chosen)} objects"
