"""What a model says about one block of an image. Reads no more than the block needs, and writes nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.method import Model
from ..core.normalisation import Normalisation
from ..core.plane_facts import is_large
from .block_plan import Block, BlockPlan, block_side
from .plane_windows import WindowedPlane
from .tiling import Box


@runtime_checkable
class AnswersBoxes(Protocol):
    """A model that can answer a box of a plane from the box and what is around it."""

    def tile_side(self) -> int | None:
        """Return the rows and columns of its tiles of a large plane; None: it needs whole planes."""

    def segment_box(self, image: Image, plane: int, box: Box, probabilities: bool = False) -> Any:
        """Yield the patches of the tiles that begin in a box."""


def as_block_model(model: Any) -> Model:
    """Return the model that answers by blocks: an instant one as the network it is."""
    made: Model = model.as_network() if hasattr(model, "as_network") else model
    return made


def plan_blocks(image: Image, model: Model, chunk: int) -> BlockPlan:
    """Cut an image for a model, and for a store with chunks of so many rows and columns."""
    tile = model.tile_side() if isinstance(model, AnswersBoxes) and is_large(image) else None
    side = 0 if tile is None else block_side(tile, chunk)
    together = getattr(model, "slab_planes", None)  # answered together, so that they should follow each other
    depth = max(_planes_in_chunk(image), 1 if together is None else together(image))
    return BlockPlan(image.n_planes, image.plane_shape, side, depth)


def answer_block(
    model: Model, image: Image, block: Block, skip: float | None = None, stopped: Callable[[], bool] = lambda: False,
    maps: NDArray[np.float32] | None = None,
) -> NDArray[np.uint8]:
    """Return painted ids (Y, X) of a block.

    Parameters
    ----------
    model : Model
    image : Image
    block : Block
    skip : float, optional
        Leave the block to the background where all its values lie within this part of the range of its plane.
    stopped : callable
        Asked before every tile; once it is true, what is left stays 0.
    maps : ndarray of float32, shape (classes, Y, X), optional
        Gets the class probabilities; zeros before.
    """
    box = block.box
    if skip is not None and is_flat(model, image, block, skip):
        if maps is not None:
            maps[0] = 1
        return np.full(box.shape, model.classes.ids[0], np.uint8)
    labels = np.zeros(box.shape, np.uint8)
    whole = box.shape == image.plane_shape and not is_large(image)
    if whole or not isinstance(model, AnswersBoxes) or model.tile_side() is None:
        patches = model.segment(image, [block.plane], probabilities=maps is not None)
    else:
        patches = model.segment_box(image, block.plane, box, maps is not None)
    for patch in patches:
        if stopped():
            break
        where = tuple(_moved(part, start) for part, start in zip(patch.where[-2:], (box.y0, box.x0), strict=True))
        labels[where] = patch.labels
        if maps is not None:
            maps[(slice(None), *where)] = patch.probabilities
    return labels


def is_flat(model: Model, image: Image, block: Block, share: float) -> bool:
    """Say whether all values of a block lie within a part of the range of its plane (between its percentiles)."""
    weights = getattr(model, "weights", None)
    normalisation = Normalisation() if weights is None else Normalisation(weights.normalisation.low,
                                                                          weights.normalisation.high)
    return WindowedPlane(image, block.plane, normalisation, block.box).spread() <= share


def _moved(part: Any, by: int) -> slice:
    return slice(None) if part == slice(None) else slice(part.start - by, part.stop - by)


def _planes_in_chunk(image: Image) -> int:
    """Return how many planes that follow each other lie in one chunk."""
    chunks: Sequence[Any] = getattr(image.data, "chunks", None) or ()
    if len(chunks) != len(image.axes) or not all(isinstance(one, int) for one in chunks):
        return 1
    leading = [int(size) for letter, size in zip(image.axes, chunks, strict=True) if letter not in "CYX"]
    return max(1, math.prod(leading[-1:]))
