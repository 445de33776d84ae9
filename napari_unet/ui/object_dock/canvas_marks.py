"""Lines drawn over the image: what is being drawn, cuts and joins, outlines of what is picked. Changes nothing.

It lies on the canvas as a widget that the mouse does not see: nothing of the image is drawn anew for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QObject, QPointF, Qt
from qtpy.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QWidget

from ..train.viewport import camera_of, in_grid, shows_planes

CUT, JOIN, PICKED = "#ff3b30", "#34c759", "#ffffff"
"""Colours of cuts, of joins and of what is picked."""

Segments = NDArray[np.float64]
"""Ends of lines, (n, 2, 2): row and column of both."""


@dataclasses.dataclass(frozen=True, eq=False)
class CanvasLine:
    """A line in pixels of the plane (n points of row and column), or single segments, and its colour."""

    points: Segments | Sequence[Sequence[float]]
    color: str
    segments: bool = False


class CanvasMarks(QWidget):
    """Lines over the canvas of a viewer.

    Parameters
    ----------
    viewer : napari Viewer
    """

    def __init__(self, viewer: Any) -> None:
        canvas: QWidget = viewer.window._qt_viewer.canvas.native
        super().__init__(canvas)
        self.setObjectName("objects_marks")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._viewer = viewer
        self._layer: Labels | None = None
        self._marks: tuple[CanvasLine, ...] = ()
        self._drawing: list[tuple[float, float]] = []
        self._color = CUT
        canvas.installEventFilter(self)
        events, moved = camera_of(viewer).events, self._on_moved
        events.connect(moved)
        self.destroyed.connect(lambda *_: events.disconnect(moved))
        self.setGeometry(canvas.rect())
        self.show()

    def show_marks(self, layer: Labels | None, marks: Sequence[CanvasLine]) -> None:
        """Show lines in pixels of a layer's plane, for as long as the layer can be seen."""
        if layer is not self._layer:
            self._watch(layer)
        if marks or self._marks:
            self._marks = tuple(marks)
            self.update()

    def _watch(self, layer: Labels | None) -> None:
        for one, connects in ((self._layer, False), (layer, True)):
            if one is not None:
                emitter = one.events.visible
                (emitter.connect if connects else emitter.disconnect)(self._on_moved)
        self._layer = layer

    def draw(self, places: Sequence[tuple[float, float]], color: str) -> None:
        """Show a line that is being drawn, in pixels of the canvas (across, down); none: nothing."""
        self._drawing, self._color = list(places), color
        self.update()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Stay as large as the canvas."""
        if isinstance(watched, QWidget) and event is not None and event.type() == QEvent.Type.Resize:
            self.setGeometry(watched.rect())
        return False

    def _on_moved(self, _event: Any = None) -> None:
        if self._marks:
            self.update()

    @property
    def shows_marks(self) -> bool:
        """Whether marks can be seen: what they mark is not hidden, and planes are shown one over the other."""
        layer = self._layer
        return (bool(self._marks) and layer is not None and layer.visible and layer in self._viewer.layers
                and shows_planes(self._viewer) and not in_grid(self._viewer))

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Draw all lines, each with a dark rim."""
        if not (self._drawing or self._marks):
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.shows_marks:
            for mark in self._marks:
                self._draw_mark(painter, mark)
        if self._drawing:
            self._stroke(painter, QPolygonF([QPointF(*place) for place in self._drawing]), self._color, 3)
        painter.end()

    def _draw_mark(self, painter: QPainter, mark: CanvasLine) -> None:
        places = self._places(np.asarray(mark.points, float).reshape(-1, 2))
        points = [QPointF(float(across), float(down)) for across, down in places]
        if mark.segments:
            path = QPainterPath()
            for one, other in zip(points[::2], points[1::2], strict=True):
                path.moveTo(one)
                path.lineTo(other)
            for color, width in (("#000000", 3.5), (mark.color, 2.0)):
                painter.strokePath(path, QPen(QColor(color), width))
        else:
            self._stroke(painter, QPolygonF(points), mark.color, 2)

    def _stroke(self, painter: QPainter, line: QPolygonF, color: str, width: float) -> None:
        for one, wide in (("#000000", width + 2), (color, width)):
            pen = QPen(QColor(one), wide)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            painter.drawPolyline(line)

    def _places(self, points: Segments) -> Segments:
        """Return where pixels of the plane lie on the canvas, (across, down)."""
        layer, camera = self._layer, camera_of(self._viewer)
        if layer is None:
            return np.zeros((0, 2))
        corner, down, right = (np.asarray(layer.data_to_world((*(0,) * (layer.ndim - 2), *one)))[-2:]
                               for one in ((0, 0), (1, 0), (0, 1)))
        world = corner + points[:, :1] * (down - corner) + points[:, 1:] * (right - corner)
        centre = np.asarray(camera.center[-2:], float)
        moved = (world - centre) * camera.zoom + (self.height() / 2, self.width() / 2)
        return moved[:, ::-1]


def outline(mask: NDArray[np.bool_], corner: tuple[int, int]) -> Segments:
    """Return the edges of the pixels at the rim of a mask, whose first pixel lies at ``corner``."""
    wide = np.pad(mask, 1).astype(np.int8)
    rows, columns = np.nonzero(np.diff(wide, axis=0))  # between a pixel and the one below
    level = np.stack([np.stack([rows - 0.5, columns - 1.5], 1), np.stack([rows - 0.5, columns - 0.5], 1)], 1)
    rows, columns = np.nonzero(np.diff(wide, axis=1))
    upright = np.stack([np.stack([rows - 1.5, columns - 0.5], 1), np.stack([rows - 0.5, columns - 0.5], 1)], 1)
    return np.concatenate([level, upright]).astype(float) + np.asarray(corner, float)
