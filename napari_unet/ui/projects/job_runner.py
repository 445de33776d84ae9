"""Runs one job after the other in threads and says how it goes. Knows no project, no layers and no widgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_unet.core.method import Progress
from napari_unet.workflows.batch import (
    BatchEvent,
    BatchPiece,
    BatchSummary,
    PieceDone,
    PieceProgress,
    PieceStarted,
    run_batch,
)

from ..worker_group import WorkerGroup
from ..workers import Worker, error_sentence


class JobRunner(QObject):
    """One job at a time; another may go on from it.

    Parameters
    ----------
    window : QWidget or None
        Jobs end when it closes.
    """

    progressed = Signal(str, float)
    """Text and fraction (0 to 1) of what is running; an empty text when it is over."""

    said = Signal(str)
    """What became of it."""

    failed = Signal(object)
    """The error behind what was said just now."""

    def __init__(self, window: Any) -> None:
        super().__init__()
        self._workers = WorkerGroup(self, window)
        self._job: Worker | None = None
        self._doing, self._cancelled = "", False
        self._before: tuple[str, ...] = ()  # what is still to be known of jobs that the present one goes on from
        self._kept: tuple[str, ...] = ()  # the same of the present one

    @property
    def busy(self) -> bool:
        """Whether something is running."""
        return self._job is not None

    def cancel(self) -> None:
        """Stop what is running; what is done stays done."""
        if self._job is not None:
            self._cancelled = True
            self._job.stop()
            self._say(f"{self._doing} was cancelled; what was done before is kept.")

    def _on_step(self, item: Progress) -> None:
        self.progressed.emit(item.text, item.fraction or 0.0)

    def _say(self, text: str) -> None:
        """Say what became of the present job, after what is to be known of those that it goes on from."""
        self.said.emit("\n".join(one for one in (*self._before, text) if one))

    def _fail(self, error: Exception) -> None:
        self._say(error_sentence(error))
        self.failed.emit(error)

    def _may_start(self) -> bool:
        if self.busy:
            self._say(f"{self._doing} is still running. Wait for it, or cancel it.")
        return not self.busy

    def _start(self, doing: str, work: Callable[[], Iterator[Any]], on_item: Callable[[Any], None],
               on_result: Callable[[Any], None], after: Callable[[], None] | None = None) -> None:
        self._doing, self._cancelled = doing, False
        then: list[Callable[[], None]] = []

        def on_end() -> None:
            self._job = None
            self.progressed.emit("", 0.0)
            if then and not self._cancelled:
                self._before = (*self._before, *self._kept)
                then[0]()
            if self._job is None:
                self._before = ()

        def finish(result: Any) -> None:
            on_result(result)
            if after is not None:
                then.append(after)

        self._kept = ()
        self._say("")
        self.progressed.emit(doing, 0.0)
        self._job = self._workers.start(
            work, "napari-unet project", on_item=on_item, on_result=finish,
            on_error=self._fail, on_end=on_end,
        )

    def _start_batch(self, doing: str, pieces: Sequence[BatchPiece[Any]], on_done: Callable[[Any], None],
                     after: Callable[[], None] | None = None, where: str = "", stays: bool = False) -> None:
        """Do pieces one after the other; what failed, and all if it ``stays``, is said still when ``after`` goes on."""
        def on_item(event: BatchEvent) -> None:
            part = event.item.fraction or 0.0 if isinstance(event, PieceProgress) else 0.0
            if isinstance(event, PieceStarted | PieceProgress):
                self.progressed.emit(f"{doing} {event.heading}", (event.number + part) / event.total)
            elif isinstance(event, PieceDone):
                on_done(event.result)

        def on_summary(summary: BatchSummary) -> None:
            count = len(summary.done)
            done = f"{doing} is done: {count} image{'' if count == 1 else 's'}.{where}"
            told = summary.sentence or done
            self._kept = (told,) if summary.failed or stays else ()
            self._say(told)

        self._start(doing, lambda: run_batch(pieces), on_item, on_summary, after)
