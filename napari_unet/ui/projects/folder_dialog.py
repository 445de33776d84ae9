"""Asks which images of a folder are to be added: folder, patterns, folders below. Adds nothing itself."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import cast

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ..widgets import text_line
from .add_images import PATTERNS, find_files
from .folder_row import FolderRow

COUNTED = 2000
"""So many files are counted; of more it is said that there are more."""


class AddFolderDialog(QDialog):
    """A folder, what is looked for in it, and how many files that are.

    Parameters
    ----------
    start : Path
        Where to begin to look.
    parent : QWidget, optional
    """

    def __init__(self, start: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Add a folder of images")
        self.setObjectName("add_folder")
        self.setMinimumWidth(440)
        self.place = FolderRow(start, ("add_folder_path", "add_folder_browse"), "Folder of images",
                               "The folder that holds the images. They stay where they are.")
        self.folder_box = self.place.box
        self.patterns = QLineEdit(PATTERNS)
        self.patterns.setObjectName("add_folder_patterns")
        self.patterns.setToolTip("What the names of the files look like; * stands for anything, spaces separate "
                                 "patterns: *_dapi.tif well3*.tif")
        self.below = QCheckBox("also in the folders inside")
        self.below.setObjectName("add_folder_below")
        self.found = text_line("add_folder_found")
        self.buttons = QDialogButtonBox()
        self.buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        self.add = cast(QPushButton, self.buttons.addButton(QDialogButtonBox.StandardButton.Ok))
        self.add.setObjectName("add_folder_add")
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow("Folder", self.place)
        form.addRow("Files", self.patterns)
        form.addRow("", self.below)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self.found)
        column.addWidget(self.buttons)
        self._look = QTimer(self)
        self._look.setSingleShot(True)
        self._look.setInterval(150)
        self._look.timeout.connect(self.count)
        self.folder_box.textChanged.connect(lambda _text: self._look.start())
        self.patterns.textChanged.connect(lambda _text: self._look.start())
        self.below.toggled.connect(lambda _on: self.count())
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.count()

    @property
    def folder(self) -> Path:
        """The folder chosen."""
        return self.place.folder

    @property
    def choice(self) -> tuple[Path, str, bool]:
        """Folder, patterns, and whether to look into the folders inside."""
        return self.folder, self.patterns.text(), self.below.isChecked()

    def count(self) -> None:
        """Say how many files there are to add."""
        self._look.stop()
        try:
            found = list(itertools.islice(find_files(*self.choice), COUNTED + 1)) if self.folder.is_absolute() else []
            text = "" if self.folder.is_dir() else "There is no such folder."
        except OSError as error:
            found, text = [], f"The folder cannot be read ({error.strerror or error})."
        count = len(found)
        many = f"more than {COUNTED}" if count > COUNTED else str(count)
        self.add.setText(f"Add {many} image{'' if count == 1 else 's'}")
        self.add.setEnabled(bool(found))
        first = ", ".join(one.name for one in found[:3])
        self.found.setText(text or (f"{first}{', ...' if count > 3 else ''}" if found else
                                    "Nothing in it fits. TIFF files and OME-Zarr folders can be read."))
