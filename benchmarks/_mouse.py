"""The mouse on the canvas of a napari window, for benchmarks, pictures and tests. Measures nothing.

A move that is sent need not arrive: vispy drops it within 10 ms of the one before, napari keeps it back for 5 ms, and a
release that comes meanwhile makes a stroke end too early. So a move is sent again until the window has taken note of
it, as a hand that rests for a moment does. A mouse that has to keep time (:meth:`Mouse.post`) does not wait.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

PATIENCE = 200.0
"""Seconds to wait for what must happen."""

_LEFT, _NONE, _PLAIN = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier


def wait(until: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Let the window live until something is true, or for so many seconds; say whether it is true."""
    end = time.perf_counter() + seconds
    while not until():
        if time.perf_counter() > end:
            return False
        QApplication.processEvents()
        time.sleep(0.001)
    return True


def rest(seconds: float) -> None:
    """Let the window live for so many seconds."""
    wait(lambda: False, seconds)


class Mouse:
    """A mouse with its left button on the canvas of a window.

    Parameters
    ----------
    viewer : napari Viewer
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._native = viewer.window._qt_viewer.canvas.native
        self._heard: set[tuple[int, int]] = set()
        self._held = False

    def middle(self, down: float = 0.0, right: float = 0.0) -> QPoint:
        """Return a place so many pixels of the screen from the middle of the canvas."""
        return QPoint(round(self._native.width() / 2 + right), round(self._native.height() / 2 + down))

    def place(self, point: Sequence[float], layer: Any = None) -> QPoint:
        """Return where a point (row, column) of what is shown lies: of a layer, or of the world."""
        from napari_unet.ui.train.viewport import camera_of

        dims, camera = self._viewer.dims, camera_of(self._viewer)
        if layer is None:
            down, right = point
        else:
            shown = [axis - (dims.ndim - layer.ndim) for axis in dims.order[-2:]]
            at = list(dims.current_step[-layer.ndim:])
            for axis, number in zip(shown, point, strict=True):
                at[axis] = number
            world = layer.data_to_world(at)
            down, right = (world[axis] for axis in shown)
        return self.middle((down - camera.center[-2]) * camera.zoom, (right - camera.center[-1]) * camera.zoom)

    def drag(self, places: Sequence[QPoint], steps: int = 2) -> None:
        """Press at the first place, go along the others in so many moves each, and let go at the last."""
        self.go(places[0])
        self.press(places[0])
        for start, end in itertools.pairwise(places):
            for part in np.linspace(0, 1, steps + 1)[1:]:
                self.go(QPoint(round((1 - part) * start.x() + part * end.x()),
                               round((1 - part) * start.y() + part * end.y())))
        self.release(places[-1])
        QApplication.processEvents()

    def press(self, place: QPoint) -> None:
        """Press the button."""
        self._viewer.mouse_drag_callbacks.append(self._dragged)
        self._held = True
        QTest.mousePress(self._native, _LEFT, _PLAIN, place)

    def go(self, place: QPoint) -> None:
        """Go to a place, with the button held or not: send the move until the window has taken note of it."""
        self._heard.clear()
        self._viewer.mouse_move_callbacks.append(self._moved)
        try:
            end = time.perf_counter() + PATIENCE
            while (place.x(), place.y()) not in self._heard:
                if time.perf_counter() > end:
                    raise TimeoutError(f"The window took no note of the mouse at {place} within {PATIENCE:.0f} s.")
                QApplication.sendEvent(self._native, self._event(QEvent.Type.MouseMove, place, self._held))
                QApplication.processEvents()
                time.sleep(0.001)
        finally:
            self._viewer.mouse_move_callbacks.remove(self._moved)

    def release(self, place: QPoint) -> None:
        """Let the button go."""
        QTest.mouseRelease(self._native, _LEFT, _PLAIN, place)
        self._held = False
        self._viewer.mouse_drag_callbacks.remove(self._dragged)

    def post(self, kind: QEvent.Type, place: QPoint, held: bool = True) -> None:
        """Put an event into the queue of the window, whatever becomes of it."""
        QApplication.postEvent(self._native, self._event(kind, place, held))

    def _moved(self, _viewer: Any, event: Any) -> None:
        self._heard.add((round(event.pos[0]), round(event.pos[1])))

    def _dragged(self, viewer: Any, event: Any) -> Iterator[None]:
        while event.type != "mouse_release":
            self._moved(viewer, event)
            yield

    def _event(self, kind: QEvent.Type, place: QPoint, held: bool) -> QMouseEvent:
        down = held and kind != QEvent.Type.MouseButtonRelease
        return QMouseEvent(kind, QPointF(place), QPointF(self._native.mapToGlobal(place)),
                           _NONE if kind == QEvent.Type.MouseMove else _LEFT, _LEFT if down else _NONE, _PLAIN)
