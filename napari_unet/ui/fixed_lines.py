"""A line of text with a place of its own: it wraps, it never grows, and nothing moves when it changes."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QPointF, QSize, Qt
from qtpy.QtGui import QPainter, QPaintEvent, QResizeEvent, QShowEvent, QTextLayout
from qtpy.QtWidgets import QAction, QApplication, QLabel, QSizePolicy, QWidget

_BREAK = "\N{LINE SEPARATOR}"
"""What ends a line in a layout of Qt; a newline does not."""


class FixedLines(QLabel):
    """Plain text in so many lines; what does not fit ends in dots, and is whole in the tooltip.

    Parameters
    ----------
    name : str
        objectName.
    lines : int
        How many there is room for.
    tooltip : str
        What the line is for; shown below the text.
    """

    def __init__(self, name: str, lines: int, tooltip: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines, self._about = lines, tooltip
        self._corner: QWidget | None = None
        self.setObjectName(name)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        copy = QAction("Copy", self)
        copy.triggered.connect(self._copy)
        self.addAction(copy)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.setText("")

    def _copy(self) -> None:
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.text())

    def setText(self, text: str | None) -> None:
        """Show a text."""
        if (text or "") != self.text() or not self.toolTip():
            super().setText(text or "")
            self.setToolTip("\n\n".join(filter(None, (_folded(text or ""), self._about))))

    def put_in_corner(self, widget: QWidget) -> None:
        """Keep the end of the last line for a small widget, whenever that is shown."""
        widget.setParent(self)
        self._corner = widget
        widget.installEventFilter(self)

    def sizeHint(self) -> QSize:
        """Ask for as many lines as there may be."""
        return QSize(240, self._height)

    def minimumSizeHint(self) -> QSize:
        """Ask for the same height, as narrow as need be."""
        return QSize(60, self._height)

    @property
    def _height(self) -> int:
        return self._lines * self.fontMetrics().lineSpacing() + 2

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep the corner where it belongs."""
        super().resizeEvent(event)
        self._place_corner()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Take the height of the font that the theme has given."""
        super().showEvent(event)
        self.updateGeometry()
        self._place_corner()

    def eventFilter(self, watched: object, event: QEvent | None) -> bool:
        """Keep the corner where it belongs when it comes and goes."""
        if watched is self._corner and event is not None and event.type() in (QEvent.Type.Show, QEvent.Type.Hide):
            self._place_corner()
            self.update()
        return False

    def _place_corner(self) -> None:
        if self._corner is not None:
            size = self._corner.sizeHint()
            height = min(size.height(), self.fontMetrics().lineSpacing() + 2)
            self._corner.setGeometry(self.width() - size.width(), self.height() - height, size.width(), height)

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Draw the text."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        metrics, text = self.fontMetrics(), self.text().replace("\n", _BREAK)
        corner = self._corner.width() + 6 if self._corner is not None and not self._corner.isHidden() else 0
        layout = QTextLayout(text, self.font())
        layout.beginLayout()
        for number in range(self._lines):
            width = self.width() - (corner if number == self._lines - 1 else 0)
            line = layout.createLine()
            if not line.isValid():
                break
            line.setLineWidth(max(1, width))
            top = number * metrics.lineSpacing()
            if number == self._lines - 1 and line.textStart() + line.textLength() < len(text):
                rest = text[line.textStart():].replace(_BREAK, " ")
                cut = metrics.elidedText(rest, Qt.TextElideMode.ElideRight, width)
                painter.drawText(QPointF(0, top + metrics.ascent()), cut)
            else:
                line.draw(painter, QPointF(0, top))
        layout.endLayout()


def _folded(text: str, width: int = 80) -> str:
    """Return a text in lines of a readable length: plain tooltips do not wrap."""
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + len(word) >= width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\n".join(filter(None, (*lines, line)))
