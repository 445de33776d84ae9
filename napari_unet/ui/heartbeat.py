"""Whether work that was asked for something has gone silent. Ends nothing, and has no timer of its own."""

from __future__ import annotations

import time
from collections.abc import Callable

STALL = 5.0
"""Seconds without an item after which work is said to have stalled; a little less, as it is looked at every second."""


class Heartbeat:
    """Written by the thread that works, read by the one that looks.

    Parameters
    ----------
    clock : callable
        Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = None  # when the item was asked for that has not come yet
        self._silent = False

    def ask(self) -> None:
        """Note that an item was asked for."""
        self._since = self._clock()

    def rest(self) -> None:
        """Note that nothing is asked for."""
        self._since = None

    def change(self) -> float | None:
        """Return the seconds of silence when it has become too long, 0 when it is over, None while nothing changes."""
        since = self._since
        seconds = 0.0 if since is None else self._clock() - since
        silent = seconds > STALL - 1
        if silent == self._silent:
            return None
        self._silent = silent
        return seconds if silent else 0.0
