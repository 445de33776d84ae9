"""What is done once more begins when the thread that did it before has ended, though nobody waits for it any more.

A thread that was told to stop, or to end, may hang where nothing can reach it: on a disk that stands still, say. Its
owner goes on without it. What it still holds and writes is not to meet what comes after it. Knows no work.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

from napari_unet.core.leaving import look_up

from .worker_group import WorkerGroup
from .workers import Worker

_MOMENT = 0.05
"""Seconds between two looks whether one still wants what waits for its turn."""


class Turns:
    """Starts workers, one after the other for each thing that they are at."""

    def __init__(self) -> None:
        self._things: WeakKeyDictionary[Worker, Hashable] = WeakKeyDictionary()  # others know of those that run

    def start(
        self, workers: WorkerGroup, thing: Hashable, work: Callable[[], Iterator[Any]], name: str,
        **callbacks: Any,
    ) -> Worker:
        """Start work that begins when all threads that were started before for the same thing have ended.

        Parameters
        ----------
        workers : WorkerGroup
        thing : hashable
            What no two threads may be at: a place that is written, say.
        work, name, callbacks
            As :meth:`.worker_group.WorkerGroup.start` has them.
        """
        before = [one for one, its in self._things.items() if its == thing]

        def begun() -> Iterator[Any]:
            while before:
                look_up()
                before[-1].join(_MOMENT)
                if not before[-1].busy:
                    before.pop()
            return work()

        made = workers.start(begun, name, **callbacks)
        self._things[made] = thing
        return made
