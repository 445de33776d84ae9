"""All that is needed to do any block of an image, wherever it is done. Decides nothing about the order of blocks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError, reason_of
from napari_unet.core.image import Image, Where
from napari_unet.core.method import Model
from napari_unet.core.normalisation import Normalisation
from napari_unet.core.plane_facts import PlaneFacts, is_large, plane_facts
from napari_unet.io._resumable import BlockWriter, StoreToFill
from napari_unet.predicting.block_answer import answer_block
from napari_unet.predicting.block_plan import Block, BlockPlan


@dataclasses.dataclass(frozen=True, eq=False)
class BlockSinks:
    """What takes the answer to a block.

    Parameters
    ----------
    labels : array-like
        Takes painted ids.
    maps : array-like, optional
        Takes class probabilities, classes before rows and columns.
    """

    labels: Any
    maps: Any = None

    @classmethod
    def of_worker(cls, labels: StoreToFill, maps: StoreToFill | None) -> BlockSinks:
        """Return sinks for a process that only writes blocks."""
        return cls(BlockWriter(labels), None if maps is None else BlockWriter(maps))


@dataclasses.dataclass(frozen=True, eq=False)
class BlockTask:
    """An image, a model, and where the answer goes.

    Parameters
    ----------
    image : Image
    model : Model
    plan : BlockPlan
    store : StoreToFill
    skip : float, optional
        See :func:`napari_unet.predicting.block_answer.answer_block`.
    index : tuple of int, optional
        Only these planes; they go into the store one after the other.
    maps : StoreToFill, optional
        Where class probabilities go.
    """

    image: Image
    model: Model
    plan: BlockPlan
    store: StoreToFill
    skip: float | None = None
    index: tuple[int, ...] | None = None
    maps: StoreToFill | None = None

    @property
    def blocks(self) -> list[Block]:
        """The blocks that are wanted, in their order."""
        if self.index is None:
            return list(self.plan)
        wanted = set(self.index)
        return [block for block in self.plan if block.plane in wanted]

    def where(self, block: Block) -> Where:
        """Return where a block lies in the store."""
        if self.index is None:
            return self.image.where(block.plane, *block.box.slices)
        return (self.index.index(block.plane), *block.box.slices)

    def place(self, block: Block) -> str:
        """Say where a block lies in the image, for people."""
        box = block.box
        words = [*self._plane_words(block.plane), f"Y={box.y0} to {box.y1 - 1}", f"X={box.x0} to {box.x1 - 1}"]
        return ", ".join(words)

    def _plane_words(self, plane: int) -> list[str]:
        leading = self.image.where(plane)[:-2]
        return [f"{letter}={number}" for letter, number in zip(self.image.label_axes, leading, strict=False)]

    def facts(self, plane: int) -> PlaneFacts | None:
        """Return what has to be known of a whole plane before any block of it is done; None of a small one.

        Raises
        ------
        UserError
            Naming the plane, if it cannot be read.
        """
        if not is_large(self.image):
            return None
        try:
            return plane_facts(self.image, plane, *self.percentiles)
        except Exception as error:
            where = f"The plane {', '.join(words)}" if (words := self._plane_words(plane)) else "The plane"
            raise UserError(
                f"{where} of {self.image.name!r} could not be looked at: {reason_of(error)} The blocks that are done "
                "are kept: run the same again to go on."
            ) from error

    def prepare(self, plane: int, stopped: Callable[[], bool]) -> None:
        """Find out ahead of time what has to be known of a plane."""
        if not stopped():
            self.facts(plane)

    @property
    def percentiles(self) -> tuple[float, float]:
        """Which percentiles of a plane the model asks for."""
        weights = getattr(self.model, "weights", None)
        used = Normalisation() if weights is None else weights.normalisation
        return used.low, used.high

    def do(self, block: Block, sinks: BlockSinks, stopped: Callable[[], bool] = lambda: False) -> None:
        """Compute and write a block.

        Raises
        ------
        UserError
            Naming the block, if it cannot be read or written.
        """
        try:
            maps: NDArray[np.float32] | None = None
            if self.maps is not None:
                maps = np.zeros((len(self.model.classes.ids), *block.box.shape), np.float32)
            labels = answer_block(self.model, self.image, block, self.skip, stopped, maps)
            if stopped():
                return
            where = self.where(block)
            if maps is not None:
                sinks.maps[(*where[:-2], slice(None), *where[-2:])] = maps
            sinks.labels[where] = labels
        except Exception as error:
            raise UserError(
                f"The block at {self.place(block)} of {self.image.name!r} could not be done: {reason_of(error)} "
                "The blocks that are done are kept: run the same again to go on."
            ) from error
