"""Wait for a generator that does not yield for long, and go on saying so. Ends no thread: nobody can."""

from __future__ import annotations

import contextvars
import queue
import sys
import threading
from collections.abc import Callable, Generator
from typing import Any, TypeVar

from .leaving import NoLongerWantedError, close_work, heed
from .threads import limit_threads

T = TypeVar("T")
R = TypeVar("R")

POLL = 0.1
"""Seconds between two signs of life."""

FAREWELL = 0.5
"""Seconds that a generator has to close."""


def patiently(make: Callable[[], Generator[T, None, R]], poll: float = POLL) -> Generator[T | None, None, R]:
    """Pass on what a generator yields, and None whenever the next item is not there after ``poll`` seconds.

    The generator runs in a thread of its own, which works only while an item is asked for. Closing this one closes it
    after the item it is working on, or where that looks up (:mod:`.leaving`); whoever closes does not wait for that.

    Parameters
    ----------
    make : callable
        Makes the generator, in its thread.
    poll : float
    """
    asked: queue.SimpleQueue[bool] = queue.SimpleQueue()
    told: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
    left = threading.Event()
    threads = sys.modules["torch"].get_num_threads() if "torch" in sys.modules else None  # torch keeps it by thread

    def work() -> None:
        limit_threads(threads)
        heed(left)
        try:
            iterator = make()
            while asked.get():
                told.put(("item", next(iterator)))
            close_work(iterator)
        except NoLongerWantedError:
            pass
        except StopIteration as end:
            told.put(("end", end.value))
        except Exception as error:
            told.put(("error", error))

    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), name="napari-unet method",
                              daemon=True)
    thread.start()
    try:
        while True:
            asked.put(True)
            kind = ""
            value: Any = None
            while not kind:
                try:
                    kind, value = told.get(timeout=poll)
                except queue.Empty:
                    yield None
            if kind == "end":
                result: R = value
                return result
            if kind == "error":
                raise value
            yield value
    finally:
        left.set()
        asked.put(False)
        thread.join(FAREWELL)
