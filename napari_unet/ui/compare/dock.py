"""The dock that lets methods compete on the same strokes: passes on what its controls say. Fits nothing itself."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog

from napari_unet.comparison import Comparison, Finding
from napari_unet.core.errors import UserError
from napari_unet.report.table import write_csv
from napari_unet.session import session_of

from ..choices import LayerWatch
from ..workers import Worker, WorkerGroup
from .inputs import plane_shown
from .panel import ComparePanel
from .request import Request, make_request
from .results import ResultLayers
from .standings import MAIN, Standings, classes_of

_REDRAW_MS = 150


class CompareDock(ComparePanel):
    """Tick methods, choose images and what to score against, press Compare, read the table.

    Parameters
    ----------
    napari_viewer : napari Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(getattr(napari_viewer, "__wrapped__", napari_viewer))  # plugins are handed a proxy
        self._session = session_of(self._viewer)
        self._worker: Worker | None = None
        self._standings = Standings({})
        self._results: ResultLayers | None = None
        self._follow = True
        self._workers = WorkerGroup(self, getattr(self._viewer.window, "_qt_window", None))
        self._watch = LayerWatch(self._viewer, self)
        self._redraw = QTimer(self)
        self._redraw.setInterval(_REDRAW_MS)
        self._connect()
        self.methods.offer_trained(self._session.model)
        self._on_layers_changed()
        self._show_table()

    def _connect(self) -> None:
        self._watch.changed.connect(self._on_layers_changed)
        self.images.changed.connect(self._on_choice_changed)
        self.scoring.against.currentIndexChanged.connect(self._on_choice_changed)
        offer, model_changed = self.methods.offer_trained, self._session.model_changed
        model_changed.connect(offer)
        self.destroyed.connect(lambda *_: model_changed.disconnect(offer, missing_ok=True))
        self.run.clicked.connect(self._on_run)
        self.cancel.clicked.connect(self._on_cancel)
        self.table.method_clicked.connect(self._on_method_clicked)
        self.of_class.activated.connect(lambda _index: self._show_table())
        self.save.clicked.connect(self._on_save)
        self._redraw.timeout.connect(self._on_redraw)

    # -- choices ---------------------------------------------------------------------------------------------------

    def _on_layers_changed(self) -> None:
        self.images.refresh()
        self.scoring.suggest(any(row.reference.layer is not None for row in self.images.rows))
        self._on_choice_changed()

    def _on_choice_changed(self) -> None:
        self.images.score_against_reference(self.scoring.uses_reference)
        try:
            chosen = self.images.chosen()
            self.scoring.show_planes(any(one.image.n_planes > 1 for one in chosen))
            self.scoring.look_at(chosen)
            self.hint.setText(self._hint([one.strokes is not None for one in chosen]))
        except UserError as error:
            self.hint.setText(str(error))
        self.hint.setVisible(bool(self.hint.text()))
        self._enable()

    def _hint(self, with_strokes: list[bool]) -> str:
        if not self.images.rows:
            return "Open an image, or try File > Open Sample."
        if not with_strokes:
            return "Tick an image to compare the methods on."
        if not any(with_strokes):
            return (
                "No strokes are chosen. Paint a little background and a little of each class (the Train U-Net dock "
                "makes the layer); without strokes, methods split the image into two classes by themselves."
            )
        return ""

    @property
    def running(self) -> bool:
        """Whether a comparison is running."""
        return self._worker is not None

    # -- running ---------------------------------------------------------------------------------------------------

    def _request(self) -> Request:
        chosen = self.images.chosen()
        planes = None
        if self.scoring.only_shown_plane:
            planes = [plane_shown(self._viewer, one.layer, one.image) for one in chosen]
        self.scoring.look_at(chosen)  # strokes may have come since the guess
        return make_request(
            chosen, self.methods.contenders(self._session.model), against_reference=self.scoring.uses_reference,
            code=self.scoring.reference_code, planes=planes, fallback=self._session.classes,
        )

    def _on_run(self) -> None:
        if self._worker is not None:
            return
        try:
            request = self._request()
            targets = [(one.layer, one.image) for one in self.images.chosen()]
        except UserError as error:
            self.state.setText(str(error))
            return
        kept = self._results.retire() if self._results is not None else 0
        titles = {one.name: self.methods.titles.get(one.name, one.name) for one in request.contenders}
        self._standings = Standings(titles)
        self._results = ResultLayers(self._viewer, targets, request.training.classes, titles, request.about())
        self._follow = True
        self.state.setText(f"Starting. {_kept(kept)}{self._busy()}".strip())
        self._redraw.start()
        self._worker = self._workers.start(
            request.run, "compare", on_item=self._on_finding, on_result=self._on_result, on_error=self._on_error,
            on_end=self._on_end,
        )
        self._show_table()
        self._enable()

    def _busy(self) -> str:
        if self._session.state.phase != "learning":
            return ""
        return "Live training is running too and takes computing time; pause it for a fair contest."

    def _on_finding(self, finding: Finding) -> None:
        assert self._results is not None
        self._standings.take(finding)
        if finding.stage == "segment" and finding.patch is not None and finding.image is not None:
            first = not self._results.layers(finding.method)
            self._results.paste(finding.method, finding.image, finding.patch)
            if first and self._follow:
                self._results.show_only(finding.method)
                self.table.choose(finding.method)
            elif first:
                self._results.show_only(self.table.chosen)
        elif finding.stage == "done":
            self._results.finish(finding.method, finding.text)
        elif finding.stage == "failed":
            self._results.drop(finding.method)
        through = len(self._standings.ended)
        title = self._standings.title(finding.method)
        what = finding.text if finding.stage in ("fit", "segment", "failed") else "done"
        self.state.setText(f"{through} of {self._standings.count} done · {title}: {what}")
        if finding.stage in ("done", "failed"):
            self._show_table()

    def _on_redraw(self) -> None:
        if self._results is not None:
            self._results.refresh()
        self.bar.setValue(round(1000 * self._standings.fraction))
        if self._worker is not None and self._worker.running:
            self._show_table()

    def _on_cancel(self) -> None:
        if self._worker is not None:
            self._worker.stop()
            self.cancel.setEnabled(False)
            self.state.setText("Stopping after the step it is at...")

    def _on_result(self, comparison: Comparison) -> None:
        self._worker = None
        winners = self._standings.best_methods()
        if winners and self._follow and self._results is not None:
            self._results.show_only(winners[0])
        self._show_table()
        if winners:
            self.table.sort_by(MAIN)
            if self._follow:
                self.table.choose(winners[0])
        self.state.setText(self._verdict(winners, comparison.held_out))

    def _verdict(self, winners: list[str], held_out: bool) -> str:
        failed = [self._standings.title(name) for name in self._standings.failed]
        said = f" Failed: {', '.join(failed)} (see the table)." if failed else ""
        if not winners:
            return f"No method could be scored.{said}"
        names = " and ".join(self._standings.title(name) for name in winners)
        dice = self._standings.summary.get(winners[0], MAIN)
        if dice is None:
            return f"Done.{said} Click a row to see its result."
        where = "strokes held out" if held_out else "the reference"
        verb = "is best" if len(winners) == 1 else "are level"
        return f"{names} {verb}: Dice {dice:.3f} on {where}.{said} Click a row to see its result."

    def _on_error(self, error: Exception) -> None:
        self._worker = None
        text = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        self.state.setText(text)

    def _on_end(self) -> None:
        cancelled = self._worker is not None  # neither result nor error came
        self._worker = None
        self._redraw.stop()
        if self._results is not None:
            for name in self._standings.unfinished:
                self._results.drop(name)
            self._results.refresh()
        self._standings.stop()
        if cancelled:
            through = len(self._standings.ended)
            self.state.setText(f"Cancelled: {through} of {self._standings.count} methods are through and kept.")
            self._on_method_clicked(next(iter(self._standings.best_methods()), ""))
        self.bar.setValue(0)
        self._show_table()
        self._enable()

    # -- the table -------------------------------------------------------------------------------------------------

    def _show_table(self) -> None:
        choices = classes_of(self._standings.summary) if self._standings.rows else []
        if [self.of_class.itemText(index) for index in range(self.of_class.count())] != [name for _, name in choices]:
            wanted = self.of_class.currentText()
            self.of_class.clear()
            for class_id, name in choices:
                self.of_class.addItem(name, class_id)
            self.of_class.setCurrentIndex(max(0, self.of_class.findText(wanted)))
        self.of_class.setVisible(bool(choices))
        class_id = self.of_class.currentData()
        self.table.show_lines(self._standings.columns(class_id), self._standings.lines(class_id))
        self.table.setVisible(bool(self._standings.count))
        self.save.setVisible(bool(self._standings.count))
        self.save.setEnabled(bool(self._standings.rows))

    def _on_method_clicked(self, method: str) -> None:
        if self._results is not None and method:
            if self._worker is not None:
                self._follow = False
            self.table.choose(method)
            if self._results.layers(method):
                self._results.show_only(method)

    def _on_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save the scores", "table.csv", "Table (*.csv)")
        if not path:
            return
        named = path if path.lower().endswith(".csv") else f"{path}.csv"
        try:
            # the dialog has asked about the name it returned, not about one that we complete
            write_csv(named, self._standings.rows, overwrite=named == path)
        except UserError as error:
            self.state.setText(str(error))
        else:
            self.state.setText(f"Saved {named}")

    def _enable(self) -> None:
        running = self._worker is not None
        self.run.setEnabled(not running and bool(self.images.rows))
        self.cancel.setEnabled(running)
        self.cancel.setVisible(running)
        self.bar.setVisible(running)
        for widget in (self.methods, self.images, self.scoring):
            widget.setEnabled(not running)


def _kept(count: int) -> str:
    if not count:
        return ""
    return f"{count} result layer{'s' if count > 1 else ''} with your corrections kept as “(edited)”. "
