"""The layer that objects are shown in: pasted piece by piece; what anybody paints in it is noticed. Finds nothing."""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.objects.corrections import Pin, pins_of_change
from napari_unet.objects.measure_table import MeasureTable
from napari_unet.session.object_notes import Place

from ..layer_metadata import KEY, identity, mark_layer, note
from ..layers import place_of
from ..train.edit_layers import forget_edits
from ..train.partial_redraw import StalePart
from .edit_watch import EditWatch
from .object_source import ObjectSource

PIECE = 512
"""Rows and columns that are pasted at a time."""

PASTE_S = 0.003
"""Seconds for which pieces are pasted before the window looks at the mouse again."""

Pieces = tuple[tuple[int, tuple[slice, slice], NDArray[np.uint32]], ...]
"""Plane number, rows and columns, numbers."""


class ObjectLayer(QObject):
    """Numbers of objects of one source, in a layer above it.

    Parameters
    ----------
    viewer : napari Viewer
    source : ObjectSource
    parent : QObject, optional
    """

    edited = Signal(object, object)
    """A :class:`Place` and the pins that somebody's painting in the layer has made there."""

    drawn = Signal()
    """What was pasted can be seen."""

    lost = Signal(str)
    """The layer cannot be used any more; says why."""

    def __init__(self, viewer: Any, source: ObjectSource, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer, self.source = viewer, source
        self.layer = self._find() or self._make()
        self.place = Place(0)
        self.shown: NDArray[np.uint32] = np.zeros((1, 1), np.uint32)  # what the layer is to hold at that place
        self.classes: NDArray[np.uint8] = np.zeros(1, np.uint8)
        self._waiting: deque[tuple[int, tuple[slice, slice], NDArray[np.uint32]]] = deque()
        self._stale = StalePart()
        self._paste = QTimer(self)
        self._paste.setInterval(0)
        self._paste.timeout.connect(self._on_paste)
        self._edits = EditWatch(self.layer, self)
        self._edits.due.connect(self._on_edited)

    # -- the layer ---------------------------------------------------------------------------------------------------

    def _find(self) -> Labels | None:
        """Return the layer that was made for this source before."""
        return next((one for one in self._viewer.layers if isinstance(one, Labels)
                     and one.metadata.get(KEY, {}).get("objects_of") == identity(self.source.layer)
                     and one.data.shape == self.source.layer.data.shape), None)

    def _make(self) -> Labels:
        source = self.source
        place = ({name: getattr(source.layer, name) for name in ("scale", "translate", "rotate", "affine", "units")}
                 if source.image_layer is None else place_of(source.image_layer))
        base = source.image_layer if source.is_live and source.image_layer is not None else source.layer
        made = Labels(np.zeros(source.layer.data.shape, np.uint32), name=f"{base.name} objects", opacity=0.6, **place)
        if source.image_layer is not None:
            mark_layer(made, "objects", source.image_layer)
        note(made, role="objects", objects_of=identity(source.layer))
        made.n_edit_dimensions = 2
        layers = self._viewer.layers
        active = layers.selection.active
        layers.insert(layers.index(source.layer) + 1, made)
        layers.selection.active = active  # the brush stays in the hand
        return made

    @property
    def is_there(self) -> bool:
        """Whether its layer and that of its source are in the window."""
        return self.layer in self._viewer.layers and self.source.layer in self._viewer.layers

    def close(self) -> None:
        """Let go of the layer, which stays."""
        self._paste.stop()
        self._edits.close()

    # -- what is shown -----------------------------------------------------------------------------------------------

    def values(self, place: Place) -> NDArray[np.uint32]:
        """Return a copy of what the layer holds at a place, (Y, X) or (Z, Y, X)."""
        planes = self.source.view(self.layer)
        found = np.stack([planes[number] for number in self.source.planes_of(place)])
        return np.array(found if place.volume else found[0]).astype(np.uint32, copy=False)

    def turn_to(self, place: Place, classes: NDArray[np.uint8]) -> None:
        """Show another place from now on; ``classes`` are those of the objects that are there."""
        self.finish()
        self.place, self.shown, self.classes = place, self.values(place), classes

    def paste(self, numbers: NDArray[np.uint32], classes: NDArray[np.uint8], pieces: Pieces) -> None:
        """Show other objects at the present place; ``pieces`` are the parts that differ from before."""
        self.finish()
        self.shown, self.classes = numbers, classes
        if pieces:
            forget_edits(self.layer)
        self._waiting.extend(pieces)
        if self._waiting:
            self._paste.start()
            self._on_paste()
        else:
            self.drawn.emit()

    def tell_features(self, table: MeasureTable, classes: ClassTable) -> None:
        """Let other plugins know what is known of the objects that are shown."""
        words = np.array([classes.name(number) for number in range(256)], object)
        columns = {**table.columns, "class": words[table.columns["class"]]}
        self.layer.features = dataclasses.replace(table, columns=columns).features()

    def finish(self) -> None:
        """Paste at once what is left to paste."""
        while self._waiting:
            self._put(*self._waiting.popleft())

    def _on_paste(self) -> None:
        until = time.perf_counter() + PASTE_S
        while self._waiting and time.perf_counter() < until:
            self._put(*self._waiting.popleft())
        if not self._waiting:
            self._paste.stop()
            self._redraw()
            self.drawn.emit()

    def _put(self, plane: int, box: tuple[slice, slice], numbers: NDArray[np.uint32]) -> None:
        try:
            self.source.view(self.layer)[plane][box] = numbers
        except (UserError, ValueError, IndexError):  # another array has been put into the layer
            return
        self._stale.add(self.source.image.plane_shape, *box)

    def put_aside(self, pieces: Pieces) -> None:
        """Put objects into planes that are not shown."""
        if pieces:
            forget_edits(self.layer)
        for plane, box, numbers in pieces:
            self.source.view(self.layer)[plane][box] = numbers

    def _redraw(self) -> None:
        stale, self._stale = self._stale, StalePart()
        if self.place.volume:
            stale.add_all()
        if stale:
            with self._edits.at_work():
                stale.draw(self.layer)

    # -- what others paint -------------------------------------------------------------------------------------------

    def _on_edited(self) -> None:
        self.flush()

    def flush(self) -> bool:
        """Take up what was painted in the layer; return whether there was anything."""
        if not self._edits.take():
            return False
        self.finish()
        try:
            now = self.values(self.place)
        except (UserError, ValueError):
            self.lost.emit(f"Not shown in {self.layer.name!r} any more: it has another shape now, and stays as it is. "
                           "Objects are in a new layer.")
            return False
        pins = pins_of_change(self.shown, now, self.classes, 0)
        if not pins:
            return False
        self.shown = now
        self.edited.emit(self.place, pins)
        return True


def with_classes(pins: tuple[Pin, ...], class_id: int) -> tuple[Pin, ...]:
    """Return pins of new objects (class 0) as of a class."""
    return tuple(one if one.class_id else Pin(one.start, one.mask, class_id) for one in pins)
