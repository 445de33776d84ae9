"""Long work as an iterable that ends in a result. Knows nothing about threads or windows."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from typing import Any, Generic, ParamSpec, TypeVar

Item = TypeVar("Item")
Other = TypeVar("Other")
Result = TypeVar("Result")
P = ParamSpec("P")


class Work(Generic[Item, Result], Iterator[Item]):
    """Work that yields what it has so far and ends in a result.

    Iterate over it for progress, call :meth:`result` for the outcome, or do both; to cancel, stop asking (or call
    :meth:`close`). Nothing happens before the first item is asked for.

    Parameters
    ----------
    generator : Generator
        Yields progress items and returns the result.
    name : str
        What the work is called in its ``repr``.
    """

    def __init__(self, generator: Generator[Item, None, Result], name: str = "work") -> None:
        self._generator = generator
        self._name = name
        self._done = self._cancelled = False
        self._result: Result | None = None

    def __iter__(self) -> Work[Item, Result]:
        return self

    def __next__(self) -> Item:
        try:
            return next(self._generator)
        except StopIteration as stop:
            if not (self._done or self._cancelled):
                self._done, self._result = True, stop.value
            raise StopIteration from None

    def close(self) -> None:
        """Cancel: let the generator clean up; there is no result then."""
        self._cancelled = not self._done
        self._generator.close()

    def result(self) -> Result:
        """Finish the work (if it has not been iterated to its end already) and return its result.

        Raises
        ------
        RuntimeError
            If the work was cancelled.
        """
        for _ in self:
            pass
        if not self._done:
            raise RuntimeError(f"{self._name} was cancelled before it had a result")
        return self._result  # type: ignore[return-value]  # set together with _done

    def __repr__(self) -> str:
        state = "finished" if self._done else "not finished: iterate over it, or call .result()"
        return f"<{self._name}: {state}>"


def work(function: Callable[P, Generator[Item, None, Result]]) -> Callable[P, Work[Item, Result]]:
    """Turn a generator function into one that returns :class:`Work`."""

    @functools.wraps(function)
    def start(*args: P.args, **kwargs: P.kwargs) -> Work[Item, Result]:
        return Work(function(*args, **kwargs), function.__name__)

    return start


def run_to_end(generator: Generator[Any, None, Result]) -> Result:
    """Run a generator to its end and return its result."""
    return Work(generator).result()


def relayed(
    generator: Generator[Item, None, Result], change: Callable[[int, Item], Other]
) -> Generator[Other, None, Result]:
    """Pass a generator on with its items changed, and return its result; it is closed together with this one.

    Parameters
    ----------
    generator : Generator
    change : callable
        Gets the number of the item, from 1, and the item; returns what is yielded in its place.
    """
    try:
        for number in itertools.count(1):
            try:
                item = next(generator)
            except StopIteration as end:
                result: Result = end.value
                break
            yield change(number, item)
    finally:
        generator.close()
    return result


def each_within(
    generator: Generator[Item, None, Result], around: Callable[[], AbstractContextManager[object]]
) -> Generator[Item, None, Result]:
    """Pass a generator on, each of its pieces computed inside a context; it is closed together with this one.

    Parameters
    ----------
    generator : Generator
    around : callable
        Returns the context of one piece; between pieces, and while they are looked at, nobody is inside.
    """
    try:
        while True:
            try:
                with around():
                    item = next(generator)
            except StopIteration as end:
                result: Result = end.value
                return result
            yield item
    finally:
        generator.close()
