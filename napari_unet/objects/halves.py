"""Work on large arrays shared by two threads, as numpy and scipy let go of the interpreter. Changes no result."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from napari_unet.core.threads import available_cores

LARGE = 2**19
"""Elements from which on it is worth it."""

Result = TypeVar("Result")


def shared(tasks: Iterable[Callable[[], Result]], size: int) -> list[Result]:
    """Do tasks on arrays of so many elements, two at a time where that is worth it; return their results in order."""
    tasks = list(tasks)
    if size < LARGE or available_cores() < 2:
        return [task() for task in tasks]
    with ThreadPoolExecutor(2, "napari-unet halves") as pool:
        return [one.result() for one in [pool.submit(task) for task in tasks]]


def two_parts(length: int) -> tuple[slice, slice]:
    """Return both halves of an axis."""
    return slice(0, length // 2), slice(length // 2, length)
