"""Reads many parts of a plane, several at a time: most of that is decompressing, or waiting for a network."""

from __future__ import annotations

import contextvars
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from numpy.typing import NDArray

from .image import Image
from .leaving import look_up
from .threads import available_cores

MOST_NEAR, MOST_FAR = 2, 8
"""So many parts at a time, at most: of an image on this computer, and of one that comes over a network."""


def read_parts(
    image: Image, number: int, parts: Sequence[tuple[slice, slice]], *, is_far: bool = False
) -> list[NDArray[Any]]:
    """Read rows and columns of a plane as they are stored.

    Parameters
    ----------
    image : Image
    number : int
        Of the plane.
    parts : sequence of (slice, slice)
        Rows and columns.
    is_far : bool
        Whether they come over a network.

    Returns
    -------
    list of ndarray, each (C, Y, X)
        In the order of the parts.

    Raises
    ------
    UserError
        If one cannot be read: of the first of these.
    """

    def read(part: tuple[slice, slice]) -> NDArray[Any]:
        look_up()
        return image.window(number, *part)

    count = min(len(parts), MOST_FAR if is_far else min(MOST_NEAR, available_cores()))
    if count < 2:
        return [read(part) for part in parts]
    with ThreadPoolExecutor(count, "napari-unet reading") as pool:
        # whether the work is still wanted, and who notes what is read, is known by context
        waiting = [pool.submit(contextvars.copy_context().run, partial(read, part)) for part in parts]
        try:
            return [one.result() for one in waiting]
        finally:
            for one in waiting:
                one.cancel()
