"""Classes as coloured buttons: click one to hold its brush, its little arrow to rename, recolour or remove it.

Changes no layer: it says what was chosen, and shows the class table it is given.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from qtpy.QtCore import QEvent, QObject, QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPixmap
from qtpy.QtWidgets import QColorDialog, QLineEdit, QMenu, QSizePolicy, QToolButton, QWidget
from superqt import QFlowLayout

from napari_unet.core.classes import MAX_CLASS_ID, ClassTable, PaintedClass
from napari_unet.core.errors import UserError

from ..widgets import WORDED
from . import shortcuts


class ClassButtons(QWidget):
    """A row of buttons, one per class, and a button that adds a class."""

    picked = Signal(int)
    """The brush is to hold this class."""

    edited = Signal(object)
    """A new :class:`ClassTable`: a class was added, renamed or recoloured."""

    removed = Signal(int)
    """A class is to go, with its strokes."""

    merged = Signal(int, int)
    """The strokes of a class are to be of another one."""

    cleared = Signal(int)
    """The strokes of a class are to go."""

    refused = Signal(str)
    """Why a name was not taken."""

    def __init__(self, classes: ClassTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("train_classes")
        self._classes = classes
        self._held: int | None = None
        self._buttons: dict[int, QToolButton] = {}
        self._editor: QLineEdit | None = None
        self._row = QFlowLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._add: QToolButton | None = None
        self.set_classes(classes)

    def set_classes(self, classes: ClassTable) -> None:
        """Show this class table."""
        self._classes = classes
        self._close_editor()
        while self._row.count():
            self._row.takeAt(0)
        for made in (*self._buttons.values(), self._add):
            if made is not None:
                made.setObjectName("")
                made.hide()
                made.deleteLater()
        self._buttons = {one.id: self._made(one) for one in classes.classes}
        self._add = self._made_add()  # anew, too: taken out and put in again it would keep its old place
        for widget in (*self._buttons.values(), self._add):
            self._row.addWidget(widget)
            widget.show()
        self.hold(self._held)
        self.updateGeometry()

    def hold(self, number: int | None) -> None:
        """Show which class the brush holds (None: none of them)."""
        self._held = number
        for one, made in self._buttons.items():
            made.setChecked(one == number)

    def _made(self, one: PaintedClass) -> QToolButton:
        made = QToolButton(self)
        made.setObjectName(f"train_class_{one.id}")
        made.setCheckable(True)
        made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        made.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        made.setIcon(_swatch(one.color))
        made.setIconSize(QSize(14, 14))
        made.setText(f"{one.id} {_short(one.name)}")
        key = f" ({shortcuts.shown(shortcuts.CLASS_KEYS[one.id])})" if one.id in shortcuts.CLASS_KEYS else ""
        what = "what you are not interested in" if one.id == 1 else f"{one.name}"
        made.setToolTip(f"Take up the brush for {what}{key}. The arrow changes, clears or removes it.")
        made.setStyleSheet(
            f"QToolButton#train_class_{one.id} {{ padding: 3px 16px 3px 5px; border: 2px solid transparent;"
            " border-radius: 4px; }"
            f"QToolButton#train_class_{one.id}:checked {{ border: 2px solid {one.color}; font-weight: bold; }}"
            f"QToolButton#train_class_{one.id}::menu-button {{ width: 14px; border: none; }}"
        )
        made.clicked.connect(lambda _checked=False: self.picked.emit(one.id))
        menu = QMenu(made)
        menu.addAction("Rename", lambda: self.rename(one.id))
        menu.addAction("Colour...", lambda: self._on_colour(one.id))
        if one.id != 1:
            into = QMenu("Merge into", menu)
            menu.addMenu(into)
            for other in self._classes.classes:
                if other.id != one.id:
                    into.addAction(_swatch(other.color), other.name,
                                   lambda _checked=False, number=other.id: self.merged.emit(one.id, number))
        menu.addSeparator()
        menu.addAction("Clear its strokes", lambda: self.cleared.emit(one.id))
        if one.id != 1:
            menu.addAction("Remove class and its strokes", lambda: self.removed.emit(one.id))
        made.setMenu(menu)
        return made

    def _made_add(self) -> QToolButton:
        made = QToolButton(self)
        made.setObjectName("train_add_class")
        made.setText("+ class")
        made.setStyleSheet(WORDED)
        made.setToolTip("Add a class, for another kind of thing you want told apart.")
        made.clicked.connect(self._on_add)
        return made

    # -- editing -----------------------------------------------------------------------------------------------------

    def _on_add(self) -> None:
        number = next((one for one in range(2, MAX_CLASS_ID + 1) if one not in self._classes.ids), None)
        if number is None:
            self.refused.emit(f"There are {MAX_CLASS_ID} classes already; no more are possible.")
            return
        self.edited.emit(self._classes.including([number]))
        self.picked.emit(number)
        self.rename(number)

    def rename(self, number: int) -> None:
        """Open a line over the button of a class in which its name is edited: Enter takes it, Escape does not."""
        self._close_editor()
        made = self._buttons[number]
        editor = QLineEdit(self._classes.name(number), self)
        editor.setObjectName("train_class_name")
        editor.setToolTip("Name of the class. Enter takes it, Escape leaves it as it was.")
        editor.setProperty("class_id", number)
        self._row.activate()
        editor.setGeometry(made.geometry().adjusted(0, 0, max(0, 110 - made.width()), 0))
        editor.selectAll()
        editor.editingFinished.connect(self._on_renamed)
        editor.installEventFilter(self)
        editor.show()
        editor.setFocus()
        self._editor = editor

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Close the line without a change when Escape is pressed."""
        if watched is self._editor and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            self._close_editor()
            return True
        return super().eventFilter(watched, event)

    def _on_renamed(self) -> None:
        if self._editor is None:
            return
        number, name = int(self._editor.property("class_id")), self._editor.text().strip()
        self._close_editor()
        if name and name != self._classes.name(number):
            self._edit(number, name=name)

    def _close_editor(self) -> None:
        editor, self._editor = self._editor, None
        if editor is not None:
            editor.removeEventFilter(self)
            editor.hide()
            editor.deleteLater()

    def _on_colour(self, number: int) -> None:
        chosen = QColorDialog.getColor(QColor(self._classes.color(number)), self, "Colour of the class")
        if chosen.isValid():
            self._edit(number, color=chosen.name())

    def _edit(self, number: int, **changes: Any) -> None:
        rows = (dataclasses.replace(one, **changes) if one.id == number else one for one in self._classes.classes)
        try:
            classes = ClassTable(tuple(rows))
        except UserError as error:
            self.refused.emit(str(error))
            return
        self.edited.emit(classes)


def _short(name: str, length: int = 16) -> str:
    return name if len(name) <= length else f"{name[:length - 1]}…"


def _swatch(color: str) -> QIcon:
    pixmap = QPixmap(28, 28)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QColor(color))
    painter.setPen(QColor(128, 128, 128))
    painter.drawRoundedRect(2, 2, 24, 24, 6, 6)
    painter.end()
    return QIcon(pixmap)
