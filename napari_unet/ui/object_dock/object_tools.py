"""Cut, join and pick by mouse: what is drawn on the canvas while a tool is held. Decides nothing of objects.

While a tool is held the layer of objects is the active one and the mouse draws instead of moving the image; the wheel
zooms, and Space moves, as always.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QObject, Signal

from ..train.viewport import shows_planes
from .canvas_marks import CUT, JOIN, CanvasMarks
from .object_actions import NOTHING_SHOWN, ObjectActions
from .shown_objects import ShownObjects

Tool = Literal["", "cut", "join", "pick"]

STILL = 3
"""Pixels of the screen that the mouse may move while it clicks."""

TOLD = {
    "cut": "Drag a short line across the bridge between two objects.",
    "join": "Drag a line from one part of the object into the other.",
    "pick": "Click an object. Shift adds one, or lets it go.",
}


class ObjectTools(QObject):
    """The tool that the mouse holds, if any.

    Parameters
    ----------
    viewer : napari Viewer
    objects : ShownObjects
    actions : ObjectActions
    marks : CanvasMarks
    parent : QObject, optional
    """

    changed = Signal(str)
    """Which tool is held, ``""`` for none."""

    said = Signal(str)
    """One sentence."""

    def __init__(self, viewer: Any, objects: ShownObjects, actions: ObjectActions, marks: CanvasMarks,
                 parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer, self._objects, self._actions, self._marks = viewer, objects, actions, marks
        self.tool: Tool = ""
        self._layer: Labels | None = None
        self._turning = False
        waiting, on_press, active = viewer.mouse_drag_callbacks, self._on_press, viewer.layers.selection.events.active
        on_active = self._on_active
        active.connect(on_active)

        def forget(*_: Any) -> None:
            active.disconnect(on_active)
            if on_press in waiting:
                waiting.remove(on_press)

        self.destroyed.connect(forget)
        objects.changed.connect(self._on_objects)

    def hold(self, tool: Tool) -> None:
        """Take up a tool, or (``""``) lay it down."""
        if tool == self.tool:
            return
        shown = self._objects.now
        if tool and (shown is None or not shown.is_there):
            self.said.emit(NOTHING_SHOWN)
            tool = ""
        if tool and not shows_planes(self._viewer):
            self.said.emit("This works where planes are shown. Go back to the 2-D view.")
            tool = ""
        if self.tool and not tool:
            self._lay_down()
        elif tool and shown is not None and not self.tool:
            self._take_up(shown.layer)
        self.tool = tool
        if tool and self._layer is not None:
            self._layer.cursor = "cross" if tool != "pick" else "pointing"
            self.said.emit(TOLD[tool])
        self.changed.emit(tool)

    def _take_up(self, layer: Labels) -> None:
        self._layer = layer
        self._turning = True
        try:
            self._viewer.layers.selection.active = layer
            layer.visible = True
            layer.mode = "pan_zoom"  # the brush is not to paint
            layer.mouse_pan = False
        finally:
            self._turning = False
        layer.events.mode.connect(self._on_mode)
        self._viewer.mouse_drag_callbacks.append(self._on_press)

    def _lay_down(self) -> None:
        layer, self._layer = self._layer, None
        if self._on_press in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_press)
        self._marks.draw((), CUT)
        if layer is not None:
            layer.events.mode.disconnect(self._on_mode)
            if str(layer.mode) == "pan_zoom":
                layer.cursor = "standard"
                layer.mouse_pan = True

    def _on_active(self, _event: Any = None) -> None:
        if self.tool and not self._turning and self._viewer.layers.selection.active is not self._layer:
            self.hold("")

    def _on_mode(self, _event: Any = None) -> None:
        layer = self._layer
        if layer is None:
            return
        if str(layer.mode) != "pan_zoom":
            self.hold("")
        else:  # Space was let go
            layer.mouse_pan = False

    def _on_objects(self) -> None:
        """Lay the tool down when its layer is shown no more."""
        now = self._objects.now
        if self.tool and (now is None or now.layer is not self._layer):
            self.hold("")

    # -- the mouse ---------------------------------------------------------------------------------------------------

    def _on_press(self, _viewer: Any, event: Any) -> Iterator[None]:
        layer, tool = self._layer, self.tool
        if layer is None or event.button != 1 or not self._is_image(event):
            return
        color = JOIN if tool == "join" else CUT
        places = [(float(event.pos[0]), float(event.pos[1]))]
        worlds = [event.position]
        event.handled = True
        yield
        while event.type == "mouse_move":
            places.append((float(event.pos[0]), float(event.pos[1])))
            worlds.append(event.position)
            if tool != "pick":
                self._marks.draw(places, color)
            yield
        places.append((float(event.pos[0]), float(event.pos[1])))  # where the button was let go: moves may be left out
        worlds.append(event.position)
        points = [self._point(layer, one) for one in worlds]  # now: the layer may have come to lie elsewhere meanwhile
        self._marks.draw((), color)
        drawn = float(np.abs(np.subtract(places, places[0])).max()) > STILL
        if tool == "pick":
            number = self._actions.at(points[-1])
            self._actions.pick((number,) if number else (), more="Shift" in event.modifiers)
        elif not drawn:
            self.said.emit(TOLD[tool])
        elif tool == "cut":
            self._actions.cut(points)
        elif tool == "join":
            self._actions.join(points)

    def _is_image(self, event: Any) -> bool:
        return bool(shows_planes(self._viewer)) and event.position is not None

    def _point(self, layer: Labels, world: Sequence[float]) -> tuple[float, float]:
        """Return row and column of a place in the plane that is shown."""
        row, column = layer.world_to_data(np.asarray(world, float)[-layer.ndim:])[-2:]
        return float(row), float(column)
