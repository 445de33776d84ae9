"""Removing a class with its strokes: asked before, and undone with them. Draws no dock."""

from __future__ import annotations

import numpy as np
from qtpy.QtWidgets import QMessageBox, QWidget

from .class_buttons import without_class
from .live_controller import LiveController


def remove_class(dock: QWidget, controller: LiveController, number: int) -> bool:
    """Remove a class and its strokes on all images; where there are strokes, the person is asked.

    Undoing on a strokes layer (Ctrl+Z) brings its strokes back, and with them the name and colour of the class.

    Returns
    -------
    bool
        Whether it was removed.
    """
    session = controller.session
    painted = [one for one in controller.bindings.values() if (np.asarray(one.strokes.data) == number).any()]
    if painted and not _asked(dock, session.classes.name(number), [one.image_layer.name for one in painted]):
        return False
    session.note_removal(number)
    for binding in painted:
        layer = binding.strokes
        layer.data_setitem(np.nonzero(np.asarray(layer.data) == number), 0)  # so that Ctrl+Z brings it back
        binding.flush()
    session.set_classes(without_class(session.classes, number))
    return True


def _asked(dock: QWidget, name: str, images: list[str]) -> bool:
    where = f"{images[0]!r}" if len(images) == 1 else f"{len(images)} images"
    answer = QMessageBox.question(
        dock, "Remove class", f"Remove the class {name!r} with its strokes on {where}?\n"
        "Ctrl+Z on a strokes layer brings its strokes back, with name and colour.",
    )
    return answer == QMessageBox.StandardButton.Yes
