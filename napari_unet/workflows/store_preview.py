"""What a store that is being filled looks like from afar: a small picture, part by part. Imports no torch."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.image import Image

from .block_progress import BlockDone

PREVIEW = 4096
"""Rows and columns of a plane, seen from afar, at most."""

PREVIEW_PIXELS = 2**27
"""Pixels of all planes together, seen from afar, about, at most: they are kept in memory."""


@dataclasses.dataclass(frozen=True, eq=False)
class FilledPart:
    """A part of the store is filled.

    Parameters
    ----------
    pixels : zarr array, read only
        All pixels, as mask values, while they are written. Opened by the run: when a part is looked at the run may be
        over, and the store have another name. A chunk that is gone reads as nothing.
    plane : int
    rows, columns : slice
        Of the picture from afar: each so-manieth row and column.
    values : ndarray of uint8, shape (Y, X)
        What is there, as painted ids.
    event : BlockDone or None
        How far it has come; None for what an earlier run had done.
    """

    pixels: Any
    plane: int
    rows: slice
    columns: slice
    values: NDArray[np.uint8]
    event: BlockDone | None


def preview_step(image: Image) -> int:
    """Return which rows and columns the picture from afar consists of: each so-manieth."""
    of_all = math.ceil(math.sqrt(math.prod(image.shape) / PREVIEW_PIXELS))
    return max(1, math.ceil(max(image.plane_shape) / PREVIEW), of_all)


def preview_shape(image: Image) -> tuple[int, ...]:
    """Return the shape of the picture from afar, all planes."""
    step = preview_step(image)
    return (*image.shape[:-2], *(-(-size // step) for size in image.plane_shape))
