"""Predicts what is looked at, all the time, and pastes it into the prediction layer. Trains nothing, has no widgets."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet.core.latest import Latest
from napari_unet.core.method import Model
from napari_unet.core.threads import available_cores
from napari_unet.session.annotation_session import Session
from napari_unet.session.live_prediction import (
    AllPredicted,
    AnswerFitted,
    AnswersUnavailable,
    Found,
    PredictionFailed,
    live_prediction,
)
from napari_unet.session.run_schedule import LivePatch, ViewFocus

from ..layer_origin import has_origin, note_origin
from ..worker_group import WorkerGroup
from ..workers import Worker, error_sentence
from .chosen_depth import ChosenDepth
from .due_answer import DueAnswer
from .layer_binding import LayerBinding
from .viewport import camera_of

if TYPE_CHECKING:
    from napari_unet.instant.answers import InstantAnswers  # imports torch

LOOK_MS = 50
"""A view that moves is looked up at most this often."""


class LiveLayers(QObject):
    """The predictor of one viewer: follows the view, the strokes and the newest model.

    Parameters
    ----------
    viewer : napari Viewer
    session : Session
    workers : WorkerGroup
    parent : QObject, optional
    """

    pasted = Signal(object)
    """A :class:`LivePatch` is in the prediction layer."""

    said = Signal(str)
    """One sentence, ``""`` when there is nothing to say any more."""

    settled = Signal()
    """All that is looked at is predicted with the newest model: there is time for other things."""

    def __init__(self, viewer: Any, session: Session, workers: WorkerGroup, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer, self._session, self._workers = viewer, session, workers
        self.focus: Latest[ViewFocus | None] = Latest(None)
        self._ahead: Latest[ViewFocus | None] = Latest(None)
        self._binding: LayerBinding | None = None
        self._worker: Worker | None = None
        self._fitted: Model | None = None  # the newest answer; others that are predicted meanwhile are of before
        self._seen: Model | None = None
        self._answered: Model | None = None
        self._unsure, self._likely, self._times = False, False, 0
        self._told = ""
        self._again = self._revived = False
        self.answer = DueAnswer(session, self)
        self._device, self._volume = "auto", ChosenDepth(session)
        self._look = QTimer(self)
        self._look.setSingleShot(True)
        self._look.setInterval(LOOK_MS)
        self._look.timeout.connect(self._on_look)
        self._connected = [
            (camera_of(viewer).events, self.look_soon), (viewer.dims.events, self.look_soon),
            (session.model_changed, self._on_model_changed), (session.published, self._on_published),
        ]
        for emitter, slot in self._connected:
            emitter.connect(slot)

    def close(self) -> None:
        """Let go of viewer and session."""
        for emitter, slot in self._connected:
            emitter.disconnect(slot)
        self._connected = []
        self.answer.give_up()

    def look_at(self, binding: LayerBinding | None) -> None:
        """Predict the image of a pair from now on; None: nothing."""
        if self._binding is not None and self._binding is not binding:
            self._binding.drop_uncertainty()  # it would no longer follow
            self._times += 1
        if binding is not self._binding:
            self._say("")  # it was about another image
        self._binding = binding
        if binding is not None:
            if self._session.model is not None and self._session.speaks:
                binding.make_prediction(self._session.classes)
            self._start()
        else:
            self.answer.give_up()
        self._on_look()

    @property
    def binding(self) -> LayerBinding | None:
        """The pair whose image is predicted."""
        return self._binding

    @property
    def unsure(self) -> bool:
        """Whether uncertainty is shown, in a layer of its own."""
        return self._unsure

    def show_unsure(self, shown: bool) -> None:
        """Show or remove the layer of uncertainty."""
        self._unsure = shown
        self._times += 1
        if not shown and self._binding is not None:
            self._binding.drop_uncertainty()
        self._on_look()

    def tell_likely(self, wanted: bool) -> None:
        """Let :attr:`pasted` tell the probabilities of the classes, too."""
        if wanted != self._likely:
            self._likely = wanted
            self._times += 1
            self._on_look()

    def compute_on(self, device: str) -> None:
        """Answer strokes on another device from now on; see :func:`~napari_unet.predicting.devices.choose_device`.

        A trained or loaded model knows its own.
        """
        if device != self._device:
            self._device = device
            self._restart()

    def look_soon(self, _event: Any = None) -> None:
        """Find out what is visible now, a moment later."""
        if not self._look.isActive():
            self._look.start()

    def note_removed(self, layer: Any) -> None:
        """Say that the prediction is gone: nothing is predicted anew for it."""
        if self._binding is not None and layer == self._binding.prediction:
            self._say(f"{layer.name!r} was removed. The answer to your next stroke brings it back.")

    def _on_look(self) -> None:
        """Tell the predictor what is looked at."""
        binding = self._binding
        gone = binding is not None and (binding.strokes not in self._viewer.layers
                                        or binding.key not in self._session.keys)
        if binding is None or gone:
            self.focus.put(None)
            self._ahead.put(None)
            return
        seen = binding.seen()
        unsure, likely = (self._times if shown else 0 for shown in (self._unsure, self._likely))
        looked = None if seen is None else ViewFocus(
            binding.key, seen.image, seen.plane, seen.view, unsure, likely, seen.planes)
        self._ahead.put(looked)
        self.focus.put(looked if self._session.speaks else None)

    def _on_model_changed(self, model: Model | None) -> None:
        if model is None:
            self._restart()
            return
        if self._binding is not None and self._session.speaks:
            self._binding.make_prediction(self._session.classes)
        if not self._session.follows_strokes:
            self.answer.give_up()
        self._start()
        self.look_soon()

    def _on_published(self) -> None:
        """Take note of newer strokes: what was said of those before holds no more, and an answer is under way."""
        self._say("")
        if self._binding is None:
            self.answer.give_up()
        else:
            self.answer.expect()
        self.look_soon()

    def _restart(self) -> None:
        """Forget everything, and answer the strokes that are there anew."""
        self._fitted = self._seen = self._answered = None
        if self._worker is not None:
            self._worker.stop()
            self._again = True

    def _start(self) -> None:
        if self._worker is None:
            self._worker = self._workers.start(
                partial(live_prediction, self._session.models, self.focus, answers=self._answers,
                        ahead=self._ahead, threads=max(1, available_cores() // 4)), "napari-unet prediction",
                on_item=self._on_found, on_error=self._on_failed, on_end=self._on_ended, on_stall=self._on_stalled)

    def _answers(self) -> InstantAnswers:
        """Make what answers strokes at once, in the predictor's thread (torch is imported there)."""
        from napari_unet.instant.answers import InstantAnswers
        from napari_unet.pretrained import load_features

        load_features()  # if they cannot be read, the predictor says so and goes on without answers
        return InstantAnswers(self._session.snapshots, load_features, self._device, volume=self._volume.latest,
                              borders=self._session.borders)

    def _on_found(self, found: Found | None) -> None:
        self.answer.note_move()
        if isinstance(found, AnswerFitted):
            self._fitted = found.model
            if self.answer.note_fitted(found):
                self._note_answer(found.model)
        elif isinstance(found, LivePatch):
            self._show(found)
        elif isinstance(found, PredictionFailed):
            self.answer.give_up()
            self._say(found.text)
        elif isinstance(found, AnswersUnavailable):
            self.answer.give_up()
            self._session.no_answers()
            self._say(found.text)
        elif isinstance(found, AllPredicted):
            self._revived = False
            self._note_origin(found)
            self.settled.emit()
            self._say(self._learnt())

    def _show(self, found: LivePatch) -> None:
        """Paste a patch of what is looked at still, and say how far it is."""
        binding = self._binding
        if binding is None or binding.key != found.focus.key or binding.focus_image is not found.focus.image:
            return
        if found.model is self._fitted and found.model is not self._seen:
            self._seen = found.model
            self.answer.note_seen()
            self._note_answer(found.model)
        shown = binding.make_prediction(self._session.classes)
        if has_origin(shown):
            note_origin(shown, None)  # until all of it is new
        if self._unsure and found.unsure is not None:
            binding.make_uncertainty()
        binding.paste(found.patch, found.unsure)
        self.pasted.emit(found)
        unfinished = found.patch.done < found.patch.total
        if found.from_afar:
            self._say("A first answer, at the resolution that you see; it is being refined.")
            return
        self._say(f"Predicting tile {found.patch.done} of {found.patch.total}" if unfinished else self._learnt())

    def _note_origin(self, found: AllPredicted) -> None:
        """Note where the prediction comes from, so that its file says it."""
        binding = self._binding
        if (binding is not None and binding.prediction is not None and binding.key == found.focus.key
                and binding.focus_image is found.focus.image):
            note_origin(binding.prediction, found.origin)

    def _learnt(self) -> str:
        """Say where an answer comes from if nothing is painted on the image itself."""
        binding = self._binding
        if binding is None or binding.key not in self._session.keys:
            return ""
        if self._session.pair(binding.key).scribbles.planes:
            return ""
        return (f"Nothing is painted on {binding.image_layer.name!r} yet: this is what was learnt from other images. "
                "Paint where it is wrong.")

    def _say(self, text: str) -> None:
        if text != self._told:  # what others have said is not wiped away
            self._told = text
            self.said.emit(text)

    def _note_answer(self, model: Model) -> None:
        """Let the session know of an answer to strokes, so that it can be saved and used elsewhere."""
        as_network = getattr(model, "as_network", None)
        if as_network is not None and model is not self._answered:
            self._answered = model
            self._session.answered(as_network())

    def _on_failed(self, error: Exception) -> None:
        """Start again once; what goes wrong twice in a row would go wrong for ever."""
        self._again = self._again or not self._revived
        self._say(f"The live prediction {'stopped' if self._revived else 'was started again, it had stopped'}: "
                  f"{error_sentence(error)}")
        self._revived = True

    def _on_stalled(self, seconds: float) -> None:
        self._say(f"The live prediction has been busy with one thing for {seconds:.0f} s; it goes on, and so can you."
                  if seconds else "")

    def _on_ended(self) -> None:
        self._worker = None  # the next model starts it again
        again, self._again = self._again and not self._workers.closed, False
        if again:
            self._start()
        else:
            self.answer.give_up()
