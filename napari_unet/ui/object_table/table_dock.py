"""The dock *Object table*: measures of every object, linked both ways with the layer. Computes no measure itself.

Choose -> copy the labels -> measure in a worker -> show -> filter. What is shown stays until the next table comes; if
the layer has changed meanwhile, the dock says so.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels
from numpy.typing import NDArray

from napari_unet.core.errors import UserError
from napari_unet.objects.filters import kept_rows

from ..image_ties import fits
from ..layer_boxes import LayerWatch
from ..layer_metadata import class_table, role_of
from ..object_news import news_of
from ..sessions import session_of, ties_of
from ..widgets import CloseWatch
from ..worker_group import WorkerGroup
from ..workers import error_sentence
from .canvas_link import CanvasLink
from .filter_panel import choose_column
from .filtered_layer import FilteredLayer
from .layer_measurer import LayerMeasurer
from .measured_layer import MeasuredLayer
from .object_model import EMPTY
from .table_panel import TablePanel
from .table_saving import TableSaving
from .table_source import PLANE
from .table_words import CANCELLED, MOVED, count_text, table_sentence


class ObjectTableDock(TablePanel):
    """Measure objects, look at them one by one, filter, plot and save them.

    Parameters
    ----------
    napari_viewer : napari Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        self.viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)  # plugins are handed a proxy
        super().__init__(self.viewer)
        self.session, self.ties, self.news = session_of(self.viewer), ties_of(self.viewer), news_of(self.viewer)
        self.workers = WorkerGroup(self, getattr(self.viewer.window, "_qt_window", None))
        self.measurer = LayerMeasurer(self.viewer, self.workers, self)
        self.link, self.grey = CanvasLink(self.viewer, self), FilteredLayer(self.viewer)
        self.saving = TableSaving(self.viewer, self.workers, self)
        self.kept: NDArray[np.bool_] = np.zeros(0, bool)
        self.chosen: int | None = None
        self._shown: MeasuredLayer | None = None
        self._picked_by_hand = False
        self._place: tuple[float, ...] = ()
        self._told = self._failure = ""
        self._connect()
        CloseWatch(self, "Table")
        self._on_layers()

    def _connect(self) -> None:
        self._watch = LayerWatch(self.viewer, self)
        self._watch.changed.connect(self._on_layers)
        self.layer_box.activated.connect(self._on_picked)
        self.layer_box.layer_changed.connect(self._on_layer)
        self.image_box.layer_changed.connect(self._follow)
        self.extent.currentIndexChanged.connect(lambda _index: self._follow())
        measurer = self.measurer
        self.measure.clicked.connect(lambda: measurer.begin())
        self.cancel.clicked.connect(self._on_cancel)
        measurer.measured.connect(self._on_measured)
        measurer.progressed.connect(self._on_progress)
        measurer.failed.connect(self._on_failed)
        measurer.changed.connect(self.refresh)
        self.filters.changed.connect(self._on_filters)
        self.view.row_chosen.connect(self._on_row)
        self.plot.row_chosen.connect(self._on_row)
        self.link.clicked.connect(self._on_object)
        self.link.moved.connect(self._mark)
        for box in (self.x_box, self.y_box):
            box.currentIndexChanged.connect(lambda _index: self._draw())
        saving = self.saving
        self.csv.clicked.connect(self._on_save)
        self.project_csv.clicked.connect(lambda: saving.save_project())
        saving.said.connect(self._tell)
        saving.failed.connect(self._on_save_failed)
        saving.changed.connect(self.refresh)
        link, grey, news, refresh = self.link, self.grey, self.news, self.refresh
        news.changed.connect(refresh)

        def forget(*_: Any) -> None:
            news.changed.disconnect(refresh, missing_ok=True)
            measurer.close()
            link.close()
            grey.remove()

        self.destroyed.connect(forget)

    @property
    def measured(self) -> MeasuredLayer | None:
        """The table that is shown, with what it is of."""
        return self._shown

    # -- what is measured ----------------------------------------------------------------------------------------------

    def _on_picked(self, _index: int) -> None:
        self._picked_by_hand = True

    def _on_layers(self) -> None:
        """Follow layers that come and go; those of the dock Objects come first, until a person chooses."""
        for box in (self.layer_box, self.image_box):
            box.refresh()
        now = self.layer_box.layer
        ours = [one for one in self.layer_box.layers if role_of(one) == "objects"]
        ours.sort(key=lambda one: not one.visible)
        others = [one for one in self.layer_box.layers if class_table(one) is None]
        if now not in ours and not self._picked_by_hand and (ours or now is None):
            self.layer_box.layer = next(iter(ours or others), None)
        self._on_layer()
        self.refresh()

    def _on_layer(self) -> None:
        """Turn to another layer."""
        layer = self.layer_box.layer
        layer = layer if isinstance(layer, Labels) else None
        if layer is not self.measurer.layer:
            self._clear()
            self.link.watch(layer)
            if layer is not None:
                self.image_box.layer = self._image_for(layer)
        self._follow()

    def _image_for(self, layer: Labels) -> ImageLayer | None:
        own = self.ties.image_of(layer)
        fitting = (one for one in self.image_box.layers if isinstance(one, ImageLayer) and fits(layer, one))
        return own if own is not None else next(fitting, None)

    def _follow(self) -> None:
        """Measure what is chosen now, and offer its planes."""
        measurer, layer, image = self.measurer, self.layer_box.layer, self.image_box.layer
        layer = layer if isinstance(layer, Labels) else None
        image = image if isinstance(image, ImageLayer) else None
        extent = self.extent.currentText() or PLANE
        if layer is not measurer.layer or image is not measurer.image_layer or extent != measurer.extent:
            self._told = self._failure = ""
        measurer.follow(layer, image, extent)
        try:
            source = self.measurer.source()
        except UserError as error:
            self._on_failed(error)
            return
        extents = source.extents if source is not None else (PLANE,)
        if extents != tuple(self.extent.itemText(at) for at in range(self.extent.count())):
            choose_column(self.extent, extents, list(extents), self.extent.currentText())
            self._follow()
        self.show_extents(len(extents) > 1)

    def _on_failed(self, error: Exception) -> None:
        self._clear()
        self._failure = error_sentence(error)
        self.state.show_failure(error)

    def _on_progress(self, share: float) -> None:
        self.bar.setValue(round(1000 * share))
        self.show_running(self.measurer.takes_long)

    def _on_cancel(self) -> None:
        self.measurer.cancel()
        self._tell(CANCELLED)

    # -- showing -------------------------------------------------------------------------------------------------------

    def _clear(self) -> None:
        """Show no table."""
        self._shown, self.chosen, self.kept = None, None, np.zeros(0, bool)
        self.grey.remove()
        self.view.choose(None)
        self.view.show_table(EMPTY, self.kept)
        self._draw()
        self._mark()

    def _on_measured(self, measured: MeasuredLayer) -> None:
        """Show a table; what was selected stays selected if it is still there."""
        self._failure = ""
        self._told = "" if self._told in (CANCELLED, MOVED) else self._told
        before = None if self._shown is None or self.chosen is None else self._shown.object_at(self.chosen)
        self._shown = measured
        self.chosen = None if before is None else measured.row_again(*before, self._place)
        if len(measured.wheres) == 1:  # else numbers of several planes would be taken for one another
            measured.source.layer.features = measured.table.features()
        self.offer_columns(measured.table)
        self.filters.show_table(measured.table)
        self._apply_filters()

    def _on_filters(self) -> None:
        self._told = ""
        self._apply_filters()

    def _apply_filters(self) -> None:
        """Keep what the filters let through; the rest goes grey in the image."""
        shown = self._shown
        if shown is None:
            return
        try:
            self.kept = kept_rows(shown.table, self.filters.filters())
        except UserError as error:
            self._tell(error_sentence(error))
            return
        self.grey.show(shown, self.kept)
        self.view.show_table(shown.table, self.kept)
        self.view.choose(self.chosen)
        self._draw()
        self._mark()
        self.refresh()

    def _draw(self) -> None:
        """Draw the plot."""
        table = EMPTY if self._shown is None else self._shown.table
        x, y = (table.columns.get(box.currentData() or "") for box in (self.x_box, self.y_box))
        across = np.full(len(table), np.nan) if x is None else x.astype(np.float64)
        self.plot.show_columns(across, None if y is None else y.astype(np.float64), self.kept,
                               (self.x_box.currentText(), self.y_box.currentText()))
        self.plot.mark(self.chosen)

    def refresh(self) -> None:
        """Make lines and buttons say what is so."""
        measurer, shown = self.measurer, self._shown
        if shown is not None and not shown.source.holds:
            self._mark()  # what was marked may lie in a plane that is not shown any more
        self.show_running(measurer.takes_long)
        self.measure.setEnabled(measurer.layer is not None and not measurer.running)
        self.csv.setEnabled(shown is not None and len(shown.table) > 0 and not self.saving.busy)
        self.project_csv.setEnabled(self.saving.has_project and not self.saving.busy)
        objects = self.news.about(measurer.layer)
        told = table_sentence(measurer, shown, objects, self._told, self._failure,
                              self.chosen if self.is_filtered_out(self.chosen) else None)
        if told is not None:
            self.state.setText(told)
        self.count.setText("" if shown is None else count_text(self.kept, objects))

    def _tell(self, text: str) -> None:
        self._told = text
        self.state.setText(text)

    def _on_save(self) -> None:
        if self._shown is not None:
            self.saving.save_table(self._shown, self.kept)

    def _on_save_failed(self, error: Exception) -> None:
        self._told = error_sentence(error)
        self.state.show_failure(error)

    # -- one object ----------------------------------------------------------------------------------------------------

    def _on_row(self, row: int) -> None:
        """Go to the object of a row."""
        if self._shown is not None and not self._shown.source.holds:
            self._tell(MOVED)
        elif self._shown is not None:
            self.choose(row)
            self.link.go_to(self._shown.layer_place(row), self._shown.world_size(row))

    def _on_object(self, number: int) -> None:
        """Select the row of an object that was clicked in the image."""
        if self._shown is None or not self._shown.source.holds:
            return
        row = self._shown.row_at(self._shown.source.shown(self.viewer), number)
        if row is not None:
            self.choose(row)

    def choose(self, row: int | None) -> None:
        """Select a row, here and in the image."""
        self.chosen, self._told = row, ""
        self.view.choose(row)
        self.plot.mark(row)
        if row is not None and self._shown is not None:
            self._place = tuple(self._shown.source.layer.data_to_world(self._shown.layer_place(row)))
            self.link.tell(self._shown.object_at(row)[1])
        self._mark()
        self.refresh()

    def _mark(self) -> None:
        """Draw the outline of the chosen object where it can be seen."""
        shown = self._shown
        self.link.mark(None if shown is None or self.chosen is None or not shown.source.holds else
                       shown.outline_at(self.chosen, shown.source.shown(self.viewer)))
