"""Between a table of objects and the canvas: go to an object, mark it, notice a click on one. Knows no table."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from ..layer_axes import finest_level
from ..object_dock.canvas_marks import PICKED, CanvasLine, CanvasMarks, outline
from ..train.viewport import camera_of, shows_planes

STILL = 4
"""Pixels of the screen that the mouse may move while it clicks."""

SMALL, LARGE = 24, 90
"""An object that is smaller than this on the screen is shown this large."""

Box = tuple[slice, ...]


class CanvasLink(QObject):
    """Links one layer of objects with whoever listens.

    Parameters
    ----------
    viewer : napari Viewer
    parent : QObject, optional
    """

    clicked = Signal(int)
    """A person has clicked on this object of the layer, in the plane that is shown."""

    moved = Signal()
    """Another plane is shown."""

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.layer: Labels | None = None
        self.marks = CanvasMarks(viewer)
        self.marks.setObjectName("table_marks")
        self._waiting, self._callback = viewer.mouse_drag_callbacks, self._on_press
        self._waiting.append(self._callback)
        self._steps = viewer.dims.events.current_step
        self._steps.connect(self._on_step)

    def close(self) -> None:
        """Let go of the viewer."""
        if self._callback in self._waiting:
            self._waiting.remove(self._callback)
        self._steps.disconnect(self._on_step)
        with contextlib.suppress(RuntimeError):  # the canvas of a window that closes may have taken them with it
            self.watch(None)
            self.marks.deleteLater()

    def watch(self, layer: Labels | None) -> None:
        """Listen to another layer, or to none."""
        if layer is self.layer:
            return
        if self.layer is not None:
            self.layer.events.selected_label.disconnect(self._on_picked)
        self.layer = layer
        self.mark(None)
        if layer is not None:
            layer.events.selected_label.connect(self._on_picked)

    def _on_step(self, _event: Any = None) -> None:
        self.moved.emit()

    # -- clicks ------------------------------------------------------------------------------------------------------

    def _on_press(self, _viewer: Any, event: Any) -> Iterator[None]:
        began, position = np.array(event.pos), tuple(event.position)
        yield
        while event.type == "mouse_move":
            yield
        if np.abs(np.array(event.pos) - began).max() <= STILL:
            self._on_clicked(position)

    def _on_clicked(self, position: tuple[float, ...]) -> None:
        layer = self.layer
        if layer is None or not shows_planes(self._viewer):
            return
        at = np.rint(layer.world_to_data(position[-layer.ndim:])).astype(int)
        data = finest_level(layer)
        if (at >= 0).all() and (at < data.shape).all():
            number = int(data[tuple(at)])
            if number:
                self.clicked.emit(number)

    def _on_picked(self, _event: Any = None) -> None:
        """Follow napari's own pick mode; a number that a brush takes up is no object that was clicked."""
        if self.layer is not None and str(self.layer.mode) == "pick" and self.layer.selected_label:
            self.clicked.emit(int(self.layer.selected_label))

    # -- going there -------------------------------------------------------------------------------------------------

    def go_to(self, place: NDArray[np.float64], size: float) -> None:
        """Show a place of the layer's data in the middle of the canvas, large enough to be seen.

        Parameters
        ----------
        place : ndarray of float, shape (axes of the layer,)
        size : float
            Of what is there, in the world.
        """
        layer = self.layer
        if layer is None:
            return
        world = np.asarray(layer.data_to_world(place), float)
        dims = self._viewer.dims
        first = dims.ndim - len(world)
        for axis, value in enumerate(world[:-2]):
            dims.set_point(first + axis, float(value))
        if shows_planes(self._viewer):
            camera = camera_of(self._viewer)
            camera.center = (camera.center[0], float(world[-2]), float(world[-1]))
            if 0 < size * camera.zoom < SMALL:
                camera.zoom = LARGE / size

    def tell(self, number: int) -> None:
        """Let napari know which object is meant, unless that would change what a brush paints."""
        layer = self.layer
        if layer is not None and str(layer.mode) in ("pan_zoom", "pick", "transform"):
            with layer.events.selected_label.blocker(self._on_picked):
                layer.selected_label = number

    def mark(self, found: tuple[Box, NDArray[np.bool_]] | None) -> None:
        """Draw the outline of an object on the plane that is shown: its rows and columns, and which of these pixels."""
        if found is None or self.layer is None:
            self.marks.show_marks(None, ())
            return
        box, inside = found
        line = outline(inside, (box[0].start, box[1].start))
        self.marks.show_marks(self.layer, (CanvasLine(line, PICKED, segments=True),))
