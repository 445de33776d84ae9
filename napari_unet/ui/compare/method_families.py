"""Methods of one family under a heading that folds and ticks them together. Knows no method by name."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from .method_row import ContenderRow


class MethodFamily(QWidget):
    """A heading, and below it, folded away at first, its methods.

    Parameters
    ----------
    key : str
        Becomes part of the object names.
    title : str
    """

    changed = Signal()

    def __init__(self, key: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"compare_family_{key}")
        self.rows: list[ContenderRow] = []
        self._title = title
        self._opened = False
        self._filtered = False
        self.all = QCheckBox()
        self.all.setObjectName(f"compare_family_{key}_all")
        self.all.setToolTip(f"Tick or clear all of: {title}.")
        self.all.clicked.connect(self._on_all)
        self.arrow = QToolButton()
        self.arrow.setObjectName(f"compare_family_{key}_fold")
        self.arrow.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.arrow.setAutoRaise(True)
        self.arrow.setArrowType(Qt.ArrowType.RightArrow)
        self.arrow.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.arrow.setStyleSheet("text-align: left;")
        self.arrow.clicked.connect(self._on_arrow)
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(2)
        head.addWidget(self.all)
        head.addWidget(self.arrow, 1)
        self._inside = QWidget()
        self._column = QVBoxLayout(self._inside)
        self._column.setContentsMargins(20, 0, 0, 2)
        self._column.setSpacing(1)
        self._inside.hide()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(head)
        whole.addWidget(self._inside)
        self._show_state()

    @property
    def opened(self) -> bool:
        """Whether its methods can be seen."""
        return self._opened or self._filtered

    def add(self, row: ContenderRow) -> None:
        """Put a method below the others."""
        self.rows.append(row)
        self._column.addWidget(row)
        row.changed.connect(self._on_row)
        self._show_state()

    def remove(self, row: ContenderRow) -> None:
        """Take a method away."""
        self.rows.remove(row)
        self._column.removeWidget(row)
        row.hide()
        row.deleteLater()
        self._on_row()

    def open(self, opened: bool = True) -> None:
        """Unfold, or fold."""
        self._opened = opened
        self._show_state()

    def show_matching(self, text: str) -> None:
        """Show only the methods that match a text, unfolded; without a text all, folded as before."""
        self._filtered = bool(text.strip())
        for row in self.rows:
            row.setVisible(row.matches(text))
        self._show_state()
        self.setVisible(any(not row.isHidden() for row in self.rows))

    def _on_arrow(self) -> None:
        self.open(not self._opened)

    def _on_all(self) -> None:
        wanted = self.all.checkState() != Qt.CheckState.Unchecked
        for row in self.rows:
            if not row.isHidden():
                row.tick.setChecked(wanted)
        self._on_row()

    def _on_row(self) -> None:
        self._show_state()
        self.changed.emit()

    def _show_state(self) -> None:
        count, ticked = len(self.rows), sum(row.tick.isChecked() for row in self.rows)
        some, every = Qt.CheckState.PartiallyChecked, Qt.CheckState.Checked
        blocked = QSignalBlocker(self.all)
        self.all.setCheckState(Qt.CheckState.Unchecked if not ticked else every if ticked == count else some)
        blocked.unblock()
        self.arrow.setArrowType(Qt.ArrowType.DownArrow if self.opened else Qt.ArrowType.RightArrow)
        self.arrow.setText(f"{self._title}  ({ticked} of {count})" if ticked else f"{self._title}  ({count})")
        names = ", ".join(row.title for row in self.rows if row.tick.isChecked())
        self.arrow.setToolTip(f"Show or hide these methods.\nTicked: {names or 'none'}.")
        self._inside.setVisible(self.opened)
