"""Work on large arrays shared by two threads, as numpy and scipy let go of the interpreter. Changes no result."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.helper_thread import HelperThread
from napari_unet.core.threads import available_cores

LARGE = 2**19
"""Elements from which on it is worth it."""

SMALL = 2**17
"""Elements of what is worked on at a time where there are results between."""

_helper = HelperThread("napari-unet halves")

Result = TypeVar("Result")
Value = TypeVar("Value", bound=np.generic)


def shared(tasks: Iterable[Callable[[], Result]], size: int) -> list[Result]:
    """Do tasks on arrays of so many elements, two at a time where that is worth it; return their results in order."""
    tasks = list(tasks)
    if size < LARGE or len(tasks) < 2 or available_cores() < 2:
        return [task() for task in tasks]
    others = [_helper.submit(task) for task in tasks[1::2]]
    own = [task() for task in tasks[::2]]
    # what the helper, who may work for others too, has not begun is done here: so nobody waits in vain
    theirs = [task() if one is None or one.cancel() else one.result()
              for one, task in zip(others, tasks[1::2], strict=True)]
    return [(theirs if at % 2 else own)[at // 2] for at in range(len(tasks))]


def two_parts(length: int) -> tuple[slice, slice]:
    """Return both halves of an axis."""
    return slice(0, length // 2), slice(length // 2, length)


def by_halves(task: Callable[[slice], Result], length: int, size: int | None = None) -> list[Result]:
    """Do a task with each half of an axis of an array of so many elements (None: of one axis); return both results."""
    return shared([partial(task, half) for half in two_parts(length)], length if size is None else size)


def small_parts(length: int, size: int) -> list[slice]:
    """Return parts of an axis of an array of so many elements, each of which stays in the processor's cache."""
    step = max(1, length * SMALL // max(1, size))
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


def flat_places(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return where a mask is true, as ``np.flatnonzero`` does."""
    flat = mask.ravel()
    first, rest = by_halves(lambda half: np.count_nonzero(flat[half]), flat.size)
    found = np.empty(first + rest, np.intp)

    def fill(half: slice) -> None:
        part = found[:first] if half.start == 0 else found[first:]
        np.add(np.flatnonzero(flat[half]), half.start, out=part)

    by_halves(fill, flat.size)
    return found


def looked_up(values: NDArray[Value], places: NDArray[np.integer[Any]]) -> NDArray[Value]:
    """Return the values (flat) at some places, in the shape of these; all of them must be there."""
    found, flat = np.empty(places.size, values.dtype), places.ravel()

    def fill(half: slice) -> None:
        np.take(values, flat[half], mode="clip", out=found[half])  # no bounds are looked at: faster

    by_halves(fill, flat.size)
    return found.reshape(places.shape)


def put_into(array: NDArray[Any], places: NDArray[np.intp], values: NDArray[Any]) -> None:
    """Put values at places of an array counted through; no place comes twice, the array has no gaps."""
    flat = array.reshape(-1)

    def fill(half: slice) -> None:
        flat[places[half]] = values[half]

    by_halves(fill, len(places))
