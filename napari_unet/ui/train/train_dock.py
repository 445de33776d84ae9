"""The dock ``Train U-Net``: passes on what its controls say. Trains and predicts nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from napari.layers import Labels
from qtpy.QtWidgets import QFileDialog

from napari_unet.core.classes import ClassTable
from napari_unet.core.method import Segmenter
from napari_unet.session.session_state import SessionState

from ..brush_width import proposed_width
from ..layer_boxes import LayerWatch
from ..layers import prepare_brush
from ..level_work import LEVEL_NEWS
from ..plain_errors import PLAIN_ERRORS
from ..projects.project_jobs import project_jobs_of
from ..widgets import CloseWatch
from . import shortcuts
from .background_jobs import BackgroundJobs
from .layer_binding import LayerBinding
from .layer_chooser import NO_IMAGE, NO_STROKES
from .live_controller import controller_of
from .paint_watch import PaintWatch
from .predict_button import PredictButton
from .train_panel import TrainPanel


class TrainDock(TrainPanel):
    """Paint a few strokes, learn live, see the whole image segmented.

    Parameters
    ----------
    napari_viewer : napari Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(controller_of(napari_viewer))
        self.controller.hold(self)
        self.viewer = self.controller.viewer
        self.jobs = BackgroundJobs(self.controller, self)
        self.project_jobs = project_jobs_of(self.viewer)
        self.predicting = PredictButton(self.predict_button, self.controller, self.chooser, self.jobs)
        self._brush_of: Labels | None = None
        self.painting = PaintWatch(self.controller, self.chooser.strokes_box, partial(self.notes.say, "painting"))
        self._connect()
        self.device_line.look(self.controller.workers)
        CloseWatch(self, "Train")
        self.say(self.controller.ties.told)
        self.controller.ties.told = ""
        self.chooser.choose_first()
        self._show_state(self.session.state)
        self._on_running_changed()

    # -- building --------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        controller, session = self.controller, self.session
        self._watch = LayerWatch(self.viewer, self)
        self._watch.changed.connect(self._on_layers_changed)
        self.chooser.linked.connect(self._on_linked)
        self.chooser.made.connect(self.hold_class)
        self.chooser.said.connect(lambda text: self.notes.say("image", text))
        self.class_buttons.picked.connect(self.hold_class)
        for part in (self.edits, self.model_compare):
            part.said.connect(self.say)
            part.progressed.connect(self._on_job)
        self.class_buttons.refused.connect(self.say)
        self.live_button.clicked.connect(self._on_live)
        self.update_button.clicked.connect(self.update_once)
        self.stop_button.clicked.connect(lambda: controller.stop())
        self.prediction_tick.toggled.connect(self._on_prediction_toggled)
        self.predict_all_button.clicked.connect(lambda: self.jobs.predict_all())
        self.cancel_button.clicked.connect(self._on_cancel)
        self.unsure_tick.setChecked(controller.prediction.unsure)
        self.unsure_tick.toggled.connect(controller.unsure.show)
        controller.unsure.shown_changed.connect(self.unsure_tick.setChecked)
        self.unsure_button.clicked.connect(lambda: controller.unsure.go())
        controller.unsure.progressed.connect(self._on_job)
        self.pairs.chosen.connect(self._on_pair_chosen)
        self.save_button.clicked.connect(self._on_save)
        self.load_button.clicked.connect(self._on_load)
        self.export_button.connect(self.jobs, self)
        self.new_model_button.clicked.connect(self._on_new_model)
        controller.said.connect(self.say)
        controller.failed.connect(self._on_failed)
        controller.noted.connect(self.notes.say)
        controller.running_changed.connect(self._on_running_changed)
        controller.pairs_changed.connect(self.pairs.refresh)
        self.project_jobs.said.connect(self.say)
        self.project_jobs.failed.connect(self._on_failed)
        for jobs in (self.jobs, self.project_jobs, self.predicting.filler):
            jobs.progressed.connect(self._on_job)
        pairs: list[tuple[Any, Any]] = [
            (session.state_changed, self._show_state), (session.classes_changed, self._on_classes_changed),
            (session.learning_curve_changed, self._on_history_changed), (session.model_changed, self._on_model_changed),
            (session.pairs_changed, self.pairs.refresh), (session.model_history_changed, self.models.refresh),
            (controller.ties.changed, self._watch.soon), (controller.ties.said, self._on_taken),
            (session.images.current_changed, lambda: self.say("")), (PLAIN_ERRORS.told, self.say),
            (LEVEL_NEWS.told, partial(self.notes.say, "levels")),
        ]
        PLAIN_ERRORS.listen()
        for signal, slot in pairs:
            signal.connect(slot)
        viewer, painting = self.viewer, self.painting
        keys: dict[str, Callable[[], None]] = {
            shortcuts.UPDATE_KEY: self.update_once, shortcuts.PREDICTION_KEY: self.prediction_tick.toggle,
            shortcuts.UNSURE_KEY: controller.unsure.go,
            shortcuts.PREVIOUS_KEY: lambda: controller.images.step(-1),
            shortcuts.NEXT_KEY: lambda: controller.images.step(1),
            **{key: partial(self.hold_class, number) for number, key in shortcuts.CLASS_KEYS.items()},
        }
        shortcuts.bind_viewer_keys(viewer, keys)

        def forget(*_: Any) -> None:
            for signal, slot in pairs:
                signal.disconnect(slot, missing_ok=True)
            painting.close()
            shortcuts.unbind_viewer_keys(viewer, keys)

        self.destroyed.connect(forget)

    # -- layers ----------------------------------------------------------------------------------------------------

    def _on_layers_changed(self) -> None:
        self.chooser.refresh()
        self.pairs.refresh()
        self.painting.look()

    def _on_linked(self, binding: LayerBinding) -> None:
        self._follow_brush(binding.strokes)
        self.painting.look()

    def _forget_news(self) -> None:
        self.say("")
        self.notes.say("taken", "")

    def _on_failed(self, error: Exception) -> None:
        if not self.state_line.explain(error):
            self.note_line.explain(error)

    def _on_pair_chosen(self, key: str) -> None:
        binding = self.controller.bindings.get(key)
        if binding is not None:
            self.chooser.choose_pair(binding.image_layer, binding.strokes)
            self.viewer.layers.selection.active = binding.strokes
        else:
            self.session.images.choose(self.session.images.image_of_pair(key))

    # -- classes and brush -----------------------------------------------------------------------------------------

    def hold_class(self, number: int) -> None:
        """Take up the brush of a class on the present strokes layer."""
        binding = self.controller.current
        if binding is None:
            self.say(NO_STROKES if self.chooser.has_image else NO_IMAGE)
            return
        if number not in self.session.classes.ids:
            self.say(f"There is no class {number} yet. Press + class to add one.")
            return
        self._forget_news()
        strokes = binding.strokes
        self.viewer.layers.selection.active = strokes
        if not strokes.visible:  # said again, napari draws the whole picture anew
            strokes.visible = True
        strokes.selected_label = number
        if str(strokes.mode) != "paint":
            if strokes.brush_size == 10:  # napari's own start, which knows nothing of the image
                prepare_brush(strokes, proposed_width(binding.image, self.session.painted()))
            strokes.mode = "paint"
        self.class_buttons.hold(number)

    def _follow_brush(self, strokes: Labels) -> None:
        if self._brush_of is not strokes:
            if self._brush_of is not None:
                self._brush_of.events.selected_label.disconnect(self._on_brush_changed)
            strokes.events.selected_label.connect(self._on_brush_changed)
            self._brush_of = strokes
        self._on_brush_changed()

    def _on_brush_changed(self, _event: Any = None) -> None:
        if self._brush_of is not None:
            self.class_buttons.hold(self._brush_of.selected_label)

    def _on_classes_changed(self, classes: ClassTable) -> None:
        self.class_buttons.set_classes(classes)
        self.pairs.refresh()

    # -- learning --------------------------------------------------------------------------------------------------

    def _make_method(self, once: bool) -> Segmenter:
        self.controller.prediction.compute_on(self.settings.device)
        return self.settings.method(self.session.model, once)

    def start_live(self) -> None:
        """Learn from the strokes while they are painted, until paused."""
        if not self.controller.live:
            self._start(once=False)

    def _on_live(self) -> None:
        if self.controller.live:
            self.controller.pause()
        else:
            self.start_live()

    def update_once(self) -> None:
        """Learn for a fixed number of steps, and say whether that is better."""
        if not self.controller.live:
            self._start(once=True)

    def _start(self, once: bool) -> None:
        if not self.controller.bindings:
            self.say(NO_STROKES if self.chooser.has_image else NO_IMAGE)
            return
        self._forget_news()
        self.prediction_tick.setChecked(True)
        self.controller.start(partial(self._make_method, once), once)

    def _on_running_changed(self) -> None:
        live, updating = self.controller.live, self.controller.runs.updating
        self.live_button.setEnabled(not updating)
        self.live_button.setText("Pause" if live and not updating else "Live")
        self.live_button.setToolTip(
            "Let the training rest; it keeps all it has learnt." if live else
            "Let the network learn while you paint. Strokes are answered at once without it, too; it makes the answer "
            "better, and only a better one is shown, unless the network begins with nothing."
        )
        self.update_button.setEnabled(not live)
        self.stop_button.setEnabled(self.controller.training)

    def _show_state(self, state: SessionState) -> None:
        self.state_line.setText(state.line)
        self.state_line.setProperty("phase", state.phase)

    def _on_history_changed(self) -> None:
        held = sum(self.session.held_strokes)
        if held != self.plot.held:
            self.pairs.refresh()
        self.plot.show_history(self.session.learning_curve, held)
        if self.session.device:
            self.device_line.setText(self.session.device)

    # -- prediction and files --------------------------------------------------------------------------------------

    def _on_prediction_toggled(self, shown: bool) -> None:
        for binding in self.controller.bindings.values():
            if binding.prediction is not None:
                self.controller.images.view.wish(binding.prediction, shown)

    def _on_model_changed(self, _model: Any = None) -> None:
        self.chooser.show_model()

    def _on_job(self, text: str, fraction: float) -> None:
        busy = bool(text)
        self.predict_place.setCurrentIndex(int(busy))
        self.predict_button.setEnabled(not busy)
        self.predict_all_button.setEnabled(not busy)
        self.unsure_button.setEnabled(not busy)
        self.progress.setValue(round(1000 * fraction))
        if busy:
            self.say(text)

    def _on_cancel(self) -> None:
        self.jobs.cancel()
        self.project_jobs.cancel()
        self.predicting.filler.cancel()
        self.edits.jobs.cancel()
        self.model_compare.cancel()
        self.controller.unsure.cancel()

    def _on_save(self) -> None:
        if self.session.model is None:
            self.say("There is no model to save yet. Paint a little of two classes.")
            return
        name, _ = QFileDialog.getSaveFileName(self, "Save the model", "model.pt", "Models (*.pt)")
        if name:
            self.jobs.save(Path(name))

    def _on_load(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Load a model", "", "Models (*.pt);;All files (*)")
        if name:
            self.jobs.load(Path(name), self.settings.device)

    def _on_new_model(self) -> None:
        self.controller.stop()
        self.session.set_model(None)
        self.session.set_state("idle")

    def _on_taken(self, text: str) -> None:
        self.controller.ties.told = ""  # another dock need not say it again
        self.notes.say("taken", text)  # it stays when its image becomes the current one

    def say(self, text: str) -> None:
        """Show one sentence below the state, until something else is said; ``""``: nothing any more."""
        self.notes.say("news", text)
