"""Does something when Qt deletes an object, also where Python has forgotten that object before. Knows no work.

A function that is connected to ``destroyed`` is not safe for that: the garbage collector takes it apart with the Python
half of an object that nobody refers to any more, while its other half lives on, and calls it later; the process dies
(seen with PyQt5 5.15). So what is connected is a number: it holds nothing that could be taken from it.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable

from qtpy.QtCore import QObject

_numbers = itertools.count(1)
_actions: dict[int, Callable[[], object]] = {}


class _Number(int):
    """Of an action; calling it does that, once."""

    __slots__ = ()

    def __call__(self, *_: object) -> None:
        action = _actions.pop(self, None)
        if action is not None:
            action()


def when_deleted(owner: QObject, action: Callable[[], object]) -> Callable[[], None]:
    """Do something when an object is deleted.

    Parameters
    ----------
    owner : QObject
    action : callable
        Must not speak to the object, of which only half is there then.

    Returns
    -------
    callable
        Takes it back.
    """
    number = _Number(next(_numbers))
    _actions[number] = action
    owner.destroyed.connect(number)

    def take_back() -> None:
        _actions.pop(number, None)
        with contextlib.suppress(TypeError, RuntimeError):  # the object is gone
            owner.destroyed.disconnect(number)

    return take_back
