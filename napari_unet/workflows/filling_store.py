"""Segment a large image into a store and tell of each part what it looks like from afar. Shows nothing itself."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import deque
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from napari_unet.core.image import Image
from napari_unet.core.method import Model
from napari_unet.predicting.block_plan import Block

from .block_task import BlockSinks, BlockTask
from .store_preview import FilledPart, preview_step
from .store_run import BlockEngine, ThreadEngine, predict_store


class _TellingEngine:
    """An engine that keeps what each block looks like from afar, for whoever follows the run."""

    def __init__(self, engine: BlockEngine, step: int) -> None:
        self._engine, self._step = engine, step
        self.parts: deque[FilledPart] = deque()
        self._pixels: Any = None

    def run(self, task: BlockTask, waiting: Sequence[Block], sinks: BlockSinks) -> Generator[Block, None, None]:
        """Do blocks; those that are done already are told first."""
        left, store = {block.number for block in waiting}, task.store.sink()
        self._pixels = zarr.open_array(str(Path(task.store.folder) / "0"), mode="r")
        for block in task.blocks:
            if block.number not in left:
                self.parts.append(self._part(task, block, store))
        with contextlib.closing(self._engine.run(task, waiting, sinks)) as blocks:
            for block in blocks:
                self.parts.append(self._part(task, block, store))
                yield block

    def _part(self, task: BlockTask, block: Block, store: Any) -> FilledPart:
        box, step = block.box, self._step
        first = (-(-box.y0 // step), -(-box.x0 // step))
        seen = np.asarray(store[task.where(block)])
        seen = seen[first[0] * step - box.y0 :: step, first[1] * step - box.x0 :: step]
        rows, columns = (slice(at, at + size) for at, size in zip(first, seen.shape, strict=True))
        values = seen if task.store.info.code == "painted" else seen + np.uint8(1)
        return FilledPart(self._pixels, block.plane, rows, columns, values.astype(np.uint8), None)


def fill_store(
    image: Image, model: Model, output: str | Path, *, overwrite: bool = False
) -> Generator[FilledPart, None, Path]:
    """Segment an image into a store, block by block; goes on with what an earlier run has left.

    Parameters
    ----------
    image : Image
    model : Model
    output : path
    overwrite : bool

    Yields
    ------
    FilledPart
        Of blocks that an earlier run had done, and of each that is done now.

    Returns
    -------
    Path

    Raises
    ------
    UserError
        As :func:`.store_run.predict_store`; what is done stays.
    """
    engine = _TellingEngine(ThreadEngine(), preview_step(image))
    run = predict_store(image, model, output, engine=engine, overwrite=overwrite)
    try:
        for event in run:
            while engine.parts:
                part = engine.parts.popleft()
                yield part if engine.parts else dataclasses.replace(part, event=event)
        while engine.parts:  # all of it was done before
            yield engine.parts.popleft()
        return Path(run.result())
    finally:
        run.close()
