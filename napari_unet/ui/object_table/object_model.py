"""Rows of a table of objects for a view: sorted and filtered by numbers of rows, no copy of a cell. Draws nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt

from napari_unet.objects.measure_table import PIXEL_ENDING, MeasureTable

from .object_words import about_column, number_text, title_of

EMPTY = MeasureTable({})
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


class ObjectModel(QAbstractTableModel):
    """The rows of a :class:`MeasureTable` that are kept, in the order of one column."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.table = EMPTY
        self._shown: tuple[str, ...] = ()
        self._order: NDArray[np.intp] = np.zeros(0, np.intp)
        self._place: NDArray[np.intp] = np.zeros(0, np.intp)
        self._kept: NDArray[np.bool_] = np.zeros(0, bool)
        self._sorted_by, self._falling = "", False

    def show_table(self, table: MeasureTable, kept: NDArray[np.bool_]) -> None:
        """Show the rows of a table that are kept."""
        self.beginResetModel()
        self.table, self._kept = table, kept
        # what stands in the table in a physical unit is not said twice; files have both
        self._shown = tuple(name for name in table.columns if name.removesuffix(PIXEL_ENDING) == name
                            or name.removesuffix(PIXEL_ENDING) not in table.columns)
        self._arrange()
        self.endResetModel()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that are shown."""
        return self._shown

    def row_at(self, line: int) -> int:
        """Return the row of the table that stands in a line of the view."""
        return int(self._order[line])

    def line_of(self, row: int) -> int | None:
        """Return the line in which a row of the table stands; None if it is filtered out."""
        line = int(self._place[row]) if 0 <= row < len(self._place) else -1
        return line if line >= 0 else None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; rows without a value come last, either way."""
        if not 0 <= column < len(self._shown):
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        rows = [self.row_at(index.row()) for index in before]
        self._sorted_by, self._falling = self._shown[column], order == Qt.SortOrder.DescendingOrder
        self._arrange()
        after = [self.index(self._place[row], index.column()) for row, index in zip(rows, before, strict=True)]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _arrange(self) -> None:
        rows = np.flatnonzero(self._kept)
        if self._sorted_by in self.table.columns:
            values = self.table.columns[self._sorted_by][rows]
            if values.dtype == object:
                values = np.unique(values.astype(str), return_inverse=True)[1]
            missing = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(rows), bool)
            keys = -values.astype(np.float64) if self._falling else values
            rows = rows[np.lexsort((rows, np.where(missing, 0, keys), missing))]
        self._order = rows
        self._place = np.full(len(self.table), -1, np.intp)
        self._place[rows] = np.arange(len(rows))

    # -- what Qt asks ------------------------------------------------------------------------------------------------

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of rows that are kept."""
        return 0 if parent is not None and parent.isValid() else len(self._order)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns that are shown."""
        return 0 if parent is not None and parent.isValid() else len(self._shown)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = int(Qt.ItemDataRole.DisplayRole)
    ) -> Any:
        """Return the heading of a column, or what it means."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self._shown):
            return None
        name = self._shown[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return title_of(name, self.table.units.get(name, ""))
        return about_column(name) or None if role == Qt.ItemDataRole.ToolTipRole else None

    def data(self, index: QModelIndex, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """Return what a cell shows."""
        if not index.isValid() or role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.TextAlignmentRole):
            return None
        values = self.table.columns[self._shown[index.column()]]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _LEFT if values.dtype == object else _RIGHT
        value = values[self._order[index.row()]]
        return number_text(value.item() if isinstance(value, np.generic) else value)
