"""Requests to end a command: what a system or another program sends is obeyed like Ctrl-C. Ends nothing by itself."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

REQUESTS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGBREAK") if hasattr(signal, name))
"""SIGTERM is what ``kill``, a queue or a shutdown sends; Windows has SIGBREAK (Ctrl-Break, a closed console) for it."""


@contextlib.contextmanager
def obeying_requests() -> Iterator[None]:
    """Turn a request to end into ``KeyboardInterrupt`` inside the block, so that what is unfinished is tidied up.

    A signal that is ignored, or handled by whoever called, is left as it is; so is every signal outside of the main
    thread, where Python lets nobody set handlers.
    """
    taken = []
    if threading.current_thread() is threading.main_thread():
        taken = [number for number in REQUESTS if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
