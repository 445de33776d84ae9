"""The pages of results: tables, charts, pictures and the viewer say the same. Compares and scores nothing itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from napari.layers import Image as ImageLayer
from qtpy.QtCore import QObject

from napari_unet.comparison.contender_run import ComparisonEvent
from napari_unet.comparison.outcome import Comparison
from napari_unet.core.image import Image

from ..worker_group import WorkerGroup
from .compare_panel import CHARTS, PICTURES, ComparePanel
from .linked_viewer import LinkedViewer
from .live_ranking import LiveRanking
from .plane_scores import Place, plane_lines
from .result_pictures import draw_charts, draw_maps
from .saving import Saving
from .score_cells import MAIN, class_choices

Targets = Sequence[tuple[ImageLayer, Image]]


class ResultsBoard(QObject):
    """Everything that is shown of the last comparison.

    Parameters
    ----------
    panel : ComparePanel
        Whose widgets show it.
    workers : WorkerGroup
    saving : Saving
    """

    def __init__(self, panel: ComparePanel, workers: WorkerGroup, saving: Saving) -> None:
        super().__init__(panel)
        self._panel, self._saving = panel, saving
        self.ranking = LiveRanking({})
        self.linked: LinkedViewer | None = None
        self.comparison: Comparison | None = None
        self._targets: Targets = ()
        self._places: dict[str, Place] = {}
        self._place: Place | None = None
        self._follow = True
        self._running = False
        for pictures in (panel.charts, panel.pictures):
            pictures.use(workers)
        panel.table.method_clicked.connect(self.choose)
        panel.pictures.method_clicked.connect(self.choose)
        panel.planes.method_clicked.connect(self._on_plane_clicked)
        panel.of_class.activated.connect(lambda _index: self.show_tables())
        panel.show_errors.clicked.connect(self._on_errors_toggled)
        panel.of_way.activated.connect(lambda _index: self._on_way())
        panel.back.clicked.connect(self._on_back)
        panel.pages.currentChanged.connect(self._on_page)
        panel.save.clicked.connect(lambda: saving.table(list(self.ranking.rows)))
        panel.save_report.clicked.connect(self._on_save_report)
        panel.save_recipe.clicked.connect(self._on_save_recipe)
        panel.save_model.clicked.connect(self._on_save_model)
        self.show_tables()

    # -- a comparison runs -----------------------------------------------------------------------------------------

    def close(self) -> int:
        """Make room for another comparison; return how many corrected layers were kept."""
        for pictures in (self._panel.charts, self._panel.pictures):
            pictures.forget()
        return self.linked.close() if self.linked is not None else 0

    def start(self, ranking: LiveRanking, linked: LinkedViewer, targets: Targets) -> None:
        """Show a comparison that begins."""
        self.ranking, self.linked, self._targets = ranking, linked, tuple(targets)
        self.comparison, self._place = None, None
        self.linked.way = str(self._panel.of_way.currentData() or "")
        self._follow = self._running = True
        self._panel.table.choose("")
        self.show_tables()

    def take(self, event: ComparisonEvent) -> None:
        """Take note of what a running comparison tells."""
        assert self.linked is not None
        self.ranking.take(event)
        method, results = event.method, self.linked.results
        if event.stage == "segment" and event.patch is not None and event.image is not None:
            first = not results.has(method)
            results.paste(method, event.image, event.patch)
            if first and self._follow:
                self.linked.show(method, errors=False, asked_for=False)
        elif event.stage == "done":
            self.linked.found[method] = event.objects
            results.finish(method, event.text)
            self._ask_charts()
        elif event.stage in ("failed", "cancelled"):
            results.drop(method)
        if event.stage in ("done", "failed", "cancelled"):
            self.show_tables()

    def refresh(self) -> None:
        """Show in the viewer what has come since."""
        if self.linked is not None:
            self.linked.results.refresh()

    def end(self, comparison: Comparison) -> None:
        """Show what came out."""
        assert self.linked is not None
        self._running = False
        self.comparison = comparison
        self.linked.results.take(comparison)
        self.linked.judge_by(comparison.references, dense=not comparison.held_out, contest=comparison.objects)
        self.show_tables()
        self._panel.table.sort_by(MAIN)
        best = self.ranking.level_methods()
        if self._follow and best:
            self.choose(best[0])
        elif self.linked.method:
            self._show(self.linked.method, asked_for=True)
        self._ask_charts()
        self._ask_pictures()

    def stop(self) -> None:
        """Note that nothing runs any more, however it ended."""
        self._running = False
        if self.linked is not None:
            for name in self.ranking.unfinished:
                self.linked.results.drop(name)
            self.linked.results.refresh()
        self.show_tables()

    # -- what is shown ---------------------------------------------------------------------------------------------

    @property
    def class_id(self) -> int | None:
        """The class whose scores are shown, None = the mean over classes."""
        found: int | None = self._panel.of_class.currentData()
        return found

    def choose(self, method: str) -> None:
        """Show a method: its row, its masks and errors in the viewer, its planes."""
        if self.linked is None or not method:
            return
        if self._running:
            self._follow = False
        self._panel.table.choose(method)
        self._show(method, asked_for=True)
        self._show_planes()
        self._enable()

    def _show(self, method: str, *, asked_for: bool) -> None:
        assert self.linked is not None
        if self.linked.results.has(method):
            self.linked.show(method, errors=self._panel.show_errors.isChecked(), asked_for=asked_for)

    def show_tables(self) -> None:
        """Write the tables anew."""
        panel, ranking = self._panel, self.ranking
        choices = class_choices(ranking.summary) if ranking.rows else []
        if [panel.of_class.itemText(index) for index in range(panel.of_class.count())] != [name for _, name in choices]:
            wanted = panel.of_class.currentText()
            panel.of_class.clear()
            for class_id, name in choices:
                panel.of_class.addItem(name, class_id)
            panel.of_class.setCurrentIndex(max(0, panel.of_class.findText(wanted)))
        panel.of_class.setVisible(len(choices) > 1)
        panel.table.show_lines(ranking.columns(self.class_id), ranking.lines(self.class_id))
        self._show_planes()
        self._enable()

    def _show_planes(self) -> None:
        panel, method = self._panel, self._panel.table.chosen
        columns, lines, self._places = plane_lines(self.ranking.rows, method, self.class_id)
        panel.planes.show_lines(columns, lines)
        several = len(lines) > 1
        panel.planes.setVisible(several)
        panel.planes_of.setVisible(several)
        panel.planes_of.setText(f"Planes of {self.ranking.title(method)}:")

    def _enable(self) -> None:
        panel, method = self._panel, self._panel.table.chosen
        there = self.comparison is not None and bool(self.comparison.masks)
        panel.save.setEnabled(bool(self.ranking.rows))
        panel.save_report.setEnabled(there)
        recipe, model = self._recipe(method), self._model(method)
        title = self.ranking.title(method) if method else ""
        panel.save_recipe.setEnabled(recipe is not None)
        panel.save_recipe.setToolTip(
            f"Save {title} with the parameters it had, to fit it again to other strokes." if recipe is not None else
            "Click the row of a method that was fitted here, when the comparison is through, to save its parameters.")
        panel.save_model.setEnabled(model is not None)
        panel.save_model.setToolTip(
            f"Save what {title} has learnt, to run it on other images." if model is not None else
            "Networks and forests can be saved as models: click the row of one when the comparison is through.")
        known = bool(self.linked is not None and self.linked.method)
        for widget in (panel.back, panel.show_errors, panel.legend, panel.of_way):
            widget.setEnabled(known)

    def _recipe(self, method: str) -> Any:
        from napari_unet.segmenters import REGISTRY

        found = self.comparison.methods.get(method) if self.comparison is not None else None
        return found if any(type(found) is entry.item for entry in REGISTRY) else None

    def _model(self, method: str) -> Any:
        model = self.comparison.models.get(method) if self.comparison is not None else None
        if model is None:
            return None
        from napari_unet.io.model_file import can_be_saved

        return model if can_be_saved(model) else None

    # -- slots -----------------------------------------------------------------------------------------------------

    def _on_plane_clicked(self, name: str) -> None:
        place = self._places.get(name)
        if place is not None and self.linked is not None:
            self._place = place
            self.linked.go_to(*place)
            self._ask_pictures()

    def _on_errors_toggled(self) -> None:
        if self.linked is not None and self.linked.method:
            self._show(self.linked.method, asked_for=True)

    def _on_way(self) -> None:
        if self.linked is not None:
            self.linked.way = str(self._panel.of_way.currentData() or "")
            self._on_errors_toggled()

    def _on_back(self) -> None:
        if self.linked is not None:
            self._follow = False
            self.linked.back()
        self._panel.table.choose("")
        self._show_planes()
        self._enable()

    def _on_page(self, index: int) -> None:
        title = self._panel.pages.tabText(index)
        if title in (CHARTS, PICTURES):
            (self._panel.charts if title == CHARTS else self._panel.pictures).look()

    def _on_save_report(self) -> None:
        if self.comparison is not None:
            self._saving.report(self.comparison)

    def _on_save_recipe(self) -> None:
        method = self._panel.table.chosen
        self._saving.recipe(method, self._recipe(method))

    def _on_save_model(self) -> None:
        method = self._panel.table.chosen
        self._saving.model(method, self._model(method))

    # -- pictures --------------------------------------------------------------------------------------------------

    def _ask_charts(self) -> None:
        rows, ranked = tuple(self.ranking.rows), self.ranking.ranked(self.class_id)
        width = self._panel.pages.width() - 30
        self._panel.charts.ask(partial(draw_charts, rows, ranked, self.ranking.titles, width))

    def _ask_pictures(self) -> None:
        if self.comparison is None or not self.comparison.masks:
            return
        order = [one.method for one in self.ranking.ranked()]
        order += [name for name in self.comparison.masks if name not in order]
        place = None
        if self._place is not None:
            numbers = [number for number, (_, image) in enumerate(self._targets) if image.name == self._place[0]]
            place = (numbers[0], self._place[1]) if numbers else None
        self._panel.pictures.ask(partial(draw_maps, self.comparison, order, self.ranking.titles, place))
