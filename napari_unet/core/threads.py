"""How many cores there are, and how many of them the calling thread may use. Starts no thread."""

from __future__ import annotations

import os


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def limit_threads(threads: int | None) -> None:
    """Let torch use this many threads in the calling thread (None: leave it)."""
    if threads is not None:
        import torch

        torch.set_num_threads(max(1, threads))
