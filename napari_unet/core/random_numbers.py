"""The random numbers that torch draws for a whole process, lent to one thread at a time. Draws none itself.

Building a network draws its weights from torch's global generator, and dropout draws from it, too. Two threads that set
its state and put it back at the same moment would shift each other's numbers: the same seed would give another network.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

_alone = threading.RLock()


@contextlib.contextmanager
def own_random_numbers(seed: int | None = None, devices: Sequence[Any] = ()) -> Iterator[None]:
    """Keep torch's global generator for this thread, and leave it as it was.

    Parameters
    ----------
    seed : int, optional
        Start from this; None: go on from where it is.
    devices : sequence of torch device
        Graphics cards whose generators are meant, too.
    """
    import torch

    with _alone, torch.random.fork_rng(list(devices)):
        if seed is not None:
            torch.manual_seed(seed)
        yield
