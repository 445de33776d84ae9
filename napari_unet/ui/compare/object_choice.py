"""Whether objects are judged too, and by which ways they are found. Finds and judges nothing."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QWidget

from napari_unet.objects import REGISTRY as WAYS
from napari_unet.objects.image_objects import ObjectSearch

from ..widgets import combo_box

EVERY_WAY = "every way"


class ObjectChoice(QWidget):
    """A box to tick, and beside it the way."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("compare_objects")
        self.wanted = QCheckBox("score, by")
        self.wanted.setObjectName("compare_objects_wanted")
        self.wanted.setToolTip(
            "Judge single objects as well: those of every result against those of the reference (its numbers, if it "
            "numbers objects, else the parts of its classes).\nAdds average precision, F1, counts, split, merged, "
            "missed and invented objects to the table, and marks them in the picture of errors.")
        self.titles = {entry.title: entry.name for entry in WAYS}
        self.way = combo_box("compare_objects_way", [*self.titles, EVERY_WAY], (
            "How the objects of each result are found. With every way the table has the scores of each."))
        self.way.setEnabled(False)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.wanted)
        row.addWidget(self.way, 1)
        self.wanted.toggled.connect(self._on_toggled)
        self.way.currentIndexChanged.connect(lambda _index: self.changed.emit())

    @property
    def searches(self) -> tuple[ObjectSearch, ...]:
        """The ways that are asked for; none if objects are not judged."""
        if not self.wanted.isChecked():
            return ()
        chosen = self.way.currentText()
        return tuple(ObjectSearch(name) for title, name in self.titles.items() if chosen in (title, EVERY_WAY))

    def _on_toggled(self, wanted: bool) -> None:
        self.way.setEnabled(wanted)
        self.changed.emit()
