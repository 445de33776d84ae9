"""Runs live training and live prediction on the layers of a viewer. Has no widgets.

One controller per viewer, shared by all its docks, so that two docks never train against each other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from napari.layers import Image as ImageLayer
from napari.layers import Labels
from qtpy.QtCore import QObject, Signal

from napari_unet.core.errors import UserError
from napari_unet.core.method import Model, Progress, Segmenter
from napari_unet.core.threads import available_cores
from napari_unet.session.annotation_session import Session
from napari_unet.session.model_history import end_of_training

from ..layer_metadata import identity
from ..sessions import session_of, ties_of
from ..workers import Worker, WorkerGroup, error_sentence
from .current_image import CurrentImage
from .kept_pairs import take_up_pairs
from .layer_binding import LayerBinding
from .live_layers import LiveLayers
from .uncertainty_view import UncertaintyView

UPDATE_SECONDS = 4.0
"""``Update once`` learns for about this long."""


class LiveController(QObject):
    """Training and prediction of one viewer."""

    running_changed = Signal()
    """Live training started, paused, went on or ended."""

    pairs_changed = Signal()
    """A pair of layers was linked or let go."""

    said = Signal(str)
    """One sentence about a finished job, ``""`` when there is nothing to say."""

    noted = Signal(str, str)
    """Cause and sentence of something that is so until it is taken back with ``""``."""

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.viewer = viewer
        self.session: Session = session_of(viewer)
        self.ties = ties_of(viewer)
        self.images = CurrentImage(viewer, self.session, self.ties, self)
        self.bindings: dict[str, LayerBinding] = {}
        self.current: LayerBinding | None = None
        window = getattr(getattr(viewer, "window", None), "_qt_window", None)
        self.workers = WorkerGroup(self, window)
        self._trainer: Worker | None = None
        self._once, self._docks = False, 0
        self._pause_at: float | None = None
        self.prediction = LiveLayers(viewer, self.session, self.workers, self)
        self.prediction.said.connect(lambda text: self.noted.emit("prediction", text))
        self.unsure = UncertaintyView(viewer, self.session, self.workers, self.prediction, self)
        self.unsure.said.connect(self.said)
        self._connected = [
            (viewer.layers.events.removed, self._on_layer_removed), (self.ties.changed, self._on_ties_changed),
            (self.session.classes_changed, self._on_classes_changed),
        ]
        for emitter, slot in self._connected:
            emitter.connect(slot)
        take_up_pairs(self.session, self.ties, viewer.layers, self.link)
        self.look_at(None)

    def hold(self, dock: QObject) -> None:
        """Live as long as this dock does; the last one to go stops everything."""
        self._docks += 1
        dock.destroyed.connect(self._on_dock_gone)

    def _on_dock_gone(self) -> None:
        self._docks -= 1
        if self._docks <= 0:
            self.close()

    def close(self) -> None:
        """Stop all threads and let go of the viewer; layers, strokes and the session stay."""
        if self.training:
            self.session.set_state("paused", "The training was stopped when its dock was closed; what it had learnt is "
                                   "kept. Press Live to train on.")
        self.workers.stop_all()
        self.session.end()
        self.prediction.close()
        self.images.close()
        _controllers.pop(id(self.viewer), None)
        for emitter, slot in self._connected:
            emitter.disconnect(slot)
        self._connected = []
        for binding in tuple(self.bindings.values()):
            binding.close()
        self.bindings.clear()
        self.current = None

    # -- pairs -----------------------------------------------------------------------------------------------------

    def link(self, image_layer: ImageLayer, strokes: Labels) -> LayerBinding:
        """Make a pair of an image layer and a strokes layer, and look at it.

        An image has one strokes layer in use: another one of the same image is let go, with its strokes.

        Raises
        ------
        UserError
            If they do not fit.
        """
        key = identity(strokes)
        old = self.bindings.get(key)
        if old is None or old.image_layer is not image_layer or not old.is_fresh():
            made = LayerBinding(self.viewer, self.session, image_layer, strokes, self)
            if old is not None:
                old.close(publish=False)
            made.troubled.connect(lambda text: self.noted.emit("strokes", text))
            made.published.connect(self.prediction.look_soon)
            made.published.connect(lambda: self._on_painted(made))
            self.bindings[key] = made
        self.ties.use_strokes(image_layer, strokes)
        for other, binding in tuple(self.bindings.items()):
            if binding.image_layer is image_layer and other != key:
                self.unlink(other)
        self.look_at(self.bindings[key])
        self.bindings[key].show_classes(self.session.classes)
        self.pairs_changed.emit()
        return self.bindings[key]

    def unlink(self, key: str) -> None:
        """Let go of a pair; its layers stay."""
        binding = self.bindings.pop(key, None)
        if binding is not None:
            binding.close()
            self.session.remove_pair(key)
            if self.current is binding:
                self.look_at(None)
            self.pairs_changed.emit()

    def look_at(self, binding: LayerBinding | None) -> None:
        """Make a pair the one that is predicted live."""
        self.current = binding
        self.prediction.look_at(binding)

    @property
    def wanted_channels(self) -> int | None:
        """Number of channels that the model in use needs, None without a model."""
        weights = getattr(self.session.model, "weights", None)
        return None if weights is None else int(weights.channels)

    def _on_ties_changed(self) -> None:
        """Let go of pairs whose image has become a channel of another."""
        images = self.ties.images
        for key, binding in tuple(self.bindings.items()):
            if binding.image_layer in self.viewer.layers and binding.image_layer not in images:
                self.unlink(key)

    def _on_painted(self, binding: LayerBinding) -> None:
        """Say at once if what was painted on is not the picture that one sees."""
        seen = self.images.view.covers(binding.image_layer)
        self.noted.emit("picture", "" if seen is None else (
            f"You paint on {binding.strokes.name!r}, but the picture you see is {seen.name!r}. "
            f"Choose {seen.name!r} under Image to paint on it."
        ))

    # -- live training ---------------------------------------------------------------------------------------------

    @property
    def training(self) -> bool:
        """Whether a training is under way (it may be paused)."""
        return self._trainer is not None

    @property
    def live(self) -> bool:
        """Whether a training is under way and not paused."""
        return self._trainer is not None and not self._trainer.paused

    def start(self, make_method: Callable[[], Segmenter], once: bool = False) -> None:
        """Start live training, or go on after a pause.

        Parameters
        ----------
        make_method : callable
            Called for a new training only; may raise :class:`UserError`, which becomes the state.
        once : bool
            Pause again with the first model that comes after a few seconds.
        """
        if not self.bindings:
            self.said.emit(self.session.hint())
            return
        self._flush()
        self._pause_at = None
        self._once = once
        if self._trainer is not None and self.session.pinned is not None:
            self.stop()  # a new training goes on from what was gone back to
        if self._trainer is not None:
            self.session.set_state("learning", "Going on...")
            self._trainer.resume()
            self.running_changed.emit()
            return
        try:
            method = make_method()
        except UserError as error:
            self.session.set_state("failed", str(error))
            return
        if self.current is not None:
            self.current.make_prediction(self.session.classes)
        work = self.session.training(method, max(1, available_cores() - 1))
        self._trainer = self.workers.start(
            lambda: work, "napari-unet training",
            on_item=self._on_step, on_result=self._on_trained, on_error=self._on_training_failed,
            on_end=self._on_training_ended,
        )
        self.running_changed.emit()

    def pause(self, text: str = "") -> None:
        """Let the training rest; it keeps all it has learnt."""
        if self._trainer is not None and not self._trainer.paused:
            self._trainer.pause()
            self.session.set_state("paused", text or f"Paused{self._at_step()}. Press Live to go on.")
            self.running_changed.emit()

    def stop(self, text: str = "") -> None:
        """End the training; the newest model stays."""
        if self._trainer is not None:
            self._trainer.stop()
            self._trainer = None
            self.session.end()
            trained = getattr(getattr(self.session.model, "weights", None), "step", 0) > 0
            done = ("The model is kept: predict, save it, or press Live to train it on." if trained else
                    "The answer to your strokes is kept; Live trains on from it.")
            self.session.set_state("idle" if text == "" and self.session.model is None else "paused",
                                   text or (f"Stopped{self._at_step()}. {done}" if self.session.model else ""))
            self.running_changed.emit()

    def _at_step(self) -> str:
        return f" at step {self.session.learning_curve[-1].step}" if self.session.learning_curve else ""

    def _on_step(self, event: Progress) -> None:
        if self._trainer is None:
            return
        self.session.take(event)
        if not self._once or getattr(event, "step", None) is None:
            return
        now = time.monotonic()
        if self._pause_at is None:
            self._pause_at = now + UPDATE_SECONDS
        if event.model is not None and now >= self._pause_at:
            self.pause(f"Updated{self._at_step()}. Paint more and press Update once or Live.")

    def _on_trained(self, model: Model) -> None:
        self.session.set_model(model)
        curve = self.session.learning_curve
        self.session.set_state("paused", end_of_training(self.session.shown, curve[-1].step if curve else None))

    def _on_training_failed(self, error: Exception) -> None:
        self.session.set_state("failed", error_sentence(error))

    def _on_training_ended(self) -> None:
        if self._trainer is not None and not self._trainer.running:
            self._trainer = None
        self.running_changed.emit()

    # -- layers come and go ----------------------------------------------------------------------------------------

    def _flush(self) -> None:
        for binding in self.bindings.values():
            binding.flush()

    def _on_layer_removed(self, event: Any) -> None:
        gone = event.value
        self.unsure.note_removed(gone)
        for key, binding in tuple(self.bindings.items()):
            if gone not in (binding.image_layer, binding.strokes):
                continue
            learnt = self.training and self.session.enabled(key)
            self.unlink(key)
            if learnt:
                what = "image" if gone is binding.image_layer else "strokes layer"
                self.stop(f"Stopped: the {what} {gone.name!r} was removed. The other layers and the model are kept.")

    def _on_classes_changed(self, _classes: Any = None) -> None:
        for binding in self.bindings.values():
            binding.show_classes(self.session.classes)


_controllers: dict[int, LiveController] = {}


def controller_of(viewer: Any) -> LiveController:
    """Return the controller of a viewer, the same for all its docks; each dock calls :meth:`LiveController.hold`."""
    viewer = getattr(viewer, "__wrapped__", viewer)  # plugins may be handed a proxy of the viewer
    if id(viewer) not in _controllers:
        _controllers[id(viewer)] = LiveController(viewer)
    return _controllers[id(viewer)]
