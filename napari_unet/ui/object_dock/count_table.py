"""How many objects there are of each class, always in sight. Counts nothing itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QCheckBox, QGridLayout, QLabel, QWidget

from napari_unet.core.classes import ClassTable
from napari_unet.objects.counting import ClassCount

HEADINGS = (
    ("", ""), ("objects", "How many objects of this class there are."),
    ("at border", "How many of them touch the border of the plane (or volume): part of them may lie outside."),
    ("parts", "Connected areas of the class, before anything is parted, joined or put right."),
    ("holes", "Holes in these areas; in a volume they are not counted."),
)


class CountTable(QWidget):
    """A row for each class: a tick whether it is counted, and its numbers."""

    areas_changed = Signal(object)
    """Painted ids of classes that are areas, not counted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("objects_counts")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(0, 1)
        self._classes: ClassTable | None = None
        self._ticks: dict[int, QCheckBox] = {}
        self._cells: dict[int, list[QLabel]] = {}
        self._showing = False

    def show_classes(self, classes: ClassTable, areas: Sequence[int]) -> None:
        """Show a row for each class but the background."""
        if classes != self._classes:
            self._classes = classes
            self._build(classes)
        self._showing = True
        for number, tick in self._ticks.items():
            tick.setChecked(number not in areas)
        self._showing = False

    def _build(self, classes: ClassTable) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self._ticks, self._cells = {}, {}
        for column, (text, about) in enumerate(HEADINGS):
            head = _number(text, about)
            head.setEnabled(False)
            self._grid.addWidget(head, 0, column)
        for row, one in enumerate((one for one in classes.classes if one.id > 1), 1):
            tick = QCheckBox(one.name if len(one.name) <= 18 else f"{one.name[:17]}…")
            tick.setObjectName(f"objects_count_{one.id}")
            chip = QPixmap(12, 12)
            chip.fill(QColor(one.color))
            tick.setIcon(QIcon(chip))
            tick.setToolTip(f"{one.name}: count its objects. Without the tick it is an area, as tissue or ground is.")
            tick.toggled.connect(self._on_ticked)
            self._ticks[one.id] = tick
            self._grid.addWidget(tick, row, 0)
            self._cells[one.id] = [_number("–", about) for _, about in HEADINGS[1:]]
            for column, cell in enumerate(self._cells[one.id], 1):
                cell.setObjectName(f"objects_count_{one.id}_{HEADINGS[column][0].replace(' ', '_')}")
                self._grid.addWidget(cell, row, column)

    def show_counts(self, counts: Mapping[int, ClassCount], fresh: bool, volume: bool) -> None:
        """Show what was counted; paler while it is of an answer from before."""
        for number, cells in self._cells.items():
            one = counts.get(number)
            counted = self._ticks[number].isChecked()
            texts = ["–"] * 4 if one is None else [
                f"{one.objects:,}" if counted else "area", f"{one.at_border:,}" if counted else "–",
                f"{one.parts:,}", "–" if volume else f"{one.holes:,}"]
            for cell, text in zip(cells, texts, strict=True):
                cell.setText(text)
                cell.setEnabled(fresh)

    def _on_ticked(self) -> None:
        if not self._showing:
            self.areas_changed.emit(tuple(one for one, tick in self._ticks.items() if not tick.isChecked()))


def _number(text: str, about: str) -> QLabel:
    made = QLabel(text)
    made.setAlignment(Qt.AlignmentFlag.AlignRight)
    made.setToolTip(about)
    return made
