"""A small plot of loss and held-out Dice over training steps. Keeps no data but what it is given."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QPoint, QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_unet.session.held_out_score import TrainingPoint

LOSS = QColor("#e69f00")
DICE = QColor("#56b4e9")
"""Two colours that are told apart with every colour blindness, on light and on dark."""

SMOOTH = 0.9
"""Share of the past in the smoothed loss; single steps jump about."""

_DASH, _GAP = 17, 14
"""Pixels of the colour before a value, and between two values."""


class LearningPlot(QWidget):
    """Loss (smoothed, scaled to its own largest value) and Dice (0 to 1) over steps; newest values in words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("train_plot")
        self.setToolTip(
            "How well it learns. Loss: error on your strokes, lower is better. Dice: agreement with strokes that were "
            "kept from training, 1 is perfect; it needs three separate strokes of each class; behind an instant "
            "answer, eight of each of two classes. Strokes lie where people are sure; likely: the Dice to expect where "
            "nothing is painted, with 90 % confidence."
        )
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._history: Sequence[TrainingPoint] = ()
        self.held = 0

    def sizeHint(self) -> QSize:
        """Ask for a low, wide strip."""
        return QSize(240, 72)

    def show_history(self, history: Sequence[TrainingPoint], held: int = 0) -> None:
        """Draw this history (read again at every redraw; it may grow), scored on so many held-out strokes."""
        self._history, self.held = history, held
        self.update()

    @property
    def caption(self) -> str:
        """The newest values in words; a dash where there is no score."""
        if not self._history:
            return "Loss and Dice appear here after Live."
        loss, *score = (words for _, words in self._items())
        return f"{loss}   {', '.join(score)}"

    def _items(self) -> list[tuple[QColor | None, str]]:
        """Return the newest values in words, with the colour of their line."""
        newest = self._history[-1]
        value = "-" if newest.dice is None else f"{newest.dice:.2f}"
        strokes = f"{self.held} stroke{'' if self.held == 1 else 's'}"
        return [
            (LOSS, f"loss {running_mean(self._history)[-1]:.2f}"),
            (DICE, f"Dice {value} on {strokes}" if self.held else f"held-out Dice {value}"),
            *([] if newest.likely is None else [(None, f"likely {newest.likely.text}")]),
        ]

    def _legend(self, metrics: QFontMetrics) -> list[tuple[QPoint, QColor | None, str]]:
        """Return where each of them begins; what does not fit beside those before begins a new line."""
        placed: list[tuple[QPoint, QColor | None, str]] = []
        left, top = 2, 0
        for color, words in self._items():
            width = metrics.horizontalAdvance(words) + (0 if color is None else _DASH)
            if left > 2 and left + width > self.width():
                left, top = 2, top + metrics.height()
            placed.append((QPoint(left, top), color, words))
            left += width + _GAP
        return placed

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Draw."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().text().color()
        frame = QColor(text)
        frame.setAlpha(60)
        history, metrics = self._history, painter.fontMetrics()
        legend = self._legend(metrics) if history else []
        height = metrics.height() + (legend[-1][0].y() if legend else 0)
        area = QRectF(self.rect()).adjusted(1, height + 3, -1, -2)
        painter.setPen(QPen(frame, 1))
        painter.drawRect(area)
        if not history:
            painter.setPen(text)
            painter.drawText(self.rect().adjusted(2, 0, 0, 0), int(Qt.AlignmentFlag.AlignLeft), self.caption)
            return
        losses = running_mean(history)
        for place, color, words in legend:
            left = place.x()
            if color is not None:
                painter.setPen(QPen(color, 3))
                painter.drawLine(left, place.y() + metrics.height() // 2 + 1, left + 12,
                                 place.y() + metrics.height() // 2 + 1)
                left += _DASH
            painter.setPen(text)
            painter.drawText(left, place.y() + metrics.ascent(), words)
        first, last = history[0].step, max(history[-1].step, history[0].step + 1)
        top = max(losses) or 1.0
        stride = max(1, len(history) // max(1, int(area.width())))

        def at(step: int, part: float) -> QPointF:
            across = (step - first) / (last - first)
            return QPointF(area.left() + across * area.width(), area.bottom() - part * (area.height() - 2) - 1)

        line = [at(one.step, loss / top) for one, loss in zip(history, losses, strict=True)][::stride]
        painter.setPen(QPen(LOSS, 1.6))
        painter.drawPolyline(QPolygonF(line))
        scores = [at(one.step, one.dice) for one in history if one.dice is not None]
        painter.setPen(QPen(DICE, 2))
        painter.drawPolyline(QPolygonF(scores[::stride] + scores[-1:]))


def running_mean(history: Sequence[TrainingPoint]) -> list[float]:
    """Return the losses as a running mean that forgets slowly."""
    out: list[float] = []
    for one in history:
        out.append(one.loss if not out else SMOOTH * out[-1] + (1 - SMOOTH) * one.loss)
    return out
