"""Small pieces that every dock is made of: buttons, lines of text, a column that scrolls. Knows no dock."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import (
    QComboBox,
    QFrame,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_unet.core.namesake import namesake_warning

from .dock_tabs import join_tabs, mark_ours, window_sizes

WORDED = ("QToolButton { border: 1px solid rgba(128, 128, 128, 160); border-radius: 4px; padding: 3px 6px; }"
          " QToolButton:hover { background: rgba(128, 128, 128, 70); }")
"""Style of small buttons with words: without a frame they look like text that is only there to be read."""


def button(text: str, name: str, tooltip: str) -> QPushButton:
    """Return a push button with an object name and a tooltip."""
    made = QPushButton(text)
    made.setObjectName(name)
    made.setToolTip(tooltip)
    made.setMinimumWidth(40)
    return made


def tool_button(text: str, name: str, tooltip: str) -> QToolButton:
    """Return a small button with an object name and a tooltip."""
    made = QToolButton()
    made.setObjectName(name)
    made.setText(text)
    made.setToolTip(tooltip)
    if any(letter.isalpha() for letter in text):
        made.setStyleSheet(WORDED)
    return made


def text_line(name: str, tooltip: str = "", *, selectable: bool = False) -> QLabel:
    """Return an empty line of plain text that wraps; ``selectable`` lets people copy it."""
    made = QLabel()
    made.setObjectName(name)
    made.setToolTip(tooltip)
    made.setWordWrap(True)
    made.setTextFormat(Qt.TextFormat.PlainText)
    if selectable:
        made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return made


def warn_of_namesake(column: QVBoxLayout, name: str) -> None:
    """Put a line on top of a dock if the other plugin is installed too, whose files may have replaced ours."""
    text = namesake_warning()
    if text:
        made = text_line(name, selectable=True)
        made.setText(text)
        made.setAlignment(Qt.AlignmentFlag.AlignTop)  # Qt 5 cuts the first line otherwise
        column.insertWidget(0, made)


def keep_place(widget: QWidget) -> None:
    """Keep the place of a widget while it is hidden, so that nothing moves when it comes."""
    policy = widget.sizePolicy()
    policy.setRetainSizeWhenHidden(True)
    widget.setSizePolicy(policy)


def combo_box(name: str, lines: Sequence[str], tooltip: str) -> QComboBox:
    """Return a list to choose one line from, as wide as there is room."""
    made = QComboBox()
    made.setObjectName(name)
    made.addItems(list(lines))
    made.setToolTip(tooltip)
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return made


class CloseWatch(QObject):
    """Watches over a dock: it opens as a tab of our others, and is deleted when its window closes it.

    On x napari only takes it out, and its work would go on unseen.

    Parameters
    ----------
    dock : QWidget
    tab : str
        One word for its tab.
    """

    def __init__(self, dock: QWidget, tab: str) -> None:
        super().__init__(dock)
        self._dock, self._was_inside, self._has_place = dock, False, False
        self._before = window_sizes()
        mark_ours(dock, tab)
        self._opened = QTimer(self)
        self._opened.setSingleShot(True)
        self._opened.setInterval(0)  # once the window has found a place for it
        self._opened.timeout.connect(self._on_opened)
        dock.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Put a dock that has come to its place; delete it when it has lost the window it was in."""
        if watched is self._dock and event is not None and event.type() == QEvent.Type.ParentChange:
            inside = self._dock.parentWidget() is not None
            if self._was_inside and not inside:
                QTimer.singleShot(0, self._dock.deleteLater)  # not while it is being taken out
            elif inside and not self._was_inside:
                self._opened.start()
            self._was_inside = inside
        elif watched is self._dock and event is not None and event.type() == QEvent.Type.Show and not self._has_place:
            self._opened.start()
        return False

    def _on_opened(self) -> None:
        """Join the tabs once; where a person puts the dock later is their choice."""
        self._has_place = self._has_place or join_tabs(self._dock, self._before)
        self._before = []


class ScrollingColumn(QScrollArea):
    """A column that scrolls up and down, never sideways: it is never narrower than what is in it.

    Parameters
    ----------
    inside : QWidget
    width : int
        Pixels it is wide at least.
    """

    def __init__(self, inside: QWidget, width: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._least = width
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(inside)  # from now on the area hears of its events
        self._fit()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Grow with what is inside."""
        if event is not None and watched is self.widget() and event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return super().eventFilter(watched, event)

    def _fit(self) -> None:
        inside, bar = self.widget(), self.verticalScrollBar()
        if inside is not None and bar is not None:
            self.setMinimumWidth(max(self._least, inside.minimumSizeHint().width() + bar.sizeHint().width()))


def fill_scrolling(dock: QWidget, inside: QWidget, name: str, width: int) -> None:
    """Fill a dock with a widget that scrolls up and down, never sideways; ``width`` px at least."""
    scroll = ScrollingColumn(inside, width, dock)
    scroll.setObjectName(name)
    whole = QVBoxLayout(dock)
    whole.setContentsMargins(0, 0, 0, 0)
    whole.addWidget(scroll)
