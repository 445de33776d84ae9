"""Lets networks learn in a process of its own, so that a window has Python's lock to itself. Learns nothing itself.

Seen from here a training is what it is in a thread: a generator that is asked for the next item, step by step, and
closed to cancel it. Strokes go there when they have changed, pixels when they are asked for, and models come back.
The process is started ahead of time and used again; it ends with this program, however that ends. Where there can be
none, the training runs in the thread that asks.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Generator, Iterator
from typing import Any, cast

from ..core.errors import UserError, WorkError
from ..core.floor import BRUSH
from ..core.latest import Latest
from ..core.leaving import look_up
from ..core.method import Model, Progress, Segmenter, newest_training_set
from ..core.scribbles import TrainingSet
from ..core.work import relayed
from .resumed_training import Fitting, fit_here
from .training_child import TrainingChild

IN_THREAD = "NAPARI_UNET_TRAIN_IN_THREAD"
"""Variable of the environment: if it is set, there is no process for training."""

LOOK = 0.05
"""Seconds between two looks whether the work is still wanted."""

TO_START = 120.0
"""Seconds in which a process must be there: it loads torch, and a machine may be busy."""

_START = "import sys; sys.path[:] = {path!r}; from napari_unet.session.training_server import serve; serve()"


class _RemoteError(Exception):
    """Where an error came up in another process; the cause of the one that is raised here."""


class TrainingProcess:
    """At most one process, in which one training after another runs. Belongs to the thread that is using it.

    Parameters
    ----------
    command : list of str, optional
        Starts a process that serves; default: this Python.
    here : callable
        Fits where there can be no process.
    """

    def __init__(self, command: list[str] | None = None, here: Fitting = fit_here) -> None:
        self._command, self._here = command or _command(), here
        self._child: TrainingChild | None = None
        self._busy = threading.Lock()

    @property
    def apart(self) -> bool:
        """Whether there is to be a process of its own."""
        return self._command is not None

    def get_ready(self) -> Iterator[None]:
        """Start the process ahead of time, or prepare this one where there can be none; yields meanwhile."""
        if not self._busy.acquire(blocking=False):
            return
        try:
            if (yield from self._started()) is None:
                from ..learning.warm_up import warm_up  # imports torch

                yield from warm_up()
        finally:
            self._busy.release()

    def _started(self) -> Generator[None, None, TrainingChild | None]:
        """Wait for the process; returns None if there can be none."""
        if self._child is not None and not self._child.alive:
            self._drop()
        if self._command is None:
            return None
        try:
            child = self._child = self._child or TrainingChild(self._command)
            end = time.monotonic() + TO_START
            while not child.ready:
                if child.hear(LOOK) is None and time.monotonic() > end:
                    raise WorkError("The process for training does not start.")
                look_up()
                yield
        except (OSError, WorkError):
            self._command = None  # this program cannot start one: it would not the next time
            self._drop()
            return None
        return child

    def _drop(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None

    def close(self) -> None:
        """End the process."""
        self._drop()

    def fit(
        self, method: Segmenter, source: TrainingSet | Latest[TrainingSet], threads: int | None = None
    ) -> Generator[Progress, None, Model]:
        """Fit a method there, or here if it cannot be done there; yields, returns and raises what the method does.

        Raises
        ------
        WorkError
            If the process ends, too.
        """
        from .portable_method import PortableMethod  # imports torch

        portable = PortableMethod.of(method)
        while not self._busy.acquire(timeout=LOOK):  # it is being started
            look_up()
            yield Progress("Warming up")
        try:
            child = None
            if portable is not None:
                child = yield from relayed(self._started(), lambda *_: Progress("Warming up"))
            if child is None:
                return (yield from self._here(method, source, threads))
            with BRUSH.told_to(child.look_up):
                return (yield from self._followed(child, portable, source, threads))
        finally:
            self._busy.release()

    def _followed(
        self, child: TrainingChild, portable: Any, source: TrainingSet | Latest[TrainingSet], threads: int | None
    ) -> Generator[Progress, None, Model]:
        known = newest_training_set(source)
        over = False
        try:
            child.say("fit", portable, threads, known, isinstance(source, Latest))
            while True:
                newest = newest_training_set(source)
                child.say("next", None if newest is known else newest)
                known = newest
                kind, what = _heard(child)
                if kind != "event":
                    over = True
                    break
                yield what[0]
        finally:
            if not over and not child.leave():
                self._drop()
        if kind == "done":
            return cast(Model, what[0])
        name, text, details = what
        error = {"UserError": UserError, "WorkError": WorkError}.get(name, WorkError)(text)
        raise error from _RemoteError(details)


def _heard(child: TrainingChild) -> tuple[str, tuple[Any, ...]]:
    """Wait for what comes of a step, and answer what is asked for by the way."""
    while True:
        look_up()
        child.make_way()
        message = child.hear(LOOK)
        if message is None:
            continue
        kind, *what = message
        if kind in ("event", "done", "failed"):
            return kind, tuple(what)
        child.answer(kind, *what)


def _command() -> list[str] | None:
    """Return how to start a process that serves; None where this program is no Python that could be started again."""
    if not sys.executable or getattr(sys, "frozen", False) or os.environ.get(IN_THREAD):
        return None
    return [sys.executable, "-c", _START.format(path=[str(one) for one in sys.path])]
