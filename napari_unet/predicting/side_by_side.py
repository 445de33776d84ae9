"""Two pieces of work at once, each with half of the cores. Knows no networks and no images.

A network on a tile is hundreds of steps, and many are too short to be worth dividing: two tiles at once take less time
than one after the other with both cores each.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import wait
from typing import TypeVar

import torch

from ..core.helper_thread import HelperThread
from ..core.threads import limit_threads

Result = TypeVar("Result")


def side_by_side(first: Callable[[], Result], second: Callable[[], Result]) -> tuple[Result, Result]:
    """Return what two functions return, which run at the same time; the second runs in a thread of its own.

    Each may use half of the threads that torch may use here. Both have ended when this returns, and when it raises.
    """
    threads = torch.get_num_threads()
    share = max(1, threads // 2)
    context = contextvars.copy_context()  # who leaves the work in its middle leaves both

    def beside() -> Result:
        limit_threads(share)
        return context.run(second)

    try:
        limit_threads(max(1, threads - share))
        other = _helper().submit(beside)
        if other is None:
            limit_threads(threads)
            return first(), second()
        try:
            found = first()
        finally:
            wait([other])
        return found, other.result()
    finally:
        limit_threads(threads)


def _helper() -> HelperThread:
    """Return the thread that works beside the calling one: always the same, it keeps its network."""
    if not hasattr(_mine, "helper"):
        _mine.helper = HelperThread("beside")
    return _mine.helper


_mine = threading.local()
