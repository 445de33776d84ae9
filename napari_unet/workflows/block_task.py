"""All that is needed to do any block of an image, wherever it is done. Decides nothing about the order of blocks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError, sentence_of
from napari_unet.core.image import Image, Where
from napari_unet.core.method import Model
from napari_unet.core.normalisation import Normalisation
from napari_unet.core.plane_facts import PlaneFacts, facts_at_hand, is_large, plane_facts
from napari_unet.core.seen_parts import seeing
from napari_unet.io._store_to_fill import BlockWriter, StoreToFill
from napari_unet.predicting.block_answer import answer_block
from napari_unet.predicting.block_plan import Block, BlockPlan

from .block_input import input_note


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
    seen : dict of int to str
        By number of a block, from when it is written until somebody takes it: what it was computed from.
    """

    image: Image
    model: Model
    plan: BlockPlan
    store: StoreToFill
    skip: float | None = None
    index: tuple[int, ...] | None = None
    maps: StoreToFill | None = None
    seen: dict[int, str] = dataclasses.field(default_factory=dict)

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
        words = [*_plane_words(self.image, block.plane), f"Y={box.y0} to {box.y1 - 1}", f"X={box.x0} to {box.x1 - 1}"]
        return ", ".join(words)

    def facts(self, plane: int) -> PlaneFacts | None:
        """Return what has to be known of a whole plane before any block of it is done; as :func:`known_facts`."""
        return known_facts(self.image, self.model, plane)

    def prepare(self, plane: int, stopped: Callable[[], bool]) -> None:
        """Find out ahead of time what has to be known of a plane."""
        if not stopped():
            self.facts(plane)

    @property
    def percentiles(self) -> tuple[float, float]:
        """Which percentiles of a plane the model asks for."""
        return _percentiles(self.model)

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
            if is_large(self.image) and hasattr(self.model, "weights"):
                plane_facts(self.image, block.plane, *self.percentiles)  # by itself: the block reads only what it needs
            with seeing(self.image) as parts:
                labels = answer_block(self.model, self.image, block, self.skip, stopped, maps)
            if stopped():
                return
            where = self.where(block)
            if maps is not None:
                sinks.maps[(*where[:-2], slice(None), *where[-2:])] = maps
            sinks.labels[where] = labels
            self.seen[block.number] = input_note(
                parts, facts_at_hand(self.image, block.plane, *self.percentiles) if is_large(self.image) else None)
        except Exception as error:
            raise UserError(
                f"The block at {self.place(block)} of {self.image.name!r} could not be done: "
                f"{sentence_of(error)} The blocks that are done are kept: run the same again to go on."
            ) from error


def known_facts(image: Image, model: Model, plane: int) -> PlaneFacts | None:
    """Return what has to be known of a whole plane before any block of it is done; None of a small one.

    Raises
    ------
    UserError
        Naming the plane, if it cannot be read.
    """
    if not is_large(image):
        return None
    try:
        return plane_facts(image, plane, *_percentiles(model))
    except Exception as error:
        where = f"The plane {', '.join(words)}" if (words := _plane_words(image, plane)) else "The plane"
        raise UserError(
            f"{where} of {image.name!r} could not be looked at: {sentence_of(error)} The blocks that are done are "
            "kept: run the same again to go on."
        ) from error


def _plane_words(image: Image, plane: int) -> list[str]:
    leading = image.where(plane)[:-2]
    return [f"{letter}={number}" for letter, number in zip(image.label_axes, leading, strict=False)]


def _percentiles(model: Model) -> tuple[float, float]:
    weights = getattr(model, "weights", None)
    used = Normalisation() if weights is None else weights.normalisation
    return used.low, used.high
