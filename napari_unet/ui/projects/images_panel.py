"""The controls of the dock ``Images`` and how they are laid out. What they do is decided in :mod:`.images_dock`."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMessageBox,
    QProgressBar,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from ..error_details import TellingLine
from ..train import shortcuts
from ..widgets import button, fill_scrolling, text_line, warn_of_namesake
from .image_list import ImageListView, ImageModel

EMPTY = ("No images yet. Add some, or a whole folder: they stay where they are, and a project keeps what you paint on "
         "them.")


class ImagesPanel(QWidget):
    """The list, and a column of controls around it.

    Parameters
    ----------
    picture : callable
        Returns the small picture of an image, None while there is none.
    """

    def __init__(self, picture: Callable[[Hashable], QPixmap | None]) -> None:
        super().__init__()
        self.setObjectName("images_dock")
        self.model = ImageModel(picture, self)
        self.list = ImageListView(self.model)
        self.list.setToolTip("Click an image to paint on it. Mark several with Ctrl or Shift to take them out.")
        self.filter_box = QLineEdit()
        self.filter_box.setObjectName("images_filter")
        self.filter_box.setPlaceholderText("search: part of a name, or predicted, new, ...")
        self.filter_box.setClearButtonEnabled(True)
        self.place_label = QLabel()
        self.place_label.setObjectName("images_place")
        self.empty = text_line("images_empty")
        self.empty.setText(EMPTY)
        self.note_line = TellingLine("images_note", 4, "What is being done, and what came of it.")
        self.progress = QProgressBar()
        self.progress.setObjectName("images_progress")
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.progress.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.cancel_button = button("Cancel", "images_cancel", "Stop this; what is done stays done.")
        self._make_buttons()
        self._build()
        self.show_progress("", 0.0)

    def _make_buttons(self) -> None:
        self.previous_button = button("< Previous", "images_previous", f"Previous image ({shortcuts.PREVIOUS_KEY}).")
        self.next_button = button("Next >", "images_next", f"Next image ({shortcuts.NEXT_KEY}).")
        self.add_button = button("Add images...", "images_add", "Add TIFF files; they stay where they are.")
        self.folder_button = button("Add a folder...", "images_add_folder",
                                    "Add all images of a folder, or those whose names fit a pattern; OME-Zarr as well.")
        self.take_in_button = button("Add to the project", "images_take_in",
                                     "Let the project know the marked images, which are open but not in it.")
        self.remove_button = button("Take out...", "images_remove",
                                    "Take the marked images out of the project. Their files are not touched.")
        self.bring_back_button = button("Bring back", "images_bring_back", "Undo the last taking out.")
        self.predict_button = button("Predict all", "images_predict",
                                     "Segment every image of the project with the present model; each is shown when "
                                     "you look at it.")
        self.export_button = button("Export all...", "images_export", "Save the masks of all images; what is not "
                                    "predicted yet, or was predicted earlier, can be done first.")
        self.counts_button = button("Counts as CSV...", "images_counts",
                                    "One table: how many parts, what area and how many holes, by image and class.")
        self.methods_button = button("Methods text...", "images_methods",
                                     "A paragraph for a paper that says how the results were made.")

    def _build(self) -> None:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(6, 4, 6, 4)
        column.setSpacing(6)
        warn_of_namesake(column, "images_namesake")
        steps = QHBoxLayout()
        steps.setSpacing(4)
        steps.addWidget(self.previous_button)
        steps.addStretch(1)
        steps.addWidget(self.place_label)
        steps.addStretch(1)
        steps.addWidget(self.next_button)
        column.addLayout(steps)
        for one in (self.filter_box, self.empty):
            column.addWidget(one)
        column.addWidget(self.list, 1)
        self.work_place = QStackedWidget()  # buttons, or what is under way: nothing moves
        self.work_place.setObjectName("images_work")
        self.work_place.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        for row in ((self.predict_button, self.export_button), (self.progress, self.cancel_button)):
            page = QWidget()
            line = _grid([row])
            line.setContentsMargins(0, 0, 0, 0)
            page.setLayout(line)
            self.work_place.addWidget(page)
        column.addLayout(_grid([
            [self.add_button, self.folder_button], [self.take_in_button], [self.remove_button, self.bring_back_button],
        ]))
        column.addWidget(self.work_place)
        column.addLayout(_grid([[self.counts_button, self.methods_button]]))
        column.addWidget(self.note_line)
        fill_scrolling(self, inner, "images_scroll", 300)

    def show_progress(self, text: str, fraction: float) -> None:
        """Show what is running and how far it is; what came of it stays when the text is empty."""
        self.work_place.setCurrentIndex(int(bool(text)))
        if text:
            self.note_line.setText(text)
        self.progress.setRange(0, 1000 if fraction > 0 else 0)
        self.progress.setValue(round(1000 * fraction))

    def say(self, text: str) -> None:
        """Show a sentence until something else is said."""
        self.note_line.setText(text)

    def explain(self, error: Exception) -> None:
        """Offer the details of an error if it is what was said last."""
        self.note_line.explain(error)

    def confirm_removal(self, names: Sequence[str]) -> bool:
        """Ask whether images are to leave the project."""
        listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        what = f"Take {listed} out of the project?"
        told = "No file of yours is touched. The strokes stay in the project's folder, and \"Bring back\" undoes this."
        box = QMessageBox(QMessageBox.Icon.Question, "Take out", f"{what}\n\n{told}", parent=self)
        box.setObjectName("images_confirm")
        yes: Any = box.addButton("Take out", QMessageBox.ButtonRole.AcceptRole)
        yes.setObjectName("images_confirm_yes")
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        return bool(box.clickedButton() is yes)

    @staticmethod
    def layer_picture(layer: Any) -> QPixmap | None:
        """Return the small picture that napari has of a layer."""
        if layer is None:
            return None
        pixels = np.ascontiguousarray(layer.thumbnail, np.uint8)
        height, width = pixels.shape[:2]
        return QPixmap.fromImage(QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888))


def _grid(rows: Sequence[Sequence[QWidget]]) -> QGridLayout:
    grid = QGridLayout()
    grid.setSpacing(4)
    for at, row in enumerate(rows):
        for column, one in enumerate(row):
            grid.addWidget(one, at, column, 1, 2 if len(row) == 1 else 1)
    return grid
