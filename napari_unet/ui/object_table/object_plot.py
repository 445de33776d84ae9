"""A histogram of one column or a scatter of two; what is selected is marked, a click selects. Measures nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from .object_words import number_text

DOT = QColor("#56b4e9")
GONE = QColor(128, 128, 128, 90)
CHOSEN = QColor("#e69f00")
"""Colours that are told apart with every colour blindness, on light and on dark."""

_RIM = 5
_NEAR = 8
"""Pixels of the screen within which a dot is meant."""


class ObjectPlot(QWidget):
    """Dots or bars of objects.

    Signals
    -------
    row_chosen : int
        A person has clicked on this row of the table.
    """

    row_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("table_plot")
        self.setToolTip("Click to select the object. Grey: filtered out. The axes hold what is kept.")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(110)
        self._x: NDArray[np.float64] = np.zeros(0)
        self._y: NDArray[np.float64] | None = None
        self._kept: NDArray[np.bool_] = np.zeros(0, bool)
        self._words = ("", "")
        self.chosen: int | None = None

    def sizeHint(self) -> QSize:
        """Ask for some room below the table."""
        return QSize(240, 150)

    def show_columns(
        self, x: NDArray[np.float64], y: NDArray[np.float64] | None, kept: NDArray[np.bool_], words: tuple[str, str],
    ) -> None:
        """Show one column (a histogram: ``y`` is None) or two, one value a row."""
        self._x, self._y, self._kept, self._words = x, y, kept, words
        self.update()

    def mark(self, row: int | None) -> None:
        """Mark a row."""
        self.chosen = row
        self.update()

    # -- where things are --------------------------------------------------------------------------------------------

    @property
    def area(self) -> QRectF:
        """Where dots and bars lie."""
        line = self.fontMetrics().height()
        return QRectF(self.rect()).adjusted(6, line + 4, -6, -line - 4)

    def bars(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return how many kept objects each bar stands for, and where the bars begin and end."""
        values = self._x[self._drawn()]
        if not values.size:
            return np.zeros(1, np.int64), np.array([0.0, 1.0])
        low, high = float(values.min()), float(values.max())
        bins = int(np.clip(np.sqrt(values.size) * 2, 5, 60))
        counts, edges = np.histogram(values, bins, (low, high) if high > low else (low - 0.5, high + 0.5))
        return counts.astype(np.int64), edges

    def places(self) -> NDArray[np.float64]:
        """Return where each row lies in the widget, (x, y); NaN where a row has no value."""
        area = self._inner
        across = area.left() + _share(self._x, self._range(self._x)) * area.width()
        if self._y is None:
            return np.stack([across, np.full(len(across), area.bottom())], 1)
        down = area.bottom() - _share(self._y, self._range(self._y)) * area.height()
        return np.stack([across, down], 1)

    def _range(self, values: NDArray[np.float64]) -> tuple[float, float]:
        if self._y is None:
            edges = self.bars()[1]
            return float(edges[0]), float(edges[-1])
        inside = values[self._drawn()]
        if not inside.size:
            return 0.0, 1.0
        low, high = float(inside.min()), float(inside.max())
        return (low, high) if high > low else (low - 0.5, high + 0.5)

    @property
    def _inner(self) -> QRectF:
        """Where the smallest and the largest value lie: dots at the rim stay whole."""
        return self.area if self._y is None else self.area.adjusted(_RIM, _RIM, -_RIM, -_RIM)

    def _drawn(self) -> NDArray[np.bool_]:
        """Which rows are kept and have all values."""
        good = self._kept & np.isfinite(self._x)
        return good if self._y is None else good & np.isfinite(self._y)

    # -- drawing -----------------------------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Draw."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().text().color()
        frame = QColor(text)
        frame.setAlpha(60)
        area = self.area
        painter.setPen(QPen(frame, 1))
        painter.drawRect(area)
        painter.setPen(text)
        if not self._drawn().any():
            painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), "nothing to draw")
            return
        top = self._draw_bars(painter, area) if self._y is None else self._draw_dots(painter, area)
        painter.setPen(text)
        self._label(painter, area, top)

    def _draw_bars(self, painter: QPainter, area: QRectF) -> str:
        counts, edges = self.bars()
        most = int(counts.max())
        wide = area.width() / len(counts)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(DOT)
        for at, count in enumerate(counts.tolist()):
            tall = (area.height() - 2) * count / max(most, 1)
            painter.drawRect(QRectF(area.left() + at * wide + 0.5, area.bottom() - tall, max(wide - 1, 1), tall))
        if self.chosen is not None and self.chosen < len(self._x) and np.isfinite(self._x[self.chosen]):
            across = float(area.left() + _share(self._x[self.chosen], (edges[0], edges[-1])) * area.width())
            painter.setPen(QPen(CHOSEN, 2.5))
            painter.drawLine(QPointF(across, area.top()), QPointF(across, area.bottom()))
        return f"objects, at most {most}"

    def _draw_dots(self, painter: QPainter, area: QRectF) -> str:
        places = self.places()
        good = np.asarray(np.isfinite(places).all(axis=1))
        painter.setClipRect(area)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, len(places) < 3000)
        for color, rows, size in ((GONE, good & ~self._kept, 3.0), (DOT, good & self._kept, 4.0)):
            pen = QPen(color, size)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            painter.drawPoints(QPolygonF([QPointF(*place) for place in places[rows].tolist()]))
        if self.chosen is not None and self.chosen < len(places) and good[self.chosen]:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(CHOSEN, 2.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QPointF(*places[self.chosen].tolist()), 6, 6)
        painter.setClipping(False)
        y = self._y
        assert y is not None
        low, high = self._range(y)
        return f"{self._words[1]}: {number_text(low)} to {number_text(high)}"

    def _label(self, painter: QPainter, area: QRectF, top: str) -> None:
        low, high = self._range(self._x)
        line = self.fontMetrics().height()
        below = QRectF(area.left(), area.bottom() + 2, area.width(), line)
        painter.drawText(QRectF(area.left(), 1, area.width(), line), int(Qt.AlignmentFlag.AlignLeft), top)
        painter.drawText(below, int(Qt.AlignmentFlag.AlignLeft), number_text(low))
        painter.drawText(below, int(Qt.AlignmentFlag.AlignHCenter), self._words[0])
        painter.drawText(below, int(Qt.AlignmentFlag.AlignRight), number_text(high))

    # -- clicking ----------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Select the object that is meant: the nearest dot, or the nearest value."""
        if event is None or event.button() != Qt.MouseButton.LeftButton or not self._drawn().any():
            return
        place = event.pos()
        away = self.places() - (place.x(), place.y())
        if self._y is None:
            away[:, 1] = 0
        squares = np.where(self._drawn(), (away**2).sum(axis=1), np.inf)
        nearest = int(np.argmin(squares))
        if self._y is None or squares[nearest] <= _NEAR**2:
            self.row_chosen.emit(nearest)


def _share(values: NDArray[np.float64] | float, span: tuple[float, float]) -> NDArray[np.float64]:
    return np.asarray((np.asarray(values, float) - span[0]) / (span[1] - span[0] or 1.0))
