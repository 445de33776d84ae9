"""A second thread, kept, as to start one takes long beside what it does. Knows not what it does."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class HelperThread:
    """A thread that does one thing after the other for whoever asks; begun when it is asked first.

    Parameters
    ----------
    name : str
    """

    def __init__(self, name: str) -> None:
        self._name, self._process = name, 0
        self._pool: ThreadPoolExecutor | None = None

    def submit(self, task: Callable[[], Result]) -> Future[Result] | None:
        """Have something done; None where the program ends, when threads that are still at work get no help."""
        if self._pool is None or self._process != os.getpid():  # a forked process has no threads of its parent
            self._pool, self._process = ThreadPoolExecutor(1, self._name), os.getpid()
        try:
            return self._pool.submit(task)
        except RuntimeError:
            return None
