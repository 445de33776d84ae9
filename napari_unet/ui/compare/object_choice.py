"""Whether objects are judged too, by which ways they are found, and of which classes. Finds and judges nothing."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QMenu, QToolButton, QVBoxLayout, QWidget

from napari_unet.core.classes import ClassTable
from napari_unet.objects import REGISTRY as WAYS
from napari_unet.objects.image_objects import ObjectSearch

from ..widgets import WORDED, combo_box, tool_button

EVERY_WAY = "every way"

_LONGEST = 40
"""Letters of the names of classes that are shown; the list has all of them."""


class ObjectChoice(QWidget):
    """A box to tick, beside it the way, and where there are several classes those that are counted."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("compare_objects")
        self.wanted = QCheckBox("score, by")
        self.wanted.setObjectName("compare_objects_wanted")
        self.wanted.setToolTip(
            "Judge single objects as well: those of every result against those of the reference (its numbers, if it "
            "numbers objects, else the parts of its classes).\nAdds average precision, F1, panoptic quality, counts, "
            "split, merged, missed and invented objects to the table, and marks them in the picture of errors.")
        self.titles = {entry.title: entry.name for entry in WAYS}
        self.way = combo_box("compare_objects_way", [*self.titles, EVERY_WAY], (
            "How the objects of each result are found. With every way the table has the scores of each."))
        self.way.setEnabled(False)
        self.counted = tool_button("", "compare_objects_counted", (
            "Classes whose objects are counted. Of the others (tissue, say) the area is judged, by panoptic quality."))
        self.counted.setStyleSheet(f"{WORDED} QToolButton {{ padding-right: 18px; }}")
        self.counted.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self)
        self._menu.setToolTipsVisible(True)
        self.counted.setMenu(self._menu)
        self._areas: set[int] = set()
        row = QHBoxLayout()
        row.addWidget(self.wanted)
        row.addWidget(self.way, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addLayout(row)
        column.addWidget(self.counted)
        self.wanted.toggled.connect(self._on_toggled)
        self.way.currentIndexChanged.connect(lambda _index: self.changed.emit())
        self.offer(ClassTable.default())

    @property
    def searches(self) -> tuple[ObjectSearch, ...]:
        """The ways that are asked for; none if objects are not judged."""
        if not self.wanted.isChecked():
            return ()
        chosen = self.way.currentText()
        return tuple(ObjectSearch(name, countable=self.countable) for title, name in self.titles.items()
                     if chosen in (title, EVERY_WAY))

    @property
    def countable(self) -> tuple[int, ...]:
        """Painted ids of the classes whose objects are counted; empty: of all."""
        return tuple(one for one in self._ids if one not in self._areas) if self._areas.intersection(self._ids) else ()

    def offer(self, classes: ClassTable) -> None:
        """Offer these classes; those that were left out stay so."""
        self._ids = tuple(one for one in classes.ids if one > 1)
        self._menu.clear()
        for number in self._ids:
            action = self._menu.addAction(classes.name(number).replace("&", "&&"))
            assert action is not None
            action.setCheckable(True)
            action.setChecked(number not in self._areas)
            action.setData(number)
            action.toggled.connect(lambda checked, number=number: self._on_class(number, checked))
        self._show()

    def _on_class(self, number: int, checked: bool) -> None:
        if checked:
            self._areas.discard(number)
        else:
            self._areas.add(number)
        if not set(self._ids) - self._areas:  # something has to be counted: the last one stays
            self._areas.discard(number)
            action = next(one for one in self._menu.actions() if one.data() == number)
            action.setChecked(True)
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        names = [one.text().replace("&&", "&") for one in self._menu.actions() if one.isChecked()]
        everything = len(names) == len(self._ids)
        self.counted.setText(f"count objects of {'all classes' if everything else ', '.join(names)[:_LONGEST]}")
        self.counted.setVisible(len(self._ids) > 1)
        self.counted.setEnabled(self.wanted.isChecked())

    def _on_toggled(self, wanted: bool) -> None:
        self.way.setEnabled(wanted)
        self._show()
        self.changed.emit()
