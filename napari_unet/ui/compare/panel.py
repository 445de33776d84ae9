"""The controls of the dock and how they are laid out. What they do is decided in :mod:`.dock`."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from ..pieces import button, fill_scrolling, line
from ..score_table import ScoreTable
from .inputs import ImageList
from .methods import MethodList
from .scoring import ScoringPanel


class ComparePanel(QWidget):
    """All controls, one column.

    Parameters
    ----------
    viewer : napari Viewer
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self.setObjectName("compare_dock")
        self._build()

    def _build(self) -> None:
        self.methods = MethodList()
        self.images = ImageList(self._viewer)
        self.scoring = ScoringPanel()
        self.hint = line("compare_hint")
        self.state = line("compare_state", selectable=True)
        self.run = button("Compare", "compare_run", "Run the ticked methods on the ticked images.")
        self.cancel = button(
            "Cancel", "compare_cancel", "Stop after the step it is at. Methods that are through keep their results."
        )
        self.bar = QProgressBar()
        self.bar.setObjectName("compare_progress")
        self.bar.setToolTip("How much of the whole comparison is done.")
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.of_class = QComboBox()
        self.of_class.setObjectName("compare_class")
        self.of_class.setToolTip("Show the scores of one class, or their mean over all classes (background apart).")
        self.table = ScoreTable("compare_table")
        self.table.setToolTip("Click a row to see the result of that method; click a heading to sort.")
        self.table.setMinimumHeight(150)
        self.save = button("Save CSV…", "compare_save_csv", "Save every single score, by image, plane and class.")

        buttons = QHBoxLayout()
        buttons.addWidget(self.run)
        buttons.addWidget(self.bar, 1)
        buttons.addWidget(self.cancel)
        below = QHBoxLayout()
        below.addWidget(self.of_class)
        below.addStretch(1)
        below.addWidget(self.save)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(6, 4, 6, 4)
        column.setSpacing(4)
        for title, widget in (("Methods", self.methods), ("Images", self.images), ("Scores", self.scoring)):
            column.addWidget(_heading(title))
            column.addWidget(widget)
            if widget is self.images:
                column.addWidget(self.hint)
        column.addLayout(buttons)
        column.addWidget(self.state)
        column.addWidget(self.table, 1)
        column.addLayout(below)
        fill_scrolling(self, inside, "compare_scroll", 340)


def _heading(text: str) -> QLabel:
    label = QLabel(f"<b>{text}</b>")
    label.setObjectName(f"compare_heading_{text.lower()}")
    return label
