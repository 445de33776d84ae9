"""Predicts what is looked at, all the time, and pastes it into the prediction layer. Trains nothing, has no widgets."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet.core.latest import Latest
from napari_unet.core.method import Model
from napari_unet.core.threads import cores
from napari_unet.live import CaughtUp, Focus, LivePatch, Trouble, live_prediction
from napari_unet.session import Session

from ..workers import Worker, WorkerGroup, sentence
from .binding import Binding
from .viewing import camera_of, shown_plane, visible_part

if TYPE_CHECKING:
    from napari_unet.core.instant.answers import Answers  # imports torch

LOOK_MS = 50
"""A view that moves is looked up at most this often."""


class LivePrediction(QObject):
    """The predictor of one viewer: follows the view, the strokes and the newest model.

    Parameters
    ----------
    viewer : napari Viewer
    session : Session
    workers : WorkerGroup
    parent : QObject, optional
    """

    said = Signal(str)
    """One sentence, ``""`` when there is nothing to say."""

    def __init__(self, viewer: Any, session: Session, workers: WorkerGroup, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer, self._session, self._workers = viewer, session, workers
        self.focus: Latest[Focus | None] = Latest(None)
        self._binding: Binding | None = None
        self._worker: Worker | None = None
        self._answered: Model | None = None
        self._look = QTimer(self)
        self._look.setSingleShot(True)
        self._look.setInterval(LOOK_MS)
        self._look.timeout.connect(self._on_look)
        self._connected = [
            (camera_of(viewer).events, self.look_soon), (viewer.dims.events, self.look_soon),
            (session.model_changed, self._on_model_changed),
        ]
        for emitter, slot in self._connected:
            emitter.connect(slot)

    def close(self) -> None:
        """Let go of viewer and session."""
        for emitter, slot in self._connected:
            emitter.disconnect(slot)
        self._connected = []

    def look_at(self, binding: Binding | None) -> None:
        """Predict the image of a pair from now on; None: nothing."""
        self._binding = binding
        if binding is not None:
            if self._session.model is not None:
                binding.make_prediction(self._session.classes)
            self._start()
        self._on_look()

    def look_soon(self, _event: Any = None) -> None:
        """Find out what is visible now, a moment later."""
        if not self._look.isActive():
            self._look.start()

    def _on_look(self) -> None:
        """Tell the predictor what is looked at."""
        binding = self._binding
        if binding is None or binding.strokes not in self._viewer.layers:
            self.focus.put(None)
            return
        self.focus.put(Focus(
            binding.key, binding.image, shown_plane(self._viewer, binding.strokes, binding.image),
            visible_part(self._viewer, binding.strokes, binding.image),
        ))

    def _on_model_changed(self, model: Model | None) -> None:
        if model is not None:
            if self._binding is not None:
                self._binding.make_prediction(self._session.classes)
            self._start()

    def _start(self) -> None:
        if self._worker is None:
            self._worker = self._workers.start(
                partial(live_prediction, self._session.models, self.focus, answers=self._answers,
                        threads=max(1, cores() // 4)),
                "napari-unet prediction",
                on_item=self._on_found, on_error=self._on_failed, on_end=self._on_ended,
            )

    def _answers(self) -> Answers:
        """Make what answers strokes at once, in the predictor's thread (torch is imported there)."""
        from napari_unet.core.instant.answers import Answers
        from napari_unet.pretrained import load_features

        return Answers(self._session.painted, load_features)

    def _on_found(self, found: LivePatch | Trouble | CaughtUp | None) -> None:
        if isinstance(found, LivePatch):
            binding = self._binding
            if binding is None or binding.key != found.focus.key or binding.image is not found.focus.image:
                return
            self._note_answer(found.model)
            binding.make_prediction(self._session.classes)
            binding.paste(found.patch)
            unfinished = found.patch.done < found.patch.total
            self.said.emit(f"Predicting tile {found.patch.done} of {found.patch.total}" if unfinished else "")
        elif isinstance(found, Trouble):
            self.said.emit(found.text)
        elif isinstance(found, CaughtUp):
            self.said.emit("")

    def _note_answer(self, model: Model) -> None:
        """Let the session know of an answer to strokes, so that it can be saved and used elsewhere."""
        as_network = getattr(model, "as_network", None)
        if as_network is not None and model is not self._answered:
            self._answered = model
            self._session.answered(as_network())

    def _on_failed(self, error: Exception) -> None:
        self.said.emit(f"The live prediction stopped: {sentence(error)}")

    def _on_ended(self) -> None:
        self._worker = None  # the next model starts it again
