"""The table of objects on screen. Knows its model, no layer."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QModelIndex, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from .object_model import ObjectModel

_LINE = 22
_WIDEST = 150


class ObjectView(QTableView):
    """Objects down, measures across; a click on a heading sorts.

    Signals
    -------
    row_chosen : int
        A person has chosen this row of the table, by mouse or by the arrow keys.
    """

    row_chosen = Signal(int)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.rows = ObjectModel(self)
        self._quiet = False
        side = QHeaderView(Qt.Orientation.Vertical, self)
        side.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)  # else Qt asks every row how high it is
        side.setDefaultSectionSize(_LINE)
        side.hide()
        self.setVerticalHeader(side)
        head = QHeaderView(Qt.Orientation.Horizontal, self)
        head.setSectionsClickable(True)
        head.setHighlightSections(False)
        head.setResizeContentsPrecision(50)  # rows that are asked how wide they are
        self.setHorizontalHeader(head)
        self.setModel(self.rows)
        self.setSortingEnabled(True)
        head.setSortIndicator(0, Qt.SortOrder.AscendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)

    def show_table(self, *given: Any) -> None:
        """Show the rows that are kept of a table; the widths follow when the columns are others."""
        before = self.rows.columns
        self._quiet = True
        try:
            self.rows.show_table(*given)
        finally:
            self._quiet = False
        if self.rows.columns != before:
            self.resizeColumnsToContents()
            for column in range(self.rows.columnCount()):
                self.setColumnWidth(column, min(self.columnWidth(column), _WIDEST))

    def choose(self, row: int | None) -> bool:
        """Mark a row of the table and scroll to it, None: no row; return whether it is there to be seen."""
        line = None if row is None else self.rows.line_of(row)
        self._quiet = True
        try:
            if line is None:
                self.clearSelection()
                self.setCurrentIndex(QModelIndex())
            else:
                across = max(0, self.currentIndex().column())
                index = self.rows.index(line, across)
                self.setCurrentIndex(index)
                self.selectRow(line)
                port = self.viewport()
                if port is None or not port.rect().contains(self.visualRect(index).center()):
                    self.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)
        finally:
            self._quiet = False
        return line is not None

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:
        """Follow the mouse and the arrow keys."""
        super().currentChanged(current, previous)
        if not self._quiet and current.isValid():
            self.row_chosen.emit(self.rows.row_at(current.row()))
