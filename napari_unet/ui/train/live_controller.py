"""Runs live training and live prediction on the layers of a viewer. Has no widgets.

One controller per viewer, shared by all its docks, so that two docks never train against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from napari.layers import Image as ImageLayer
from napari.layers import Labels
from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet.core.method import Segmenter
from napari_unet.session.annotation_session import Session
from napari_unet.session.stroke_needs import StrokeCounter, StrokeNeeds

from ..large_images import is_painted_in_fields
from ..layer_metadata import identity
from ..projects.keeper import keeper_of
from ..sessions import session_of, ties_of
from ..worker_group import WorkerGroup
from ..workers import Worker, error_sentence
from .current_image import CurrentImage
from .drag_watch import DragWatch
from .field_binding import FieldBinding
from .kept_pairs import take_up_pairs
from .layer_binding import LayerBinding
from .live_layers import LiveLayers
from .training_runs import TrainingRuns
from .uncertainty_view import UncertaintyView

COUNT_MS = 250
"""Strokes are counted when nothing has been painted for so long, and not with each piece of a stroke."""


class LiveController(QObject):
    """Training and prediction of one viewer."""

    running_changed = Signal()
    """Live training started, paused, went on or ended."""

    pairs_changed = Signal()
    """A pair of layers was linked or let go."""

    said = Signal(str)
    """One sentence about a finished job, ``""`` when there is nothing to say."""

    failed = Signal(object)
    """The error behind what was said or stated just now."""

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
        keeper_of(viewer).publish_first(self.bindings.values)
        window = getattr(getattr(viewer, "window", None), "_qt_window", None)
        self.workers = WorkerGroup(self, window)
        self._docks = 0
        self.runs = TrainingRuns(self.session, self.workers, self)
        if window is not None:
            window.installEventFilter(self.runs)
        self.runs.changed.connect(self.running_changed)
        self.runs.failed.connect(self.failed)
        self.runs.stalled.connect(lambda text: self.noted.emit("stalled training", text))
        self.dragging = DragWatch(viewer)
        self._counter = StrokeCounter()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(COUNT_MS)
        self._soon.timeout.connect(self._count_strokes)
        self._counting: Worker | None = None
        self._count_again = False
        self.prediction = LiveLayers(viewer, self.session, self.workers, self)
        self.prediction.said.connect(lambda text: self.noted.emit("prediction", text))
        self.prediction.settled.connect(self.runs.get_ready)
        self.unsure = UncertaintyView(viewer, self.session, self.workers, self.prediction, self)
        self.unsure.said.connect(self.said)
        self.unsure.failed.connect(self.tell)
        self._connected = [
            (viewer.layers.events.removed, self._on_layer_removed), (self.ties.changed, self._on_ties_changed),
            (self.session.classes_changed, self._on_classes_changed), (self.session.published, self._count_soon),
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
        self.runs.close()
        self.session.end()
        self.prediction.close()
        self.dragging.close()
        self._soon.stop()
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
            kind = FieldBinding if is_painted_in_fields(image_layer) else LayerBinding
            made = kind(self.viewer, self.session, image_layer, strokes, self)
            if old is not None:
                old.close(publish=False)
            made.troubled.connect(lambda text: self.noted.emit("strokes", text))
            if isinstance(made, FieldBinding):
                made.level_told.connect(lambda text: self.noted.emit("level", text))
            made.published.connect(self.prediction.look_soon)
            made.published.connect(partial(self._on_painted, image_layer, strokes))
            self.bindings[key] = made
        self.ties.use_strokes(image_layer, strokes)
        self.images.refresh()  # they may have been hidden with another image
        for other, binding in tuple(self.bindings.items()):
            if binding.image_layer is image_layer and other != key:
                self.unlink(other)
        self.look_at(self.bindings[key])
        self.runs.get_ready_soon()
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
        if binding is not self.current:
            self.noted.emit("level", binding.level_text if isinstance(binding, FieldBinding) else "")
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

    def _on_painted(self, image_layer: ImageLayer, strokes: Labels) -> None:
        """Say at once if what was painted on is not the picture that one sees."""
        seen = self.images.view.covers(image_layer)
        self.noted.emit("picture", "" if seen is None else (
            f"You paint on {strokes.name!r}, but the picture you see is {seen.name!r}. "
            f"Choose {seen.name!r} under Image to paint on it."
        ))

    # -- live training ---------------------------------------------------------------------------------------------

    @property
    def training(self) -> bool:
        """Whether a training is under way (it may be paused)."""
        return self.runs.training

    @property
    def live(self) -> bool:
        """Whether a training is under way and not paused."""
        return self.runs.live

    def start(self, make_method: Callable[[], Segmenter], once: bool = False) -> None:
        """Start live training, go on after a pause, or learn ``once``; see :meth:`.TrainingRuns.start`."""
        if not self.bindings:
            self.said.emit(self.session.hint())
            return
        for binding in self.bindings.values():
            binding.flush()
        if self.current is not None:
            self.current.make_prediction(self.session.classes)
        self.runs.start(make_method, once)

    def pause(self) -> None:
        """Let the training rest; it keeps all it has learnt."""
        self.runs.pause()

    def stop(self, text: str = "") -> None:
        """End the training; the newest model stays."""
        self.runs.stop(text)

    def tell(self, error: Exception) -> None:
        """Say that a job has failed; its details can be asked for."""
        self.said.emit(error_sentence(error))
        self.failed.emit(error)

    def _count_soon(self) -> None:
        self._soon.start()

    def _count_strokes(self) -> None:
        """Count strokes in a thread: on a large plane it takes a while."""
        if self._counting is not None:
            self._count_again = True
            return
        training, counter = self.session.snapshots.get(), self._counter

        def work() -> Iterator[StrokeNeeds]:
            yield counter.count(training)

        self._counting = self.workers.start(
            work, "napari-unet strokes", on_item=self.session.count_strokes, on_end=self._on_counted)

    def _on_counted(self) -> None:
        self._counting = None
        if self._count_again and not self.workers.closed:
            self._count_again = False
            self._count_strokes()

    # -- layers come and go ----------------------------------------------------------------------------------------

    def _on_layer_removed(self, event: Any) -> None:
        gone = event.value
        self.unsure.note_removed(gone)
        self.prediction.note_removed(gone)
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
