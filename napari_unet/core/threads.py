"""How many cores there are, how many the calling thread may use, and work that comes out the same. Starts no thread."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator
from typing import TypeVar

from .work import each_within

Item = TypeVar("Item")
Result = TypeVar("Result")


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def limit_threads(threads: int | None) -> None:
    """Let torch use this many threads in the calling thread (None: leave it)."""
    if threads is not None:
        import torch

        torch.set_num_threads(max(1, threads))


@contextlib.contextmanager
def deterministic() -> Iterator[None]:
    """Compute in one thread, and in torch's ways that give the same numbers each time, inside the block.

    Sums come out in another last digit if their parts are added by another number of threads. On the processor the
    same program then gives the same bits on the same machine; torch has no such ways for all that graphics cards do.
    """
    import torch
    from threadpoolctl import threadpool_limits

    threads = torch.get_num_threads()
    strict, gentle = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.use_deterministic_algorithms(strict, warn_only=gentle)
        torch.set_num_threads(threads)


def run_deterministically(work: Generator[Item, None, Result]) -> Generator[Item, None, Result]:
    """Run a generator so that it comes out the same each time, see :func:`deterministic`.

    Between its items everything is as it was, for whoever else computes in this process.
    """
    return each_within(work, deterministic)
