"""Asks where images are that are not where they were, once for each folder. Reads and changes no image."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QDialog, QFileDialog, QGridLayout, QLabel, QVBoxLayout, QWidget

from ..widgets import button, text_line


class MovedImagesBox(QDialog):
    """One row for each folder that has lost images, with a button that says where they are now.

    Parameters
    ----------
    lost : dict of Path to int
        How many images are missing, by the folder they were in.
    look_in : callable
        Given the old folder and the new one, takes the images found there; returns how many are still missing.
    parent : QWidget, optional
    """

    settled = Signal()
    """Images were found, or the person goes on without them."""

    def __init__(
        self, lost: dict[Path, int], look_in: Callable[[Path, Path], int], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("moved_images")
        self.setWindowTitle("Images that have moved")
        self.setMinimumWidth(460)
        self._look_in = look_in
        self._left = dict(lost)
        column = QVBoxLayout(self)
        total = sum(lost.values())
        top = text_line("moved_images_text")
        top.setText(
            f"{total} image{' is' if total == 1 else 's are'} not where {'it was' if total == 1 else 'they were'}. "
            f"Where {'is it' if total == 1 else 'are they'} now? All strokes are kept, whether you say it or not."
        )
        column.addWidget(top)
        self._rows = QGridLayout()
        self._rows.setColumnStretch(0, 1)
        for row, (folder, count) in enumerate(lost.items()):
            line = QLabel(_row_text(folder, count))
            line.setTextFormat(Qt.TextFormat.RichText)
            line.setWordWrap(True)
            line.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            choose = button("Choose folder...", f"moved_images_choose_{row}", "The folder in which they are now.")
            choose.clicked.connect(lambda _checked=False, folder=folder, line=line: self._choose(folder, line))
            self._rows.addWidget(line, row, 0)
            self._rows.addWidget(choose, row, 1, Qt.AlignmentFlag.AlignTop)
        column.addLayout(self._rows)
        self.done_button = button("Go on without them", "moved_images_done", "Work on with the images that are there.")
        self.done_button.clicked.connect(self.accept)
        column.addWidget(self.done_button, 0, Qt.AlignmentFlag.AlignRight)
        self.finished.connect(lambda _result: self.settled.emit())

    def _choose(self, folder: Path, line: QLabel) -> None:
        found = QFileDialog.getExistingDirectory(self, f"Where are the images of {folder} now?", str(Path.home()))
        if not found:
            return
        before = self._left[folder]
        self._left[folder] = self._look_in(folder, Path(found))
        taken = before - self._left[folder]
        line.setText(f"{_row_text(folder, self._left[folder])}<br>{taken} of {before} found in {_breakable(found)}")
        if not any(self._left.values()):
            self.accept()
        else:
            self.settled.emit()


def _row_text(folder: Path, count: int) -> str:
    return f"{_breakable(str(folder))}<br><b>{count} missing</b>"


def _breakable(path: str) -> str:
    """Return a path as rich text that may be broken after each folder."""
    return html.escape(path).replace("/", "/&#8203;").replace("\\", "\\&#8203;")
