"""Small pieces that every dock is made of: buttons, lines of text, a column that scrolls. Knows no dock."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QEvent, QObject, Qt
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
    """Deletes a dock when its window closes it with x: napari only takes it out, and its work would go on unseen.

    Parameters
    ----------
    dock : QWidget
    """

    def __init__(self, dock: QWidget) -> None:
        super().__init__(dock)
        self._dock, self._was_inside = dock, False
        dock.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Delete the dock when it has lost the window it was in."""
        if watched is self._dock and event is not None and event.type() == QEvent.Type.ParentChange:
            inside = self._dock.parentWidget() is not None
            if self._was_inside and not inside:
                self._dock.deleteLater()
            self._was_inside = inside
        return False


def fill_scrolling(dock: QWidget, inside: QWidget, name: str, width: int) -> None:
    """Fill a dock with a widget that scrolls up and down, never sideways; ``width`` px at least."""
    scroll = QScrollArea(dock)
    scroll.setObjectName(name)
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setWidget(inside)
    whole = QVBoxLayout(dock)
    whole.setContentsMargins(0, 0, 0, 0)
    whole.addWidget(scroll)
    dock.setMinimumWidth(width)
