"""Sorts a table by value, with lines that have none at the bottom, whichever way it is sorted. Shows nothing."""

from __future__ import annotations

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt
from qtpy.QtWidgets import QWidget


class BlanksLast(QSortFilterProxyModel):
    """Partial lines stay below whole ones, and lines without a value at the bottom, either way.

    Parameters
    ----------
    table : QAbstractTableModel
    value_role, partial_role : int
        By which a cell says what it sorts by (None: it has no value), and whether its line is partial.
    """

    def __init__(self, table: QAbstractTableModel, value_role: int, partial_role: int,
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table, self._value_role, self._partial_role = table, value_role, partial_role
        self.setSourceModel(table)
        self.setSortRole(value_role)

    def lessThan(self, left: QModelIndex, right: QModelIndex) -> bool:
        """Say whether one cell comes before another."""
        one, other = (self._table.data(index, self._value_role) for index in (left, right))
        low, high = (2 * (value is None) + bool(self._table.data(index, self._partial_role))
                     for value, index in ((one, left), (other, right)))
        if low != high:
            return (low < high) == (self.sortOrder() == Qt.SortOrder.AscendingOrder)
        return one is not None and bool(one < other)
