"""The list of images: name, small picture, and in words what there is of each. Changes nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from qtpy.QtCore import QAbstractListModel, QModelIndex, QSize, QSortFilterProxyModel, Qt, Signal
from qtpy.QtGui import QIcon, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QListView, QWidget

MANY = 20
"""A list of more images than this can be searched."""

_SIZE = QSize(50, 36)
"""Of a picture; two lines of text are as high, and ten of them fit a small window."""
_ROLE = Qt.ItemDataRole


@dataclasses.dataclass(frozen=True)
class ImageLine:
    """One image of the list.

    Parameters
    ----------
    key : hashable
    name : str
    marks : tuple of str
        What there is of it, in words.
    tooltip : str
    """

    key: Hashable
    name: str
    marks: tuple[str, ...] = ()
    tooltip: str = ""

    @property
    def text(self) -> str:
        """Both lines of text."""
        return f"{self.name}\n{', '.join(self.marks) or 'new'}"


class ImageModel(QAbstractListModel):
    """The lines, for a view; pictures are asked for when a line is seen.

    Parameters
    ----------
    picture : callable
        Returns the picture of an image, None while there is none.
    """

    def __init__(self, picture: Callable[[Hashable], QPixmap | QIcon | None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture = picture
        self._lines: tuple[ImageLine, ...] = ()
        self._empty = QPixmap(_SIZE)
        self._empty.fill(Qt.GlobalColor.transparent)

    @property
    def lines(self) -> tuple[ImageLine, ...]:
        """All lines in order."""
        return self._lines

    def show_lines(self, lines: Sequence[ImageLine]) -> None:
        """Show these lines; where only words have changed, the view keeps its place."""
        before, now = self._lines, tuple(lines)
        if [one.key for one in before] == [one.key for one in now]:
            self._lines = now
            for row, (old, new) in enumerate(zip(before, now, strict=True)):
                if old != new:
                    self.dataChanged.emit(self.index(row), self.index(row))
            return
        self.beginResetModel()
        self._lines = now
        self.endResetModel()

    def note_picture(self, key: Hashable) -> None:
        """Draw the line of an image again, whose picture is there now."""
        for row, line in enumerate(self._lines):
            if line.key == key:
                self.dataChanged.emit(self.index(row), self.index(row))

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """How many lines there are."""
        return 0 if parent is not None and parent.isValid() else len(self._lines)

    def data(self, index: QModelIndex, role: int = int(_ROLE.DisplayRole)) -> Any:
        """What Qt asks of a line."""
        line = self._lines[index.row()]
        if role == _ROLE.DisplayRole:
            return line.text
        if role == _ROLE.ToolTipRole:
            return line.tooltip
        if role == _ROLE.DecorationRole:
            picture = self._picture(line.key) or self._empty
            return picture if isinstance(picture, QIcon) else picture.scaled(
                _SIZE, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)
        if role == _ROLE.UserRole:
            return line.key
        return None


class ImageListView(QListView):
    """Shows the lines; a click, or an arrow key, chooses an image."""

    picked = Signal(object)
    """Key of the image that a person has chosen."""

    marked = Signal()
    """Other lines are marked than before."""

    def __init__(self, model: ImageModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("images_list")
        self._lines = model
        self._filtered = QSortFilterProxyModel(self)
        self._filtered.setSourceModel(model)
        self._filtered.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setModel(self._filtered)
        self.setIconSize(_SIZE)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setMinimumHeight(150)
        self._quiet = False
        self._key: Hashable | None = None
        marks = self.selectionModel()
        assert marks is not None  # the list has a model
        marks.currentChanged.connect(self._on_chosen)
        marks.selectionChanged.connect(lambda *_: self.marked.emit())
        self.clicked.connect(self._on_chosen)

    @property
    def selected(self) -> tuple[Hashable, ...]:
        """Keys of the lines that are marked."""
        return tuple(one.data(_ROLE.UserRole) for one in sorted(self.selectedIndexes(), key=lambda one: one.row()))

    @property
    def shown(self) -> int:
        """How many lines fit the search."""
        return self._filtered.rowCount()

    def search(self, text: str) -> None:
        """Show only lines that hold a text, in their name or among their words."""
        self._filtered.setFilterFixedString(text.strip())
        self.show_current(self._key)

    def show_current(self, key: Hashable | None) -> None:
        """Mark the line of the current image and bring it into view; chooses nothing."""
        self._key = key
        row = next((at for at, line in enumerate(self._lines.lines) if line.key == key), None)
        index = QModelIndex() if row is None else self._filtered.mapFromSource(self._lines.index(row))
        if index == self.currentIndex() and (index in self.selectedIndexes() or not index.isValid()):
            return
        self._quiet = True
        self.setCurrentIndex(index)
        self._quiet = False
        if index.isValid():
            self.scrollTo(index)

    def _on_chosen(self, index: QModelIndex, _before: QModelIndex | None = None) -> None:
        if not self._quiet and index.isValid():
            self.picked.emit(index.data(_ROLE.UserRole))
