"""How large a file may say it is: what would be allocated is held against what is stored. Reads no pixels."""

from __future__ import annotations

import math
import os
from collections.abc import Callable

from napari_unet.core.errors import UserError

LIMIT = "NAPARI_UNET_MAX_GB"
"""Environment variable that raises the limit."""
_DEFAULT_GB = 2.0
_RATIO = 1100
"""No block packed by deflate, the most usual way, becomes more than 1032 times as large; zeros do."""


def size_limit() -> int:
    """Return how many bytes may be allocated for a file that stores next to nothing.

    Raises
    ------
    UserError
        If the environment variable is no positive number.
    """
    text = os.environ.get(LIMIT, "").strip()
    try:
        size = float(text) if text else _DEFAULT_GB
    except ValueError:
        size = 0.0
    if not 0 < size < math.inf:
        raise UserError(f"{LIMIT} is {text[:40]!r}. Allowed: a positive number of gigabytes, e.g. {LIMIT}=8.")
    return int(size * 2**30)


def check_size(what: str, declared: int, stored: Callable[[int], bool]) -> None:
    """Refuse what says it is far larger than what is stored of it.

    Anything within the limit passes, and anything larger that is stored in so many bytes that they can be that much: an
    honest file is never refused for being large.

    Parameters
    ----------
    what : str
        Subject of the message, e.g. ``"cells.tif"``.
    declared : int
        Bytes that would be allocated.
    stored : callable
        Says whether at least so many bytes are stored; only asked when it matters.

    Raises
    ------
    UserError
        With the name of the environment variable that raises the limit.
    """
    if declared <= size_limit() or stored(math.ceil(declared / _RATIO)):
        return
    raise UserError(
        f"{what} says it holds {_gigabytes(declared)} GB, but next to nothing is stored of it: it is damaged or nearly "
        f"empty. Of such a file at most {_gigabytes(size_limit())} GB are read. If it is right, set the environment "
        f"variable {LIMIT} to more gigabytes, e.g. {LIMIT}=16."
    )


def _gigabytes(size: int) -> str:
    exponent = len(str(size >> 30))
    # a float cannot hold every size
    return f"{size / 2**30:.{exponent + 1}g}" if exponent < 9 else f"10^{exponent - 1}"
