"""Undo and redo, and the fold of what changes many strokes at once. What they do is decided in :mod:`.edit_actions`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QMessageBox,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ..forms import CollapsibleSection
from ..widgets import button, tool_button
from . import shortcuts
from .class_buttons import ClassButtons
from .edit_actions import EditActions
from .edit_jobs import EditJobs
from .fill_click import FillClick
from .live_controller import LiveController

SURE = 0.95
"""Probability from which on a prediction is taken over as sure, unless another is chosen."""

CODES = {
    "Each number is a class, 0 is background (a mask)": "mask",
    "1 is background, 2, 3, ... are classes, 0 is not painted (strokes)": "painted",
    "Single objects of one class, 0 is background": "objects",
}
"""What numbers of a file may stand for, as people read it."""

FILES = "Strokes, masks and objects (*.tif *.tiff *.zip *.roi *.geojson);;All files (*)"


class EditPanel(QWidget):
    """One line with *Edit strokes*, *Undo* and *Redo*, and what the first one unfolds.

    Parameters
    ----------
    controller : LiveController
    classes : ClassButtons
        Their menus are served too.
    """

    said = Signal(str)
    """One sentence about what was done."""

    progressed = Signal(str, float)
    """Text and fraction (0 to 1) of what is running; an empty text when it is over."""

    def __init__(self, controller: LiveController, classes: ClassButtons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("train_edit")
        self._session = controller.session
        self.editing = EditActions(controller, self._ask, self)
        self.jobs = EditJobs(controller, self.editing, self)
        self.filling = FillClick(controller.viewer, self.editing, self)
        for part in (self.editing, self.filling):
            part.said.connect(self.said)
        self.jobs.progressed.connect(self.progressed)
        self._build()
        self._serve(classes)
        self._bind_keys(controller.viewer)
        history, refresh = self._session.edits, self.refresh
        history.changed.connect(refresh)
        self.destroyed.connect(lambda *_: history.changed.disconnect(refresh, missing_ok=True))
        self.refresh()

    # -- building ----------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        fold = CollapsibleSection("Edit strokes", "train_edit_fold",
                                  "Clear strokes, take over a prediction, fill, or import strokes from a file.")
        fold.addWidget(self._inside())
        self.undo_button = tool_button("Undo", "train_undo", "")
        self.redo_button = tool_button("Redo", "train_redo", "")
        self.undo_button.clicked.connect(lambda: self.editing.undo())
        self.redo_button.clicked.connect(lambda: self.editing.redo())
        line = QHBoxLayout()
        line.setSpacing(4)
        title = fold.toggleButton()
        fold.layout().removeWidget(title)  # beside the buttons, to save a line
        line.addWidget(title, 1)
        line.addWidget(self.undo_button)
        line.addWidget(self.redo_button)
        column.addLayout(line)
        column.addWidget(fold)

    def _inside(self) -> QWidget:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 2, 0, 2)
        column.setSpacing(4)
        column.addLayout(_line("Clear", *self._clearing()))
        column.addLayout(_line("Take prediction", *self._accepting()))
        sure = QHBoxLayout()
        sure.setSpacing(4)
        self.sure_tick = QCheckBox("only where sure by")
        self.sure_tick.setObjectName("train_only_sure")
        self.sure_tick.setToolTip("Take over only pixels whose class is at least as probable as this.")
        self.sure_box = QDoubleSpinBox()
        self.sure_box.setObjectName("train_sure")
        self.sure_box.setRange(0.5, 1.0)
        self.sure_box.setSingleStep(0.01)
        self.sure_box.setValue(SURE)
        self.sure_box.setToolTip("Least probability of the class, 0.5 to 1.")
        self.sure_box.setEnabled(False)
        self.sure_box.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)  # there is little room
        self.sure_box.setFixedWidth(56)
        self.sure_box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.sure_tick.toggled.connect(self.sure_box.setEnabled)
        sure.addWidget(self.sure_tick)
        sure.addWidget(self.sure_box)
        sure.addStretch(1)
        column.addLayout(sure)
        self.import_button = button(
            "Import strokes or a mask...", "train_import_strokes",
            "Paint what a file holds where nothing is painted. What its numbers stand for is recognised, or asked.",
        )
        self.import_button.clicked.connect(self._on_import)
        column.addWidget(self.import_button)
        key = shortcuts.shown(shortcuts.FILL_KEY)
        self.fill_button = button(
            f"Fill with the next click ({key})", "train_fill",
            "Then click into the image: ground that your strokes enclose, else the region predicted there, gets the "
            f"class of the brush. {key} does it at once, under the pointer.",
        )
        self.fill_button.setCheckable(True)
        self.fill_button.toggled.connect(self.filling.turn)
        self.filling.changed.connect(self.fill_button.setChecked)
        column.addWidget(self.fill_button)
        return inside

    def _clearing(self) -> list[QPushButton]:
        plane = button("Plane", "train_clear_plane", "Clear the strokes of the plane that is shown. Undo brings them "
                       "back.")
        image = button("Image", "train_clear_image", "Clear the strokes of this image, on all its planes.")
        every = button("All", "train_clear_all", "Clear the strokes of all images.")
        plane.clicked.connect(lambda: self.editing.clear_plane())
        image.clicked.connect(lambda: self.editing.clear_image())
        every.clicked.connect(lambda: self.editing.clear_all())
        return [plane, image, every]

    def _accepting(self) -> list[QPushButton]:
        what = ("Paint what is predicted on {} where nothing is painted. It is learnt from, but never used for "
                "scoring: a model must not judge itself.")
        view = button("In view", "train_accept_view", what.format("the visible part of this plane"))
        plane = button("Plane", "train_accept_plane", what.format("this whole plane"))
        view.clicked.connect(lambda: self._accept(False))
        plane.clicked.connect(lambda: self._accept(True))
        return [view, plane]

    def _serve(self, classes: ClassButtons) -> None:
        classes.edited.connect(self.editing.change_classes)
        classes.removed.connect(self.editing.remove_class)
        classes.merged.connect(self.editing.merge_class)
        classes.cleared.connect(self.editing.clear_class)

    def _bind_keys(self, viewer: Any) -> None:
        keys = {
            shortcuts.UNDO_KEY: self.editing.undo, shortcuts.REDO_KEY: self.editing.redo,
            shortcuts.FILL_KEY: self.editing.fill,
        }
        shortcuts.bind_viewer_keys(viewer, keys)
        self.destroyed.connect(lambda *_: shortcuts.unbind_viewer_keys(viewer, keys))

    # -- what happens --------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show what can be undone and redone."""
        history = self._session.edits
        for made, word, text, key in (
            (self.undo_button, "Undo", history.undo_text, shortcuts.UNDO_KEY),
            (self.redo_button, "Redo", history.redo_text, shortcuts.REDO_KEY),
        ):
            made.setEnabled(bool(text))
            made.setToolTip(
                f"{word}: {text} ({shortcuts.shown(key)})." if text else
                f"{word} changes of classes and of many strokes at once: nothing to {word.lower()} yet. Single brush "
                "strokes are napari's: Ctrl+Z on the strokes layer."
            )

    def _accept(self, whole: bool) -> None:
        self.jobs.accept(whole, self.sure_box.value() if self.sure_tick.isChecked() else 0.0)

    def _on_import(self) -> None:
        if self.editing.binding() is None:
            return
        name, _ = QFileDialog.getOpenFileName(self, "Import strokes or a mask", "", FILES)
        if name:
            self.jobs.bring_in(Path(name), self._ask_code)

    def _ask(self, question: str) -> bool:
        answer = QMessageBox.question(self, "Edit strokes", question)
        return answer == QMessageBox.StandardButton.Yes

    def _ask_code(self, question: str) -> str:
        chosen, taken = QInputDialog.getItem(self, "What do its numbers stand for?", question, list(CODES), 0, False)
        return CODES[chosen] if taken else ""


def _line(title: str, *buttons: QPushButton) -> QHBoxLayout:
    """Return a line of buttons behind what they do."""
    line = QHBoxLayout()
    line.setSpacing(4)
    label = QLabel(title)
    label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
    line.addWidget(label)
    for one in buttons:
        line.addWidget(one, 1)
    return line
