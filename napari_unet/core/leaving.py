"""Lets long work be left in its middle: it looks up now and then whether anybody still wants it. Ends no thread.

Work of another process rests there too, while somebody draws.

A generator is left where it yields. Some work does not yield for many seconds: a large network on one tile, thousands
of regions that merge. It calls :func:`look_up` between its pieces instead. Where nobody has said by what it is known
that work is not wanted any more (:func:`heed`), nothing happens.
"""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from .floor import Floor

Item = TypeVar("Item")

LOOK_REST = 0.05
"""Seconds that work rests at most where it looks up; a step of a network looks up a hundred times."""


class NoLongerWantedError(BaseException):
    """Work is left in its middle. No :class:`Exception`: nobody on the way up is to take it for a failure."""


_floor: contextvars.ContextVar[Floor | None] = contextvars.ContextVar("floor", default=None)
_left: contextvars.ContextVar[threading.Event | None] = contextvars.ContextVar("left", default=None)


def heed(left: threading.Event, floor: Floor | None = None) -> None:
    """Let work of this thread be left as soon as an event is set, and rest while somebody has the floor."""
    _left.set(left)
    _floor.set(floor)


def look_up() -> None:
    """Go on if this is still wanted.

    Raises
    ------
    NoLongerWantedError
        If it is not.
    """
    left = _left.get()
    if left is not None and left.is_set():
        raise NoLongerWantedError
    floor = _floor.get()
    if floor is not None:
        floor.rest(LOOK_REST)


def while_wanted(items: Iterable[Item]) -> Iterator[Item]:
    """Go through some items, and look up before each."""
    for item in items:
        look_up()
        yield item


def close_work(work: Any) -> None:
    """Close a generator, which may look up while it closes; nothing happens to what cannot be closed."""
    with contextlib.suppress(NoLongerWantedError):
        if hasattr(work, "close"):
            work.close()
