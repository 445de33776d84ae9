"""The dock that lets methods compete on the same strokes: passes on what its controls say. Fits nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QTimer

from napari_unet.comparison.contender_run import ComparisonEvent
from napari_unet.comparison.outcome import Comparison
from napari_unet.core.errors import UserError
from napari_unet.io.recipe import Recipe

from ..field_image import CutPixels
from ..layer_boxes import LayerWatch
from ..sessions import session_of, ties_of
from ..widgets import CloseWatch
from ..worker_group import WorkerGroup
from ..workers import Worker
from .compare_panel import RESULTS, ComparePanel
from .comparison_request import ComparisonRequest, classes_of, make_request
from .cut_field import UnreadLabelsError
from .image_rows import ChosenImage, plane_shown
from .linked_viewer import LinkedViewer
from .live_ranking import LiveRanking, ending_sentence
from .result_layers import ResultLayers
from .results_board import ResultsBoard
from .saving import Saving
from .time_budget import duration_text

STOPPING = "Stopping after the step it is at..."
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
        self._reading: Worker | None = None
        self._reader: Callable[[], None] | None = None
        self._request: ComparisonRequest | None = None
        self._cut = ""
        self._workers = WorkerGroup(self, getattr(self._viewer.window, "_qt_window", None))
        self._watch = LayerWatch(self._viewer, self)
        self.saving = Saving(self, self._workers, self.state.setText, self.state.show_failure)
        self.board = ResultsBoard(self, self._workers, self.saving)
        self._redraw = QTimer(self)
        self._redraw.setInterval(_REDRAW_MS)
        self._connect()
        CloseWatch(self, "Compare")
        self.methods.offer_trained(self._session.model)
        self._on_layers_changed()

    def _connect(self) -> None:
        self._watch.changed.connect(self._on_layers_changed)
        self.images.changed.connect(self._on_choice_changed)
        self.images.said.connect(self.state.setText)
        ties, follow = ties_of(self._viewer), self._on_layers_changed
        ties.changed.connect(follow)
        self.destroyed.connect(lambda *_: ties.changed.disconnect(follow, missing_ok=True))
        self.scoring.against.currentIndexChanged.connect(self._on_choice_changed)
        for panel in (self.methods, self.time, self.scoring):
            panel.changed.connect(self._show_count)
        offer, model_changed = self.methods.offer_trained, self._session.model_changed
        model_changed.connect(offer)
        self.destroyed.connect(lambda *_: model_changed.disconnect(offer, missing_ok=True))
        self.methods.load.clicked.connect(lambda: self.saving.load(self._on_loaded))
        self.run.clicked.connect(self._on_run)
        self.cancel.clicked.connect(self._on_cancel)
        self.queue.cancelled.connect(self._on_cancelled)
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
            self.scoring.objects.offer(classes_of(chosen, self._session.classes))
            self.hint.setText(self._hint([one.strokes is not None for one in chosen])
                              or " ".join(filter(None, (self.images.taken, self.images.cut))))
            self.images.kept.clear()  # a comparison reads anew: labels on disk may change
        except UnreadLabelsError as error:
            self.hint.setText(str(error))
            self._read_labels(error, self._on_choice_changed)
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

    def _show_count(self) -> None:
        methods, networks = self.methods.counts()
        many = methods + networks
        longest = self.time.budget.longest(methods, networks, self.scoring.n_fits)
        self.count.setText(f"{many} method{'' if many == 1 else 's'}, {duration_text(longest)}"
                           if many else "no method")

    def _on_loaded(self, path: str, what: Any) -> None:
        if isinstance(what, Recipe):
            self.methods.add_recipe(path, what)
        else:
            self.methods.add_model(path, what)

    # -- running ---------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether a comparison is running, or begins as soon as its labels are read."""
        return self._worker is not None or (self._reading is not None and self._reader == self._on_run)

    @property
    def ranking(self) -> LiveRanking:
        """How the last comparison stands."""
        return self.board.ranking

    def _make_request(self, chosen: list[ChosenImage] | None = None) -> ComparisonRequest:
        chosen = self.images.chosen() if chosen is None else chosen
        planes = None
        if self.scoring.only_shown_plane:
            planes = [plane_shown(self._viewer, one.layer, one.image) for one in chosen]
        self.scoring.look_at(chosen)  # strokes may have come since the guess
        return make_request(
            chosen, self.methods.contenders(self.time.budget), against_reference=self.scoring.uses_reference,
            code=self.scoring.reference_code, planes=planes, fallback=self._session.classes, folds=self.scoring.n_folds,
            metrics=self.scoring.measures.metrics, judging=self.scoring.measures.judging,
            searches=self.scoring.searches,
        )

    def _on_run(self) -> None:
        if self._worker is not None:
            return
        try:
            chosen = self.images.chosen()
            request = self._make_request(chosen)
        except UnreadLabelsError as error:
            self.state.setText(str(error))
            self._read_labels(error, self._on_run)
            return
        except UserError as error:
            self.state.setText(str(error))
            return
        self.images.kept.clear()
        targets = [(one.layer, one.image) for one in chosen]
        self._cut = ", ".join(one.image.name for one in chosen if isinstance(one.image.data, CutPixels))
        kept = self.board.close()
        titles = {one.name: self.methods.titles.get(one.name, one.name) for one in request.contenders}
        results = ResultLayers(self._viewer, targets, request.training.classes, titles, request.about())
        linked = LinkedViewer(self._viewer, targets, results, self._workers)
        if request.references is not None:
            linked.judge_by(request.references, dense=True, contest=request.objects)
        self.show_legend(request.objects is not None)
        self.show_ways([one.way for one in request.objects.searches] if request.objects is not None else [])
        self.board.start(LiveRanking(titles), linked, targets)
        self._request = request
        self.queue.start(titles)
        self.state.setText(f"{self._through()} {_kept(kept)}{self._busy()}".strip())
        self._redraw.start()
        self._worker = self._workers.start(
            request.run, "compare", on_item=self._on_event, on_result=self._on_result, on_error=self._on_error,
            on_end=self._on_end,
        )
        self.turn_to(RESULTS)
        self._enable()

    def _read_labels(self, error: UnreadLabelsError, then: Callable[[], None]) -> None:
        """Read labels beside the window, and go on; a comparison that waits for them is not forgotten for a choice."""
        if self._reader != self._on_run:
            self._reader = then
        if self._reading is not None:
            return

        kept, read = self.images.kept, list[Any]()

        def on_end() -> None:
            self._reading = None
            waiting, self._reader = self._reader, None
            if read and waiting is not None:  # nothing is begun in a window that closes
                waiting()

        self._reading = self._workers.start(lambda: error.reading(kept), "labels", on_result=read.append,
                                            on_error=self.state.show_failure, on_end=on_end)

    def _through(self) -> str:
        return f"{len(self.ranking.ended)} of {self.ranking.count} methods are through."

    def _busy(self) -> str:
        if self._session.state.phase != "learning":
            return ""
        return "Live training is running too and takes computing time; pause it for a fair contest."

    def _on_event(self, event: ComparisonEvent) -> None:
        self.board.take(event)
        if event.stage in ("done", "failed", "cancelled"):
            self.queue.end(event.method)

    def _on_redraw(self) -> None:
        self.board.refresh()
        self.bar.setValue(round(1000 * self.ranking.fraction))
        for name in self.ranking.unfinished:
            self.queue.show_state(name, *self.ranking.state_of(name))
        if self._worker is not None and self.ranking.ended:
            self.state.setText(self._through() if self.cancel.isEnabled() else STOPPING)

    def _on_cancel(self) -> None:
        """Call off all that are not through; the comparison then ends by itself with those that are."""
        if self._request is not None:
            self._request.cancel(*self.ranking.unfinished)
            self.cancel.setEnabled(False)
            self.state.setText(STOPPING)

    def _on_cancelled(self, method: str) -> None:
        if self._request is not None:
            self._request.cancel(method)

    def _on_result(self, comparison: Comparison) -> None:
        self._redraw.stop()  # what is said now stays; another run may begin when this one's thread has ended
        self.board.end(comparison)
        ending = ending_sentence(self.ranking, comparison.held_out)
        self.state.setText(f"{ending} Compared: {self._cut}." if self._cut else ending)

    def _on_error(self, error: Exception) -> None:
        self._redraw.stop()
        self.state.show_failure(error)

    def _on_end(self) -> None:
        self._worker = self._request = None
        self._redraw.stop()
        self.board.stop()
        self.queue.clear()
        self.bar.setValue(0)
        self._enable()

    def _enable(self) -> None:
        running = self._worker is not None
        self.run.setEnabled(not running and bool(self.images.rows))
        self.cancel.setEnabled(running)
        for widget in (self.cancel, self.bar):
            widget.setVisible(running)
        self.count.setVisible(not running)
        self._show_count()
        for panel in (self.methods, self.time, self.images, self.scoring):
            panel.setEnabled(not running)


def _kept(count: int) -> str:
    if not count:
        return ""
    return f"{count} result layer{'s' if count > 1 else ''} with your corrections kept as “(edited)”. "
