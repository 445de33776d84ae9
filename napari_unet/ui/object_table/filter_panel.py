"""Rows with which objects are filtered: ranges of columns, a class, the border. Filters nothing itself."""

from __future__ import annotations

import math

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from napari_unet.core.errors import UserError
from napari_unet.objects.filters import BorderFilter, ClassFilter, ObjectFilter, RangeFilter
from napari_unet.objects.measure_table import MeasureTable

from ..widgets import combo_box, tool_button
from .object_words import number_text, one_line

_CLASSES = "all classes"


class FilterRow(QWidget):
    """One column and its limits."""

    changed = Signal()
    closed = Signal(object)

    def __init__(self, number: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: tuple[str, ...] = ()
        self.column = combo_box(f"table_filter_{number}", [], "The measure that is limited.")
        self.low, self.high = (_limit(f"table_filter_{number}_{end}", words) for end, words in (
            ("low", "At least this; leave it empty for no limit."),
            ("high", "At most this; leave it empty for no limit.")))
        close = tool_button("\N{MULTIPLICATION SIGN}", f"table_filter_{number}_close", "Take this filter away.")
        close.clicked.connect(lambda: self.closed.emit(self))
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.column, 2)
        line.addWidget(self.low, 1)
        line.addWidget(QLabel("to"))
        line.addWidget(self.high, 1)
        line.addWidget(close)
        self.column.currentIndexChanged.connect(lambda _index: self.changed.emit())
        for one in (self.low, self.high):
            one.editingFinished.connect(self.changed)

    def show_columns(self, table: MeasureTable, first: str) -> None:
        """Offer the columns of a table, and say where their values lie."""
        names = tuple(name for name in table.numbers if name != "object")
        if names != self._names:
            kept = self.name or first
            blocked = self.column.blockSignals(True)
            self._names = names
            self.column.clear()
            self.column.addItems([one_line(name, table.units.get(name, "")) for name in names])
            self.column.setCurrentIndex(names.index(kept) if kept in names else 0)
            self.column.blockSignals(blocked)
        values = table.columns[self.name] if self.name and len(table) else np.zeros(0)
        values = values[np.isfinite(values)]
        for edit, end in ((self.low, np.min), (self.high, np.max)):
            edit.setPlaceholderText(number_text(float(end(values))) if values.size else "")

    @property
    def name(self) -> str:
        """The column that is chosen, or nothing."""
        index = self.column.currentIndex()
        return self._names[index] if 0 <= index < len(self._names) else ""

    def filter(self) -> RangeFilter | None:
        """Return what is asked for, None if nothing is.

        Raises
        ------
        UserError
            If a limit is no number.
        """
        low, high = (_number_of(one.text()) for one in (self.low, self.high))
        return None if not self.name or low is high is None else RangeFilter(self.name, low, high)


class FilterPanel(QWidget):
    """All filters."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("table_filters")
        self._table: MeasureTable | None = None
        self._made = 0
        self._rows: list[FilterRow] = []
        self.add = tool_button("+ filter", "table_add_filter", "Keep only objects with a measure in a range.")
        self.border = QCheckBox("leave out the border")
        self.border.setObjectName("table_border")
        self.border.setToolTip("Leave out objects that touch the border of the image: they are not whole.")
        self.classes = combo_box("table_class", [_CLASSES], "Keep the objects of one class.")
        self.classes.hide()  # until there are several
        line = QHBoxLayout()
        line.addWidget(self.add)
        line.addWidget(self.border)
        line.addWidget(self.classes, 1)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addLayout(line)
        self.add.clicked.connect(self._on_add)
        self.border.toggled.connect(lambda _on: self.changed.emit())
        self.classes.currentIndexChanged.connect(lambda _index: self.changed.emit())

    def add_row(self, column: str = "") -> FilterRow:
        """Add a row, for a column."""
        self._made += 1
        made = FilterRow(self._made, self)
        self._rows.append(made)
        self._column.addWidget(made)
        made.changed.connect(self._on_changed)
        made.closed.connect(self._on_closed)
        if self._table is not None:
            made.show_columns(self._table, column or ("area" if "area" in self._table.columns else ""))
        return made

    def show_table(self, table: MeasureTable) -> None:
        """Offer what can be filtered in a table; what was chosen stays."""
        self._table = table
        for row in self._rows:
            row.show_columns(table, "")
        names = [_CLASSES, *sorted(set(table.columns["class"].tolist()))] if "class" in table.columns else [_CLASSES]
        if [self.classes.itemText(at) for at in range(self.classes.count())] != names:
            kept = self.classes.currentText()
            blocked = self.classes.blockSignals(True)
            self.classes.clear()
            self.classes.addItems(names)
            self.classes.setCurrentIndex(names.index(kept) if kept in names else 0)
            self.classes.blockSignals(blocked)
        self.classes.setVisible(len(names) > 2)
        self.border.setEnabled("border" in table.columns)

    def filters(self) -> tuple[ObjectFilter, ...]:
        """Return what is asked for.

        Raises
        ------
        UserError
            If a limit is no number.
        """
        found: list[ObjectFilter] = [one for row in self._rows if (one := row.filter()) is not None]
        if self.border.isChecked():
            found.append(BorderFilter())
        if self.classes.currentIndex() > 0:
            found.append(ClassFilter(frozenset({self.classes.currentText()})))
        return tuple(found)

    def _on_changed(self) -> None:
        if self._table is not None:
            for row in self._rows:
                row.show_columns(self._table, "")
        self.changed.emit()

    def _on_add(self) -> None:
        self.add_row()

    def _on_closed(self, row: FilterRow) -> None:
        self._rows.remove(row)
        self._column.removeWidget(row)
        row.hide()
        row.deleteLater()
        self.changed.emit()


def choose_column(box: QComboBox, names: tuple[str, ...], titles: list[str], wanted: str) -> None:
    """Offer columns in a box, without telling anybody; one is chosen if it is there. Each line's data is its name."""
    blocked = box.blockSignals(True)
    box.clear()
    for name, title in zip(names, titles, strict=True):
        box.addItem(title, name)
    box.setCurrentIndex(names.index(wanted) if wanted in names else 0)
    box.blockSignals(blocked)


def _limit(name: str, tooltip: str) -> QLineEdit:
    made = QLineEdit()
    made.setObjectName(name)
    made.setToolTip(tooltip)
    made.setMinimumWidth(40)
    return made


def _number_of(text: str) -> float | None:
    """Read a limit; nothing is no limit."""
    text = text.strip().replace(",", ".")
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"{text!r} is no number. Write a limit such as 120 or 0.85, or leave it empty.")
    return number
