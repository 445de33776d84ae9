"""One line for each method that is not through: how far it is, and a way to call it off. Runs nothing."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QScrollArea, QToolButton, QVBoxLayout, QWidget
from superqt import QElidingLabel

_LINE, _SHOWN = 25, 5


class QueueLine(QWidget):
    """One method."""

    def __init__(self, name: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"compare_queue_{name}")
        self.setFixedHeight(_LINE)
        self.title = QElidingLabel(title)
        self.title.setToolTip(title)
        self.bar = QProgressBar()
        self.bar.setObjectName(f"compare_queue_{name}_bar")
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(70)
        self.words = QElidingLabel("waiting")
        self.words.setObjectName(f"compare_queue_{name}_words")
        self.cancel = QToolButton()
        self.cancel.setObjectName(f"compare_queue_{name}_cancel")
        self.cancel.setText("\N{MULTIPLICATION SIGN}")
        self.cancel.setAutoRaise(True)
        self.cancel.setToolTip(f"Leave {title} out; the others go on.")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.title, 4)
        row.addWidget(self.bar)
        row.addWidget(self.words, 5)
        row.addWidget(self.cancel)

    def show_state(self, text: str, fraction: float) -> None:
        """Show what it is doing."""
        self.words.setText(text)
        self.words.setToolTip(text)
        self.bar.setValue(round(1000 * fraction))


class QueueList(QScrollArea):
    """The methods that are running or waiting, in their order.

    Signals
    -------
    cancelled : str
        The name of a method that somebody does not want any more.
    """

    cancelled = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("compare_queue")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addStretch(1)
        self.setWidget(inside)
        self.lines: dict[str, QueueLine] = {}
        self._fit()

    def start(self, titles: Mapping[str, str]) -> None:
        """Show these methods as waiting."""
        for name in tuple(self.lines):
            self.end(name)
        for name, title in titles.items():
            made = self.lines[name] = QueueLine(name, title)
            made.cancel.clicked.connect(lambda _checked=False, name=name: self._on_cancel(name))
            self._column.insertWidget(self._column.count() - 1, made)
        self._fit()

    def show_state(self, method: str, text: str, fraction: float) -> None:
        """Show what a method is doing."""
        if method in self.lines:
            self.lines[method].show_state(text, fraction)

    def end(self, method: str) -> None:
        """Take a method out that is through."""
        gone = self.lines.pop(method, None)
        if gone is not None:
            self._column.removeWidget(gone)
            gone.hide()
            gone.deleteLater()
            self._fit()

    def clear(self) -> None:
        """Take all out."""
        for name in tuple(self.lines):
            self.end(name)

    def _on_cancel(self, name: str) -> None:
        line = self.lines.get(name)
        if line is not None:
            line.cancel.setEnabled(False)
            line.show_state("is stopped after the step it is at", line.bar.value() / 1000)
        self.cancelled.emit(name)

    def _fit(self) -> None:
        self.setFixedHeight(_LINE * min(len(self.lines), _SHOWN))
        self.setVisible(bool(self.lines))
