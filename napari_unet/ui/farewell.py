"""Stop threads and wait for them, with an end to the patience. Starts none, and knows no work."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import time
from collections.abc import Iterable
from typing import Any

PATIENCE = 30.0
"""Seconds to wait for a thread that was told to stop while the window goes on (one step or one tile at most)."""

FAREWELL = 1.5
"""Seconds that all threads together have to stop when the window closes; the process ends without the others."""

LEAVE = 0.8
"""Seconds after which a thread that was told to stop is left to itself, so that stopping always acts."""

_stops: list[None] = []  # one for each stop_and_wait() under way

alive: set[Any] = set()
"""Workers whose thread has not ended."""


def stop_and_wait(workers: Iterable[Any], seconds: float = PATIENCE) -> None:
    """Stop workers and wait, so many seconds for all of them; who has not stopped then is not waited for again."""
    workers = tuple(workers)
    end = time.monotonic() + seconds
    _stops.append(None)
    try:
        for worker in workers:
            worker.stop()
        for worker in workers:
            if not worker.left_behind and not worker.wait(max(0.0, end - time.monotonic())):
                worker.left_behind = True
    finally:
        _stops.pop()


def stopping() -> bool:
    """Whether workers are being stopped at the moment: what comes to its end now must not begin anew."""
    return bool(_stops)


def _end_without_the_rest() -> None:
    """Let no thread outlive the interpreter: torch aborts the process when that happens.

    A thread in a long call cannot be ended. The process then ends at once, with a status that says so; nothing is lost
    by it, as what has to be written is written by those who own it, before this.
    """
    for worker in tuple(alive):
        worker.stop()
    end = time.monotonic() + FAREWELL
    for worker in tuple(alive):
        if not worker.left_behind:
            worker.join(max(0.0, end - time.monotonic()))
    if any(worker.busy for worker in tuple(alive)):
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or none at all
                stream.flush()
        os._exit(1)


atexit.register(_end_without_the_rest)
