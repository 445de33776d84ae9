"""A button beside a line of text, that fills it with the name of a file. Opens no file."""

from __future__ import annotations

from qtpy.QtWidgets import QFileDialog, QLineEdit, QToolButton

from .widgets import tool_button


def file_button(line: QLineEdit, files: str, name: str) -> QToolButton:
    """Return a button that asks for a file and puts its name into a line.

    Parameters
    ----------
    line : QLineEdit
    files : str
        Which files are shown, as Qt has it: ``Weights (*.pth *.pt)``.
    name : str
        The objectName of the button.
    """
    line.setPlaceholderText("choose a file")

    def choose() -> None:
        chosen, _ = QFileDialog.getOpenFileName(line, "Choose a file", line.text(), f"{files};;All files (*)")
        if chosen:
            line.setText(chosen)

    made = tool_button("…", name, "Choose a file.")
    made.clicked.connect(choose)
    return made
