"""Who has the floor: while somebody draws, or an answer to strokes is under way, other work rests between its pieces.

Priorities do not do it: a thread that may run less often still holds Python's lock when it does not run, and two cores
that compute leave none for whoever draws the picture. Rests are short, so that nothing that is asked for is put off for
long, and nobody has to give the floor back for work to go on. Ends no work and starts no thread.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

from .work import each_within

Item = TypeVar("Item")
Result = TypeVar("Result")


class Floor:
    """May be taken by one thread and waited for by others.

    Parameters
    ----------
    clock : callable
        Seconds.
    wait : callable, optional
        Waits for so many seconds, or until the floor is left.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, wait: Callable[[float], object] | None = None
    ) -> None:
        self._clock = clock
        self._left = threading.Event()
        self._wait = wait or self._left.wait
        self._until = self._taken = float("-inf")
        self._listeners: tuple[Callable[[], object], ...] = ()

    def take(self, seconds: float) -> None:
        """Take the floor, for so long from now or until :meth:`leave`."""
        fresh = not self.taken
        self._left.clear()
        self._taken = self._clock()
        self._until = self._taken + seconds
        if fresh:
            self._tell()

    def leave(self) -> None:
        """Let others work at once."""
        self._until = float("-inf")
        self._left.set()
        self._tell()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    @contextlib.contextmanager
    def told_to(self, listener: Callable[[], object]) -> Iterator[None]:
        """Call somebody when it is taken and when it is left, in the thread of who does; it must not wait there."""
        self._listeners += (listener,)
        try:
            yield
        finally:
            self._listeners = tuple(one for one in self._listeners if one != listener)

    @property
    def taken(self) -> bool:
        """Whether somebody has it."""
        return self._until > self._clock()

    def taken_within(self, seconds: float) -> bool:
        """Whether somebody has it, or has taken it in the last seconds."""
        return self.taken or self._clock() - self._taken < seconds

    def rest(self, seconds: float) -> None:
        """Wait until nobody has the floor, at most so long."""
        end = self._clock() + seconds
        while (left := min(self._until, end) - self._clock()) > 0:
            self._wait(left)


BRUSH = Floor()
"""Taken while the mouse is held down on the picture."""

ANSWER = Floor()
"""Taken while the answer to the newest strokes is under way."""


def resting(
    work: Generator[Item, None, Result], seconds: float, *floors: Floor
) -> Generator[Item, None, Result]:
    """Pass work on, and rest before each of its pieces while somebody has one of the floors.

    Parameters
    ----------
    work : Generator
    seconds : float
        The longest rest before one piece, by floor.
    *floors : Floor
    """
    @contextlib.contextmanager
    def rested() -> Iterator[None]:
        for floor in floors:
            floor.rest(seconds)
        yield

    return each_within(work, rested)
