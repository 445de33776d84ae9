"""Run a generator in a thread of its own and hand what it yields to the GUI thread. Knows no method and no layer.

Why not the generator workers of napari or superqt: they swallow ``RuntimeError`` (every torch error is one), do not
close the generator when told to quit, and share a pool of as many threads as there are cores.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from qtpy.QtCore import QCoreApplication, QObject, Qt, QTimer, Signal

from napari_unet.core.errors import UserError, WorkError, as_work_error
from napari_unet.core.giving_way import give_way, hold_short_switches, release_short_switches
from napari_unet.core.leaving import NoLongerWantedError, close_work, heed

from . import farewell, garbage_collection
from .heartbeat import Heartbeat

_BREATH = 0.02
"""Seconds the GUI thread spends on delivered items before it looks at the mouse again."""


class Worker(QObject):
    """One generator in one thread.

    All signals are emitted in the thread that made the worker (the GUI thread). ``finished`` comes last, exactly
    once, however the work ended.

    Parameters
    ----------
    work : callable
        Called in the new thread, returns an iterator (a generator, or :class:`napari_unet.core.work.Work`).
    name : str
        Name of the thread.
    clock : callable
        Seconds, for :attr:`stalled`.

    Notes
    -----
    An exception ends in ``failed``; ``RuntimeError`` is handed on as :class:`~napari_unet.core.errors.WorkError`
    with its cause attached. After :meth:`stop` nothing but ``finished`` is emitted, and the generator is closed in
    its own thread, so that its ``finally`` clauses run. ``stalled`` tells the seconds since the last item, once, when
    they are more than :data:`.heartbeat.STALL`; with 0, when an item came after all.
    """

    yielded = Signal(object)
    returned = Signal(object)
    failed = Signal(object)
    finished = Signal()
    stalled = Signal(float)
    _woken = Signal()

    def __init__(
        self, work: Callable[[], Iterator[Any]], name: str = "napari-unet", clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self.left_behind = False  # it did not stop in time; nobody waits for it any more
        self._heart = Heartbeat(clock)
        self._work = work
        self._inbox: deque[tuple[str, Any]] = deque()
        self._wake_pending = False
        self._left = threading.Event()
        self._ended = False
        self._go = threading.Event()
        self._go.set()
        # A daemon, so that an interpreter that ends without closing the window is not held up; see farewell.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._woken.connect(self._on_woken, Qt.ConnectionType.QueuedConnection)  # type: ignore[call-arg]

    @property
    def running(self) -> bool:
        """Whether ``finished`` is still to come."""
        return not self._ended and self in farewell.alive

    @property
    def paused(self) -> bool:
        """Whether no item is asked for at the moment."""
        return not self._go.is_set()

    def start(self) -> Worker:
        """Start the thread and return the worker."""
        farewell.alive.add(self)
        garbage_collection.hold_collection()
        hold_short_switches()
        self._heart.ask()
        self._thread.start()
        return self

    def pause(self) -> None:
        """Ask for no further item until :meth:`resume`."""
        self._go.clear()

    def resume(self) -> None:
        """Go on after :meth:`pause`."""
        self._go.set()

    def stop(self) -> None:
        """Close the generator after its item, or where that looks up (:mod:`.leaving`); what it has yielded is dropped.

        If that takes too long, ``finished`` is emitted all the same, and the thread is left to itself.
        """
        if not self._left.is_set() and self.running and QCoreApplication.instance() is not None:
            QTimer.singleShot(int(1000 * farewell.LEAVE), self._leave_behind)
        self._left.set()
        self._go.set()

    def _leave_behind(self) -> None:
        if not self._ended:
            self._ended = self.left_behind = True
            self.finished.emit()

    def wait(self, seconds: float = farewell.PATIENCE) -> bool:
        """Wait for the thread to end, deliver what it left, and say whether it has ended. Call in the GUI thread."""
        self.join(seconds)
        if self.busy:
            return False
        self._deliver(None)
        return True

    @property
    def busy(self) -> bool:
        """Whether its thread has not ended."""
        return self._thread.is_alive()

    def join(self, seconds: float) -> None:
        """Wait for the thread to end, and deliver nothing."""
        self._thread.join(seconds)

    def look_for_stall(self) -> None:
        """Emit ``stalled`` if no item has come for too long, or if one has come after all."""
        seconds = self._heart.change()
        if seconds is not None and not self._left.is_set():
            self.stalled.emit(seconds)

    # -- in the worker's thread ------------------------------------------------------------------------------------

    def _run(self) -> None:
        iterator: Iterator[Any] | None = None
        give_way()
        heed(self._left)
        try:
            with contextlib.suppress(NoLongerWantedError):
                iterator = iter(self._work())
                self._drain(iterator)
        except Exception as error:
            self._post("failed", as_work_error(error))
        finally:
            try:
                close_work(iterator)
            except Exception as error:
                self._post("failed", as_work_error(error))
            self._heart.rest()
            self._post("finished", None)

    def _drain(self, iterator: Iterator[Any]) -> None:
        while True:
            self._heart.rest()
            self._go.wait()
            if self._left.is_set():
                return
            self._heart.ask()
            try:
                item = next(iterator)
            except StopIteration as end:
                # Work keeps its result to itself, a plain generator hands it over
                self._post("returned", iterator.result() if hasattr(iterator, "result") else end.value)
                return
            self._post("yielded", item)

    def _post(self, signal: str, value: Any) -> None:
        self._inbox.append((signal, value))
        if not self._wake_pending:  # one wake-up for many items, so that fast work cannot flood the event loop
            self._wake_pending = True
            try:
                self._woken.emit()
            except RuntimeError:  # Qt has deleted this object because the application is gone
                farewell.alive.discard(self)

    # -- in the GUI thread -----------------------------------------------------------------------------------------

    def _stay_a_moment(self) -> None:
        """Be referred to until what Qt still has for this object was delivered.

        PyQt5 makes a method of it for that; if the garbage collector runs just then, it calls what is gone.
        """
        if QCoreApplication.instance() is not None:
            QTimer.singleShot(0, lambda: self._inbox.clear())

    def _on_woken(self) -> None:
        self._wake_pending = False  # before looking into the inbox: a later item wakes us again
        self._deliver(_BREATH)

    def _deliver(self, limit: float | None) -> None:
        start = time.monotonic()
        while self._inbox:
            signal, value = self._inbox.popleft()
            if signal == "finished":
                self._thread.join()
                self._stay_a_moment()
                farewell.alive.discard(self)
                garbage_collection.release_collection()
                release_short_switches()
                if not self._ended:
                    self._ended = True
                    self.finished.emit()
            elif not self._left.is_set():
                getattr(self, signal).emit(value)
            if limit is not None and time.monotonic() - start > limit and self._inbox:
                QTimer.singleShot(0, self._on_woken)
                return


def error_sentence(error: Exception) -> str:
    """Return an error as a line for people: a :class:`UserError` as it is, others with their type."""
    text = str(error).strip() or type(error).__name__
    return text if isinstance(error, UserError | WorkError) else f"{type(error).__name__}: {text}"
