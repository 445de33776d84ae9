"""Images that one model can learn from together have equally many channels. Reads no pixels."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import UserError
from .image import Image

_MOST_NAMED = 3


def common_channels(images: Iterable[Image]) -> int:
    """Return how many channels images have.

    Parameters
    ----------
    images : iterable of Image
        One at least.

    Raises
    ------
    UserError
        If they differ.
    """
    by_count: dict[int, list[str]] = {}
    for one in images:
        by_count.setdefault(one.n_channels, []).append(repr(one.name))
    if len(by_count) > 1:
        told = "; ".join(f"{_some(names)} {'has' if len(names) == 1 else 'have'} {count}"
                         for count, names in by_count.items())
        raise UserError(
            f"The images differ in their channels: {told}. One model learns from images with equally many: learn from "
            "some of them (in the window, untick the others), or from one channel of each."
        )
    return next(iter(by_count))


def _some(names: list[str]) -> str:
    return ", ".join(names[:_MOST_NAMED]) + (f" and {len(names) - _MOST_NAMED} more" * (len(names) > _MOST_NAMED))
