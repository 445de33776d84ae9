"""A TIFF made of a store that is filled. Computes nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._pyramid import PyramidSink
from ._store_to_fill import StoreToFill
from .tiff import Tiff, write_tiled

MOST_AT_ONCE = 2**28
"""Pixels of a mask that is put together in memory to become a TIFF as others are; a larger one is written in tiles."""


def tiff_of_store(path: Path, sink: PyramidSink, store: StoreToFill) -> None:
    """Write all that a store holds into a TIFF."""
    if math.prod(store.shape) > MOST_AT_ONCE:
        write_tiled(path, _tiles(sink, store), store.shape, store.info, store.format.chunk)
        return
    whole = Tiff().create(path, store.shape, store.info)  # as Fiji opens it
    for plane in np.ndindex(*store.shape[:-2]):
        whole[plane] = sink[(*plane, slice(None), slice(None))]
    whole.close()


def _tiles(sink: PyramidSink, store: StoreToFill) -> Iterator[NDArray[Any]]:
    """Yield the chunks of all planes, row by row."""
    side, shape = store.format.chunk, store.shape
    for plane in np.ndindex(*shape[:-2]):
        for y in range(0, shape[-2], side):
            for x in range(0, shape[-1], side):
                yield sink[(*plane, slice(y, min(y + side, shape[-2])), slice(x, min(x + side, shape[-1])))]
