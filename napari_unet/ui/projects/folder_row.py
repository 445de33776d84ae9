"""A folder to be typed or chosen: a line, and a button beside it. Reads no folder."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QWidget

from ..widgets import button


class FolderRow(QWidget):
    """A line for a folder with *Browse...* beside it.

    Parameters
    ----------
    start : Path
        Proposed.
    names : (str, str)
        Object names of the line and of the button.
    title : str
        Of the window in which a folder is chosen.
    tooltip : str
        Of the line.
    parent : QWidget, optional
    """

    def __init__(
        self, start: Path, names: tuple[str, str], title: str, tooltip: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._title = title
        self.box = QLineEdit(str(start))
        self.box.setObjectName(names[0])
        self.box.setToolTip(tooltip)
        self.browse = button("Browse...", names[1], "Choose the folder.")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.box, 1)
        row.addWidget(self.browse)
        self.browse.clicked.connect(self._on_browse)

    @property
    def folder(self) -> Path:
        """The folder chosen."""
        return Path(self.box.text().strip()).expanduser()

    def _on_browse(self) -> None:
        name = QFileDialog.getExistingDirectory(self, self._title, self.box.text())
        if name:
            self.box.setText(name)
