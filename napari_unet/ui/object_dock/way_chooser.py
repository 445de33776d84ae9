"""Which way finds the objects, and its parameters as a form. Finds nothing."""

from __future__ import annotations

import re
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_unet.core import parameters
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.objects import REGISTRY
from napari_unet.session.object_search import ObjectWay

from ..forms import CollapsibleSection, ParameterForm
from ..widgets import combo_box


class WayChooser(QWidget):
    """A list of ways, and below it a fold with the parameters of the one that is chosen."""

    changed = Signal()
    """Another way was chosen, or a parameter was changed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._showing = False
        self._form: ParameterForm | None = None
        self._entries = tuple(REGISTRY)
        self.ways = combo_box("objects_way", [one.title for one in self._entries],
                              "How touching objects are told apart. Automatic chooses from what you have shown.")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        row = QHBoxLayout()
        row.addWidget(QLabel("Way"))
        row.addWidget(self.ways, 1)
        column.addLayout(row)
        self.fold = CollapsibleSection("Parameters", "objects_parameters", "Parameters of this way; auto is tried.")
        column.addWidget(self.fold)
        self.ways.currentIndexChanged.connect(self._on_chosen)
        self._on_chosen()

    def value(self) -> tuple[str, dict[str, Any]]:
        """Return the way chosen, and the parameters that are not as they come."""
        entry = self._entries[max(0, self.ways.currentIndex())]
        values = {} if self._form is None else self._form.values()
        plain = {field.name: field.default for field in parameters.fields(entry.item)}
        return entry.name, {name: value for name, value in values.items() if value != plain[name]}

    def show_way(self, way: ObjectWay) -> None:
        """Show what is set; of a way that there is not, nothing."""
        if (way.way, dict(way.parameters)) == self.value() or way.way not in REGISTRY:
            return
        self._showing = True
        try:
            self.ways.setCurrentIndex([one.name for one in self._entries].index(way.way))
            if self._form is not None:
                self._form.set_values(way.parameters)
        except UserError:
            return  # finding says what is wrong with it
        finally:
            self._showing = False

    def _on_chosen(self) -> None:
        entry = self._entries[max(0, self.ways.currentIndex())]
        if self._form is not None:
            self.fold.removeWidget(self._form)
            self._form.hide()
            self._form.deleteLater()
        self._form = ParameterForm(entry.item, f"objects_{entry.name}")
        self._form.changed.connect(self._on_changed)
        self.fold.addWidget(self._form)
        self.fold.setVisible(bool(self._form.controls))
        about = (entry.item.__doc__ or "").strip().splitlines()
        self.ways.setToolTip(about[0] if about else entry.title)
        self._on_changed()

    def _on_changed(self) -> None:
        if not self._showing:
            self.changed.emit()


def with_class_names(note: str, classes: ClassTable) -> str:
    """Return what a way says of itself with the names of classes: it knows them by their numbers alone."""
    return re.sub(r"\bclass (\d+)(?=:)", lambda found: classes.name(int(found[1])), note)
