"""Filling by mouse: a button is pressed, and the next click into the image fills there. Fills nothing itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QObject, Signal

from .edit_actions import EditActions

TOLD = "Click into the image where to fill. Press the button again to leave it."

STILL = 4
"""Pixels of the screen that the mouse may move while it clicks."""


class FillClick(QObject):
    """Waits for one click into the image; dragging moves the image meanwhile.

    Parameters
    ----------
    viewer : napari Viewer
    editing : EditActions
    parent : QObject, optional
    """

    changed = Signal(bool)
    """Whether a click is waited for."""

    said = Signal(str)
    """One sentence."""

    def __init__(self, viewer: Any, editing: EditActions, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer, self._editing = viewer, editing
        self._layer: Labels | None = None
        self._mode = ""
        waiting, on_press = viewer.mouse_drag_callbacks, self._on_press

        def forget(*_: Any) -> None:
            if on_press in waiting:
                waiting.remove(on_press)

        self.destroyed.connect(forget)

    def turn(self, on: bool) -> None:
        """Wait for a click, or do so no longer."""
        if on and self._layer is None:
            self._begin()
        elif not on and self._layer is not None:
            self._end()

    def _begin(self) -> None:
        binding = self._editing.binding()
        if binding is None:
            self.changed.emit(False)
            return
        layer = self._layer = binding.strokes
        self._viewer.layers.selection.active = layer
        self._mode = str(layer.mode)
        layer.mode = "pan_zoom"  # the click is not to paint
        layer.cursor = "cross"
        self._viewer.mouse_drag_callbacks.append(self._on_press)
        self.changed.emit(True)
        self.said.emit(TOLD)

    def _end(self) -> None:
        layer, self._layer = self._layer, None
        self._viewer.mouse_drag_callbacks.remove(self._on_press)
        if layer is not None and str(layer.mode) == "pan_zoom":
            layer.cursor = "standard"
            layer.mode = self._mode
        self.changed.emit(False)

    def _on_press(self, _viewer: Any, event: Any) -> Iterator[None]:
        began = np.array(event.pos)
        yield
        while event.type == "mouse_move":
            yield
        if np.abs(np.array(event.pos) - began).max() > STILL:  # the image was moved
            return
        self.said.emit("")
        self._editing.fill()
        self.turn(False)
