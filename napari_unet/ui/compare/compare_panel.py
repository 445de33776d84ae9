"""The controls of the dock and how they are laid out. What they do is decided in :mod:`.compare_dock`."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QProgressBar, QTabWidget, QVBoxLayout, QWidget

from napari_unet.objects import REGISTRY as WAYS
from napari_unet.report.error_maps import COLOURS, NAMES, ring_legend

from ..error_details import TellingLine
from ..score_table import ScoreColumn, ScoreTable
from ..widgets import button, fill_scrolling, text_line, warn_of_namesake
from .image_rows import ImageList
from .method_list import MethodList
from .result_pictures import PictureView
from .run_queue import QueueList
from .scoring_panel import ScoringPanel
from .time_budget import TimeBudgetPanel

_WIDTH = 400
SET_UP, RESULTS, CHARTS, PICTURES = "Set up", "Results", "Charts", "Pictures"


class ComparePanel(QWidget):
    """All controls: what is compared, what came out, charts and pictures on a page each; below them how it runs.

    Parameters
    ----------
    viewer : napari Viewer
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self.setObjectName("compare_dock")
        self.setMinimumWidth(_WIDTH)
        self.pages = QTabWidget()
        self.pages.setObjectName("compare_pages")
        self.pages.setDocumentMode(True)
        self.pages.addTab(self._set_up_page(), SET_UP)
        self.pages.addTab(self._results_page(), RESULTS)
        self.charts = PictureView("compare_charts", 1, "The charts come when a method has been scored.")
        self.pictures = PictureView("compare_pictures", 2, "The pictures come when the comparison is through.")
        self.pages.addTab(self.charts, CHARTS)
        self.pages.addTab(self.pictures, PICTURES)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(4, 2, 4, 4)
        whole.setSpacing(4)
        warn_of_namesake(whole, "compare_namesake")
        whole.addWidget(self.pages, 1)
        whole.addLayout(self._run_row())
        self.state = TellingLine("compare_state", 4, "How the comparison stands, and what came of it.")
        whole.addWidget(self.state)

    def turn_to(self, page: str) -> None:
        """Show a page by its title."""
        titles = [self.pages.tabText(index) for index in range(self.pages.count())]
        self.pages.setCurrentIndex(titles.index(page))

    def _run_row(self) -> QHBoxLayout:
        self.run = button("Compare", "compare_run", "Run the ticked methods on the ticked images.")
        self.cancel = button(
            "Cancel all", "compare_cancel",
            "Stop after the step it is at. Methods that are through keep their results.",
        )
        self.count = QLabel()
        self.count.setObjectName("compare_count")
        self.bar = QProgressBar()
        self.bar.setObjectName("compare_progress")
        self.bar.setToolTip("How much of the whole comparison is done.")
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.run)
        row.addWidget(self.count, 1)
        row.addWidget(self.bar, 1)
        row.addWidget(self.cancel)
        return row

    def _set_up_page(self) -> QWidget:
        self.methods = MethodList()
        self.time = TimeBudgetPanel()
        self.images = ImageList(self._viewer)
        self.scoring = ScoringPanel()
        self.hint = text_line("compare_hint")
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(2, 4, 6, 4)
        column.setSpacing(4)
        column.addWidget(_heading("Images"))
        column.addWidget(self.images)
        column.addWidget(self.hint)
        for title, widget in (("Scores", self.scoring), ("Time", self.time), ("Methods", self.methods)):
            column.addWidget(_heading(title))
            column.addWidget(widget)
        column.addStretch(1)
        page = QWidget()
        fill_scrolling(page, inside, "compare_scroll", _WIDTH - 20)
        return page

    def _results_page(self) -> QWidget:
        self.queue = QueueList()
        self.of_class = QComboBox()
        self.of_class.setObjectName("compare_class")
        self.of_class.setToolTip("Show the scores of one class, or their mean over all classes (background apart).")
        self.of_class.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.table = ScoreTable("compare_table")
        self.table.setToolTip("Click a row to see the result of that method; click a heading to sort.")
        self.table.setMinimumHeight(110)
        self.planes = ScoreTable("compare_plane_table", ScoreColumn("", "plane", "Click a row: the viewer goes there."))
        self.planes.setToolTip("Scores of each plane by the method chosen above; click one and the viewer goes there.")
        self.planes.setMinimumHeight(80)
        self.planes.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.planes_of = text_line("compare_planes_of")
        self.show_errors = QCheckBox("Show errors")
        self.show_errors.setObjectName("compare_show_errors")
        self.show_errors.setChecked(True)
        self.show_errors.setToolTip("Show in the viewer where the chosen method is wrong.")
        self.of_way = QComboBox()
        self.of_way.setObjectName("compare_rings_way")
        self.of_way.setToolTip("Of which way to objects the rings show what is wrong.")
        self.of_way.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.of_way.setVisible(False)
        self.legend = QLabel()
        self.legend.setObjectName("compare_legend")
        self.legend.setWordWrap(True)
        self.show_legend(False)
        self.back = button("Hide results", "compare_back", (
            "Hide results and errors, and show the live prediction again if it was there."
        ))
        column = QVBoxLayout(page := QWidget())
        column.setContentsMargins(2, 4, 2, 2)
        column.setSpacing(4)
        column.addWidget(self.queue)
        column.addWidget(self.table, 3)
        column.addLayout(_row(self.of_class, self.show_errors, self.of_way, None, self.back))
        column.addWidget(self.legend)
        column.addWidget(self.planes_of)
        column.addWidget(self.planes, 2)
        column.addLayout(self._saving_row())
        return page

    def show_legend(self, objects: bool) -> None:
        """Say what colours and rings stand for; with objects, the rings are about these."""
        self.legend.setText(_legend(objects))
        self.legend.setToolTip("Missed: a class taken for background. False: background taken for a class. " + (
            "Rings, object by object: in several pieces; several in one; nothing found there; nothing there." if objects
            else "Yellow rings: parts that touch nothing in the reference; green rings: holes where the reference has "
            "none."))

    def show_ways(self, ways: list[str]) -> None:
        """Offer the ways by which objects are judged, where there are several."""
        self.of_way.clear()
        for way in ways:
            self.of_way.addItem(WAYS.entry(way).title, way)
        self.of_way.setVisible(len(ways) > 1)

    def _saving_row(self) -> QHBoxLayout:
        self.save_report = button("Report…", "compare_save_report", (
            "Save report.html (one file with all tables, charts and pictures), table.csv, methods.txt with all "
            "parameters, recipes and masks into a folder."
        ))
        self.save = button("CSV…", "compare_save_csv", "Save every single score, by image, plane and class.")
        self.save_recipe = button("Recipe…", "compare_save_recipe", "")
        self.save_model = button("Model…", "compare_save_model", "")
        return _row(QLabel("Save"), self.save_report, self.save, self.save_recipe, self.save_model)


def _row(*widgets: QWidget | None) -> QHBoxLayout:
    """Lay widgets into a row; None is room to grow."""
    row = QHBoxLayout()
    row.setSpacing(4)
    for widget in widgets:
        if widget is None:
            row.addStretch(1)
        else:
            row.addWidget(widget)
    return row


def _legend(objects: bool) -> str:
    squares = [f'<span style="color:{colour}">\N{BLACK SQUARE}</span>&nbsp;{NAMES[code]}'
               for code, colour in COLOURS.items()]
    # rings are drawn onto images; on a light dock yellow is not seen
    rings = [f'<span style="color:{colour}; background-color:#262930"><b>\N{BULLSEYE}</b></span>&nbsp;{name}'
             for colour, name in ring_legend(objects)]
    return " ".join([*squares, *rings])


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    label.setObjectName(f"compare_heading_{text.lower()}")
    return label
