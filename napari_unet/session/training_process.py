"""Lets networks learn in a process of its own, so that a window has Python's lock to itself. Learns nothing itself.

Seen from here a training is what it is in a thread: a generator that is asked for the next item, step by step, and
closed to cancel it. Strokes go there when they have changed, pixels when they are asked for, and models come back.
The process is started ahead of time and used again; it ends with this program, however that ends. Where there can be
none, the training runs in the thread that asks.
"""

from __future__ import annotations

import contextlib
import functools
import os
import queue
import subprocess
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..core.errors import InputWarning, UserError, WorkError, reason_of
from ..core.latest import Latest
from ..core.leaving import look_up
from ..core.method import Model, Progress, Segmenter, newest_training_set
from ..core.scribbles import TrainingSet
from ..core.work import relayed
from .message_pipe import LEAVE, MessagePipe
from .resumed_training import Fitting, fit_here

if TYPE_CHECKING:
    from .parcels import Parcels  # imports torch

IN_THREAD = "NAPARI_UNET_TRAIN_IN_THREAD"
"""Variable of the environment: if it is set, there is no process for training."""

LOOK = 0.05
"""Seconds between two looks whether the work is still wanted."""

TO_LEAVE = 0.5
"""Seconds that the process has to leave its work; then it is ended, and another is started when one is needed."""

TO_START = 120.0
"""Seconds in which a process must be there: it loads torch, and a machine may be busy."""

_START = "import sys; sys.path[:] = {path!r}; from napari_unet.session.training_server import serve; serve()"


class _RemoteError(Exception):
    """Where an error came up in another process; the cause of the one that is raised here."""


class _Child:
    """A process that serves, and the messages from it."""

    def __init__(self, command: list[str]) -> None:
        flags = 0x08000000 if sys.platform == "win32" else 0  # no window of a console
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
                                         creationflags=flags)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._pipe = MessagePipe(cast(Any, self._process.stdout), cast(Any, self._process.stdin))
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.ready = False
        self.end = weakref.finalize(self, _end, self._process)
        threading.Thread(target=_listen, args=(self._pipe, self._process.stdout, self._inbox), daemon=True,
                         name="napari-unet pipe").start()

    @functools.cached_property
    def _parcels(self) -> Parcels:
        from .parcels import Parcels, features_on_both_sides  # imports torch

        made = Parcels()
        made.share(features_on_both_sides())
        return made

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def say(self, *message: Any) -> None:
        """Send a message.

        Raises
        ------
        WorkError
            If the process has ended.
        """
        try:
            self._pipe.send(self._parcels.pack(message))
        except (OSError, ValueError) as error:
            raise self._ended() from error

    def hear(self, seconds: float) -> tuple[Any, ...] | None:
        """Return the next message, or None if there is none for so long.

        Raises
        ------
        WorkError
            If the process has ended.
        """
        try:
            parts = self._inbox.get(timeout=seconds)
        except queue.Empty:
            return None
        if parts is None:
            self._inbox.put(None)
            raise self._ended()
        message: tuple[Any, ...] = self._parcels.unpack(parts)
        self.ready = self.ready or message[0] == "ready"
        return message

    def _ended(self) -> WorkError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        status = self._process.returncode
        how = "" if status is None else f" by signal {-status}" if status < 0 else f" with status {status}"
        return WorkError(f"The process in which the network learns has ended{how}. Memory may be short, or somebody "
                         "ended it.")

    def leave(self) -> bool:
        """Ask it to leave its work, and say whether it has done so in time."""
        end = time.monotonic() + TO_LEAVE
        try:
            self._pipe.send(kind=LEAVE)
            while (left := end - time.monotonic()) > 0:
                message = self.hear(left)
                if message is not None and message[0] == "left":
                    return True
        except (OSError, ValueError, WorkError):
            pass
        return False

    def answer(self, kind: str, *what: Any) -> None:
        """Do what the process asks for while it works: pixels, and a warning to be told."""
        if kind == "warning":
            warnings.warn(what[0], InputWarning, stacklevel=2)
            return
        image = self._parcels.image(what[0])
        try:
            if image is None:
                raise UserError("The image is not open any more.")
            self.say("pixels", np.asarray(image.data[what[1]]))
        except Exception as error:  # a layer of another plugin may raise what it likes
            self.say("trouble", reason_of(error))


def _listen(pipe: MessagePipe, file: Any, inbox: queue.SimpleQueue[Any]) -> None:
    """Take what comes until the process is gone; a file is closed by the thread that reads it."""
    while (received := pipe.receive()) is not None:
        inbox.put(received[1])
    inbox.put(None)
    file.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1.0)
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()


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
        self._child: _Child | None = None
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

    def _started(self) -> Generator[None, None, _Child | None]:
        """Wait for the process; returns None if there can be none."""
        if self._child is not None and not self._child.alive:
            self._drop()
        if self._command is None:
            return None
        try:
            child = self._child = self._child or _Child(self._command)
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
            return (yield from self._followed(child, portable, source, threads))
        finally:
            self._busy.release()

    def _followed(
        self, child: _Child, portable: Any, source: TrainingSet | Latest[TrainingSet], threads: int | None
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


def _heard(child: _Child) -> tuple[str, tuple[Any, ...]]:
    """Wait for what comes of a step, and answer what is asked for by the way."""
    while True:
        look_up()
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
