"""Which blocks of made levels are wanted by who draws and must not wait, and a run that makes them. Draws nothing."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .giving_way import give_way
from .made_levels import Key, MadeLevel
from .threads import available_cores


@dataclasses.dataclass(frozen=True)
class MakingShare:
    """How far the blocks that are wanted are.

    Parameters
    ----------
    done, total : int
    """

    done: int
    total: int


class LevelMaker:
    """Takes wishes of one thread, which draws, and makes the blocks in others.

    What is looked at when it is given up is not made before another part is looked at: else who draws anew afterwards
    would ask for ever for what nobody wants or what cannot be read.
    """

    def __init__(self) -> None:
        self._wanted: dict[MadeLevel, dict[Key, None]] = {}
        self._declined: set[tuple[MadeLevel, str]] = set()
        self._declines = False
        self._from_afar = False
        self._lock = threading.Lock()

    @property
    def has_wishes(self) -> bool:
        """Whether there is something to be made."""
        with self._lock:
            return any(self._wanted.values())

    def ask(self, level: MadeLevel, index: Any, missing: Sequence[tuple[MadeLevel, Key]]) -> bool:
        """Wish for what a view lacks; returns whether there is now something to be made.

        Parameters
        ----------
        level : MadeLevel
            Which is looked at.
        index : index
            The part of it.
        missing : sequence of (MadeLevel, Key)
            From :meth:`MadeLevel.known`.
        """
        view = level, repr(index)
        with self._lock:
            # each drawing asks for what is looked at, and for the coarsest level for a small picture of all
            if level.is_whole and self._from_afar:
                self._wanted = {one: keys for one, keys in self._wanted.items() if one.is_whole}
            self._from_afar = level.is_whole
            if not missing:
                self._declined.discard(view)
            elif self._declines:
                self._declined.add(view)
            elif view not in self._declined:
                for one in dict.fromkeys(found for found, _ in missing):
                    self._put(one, [key for found, key in missing if found is one])
            return any(self._wanted.values())

    def _put(self, level: MadeLevel, keys: list[Key]) -> None:
        """Put blocks in front, those in the middle first; what is only close to them is not wanted any more."""
        down, right = (sum(places) / len(keys) for places in ([key[1] for key in keys], [key[2] for key in keys]))
        keys.sort(key=lambda key: max(abs(key[1] - down), abs(key[2] - right)))
        planes = {key[0] for key in keys}
        before = self._wanted.get(level, {}) if level.is_whole else {}
        self._wanted[level] = dict.fromkeys([*keys, *(key for key in before if key[0] in planes)])

    def run(self) -> Iterator[MakingShare]:
        """Make what is wanted, and what comes to be wanted meanwhile."""
        threads, done = max(1, available_cores() - 1), 0
        with ThreadPoolExecutor(threads, initializer=give_way) as pool:
            while batch := self._next(threads):
                list(pool.map(lambda one: one[0].make(one[1]), batch))
                with self._lock:
                    for level, key in batch:
                        self._wanted.get(level, {}).pop(key, None)
                    left = sum(map(len, self._wanted.values()))
                done += len(batch)
                yield MakingShare(done, done + left)

    def _next(self, count: int) -> list[tuple[MadeLevel, Key]]:
        """Return some blocks of one level: finer levels first, as coarser ones are made of them."""
        with self._lock:
            levels = sorted((one for one, keys in self._wanted.items() if keys), key=lambda one: -max(one.shape))
            if not levels:
                self._declined.clear()
                return []
            return [(levels[0], key) for key, _ in zip(self._wanted[levels[0]], range(count), strict=False)]

    def give_up(self) -> None:
        """Drop what is wanted, and decline what is asked for until :meth:`go_on`."""
        with self._lock:
            self._wanted.clear()
            self._declined.clear()
            self._declines = True

    def go_on(self) -> None:
        """Take wishes again, but for the views that were declined."""
        with self._lock:
            self._declines = False
