"""The widgets of the dock *Object table*, and nothing that they do."""

from __future__ import annotations

from typing import Any

from napari.layers import Labels
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QProgressBar, QSplitter, QVBoxLayout, QWidget

from napari_unet.objects.measure_table import MeasureTable

from ..error_details import TellingLine
from ..layer_boxes import LayerBox
from ..layer_metadata import is_source_image, role_of
from ..widgets import button, combo_box, text_line, warn_of_namesake
from .filter_panel import FilterPanel, choose_column
from .filtered_layer import ROLE
from .object_plot import ObjectPlot
from .object_view import ObjectView
from .object_words import one_line

HISTOGRAM = "how many"
_FIRST = ("area", "volume", "area_px", "volume_px")
"""What the plot begins with."""


class TablePanel(QWidget):
    """What the dock is made of, from top to bottom.

    Parameters
    ----------
    viewer : napari Viewer
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.setObjectName("object_table_dock")
        self.layer_box = LayerBox(viewer, "table_layer", may_be_measured, "choose objects")
        self.layer_box.setToolTip("The objects to measure: those of the dock Objects, or any labels layer in which "
                                  "every object has a number of its own.")
        self.image_box = LayerBox(viewer, "table_image", is_source_image, "no image")
        self.image_box.setToolTip("The image whose brightness is measured, as it is. Without one, only sizes, shapes "
                                  "and places are.")
        self.extent = combo_box("table_extent", [], "Which planes are measured.")
        self.measure = button("Measure", "table_measure", "Measure the objects as they are now.")
        self.cancel = button("Cancel", "table_cancel", "Stop measuring; the table stays as it is.")
        self.bar = QProgressBar()
        self.bar.setObjectName("table_progress")
        self.bar.setRange(0, 1000)
        for one in (self.cancel, self.bar):
            one.hide()
        self.state = TellingLine("table_state", 2, "How the table stands.")
        self.filters = FilterPanel()
        self.count = text_line("table_count", "How many objects the table shows.")
        self.view = ObjectView("table_view")
        self.view.setToolTip("Click a row: the image goes there. Click an object in the image: its row comes here.")
        self.plot = ObjectPlot()
        self.x_box = combo_box("table_x", [], "Measure along the horizontal axis.")
        self.y_box = combo_box("table_y", [], "Measure along the vertical axis; how many: a histogram.")
        self.csv = button("Save CSV\N{HORIZONTAL ELLIPSIS}", "table_csv",
                          "Save the rows of this table, one line an object, with all columns.")
        self.project_csv = button("CSV of the project\N{HORIZONTAL ELLIPSIS}", "table_project_csv",
                                  "Measure the objects of all images of the project that have a prediction, and save "
                                  "one table, one line an object. Filters do not count for it.")
        self._lay_out()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.setVerticalSpacing(4)
        form.addRow("Objects", self.layer_box)
        form.addRow("Image", self.image_box)
        form.addRow("Planes", self.extent)
        self._extent_label = form.labelForField(self.extent)
        start = _line(self.measure, self.cancel, (self.bar, 1), (self.count, 1))
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 2, 0, 0)
        column.setSpacing(3)
        column.addLayout(_line((self.x_box, 1), QLabel("against"), (self.y_box, 1)))
        column.addWidget(self.plot, 1)
        parts = QSplitter(Qt.Orientation.Vertical)
        parts.setObjectName("table_parts")
        parts.setChildrenCollapsible(False)
        parts.addWidget(self.view)
        parts.addWidget(below)
        parts.setStretchFactor(0, 3)
        parts.setStretchFactor(1, 1)
        self.view.setMinimumHeight(90)
        whole = QVBoxLayout(self)
        whole.setSpacing(4)
        warn_of_namesake(whole, "table_namesake")
        whole.addLayout(form)
        whole.addLayout(start)
        whole.addWidget(self.state)
        whole.addWidget(self.filters)
        whole.addWidget(parts, 1)
        whole.addLayout(_line(self.csv, self.project_csv))
        self.setMinimumWidth(300)


    def is_filtered_out(self, row: int | None) -> bool:
        """Say whether a row of the table has no line."""
        return row is not None and self.view.rows.line_of(row) is None

    def show_extents(self, shown: bool) -> None:
        """Show or hide the choice of planes."""
        for one in (self.extent, self._extent_label):
            if one is not None:
                one.setVisible(shown)

    def show_running(self, running: bool) -> None:
        """Show what belongs to work that takes a while, or how many objects there are."""
        self.cancel.setVisible(running)
        self.bar.setVisible(running)
        self.count.setVisible(not running)

    def offer_columns(self, table: MeasureTable) -> None:
        """Offer the columns of a table for the plot; what was chosen stays."""
        names = tuple(name for name in table.numbers if name != "object")
        titles = [one_line(name, table.units.get(name, "")) for name in names]
        first = next((one for one in _FIRST if one in names), "")
        for box, extra, wanted in ((self.x_box, (), first), (self.y_box, ("",), "")):
            kept = box.currentData() or wanted
            choose_column(box, (*extra, *names), [HISTOGRAM for _ in extra] + titles, kept)


def may_be_measured(layer: Any) -> bool:
    """Say whether a layer can hold objects: labels that are neither strokes nor ours about something else."""
    return isinstance(layer, Labels) and role_of(layer) not in ("strokes", "errors", ROLE)


def _line(*widgets: Any) -> QHBoxLayout:
    """Return widgets in a line; one in a pair with how far it stretches."""
    made = QHBoxLayout()
    for one in widgets:
        widget, stretch = one if isinstance(one, tuple) else (one, 0)
        made.addWidget(widget, stretch)
    return made
