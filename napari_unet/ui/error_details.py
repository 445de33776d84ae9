"""What lies behind an error, for whoever is asked for help: a small link, and a window to copy it from.

The line beside the link says cause and remedy; this holds the rest. Raises and catches nothing.
"""

from __future__ import annotations

import platform
from importlib import metadata

from qtpy.QtGui import QFontDatabase
from qtpy.QtWidgets import QApplication, QDialog, QDialogButtonBox, QPlainTextEdit, QToolButton, QVBoxLayout, QWidget

from napari_unet.core.errors import UserError, details_of

from .fixed_lines import FixedLines
from .workers import error_sentence

_VERSIONS = ("napari-unet-live", "napari", "torch", "numpy", "qtpy")


class ErrorDetails(QToolButton):
    """A link ``Details`` that is there while an error has more to tell than its sentence.

    Parameters
    ----------
    name : str
        objectName.
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._error: BaseException | None = None
        self.setObjectName(name)
        self.setText("Details")
        self.setToolTip("Show what lies behind this error, to copy it for whoever helps you.")
        self.setStyleSheet("QToolButton { border: none; text-decoration: underline; padding: 0px; }")
        self.clicked.connect(self._on_clicked)
        self.hide()

    def show_error(self, error: BaseException | None) -> None:
        """Offer the details of an error; None, or one whose sentence says all: offer nothing."""
        self._error = error if error is not None and has_details(error) else None
        self.setVisible(self._error is not None)

    def dialog(self) -> QDialog:
        """Return the window with the details."""
        text = "" if self._error is None else details_text(self._error)
        made = QDialog(self)
        made.setObjectName("error_details")
        made.setWindowTitle("Details of the error")
        made.resize(720, 420)
        page = QPlainTextEdit(text)
        page.setObjectName("error_details_text")
        page.setReadOnly(True)
        page.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = buttons.addButton("Copy", QDialogButtonBox.ButtonRole.ActionRole)
        assert copy is not None
        copy.setObjectName("error_details_copy")
        copy.setToolTip("Copy all of this to the clipboard.")
        copy.clicked.connect(lambda: _copy(text))
        buttons.rejected.connect(made.reject)
        column = QVBoxLayout(made)
        column.addWidget(page)
        column.addWidget(buttons)
        return made

    def _on_clicked(self) -> None:
        made = self.dialog()
        made.finished.connect(made.deleteLater)
        made.open()


class TellingLine(FixedLines):
    """A line of text of a fixed place, with ``Details`` in its corner while it tells of an error.

    Parameters
    ----------
    name : str
        objectName; the link is called ``<name>_details``.
    lines : int
    tooltip : str
    """

    def __init__(self, name: str, lines: int, tooltip: str = "", parent: QWidget | None = None) -> None:
        super().__init__(name, lines, tooltip, parent)
        self._sentence = ""
        self.details = ErrorDetails(f"{name}_details")
        self.put_in_corner(self.details)

    def setText(self, text: str | None) -> None:
        """Show a text; the details go with the error that they belong to."""
        super().setText(text)
        if getattr(self, "_sentence", "") and self._sentence not in self.text():
            self._sentence = ""
            self.details.show_error(None)

    def explain(self, error: Exception) -> bool:
        """Offer the details of an error if it is what the line tells of; return whether it is."""
        if error_sentence(error) not in self.text():
            return False
        self._sentence = error_sentence(error)
        self.details.show_error(error)
        return True

    def show_failure(self, error: Exception) -> None:
        """Say that something has failed, with the details."""
        self.setText(error_sentence(error))
        self.explain(error)


def has_details(error: BaseException) -> bool:
    """Whether there is more behind an error than its sentence: a user's mistake without another cause has no more."""
    return not isinstance(error, UserError) or error.__cause__ is not None


def details_text(error: BaseException) -> str:
    """Return an error with where it came up, and the versions that matter."""
    found = []
    for name in _VERSIONS:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    versions = ", ".join((*found, f"Python {platform.python_version()}", platform.platform()))
    return f"{details_of(error)}\n\n{versions}\n"


def _copy(text: str) -> None:
    clipboard = QApplication.clipboard()
    if clipboard is not None:
        clipboard.setText(text)
