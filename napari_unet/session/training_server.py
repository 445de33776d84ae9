"""The process in which networks learn, seen from inside: fits what it is sent, step by step, until nobody is there.

It ends by itself when the program that has started it is gone, however that ended. Starts no process, has no window.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
import warnings
from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputWarning, UserError, WorkError, details_of, reason_of
from ..core.floor import BRUSH
from ..core.giving_way import work_behind
from ..core.latest import Latest
from ..core.leaving import NoLongerWantedError, close_work, heed
from ..core.threads import limit_threads
from ..learning.warm_up import warm_up
from ..predicting.devices import choose_device, release_memory
from ..segmenters import REGISTRY
from .message_pipe import GO_ON, LEAVE, REST, MessagePipe
from .parcels import Parcels, features_on_both_sides
from .portable_method import PortableMethod

LONGEST_REST = 60.0
"""Seconds after which this side believes no more that somebody draws."""


class _Gone:
    """Instead of a message: the present work is to be left."""


class _Server:
    def __init__(self, pipe: MessagePipe) -> None:
        self._pipe = pipe
        self._parcels = Parcels(lambda *what: _AskedPixels(self, *what))
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._left = threading.Event()
        self._show = warnings.showwarning

    def serve(self) -> None:
        """Do what is asked for, for ever."""
        heed(self._left, BRUSH)
        warnings.simplefilter("always", InputWarning)  # which of them are shown is for the other side to say
        warnings.showwarning = self._warn
        threading.Thread(target=self._listen, daemon=True).start()
        for _ in warm_up():
            pass
        REGISTRY.names()  # imports the methods
        self._parcels.share(features_on_both_sides())
        self.say("ready", os.getpid())
        while True:
            message = self._inbox.get()
            if message is _Gone:
                self._stop()
                continue
            _, method, threads, training, live = self._parcels.unpack(message)
            self._fit(method, threads, training, live)

    def _listen(self) -> None:
        """Take what comes, in a thread, so that the end of the other side is noticed whatever is under way."""
        while (received := self._pipe.receive()) is not None:
            self.take(*received)
        os._exit(0)

    def take(self, kind: bytes, parts: list[Any]) -> None:
        """Take a frame: what is said goes to the thread that works, a wish acts at once."""
        if kind == LEAVE:
            self._left.set()
            self._inbox.put(_Gone)
        elif kind == REST:
            BRUSH.take(LONGEST_REST)
        elif kind == GO_ON:
            BRUSH.leave()
        else:
            self._inbox.put(parts)

    def say(self, *message: Any) -> None:
        """Send a message."""
        self._pipe.send(self._parcels.pack(message))

    def _stop(self) -> None:
        self._left.clear()
        release_memory(choose_device("auto"))
        self.say("left")

    def _fit(self, method: PortableMethod, threads: int | None, training: Any, live: bool) -> None:
        limit_threads(threads)
        work_behind(last=True)  # only now: what is started ahead of time must come to an end on a busy machine, too
        box = Latest(training)
        work: Generator[Any, None, Any] | None = None
        try:
            work = method.made().fit(box if live else training)
            while True:
                _, newer = self._next_message()
                if newer is not None:
                    box.put(newer)
                try:
                    self.say("event", next(work))
                except StopIteration as end:
                    self.say("done", end.value)
                    return
        except NoLongerWantedError:
            close_work(work)
            while self._inbox.get() is not _Gone:
                pass
            self._stop()
        except Exception as error:
            kind = next((one.__name__ for one in (UserError, WorkError) if isinstance(error, one)), "")
            self.say("failed", kind, reason_of(error), details_of(error))

    def _next_message(self) -> Any:
        """Wait for what belongs to the present work."""
        message = self._inbox.get()
        if message is _Gone:
            self._inbox.put(_Gone)
            raise NoLongerWantedError
        return self._parcels.unpack(message)

    def pixels(self, number: Any, index: Any) -> NDArray[Any]:
        """Ask for a part of the pixels of an image, and wait for it."""
        self.say("read", number, index)
        kind, what = self._next_message()
        if kind == "trouble":
            raise UserError(what)
        return np.asarray(what)

    def _warn(self, message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, InputWarning):
            self.say("warning", str(message))
        else:
            self._show(message, category, *where, **more)


class _AskedPixels:
    """The array of an image that the other side has; parts are asked for when they are needed."""

    def __init__(self, server: _Server, number: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._server, self._number = server, number
        self.shape, self.ndim, self.dtype = shape, len(shape), dtype
        self.size = int(np.prod(shape, dtype=np.int64))

    def __getitem__(self, index: Any) -> NDArray[Any]:
        return self._server.pixels(self._number, index)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self[...], dtype=dtype, copy=None if copy is None else copy)


def serve() -> None:
    """Serve whoever has started this process, over its standard input and output."""
    writing = os.fdopen(os.dup(1), "wb", buffering=0)
    try:
        os.dup2(2, 1)  # what is printed by the way must not come between
    except OSError:  # a program without a console
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program, which then says what it wants
    work_behind()
    _Server(MessagePipe(os.fdopen(os.dup(0), "rb", buffering=0), writing)).serve()
