"""The training of a viewer: Live, which learns until paused, and *Update once*, of a fixed number of steps.

One at a time, in a process of its own that a thread listens to; what it brings goes to the session. Knows no layers
and has no widgets.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

from qtpy.QtCore import QEvent, QObject, QTimer, Signal

from napari_unet.core.errors import UserError
from napari_unet.core.floor import ANSWER, BRUSH, resting
from napari_unet.core.latest import Latest
from napari_unet.core.method import Model, Progress, Segmenter
from napari_unet.core.scribbles import TrainingSet
from napari_unet.core.threads import available_cores
from napari_unet.session.annotation_session import Session
from napari_unet.session.model_history import end_of_training
from napari_unet.session.resumed_training import Fitting
from napari_unet.session.training_process import TrainingProcess

from ..worker_group import WorkerGroup
from ..workers import Worker, error_sentence

REST = 0.25
"""Seconds that a step of a training is put off at most while somebody draws, and while a stroke is being answered."""

AHEAD_MS = 1000
"""Nobody has drawn for so long when the process for a first training is started."""


def _between_strokes(fit: Fitting) -> Fitting:
    """Let a training rest between its steps, as it shares the cores with the window, and in a thread Python's lock."""

    def rested(
        method: Segmenter, source: TrainingSet | Latest[TrainingSet], threads: int | None
    ) -> Generator[Progress, None, Model]:
        return resting(fit(method, source, threads), REST, BRUSH, ANSWER)

    return rested


class TrainingRuns(QObject):
    """At most one training of a session.

    Parameters
    ----------
    session : Session
    workers : WorkerGroup
    parent : QObject, optional
    """

    changed = Signal()
    """A training started, paused, went on or ended."""

    failed = Signal(object)
    """The error that ended a training; the state says it, too."""

    stalled = Signal(str)
    """The training does not move; ``""`` when it does again."""

    def __init__(self, session: Session, workers: WorkerGroup, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._workers = session, workers
        self.worker: Worker | None = None
        self._once = False
        self._process = TrainingProcess()
        self._prepared = False
        self._ahead = QTimer(self)
        self._ahead.setSingleShot(True)
        self._ahead.setInterval(AHEAD_MS)
        self._ahead.timeout.connect(self._on_ahead)

    def get_ready(self) -> None:
        """Start what a first training needs ahead of time, once; in a thread, torch is imported there."""
        self._ahead.stop()
        if self._prepared:
            return
        self._prepared = True
        self._workers.start(self._process.get_ready, "napari-unet warm-up")

    def get_ready_soon(self) -> None:
        """Start the process for a first training once nobody draws: it takes seconds, in which nothing else waits."""
        if self._process.apart and not self._prepared:
            self._ahead.start()

    def _on_ahead(self) -> None:
        if BRUSH.taken:
            self._ahead.start()
        else:
            self.get_ready()

    def close(self) -> None:
        """Let no process be left."""
        self._ahead.stop()
        self._process.close()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Let none be left when the window closes, after its threads were told; Python may go on without a window."""
        if watched is not None and event is not None and not event.spontaneous() and event.type() in (
            QEvent.Type.Close, QEvent.Type.Hide,
        ):
            self._ahead.stop()
            QTimer.singleShot(0, self._process.close)
        return False

    @property
    def training(self) -> bool:
        """Whether a training is under way (it may be paused)."""
        return self.worker is not None

    @property
    def live(self) -> bool:
        """Whether a training is under way and not paused."""
        return self.worker is not None and not self.worker.paused

    @property
    def updating(self) -> bool:
        """Whether *Update once* is under way."""
        return self.worker is not None and self._once

    def start(self, make_method: Callable[[], Segmenter], once: bool = False) -> None:
        """Start a training, or let Live go on after a pause.

        Parameters
        ----------
        make_method : callable
            Called for a new training only; may raise :class:`UserError`, which becomes the state.
        once : bool
            Learn for a fixed number of steps from the strokes as they are now; a training that was paused is ended.
        """
        session = self._session
        if self.worker is not None and (once or self._once or session.pinned is not None):
            self.stop()  # a new training goes on from what is shown
        if self.worker is not None:
            session.set_state("learning", "Going on...")
            self.worker.resume()
            self.changed.emit()
            return
        try:
            method = make_method()
        except UserError as error:
            session.set_state("failed", str(error))
            return
        self._once = once
        threads = max(1, available_cores() - 1)
        fit = _between_strokes(self._process.fit)
        work = session.updating(method, threads, fit) if once else session.training(method, threads, fit)
        self.worker = self._workers.start(
            lambda: work, "napari-unet training", on_item=self._on_step,
            on_result=self._on_trained, on_error=self._on_failed, on_end=self._on_ended, on_stall=self._on_stalled,
        )
        self.changed.emit()

    def pause(self) -> None:
        """Let the training rest; it keeps all it has learnt."""
        if self.worker is not None and not self.worker.paused:
            self.worker.pause()
            self._session.set_state("paused", f"Paused{self._at_step()}. Press Live to go on.")
            self.changed.emit()

    def stop(self, text: str = "") -> None:
        """End the training; the newest model stays."""
        if self.worker is None:
            return
        self.worker.stop()
        self.worker = None
        session = self._session
        session.end()
        trained = getattr(getattr(session.model, "weights", None), "step", 0) > 0
        done = ("The model is kept: predict, save it, or press Live to train it on." if trained else
                "The answer to your strokes is kept; Live trains on from it.")
        session.set_state("idle" if text == "" and session.model is None else "paused",
                          text or (f"Stopped{self._at_step()}. {done}" if session.model else ""))
        self.changed.emit()

    def _at_step(self) -> str:
        curve = self._session.learning_curve
        return f" at step {curve[-1].step}" if curve else ""

    def _on_step(self, event: Progress) -> None:
        if self.worker is not None:
            self._session.take(event)

    def _on_trained(self, model: Model) -> None:
        session = self._session
        if self._once:
            session.end_update(model)
            return
        session.set_model(model)
        curve = session.learning_curve
        session.set_state("paused", end_of_training(session.shown, curve[-1].step if curve else None))

    def _on_stalled(self, seconds: float) -> None:
        self.stalled.emit("" if not seconds else (
            f"The training has not moved for {seconds:.0f} s. It may wait for the disk or for memory; Stop ends it."))

    def _on_failed(self, error: Exception) -> None:
        self._session.set_state("failed", error_sentence(error))
        self.failed.emit(error)

    def _on_ended(self) -> None:
        self.stalled.emit("")
        if self.worker is not None and not self.worker.running:
            self.worker = None
        self.changed.emit()
