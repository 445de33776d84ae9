"""A small plot of loss and held-out Dice over training steps. Keeps no data but what it is given."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_unet.session.held_out_score import TrainingPoint

LOSS = QColor("#e69f00")
DICE = QColor("#56b4e9")
"""Two colours that are told apart with every colour blindness, on light and on dark."""

SMOOTH = 0.9
"""Share of the past in the smoothed loss; single steps jump about."""


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
        return f"loss {running_mean(self._history)[-1]:.2f}   {self._score}"

    @property
    def _score(self) -> str:
        newest = self._history[-1]
        value = "-" if newest.dice is None else f"{newest.dice:.2f}"
        likely = "" if newest.likely is None else f", likely {newest.likely.text}"
        if not self.held:
            return f"held-out Dice {value}{likely}"
        return f"Dice {value} on {self.held} stroke{'' if self.held == 1 else 's'}{likely}"  # as much as fits

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Draw."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().text().color()
        frame = QColor(text)
        frame.setAlpha(60)
        height = painter.fontMetrics().height()
        area = QRectF(self.rect()).adjusted(1, height + 3, -1, -2)
        painter.setPen(QPen(frame, 1))
        painter.drawRect(area)
        history = self._history
        if not history:
            painter.setPen(text)
            painter.drawText(self.rect().adjusted(2, 0, 0, 0), int(Qt.AlignmentFlag.AlignLeft), self.caption)
            return
        losses = running_mean(history)
        self._legend(painter, text, losses[-1])
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

    def _legend(self, painter: QPainter, text: QColor, loss: float) -> None:
        height = painter.fontMetrics().height()
        left = 2
        for color, words in ((LOSS, f"loss {loss:.2f}"), (DICE, self._score)):
            painter.setPen(QPen(color, 3))
            painter.drawLine(left, height // 2 + 1, left + 12, height // 2 + 1)
            painter.setPen(text)
            painter.drawText(left + 17, painter.fontMetrics().ascent(), words)
            left += 17 + painter.fontMetrics().horizontalAdvance(words) + 16


def running_mean(history: Sequence[TrainingPoint]) -> list[float]:
    """Return the losses as a running mean that forgets slowly."""
    out: list[float] = []
    for one in history:
        out.append(one.loss if not out else SMOOTH * out[-1] + (1 - SMOOTH) * one.loss)
    return out
