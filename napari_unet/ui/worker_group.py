"""The workers of a dock or a window: stopped, and waited for, when that goes. Runs nothing itself."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from qtpy.QtCore import QEvent, QObject, QTimer

from . import farewell
from .when_deleted import when_deleted
from .workers import Worker

_groups: weakref.WeakSet[WorkerGroup] = weakref.WeakSet()


class WorkerGroup(QObject):
    """The workers of one dock; stops them and waits when the dock or the window goes.

    Parameters
    ----------
    owner : QWidget
        The dock. When Qt deletes it, its workers are stopped and waited for.
    window : QWidget, optional
        The main window; its closing does the same.
    """

    def __init__(self, owner: QObject, window: QObject | None = None) -> None:
        super().__init__(owner)
        self._workers = workers = set[Worker]()
        self._closed = False
        when_deleted(owner, lambda: farewell.stop_and_wait(workers))
        self._watch = QTimer(self)
        self._watch.setInterval(1000)
        self._watch.timeout.connect(self.look_for_stalls)
        self._window = window
        if window is not None:
            _groups.add(self)
            window.installEventFilter(self)

    @property
    def closed(self) -> bool:
        """Whether the window closes or has closed, or workers are being stopped: nothing is to be started any more."""
        return self._closed or farewell.stopping()

    def look_for_stalls(self) -> None:
        """Let each worker say whether it has stalled."""
        for worker in tuple(self._workers):
            worker.look_for_stall()
        if not self._workers:
            self._watch.stop()

    def start(
        self,
        work: Callable[[], Iterator[Any]],
        name: str = "napari-unet",
        *,
        on_item: Callable[[Any], None] | None = None,
        on_result: Callable[[Any], None] | None = None,
        on_error: Callable[[Exception], None] | None = None,
        on_end: Callable[[], None] | None = None,
        on_stall: Callable[[float], None] | None = None,
        owner: QObject | None = None,
    ) -> Worker:
        """Start work; the callbacks are called in the GUI thread, see :class:`.workers.Worker`.

        ``owner`` is who is told, where that may go before the group does: then the work is stopped, and nothing is told
        any more. (Qt knows whose a method is and does not call it then; it does not know what a closure speaks of.)
        """
        worker = Worker(work, name)
        self._workers.add(worker)
        workers = self._workers
        worker.finished.connect(lambda: workers.discard(worker))
        for signal, slot in (
            (worker.yielded, on_item), (worker.returned, on_result), (worker.failed, on_error),
            (worker.stalled, on_stall), (worker.finished, on_end),
        ):
            if slot is not None:
                signal.connect(slot)
        if owner is not None:
            _stop_with(owner, worker, on_end)
        if not self._watch.isActive():
            self._watch.start()
        return worker.start()

    def stop_all(self, seconds: float = farewell.PATIENCE) -> None:
        """Stop all workers and wait for their threads, so many seconds for all of them."""
        farewell.stop_and_wait(self._workers, seconds)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Stop when the window closes: at once if code closes it, when it hides if a person does (who may be asked)."""
        if event is None or watched is not self._window:
            return False
        if event.type() == QEvent.Type.Show:
            self._closed = False
        elif not event.spontaneous() and event.type() in (
            QEvent.Type.Close, QEvent.Type.Hide, QEvent.Type.DeferredDelete,
        ):
            theirs = [group for group in _groups if group._window is watched]  # all at once: together they are in time
            for group in theirs:
                group._closed = True
            farewell.stop_and_wait({one for group in theirs for one in group._workers}, farewell.FAREWELL)
        return False


def _stop_with(owner: QObject, worker: Worker, on_end: Callable[[], None] | None) -> None:
    """Stop a worker when nobody listens to it any more."""

    def let_go() -> None:
        with contextlib.suppress(TypeError, RuntimeError):  # Qt has cut it already, or the worker is gone
            worker.stop()
            if on_end is not None:
                worker.finished.disconnect(on_end)

    worker.finished.connect(when_deleted(owner, let_go))
