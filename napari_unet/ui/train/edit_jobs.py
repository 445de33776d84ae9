"""Strokes that come from a prediction or a file: what takes long runs in a thread, then one operation paints it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_unet.comparison.reference_values import UnclearReferenceError
from napari_unet.core.method import Progress
from napari_unet.core.threads import available_cores, limit_threads
from napari_unet.session.accepted_prediction import labels_to_accept
from napari_unet.session.edit_history import EditOutcome
from napari_unet.session.stroke_edits import accept_labels, import_strokes
from napari_unet.workflows.strokes_import import ImportedStrokes, strokes_from_file

from ..workers import Worker, error_sentence
from .edit_actions import EditActions
from .live_controller import LiveController
from .viewport import visible_part


class EditJobs(QObject):
    """Takes over predictions and reads files, one thing at a time.

    Parameters
    ----------
    controller : LiveController
    actions : EditActions
        Do and say what comes of it.
    parent : QObject, optional
    """

    progressed = Signal(str, float)
    """Text and fraction (0 to 1) of what is running; an empty text when it is over."""

    def __init__(self, controller: LiveController, actions: EditActions, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller, self._session, self._actions = controller, controller.session, actions
        self._job: Worker | None = None
        self._next: Callable[[], None] | None = None

    @property
    def busy(self) -> bool:
        """Whether something is running."""
        return self._job is not None

    def accept(self, whole: bool, least: float = 0.0) -> None:
        """Paint what is predicted on the plane shown, where nothing is painted.

        Parameters
        ----------
        whole : bool
            The whole plane; else what is visible of it.
        least : float
            Only where the likeliest class has at least this probability.
        """
        model = self._session.model
        if self.busy:
            return
        binding = self._actions.binding()
        if binding is None:
            return
        if model is None:
            self._actions.said.emit("There is no prediction yet. Paint a little of two classes.")
            return
        view = None if whole else visible_part(self._controller.viewer, binding.strokes, binding.image)
        key, image, plane = binding.key, binding.image, self._actions.plane(binding)
        text = f"take over {'the' if whole else 'the visible'} prediction{' where sure' if least else ''}"
        self._run(
            lambda: _calmly(labels_to_accept(model, image, plane, view, least)), "Taking over the prediction",
            lambda labels: self._paint(key, lambda: accept_labels(self._session, key, plane, labels, text)),
        )

    def bring_in(self, path: Path, unclear: Callable[[str], str], values: Any = "auto") -> None:
        """Paint strokes or a mask from a file, where nothing is painted.

        Parameters
        ----------
        path : Path
        unclear : callable
            Asked with a question where it is not known what the numbers stand for; returns one of ``values``, or "".
        values : {"auto", "mask", "painted", "objects"}
            What they stand for.
        """
        if self.busy:
            return
        binding = self._actions.binding()
        if binding is None:
            return
        binding.flush()
        key, pair = binding.key, self._session.pair(binding.key)

        def read() -> Generator[Progress, None, ImportedStrokes]:
            yield Progress(f"Reading {path.name}")
            return strokes_from_file(path, pair, values)

        def failed(error: Exception) -> None:
            if not isinstance(error, UnclearReferenceError):
                self._actions.said.emit(error_sentence(error))
                return
            answer = unclear(error.question)
            if answer:
                self._next = lambda: self.bring_in(path, unclear, answer)

        self._run(read, f"Reading {path.name}", lambda found: self._paint(key, lambda: import_strokes(
            self._session, key, found.painted, found.classes, path.name)), failed)

    def cancel(self) -> None:
        """Stop what is running; nothing is painted."""
        if self._job is not None:
            self._job.stop()
            self._actions.said.emit("Cancelled.")

    def _paint(self, key: Any, operation: Callable[[], EditOutcome]) -> None:
        if key not in self._session.keys:
            self._actions.said.emit("The image is not open any more; nothing was painted.")
        elif not self._actions.do(operation):
            self._actions.said.emit("There is nothing to paint that is not painted already.")

    def _run(self, work: Callable[[], Any], text: str, done: Callable[[Any], None],
             failed: Callable[[Exception], None] | None = None) -> None:
        self.progressed.emit(text, 0.0)
        self._job = self._controller.workers.start(
            work, "napari-unet editing",
            on_item=lambda step: self.progressed.emit(step.text, step.fraction or 0.0), on_result=done,
            on_error=failed or (lambda error: self._actions.said.emit(error_sentence(error))), on_end=self._on_end,
            owner=self,
        )

    def _on_end(self) -> None:
        self._job = None
        self.progressed.emit("", 0.0)
        again, self._next = self._next, None
        if again is not None:
            again()


def _calmly(work: Generator[Progress, None, NDArray[np.uint8]]) -> Generator[Progress, None, NDArray[np.uint8]]:
    """Go through work on a few cores, so that training and painting go on beside it."""
    limit_threads(max(1, available_cores() // 4))
    return (yield from work)
