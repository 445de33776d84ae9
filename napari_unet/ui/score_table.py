"""A table of methods and metrics that sorts by any column. Computes no score and decides no best value."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSize, Qt, Signal
from qtpy.QtGui import QFont, QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from .blanks_last import BlanksLast

SORT_ROLE = int(Qt.ItemDataRole.UserRole)
NAME_ROLE = SORT_ROLE + 1
PARTIAL_ROLE = SORT_ROLE + 2
_FIRST_WIDTH = 116  # px; the tooltip has a longer name in full
STAR = "\N{BLACK STAR}"
DASH = "\N{EN DASH}"


@dataclasses.dataclass(frozen=True)
class ScoreColumn:
    """One column: its heading, what it means, and whether the larger value is better (None: neither)."""

    key: str
    title: str
    tooltip: str = ""
    higher: bool | None = None


METHOD = ScoreColumn("", "method", "Click a row to see its result.")


@dataclasses.dataclass(frozen=True)
class ScoreCell:
    """One value as shown; ``value`` sorts (None goes last)."""

    text: str = DASH
    value: float | None = None
    tooltip: str = ""
    best: bool = False


@dataclasses.dataclass(frozen=True)
class ScoreLine:
    """One method: what it is called, its cells by column key, and a sentence shown instead where there are none.

    ``partial`` is (n, m) where its values are of n of m planes only; it is marked and stands below the whole ones.
    """

    name: str
    title: str
    tooltip: str = ""
    cells: dict[str, ScoreCell] = dataclasses.field(default_factory=dict)
    instead: str = ""
    partial: tuple[int, int] | None = None


class ScoreModel(QAbstractTableModel):
    """Lines and columns for a table view; the first column is what a line is about: a method, say."""

    def __init__(self, first: ScoreColumn, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._first = first
        self._columns: tuple[ScoreColumn, ...] = ()
        self._lines: tuple[ScoreLine, ...] = ()

    @property
    def lines(self) -> tuple[ScoreLine, ...]:
        """The lines in their own order."""
        return self._lines

    @property
    def columns(self) -> tuple[ScoreColumn, ...]:
        """The columns after the method."""
        return self._columns

    def set(self, columns: Sequence[ScoreColumn], lines: Sequence[ScoreLine]) -> None:
        """Replace what is shown."""
        self.beginResetModel()
        self._columns, self._lines = tuple(columns), tuple(lines)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of methods."""
        return 0 if parent is not None and parent.isValid() else len(self._lines)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else 1 + len(self._columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = int(Qt.ItemDataRole.DisplayRole)
    ) -> Any:
        """Return the heading of a column, or what it means."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section <= len(self._columns):
            return None
        column = self._columns[section - 1] if section else self._first
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        return column.tooltip if role == Qt.ItemDataRole.ToolTipRole else None

    def data(self, index: QModelIndex, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """Return what a cell shows, how it sorts, or why it is as it is."""
        if not index.isValid():
            return None
        line = self._lines[index.row()]
        if role == NAME_ROLE:
            return line.name
        if role == PARTIAL_ROLE:
            return line.partial is not None
        if index.column() == 0:
            return self._of_method(line, role)
        cell = line.cells.get(self._columns[index.column() - 1].key, ScoreCell(tooltip=line.instead))
        if index.column() > 1:
            return _shown_as(cell, role)
        return _shown_as(_first_cell(line, cell), role, sentence=bool(line.instead))

    @staticmethod
    def _of_method(line: ScoreLine, role: int) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            return line.title
        if role == SORT_ROLE:  # plane 10 comes after plane 9
            return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", line.title.lower())]
        told = f"{line.title}\n{line.tooltip}".strip()
        return told if role == Qt.ItemDataRole.ToolTipRole else None


def _first_cell(line: ScoreLine, cell: ScoreCell) -> ScoreCell:
    """Return the first score of a line: with the sentence shown instead, or how many planes it stands for."""
    if line.instead:
        return dataclasses.replace(cell, text=line.instead, best=False)
    if line.partial:
        done, total = line.partial
        told = f"On {done} of {total} planes only, which may be the easy ones. {cell.tooltip}"
        return dataclasses.replace(cell, text=f"{cell.text} ({done}/{total})", tooltip=told)
    return cell


def _shown_as(cell: ScoreCell, role: int, sentence: bool = False) -> Any:
    """Return what Qt wants to know about a cell; a sentence stands left, in italics."""
    if role == Qt.ItemDataRole.DisplayRole:
        return f"{cell.text} {STAR}" if cell.best else cell.text
    if role == Qt.ItemDataRole.ToolTipRole:
        return cell.tooltip or None
    if role == Qt.ItemDataRole.SizeHintRole and sentence:
        return QSize(1, 1)  # it has the whole row; its column is as wide as scores are
    if role == Qt.ItemDataRole.TextAlignmentRole:
        side = Qt.AlignmentFlag.AlignLeft if sentence else Qt.AlignmentFlag.AlignRight
        return int(side | Qt.AlignmentFlag.AlignVCenter)
    if role == Qt.ItemDataRole.FontRole and (cell.best or sentence):
        font = QFont()
        font.setBold(cell.best)
        font.setItalic(sentence)
        return font
    return cell.value if role == SORT_ROLE else None


class ScoreTable(QTableView):
    """Methods (or planes) down, metrics across.

    Parameters
    ----------
    name : str
        objectName.
    first : ScoreColumn
        Heading of the first column.

    Signals
    -------
    method_clicked : str
        The name of the method whose row was clicked or reached by the arrow keys.
    """

    method_clicked = Signal(str)

    def __init__(self, name: str, first: ScoreColumn = METHOD, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.scores = ScoreModel(first, self)
        self._showing = ""
        self._quiet = False
        self._sorted = BlanksLast(self.scores, SORT_ROLE, PARTIAL_ROLE, self)
        side = QHeaderView(Qt.Orientation.Vertical, self)
        side.setDefaultSectionSize(24)
        side.hide()
        self.setVerticalHeader(side)
        head = QHeaderView(Qt.Orientation.Horizontal, self)
        head.setSectionsClickable(True)
        head.setHighlightSections(False)
        head.setMinimumSectionSize(36)
        self.setHorizontalHeader(head)
        self.setModel(self._sorted)
        self.setSortingEnabled(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.setAlternatingRowColors(False)
        self.clicked.connect(self._on_row)
        self._sorted.layoutChanged.connect(self._span)
        self._sorted.modelReset.connect(self._span)

    @property
    def chosen(self) -> str:
        """The method whose row is marked, or nothing."""
        return self._showing

    def show_lines(self, columns: Sequence[ScoreColumn], lines: Sequence[ScoreLine]) -> None:
        """Show these lines, sorted as before, with the same method chosen."""
        new_columns = tuple(columns) != self.scores.columns
        self._quiet = True
        try:
            self.scores.set(columns, lines)
            self._span()
            self.choose(self._showing)
        finally:
            self._quiet = False
        if new_columns or lines:
            self.resizeColumnsToContents()
            self._hide_empty()
            self._fit_names()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Let names have their share of the room."""
        super().resizeEvent(event)
        self._fit_names()

    def _fit_names(self) -> None:
        """Show names whole where scores leave room for them, and cut long ones elsewhere."""
        head, seen = self.horizontalHeader(), self.viewport()
        if head is not None and seen is not None and self.scores.rowCount():
            scores = sum(self.columnWidth(column) for column in range(1, self.scores.columnCount()))
            whole = max(self.sizeHintForColumn(0), head.sectionSizeHint(0))
            self.setColumnWidth(0, min(whole, max(_FIRST_WIDTH, seen.width() - scores)))
            # all the room for why there is no score, where that is all there is to say
            head.setStretchLastSection([one.higher for one in self.scores.columns] == [None])

    def _hide_empty(self) -> None:
        """Leave out columns in which no line has a value while others have some: the rest gets the room."""
        scores, rows = self.scores, range(self.scores.rowCount())
        filled = [any(scores.index(row, column).data(SORT_ROLE) is not None for row in rows)
                  for column in range(1, scores.columnCount())]
        for column, has_value in enumerate(filled, 1):
            self.setColumnHidden(column, column > 1 and any(filled) and not has_value)

    def choose(self, method: str) -> None:
        """Mark the row of a method."""
        self._showing = method
        quiet, self._quiet = self._quiet, True
        try:
            for row in range(self._sorted.rowCount()):
                index = self._sorted.index(row, 0)
                if index.data(NAME_ROLE) == method:
                    self.selectRow(row)
                    return
            self.clearSelection()
        finally:
            self._quiet = quiet

    def sort_by(self, key: str) -> None:
        """Sort by a column, best first."""
        for number, column in enumerate(self.scores.columns):
            if column.key == key:
                falling = column.higher is not False
                order = Qt.SortOrder.DescendingOrder if falling else Qt.SortOrder.AscendingOrder
                self.sortByColumn(number + 1, order)

    def texts(self) -> list[list[str]]:
        """Return all cells as shown, row by row."""
        model = self._sorted
        return [
            [str(model.index(row, column).data() or "") for column in range(model.columnCount())]
            for row in range(model.rowCount())
        ]

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:
        """Follow the arrow keys."""
        super().currentChanged(current, previous)
        self._on_row(current)

    def _on_row(self, index: QModelIndex) -> None:
        if not self._quiet and index.isValid():
            self._showing = str(index.data(NAME_ROLE))
            self.method_clicked.emit(self._showing)

    def _span(self, *_: Any) -> None:
        """Let a sentence that stands in place of values use the whole row."""
        self.clearSpans()
        count = self._sorted.columnCount() - 1
        for row in range(self._sorted.rowCount()):
            line = self.scores.lines[self._sorted.mapToSource(self._sorted.index(row, 0)).row()]
            if line.instead and count > 1:
                self.setSpan(row, 1, 1, count)
