"""Segment an image larger than memory into a store, block by block: read, computed and written at the same time.

What is in memory at once is some blocks, never a plane. What is done stays when a run ends early, and the next run goes
on from there. Who computes the blocks is an engine: threads of this process here, or a Dask cluster
(:mod:`.cluster`). Prints and draws nothing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, Protocol

from napari_unet.core.errors import UsageError, UserError, reason_of
from napari_unet.core.fingerprints import image_hash
from napari_unet.core.image import Image
from napari_unet.core.leaving import heed, look_up
from napari_unet.core.method import Model
from napari_unet.core.normalisation import Normalisation
from napari_unet.core.plane_facts import PlaneFacts, how_judged, is_large, plane_facts
from napari_unet.core.threads import available_cores, limit_threads
from napari_unet.core.work import work
from napari_unet.instant.volume_model import VolumeModel
from napari_unet.io._resumable import ResumableMask, StoreToFill
from napari_unet.io.ome_zarr import OmeZarr
from napari_unet.predicting.block_answer import answer_block, as_block_model, plan_blocks
from napari_unet.predicting.block_plan import Block, BlockPlan
from napari_unet.predicting.devices import choose_device
from napari_unet.predicting.mask_origin import mask_provenance
from napari_unet.predicting.model_hash import model_hash

LOOK = 0.2
"""Seconds between two looks whether the run is still wanted."""

STORE_PIXELS = 2**26
"""Pixels of all planes. A larger image is segmented block by block even if its planes are small."""


@dataclasses.dataclass(frozen=True)
class BlockDone:
    """A block is computed and written.

    Parameters
    ----------
    done, total : int
        Of the blocks that this run has to do.
    before : int
        Blocks that an earlier run had done.
    left : float
        Seconds until the last, about.
    note : str
        What people should know of how the run began.
    """

    done: int
    total: int
    before: int
    left: float
    note: str = ""


@dataclasses.dataclass(frozen=True, eq=False)
class BlockTask:
    """All that is needed to do any block of an image.

    Parameters
    ----------
    image : Image
    model : Model
    plan : BlockPlan
    store : StoreToFill
    skip : float, optional
        See :func:`napari_unet.predicting.block_answer.answer_block`.
    """

    image: Image
    model: Model
    plan: BlockPlan
    store: StoreToFill
    skip: float | None = None

    def place(self, block: Block) -> str:
        """Say where a block lies, for people."""
        box = block.box
        leading = self.image.where(block.plane)[:-2]
        planes = [f"{letter}={number}" for letter, number in zip(self.image.label_axes, leading, strict=False)]
        return ", ".join([*planes, f"Y={box.y0} to {box.y1 - 1}", f"X={box.x0} to {box.x1 - 1}"])

    def facts(self, plane: int) -> PlaneFacts | None:
        """Return what has to be known of a whole plane before any block of it is done; None of a small one."""
        if not is_large(self.image):
            return None
        return plane_facts(self.image, plane, *self.percentiles)

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

    def do(self, block: Block, sink: Any, stopped: Callable[[], bool] = lambda: False) -> None:
        """Compute and write a block.

        Raises
        ------
        UserError
            Naming the block, if it cannot be read or written.
        """
        try:
            labels = answer_block(self.model, self.image, block, self.skip, stopped)
            if not stopped():
                sink[self.image.where(block.plane, *block.box.slices)] = labels
        except Exception as error:
            raise UserError(
                f"The block at {self.place(block)} of {self.image.name!r} could not be done: {reason_of(error)} "
                "The blocks that are done are kept: run the same again to go on."
            ) from error


class BlockEngine(Protocol):
    """Who computes blocks."""

    def run(self, task: BlockTask, waiting: Sequence[Block], sink: Any) -> Generator[Block, None, None]:
        """Do blocks, in about this order; yields each once it is written. Closed, it writes nothing any more."""


class ThreadEngine:
    """Threads of this process, each of which computes in one thread: while one reads or writes, others compute.

    Parameters
    ----------
    threads : int, optional
        One for each core by default.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads

    def run(self, task: BlockTask, waiting: Sequence[Block], sink: Any) -> Generator[Block, None, None]:
        """Do blocks; whoever stops asking ends it within a tile."""
        count, each = self._sizes(task)
        stop = threading.Event()
        left = deque(waiting)
        running: dict[Future[None], Block] = {}
        planes = deque(dict.fromkeys(block.plane for block in waiting))
        with ThreadPoolExecutor(count, initializer=_begin_thread, initargs=(each, stop)) as pool:
            try:
                while left or running:
                    while left and len(running) < 2 * count:
                        block = left.popleft()
                        if planes and block.plane == planes[0]:
                            planes.popleft()
                            _prepare(pool, task, planes, stop)
                        running[pool.submit(task.do, block, sink, stop.is_set)] = block
                    look_up()  # a block takes long
                    done, _ = wait(running, LOOK, return_when=FIRST_COMPLETED)
                    for future in done:
                        block = running.pop(future)
                        future.result()
                        yield block
            finally:
                stop.set()
                for future in running:
                    future.cancel()

    def _sizes(self, task: BlockTask) -> tuple[int, int | None]:
        """Return how many blocks are done at a time, and in how many threads each computes; None: as it likes."""
        if isinstance(task.model, VolumeModel):  # what one thread keeps of a volume, others would compute again
            return 1, None
        if hasattr(task.model, "device") and choose_device(task.model.device).kind != "cpu":
            return self._threads or 2, None
        return self._threads or available_cores(), 1


def _begin_thread(threads: int | None, stop: threading.Event) -> None:
    """Let a thread compute in so many threads, and leave its block as soon as it is to stop."""
    limit_threads(threads)
    heed(stop)


def _prepare(pool: ThreadPoolExecutor, task: BlockTask, planes: Sequence[int], stop: threading.Event) -> None:
    """Have it found out what the next plane is like, so that nobody waits at its beginning."""
    if planes and hasattr(task.model, "weights"):
        ahead = pool.submit(task.prepare, planes[0], stop.is_set)
        ahead.add_done_callback(Future.exception)  # whoever needs the plane tells of it


def needs_store(image: Image) -> bool:
    """Say whether an image is so large that it is segmented block by block unasked."""
    size = image.n_planes * image.plane_shape[0] * image.plane_shape[1]
    return is_large(image) or size > STORE_PIXELS


@work
def predict_store(
    image: Image,
    model: Model,
    output: str | Path,
    *,
    engine: BlockEngine | None = None,
    painted_ids: bool = False,
    skip_background: float | None = None,
    overwrite: bool = False,
    format: OmeZarr | None = None,
) -> Generator[BlockDone, None, Path | str]:
    """Segment an image into a file, block by block; goes on with what an earlier run has left.

    Parameters
    ----------
    image : Image
        Read block by block; :func:`napari_unet.io.read_image` opens files so.
    model : Model
        Networks and forests are computed by blocks, other methods by planes.
    output : path or str
        ``.zarr`` or ``.tif``; a TIFF is made of a store in the end. Or an address (``s3://``...), ``.zarr``.
    engine : BlockEngine, optional
        Threads of this process by default.
    painted_ids : bool
        Write ids as painted instead of a mask.
    skip_background : float, optional
        Leave blocks to the background whose values all lie within this part of the range of their plane; between 0
        and 1.
    overwrite : bool
    format : OmeZarr, optional
        Version, chunks and shards of the store.

    Yields
    ------
    BlockDone

    Returns
    -------
    Path or str
        Where the mask is; text is an address.

    Raises
    ------
    UserError
        If it cannot be read, computed or written; what is done stays.
    UsageError
        If ``skip_background`` is no share.
    """
    if skip_background is not None and not 0 < skip_background < 1:
        raise UsageError(f"A share of {skip_background:g} of the range of a plane cannot be left out. Allowed: a "
                         "number above 0 and below 1, e.g. 0.1.")
    model, format = as_block_model(model), format or OmeZarr()
    deque(model.segment(image, []), 0)  # what does not suit the model is said before anything is made
    plan = plan_blocks(image, model, max(format.chunk, format.shard))
    asked = {"image": image_hash(image), "axes": image.axes, "model": model_hash(model), "plan": repr(plan),
             "skip": skip_background, "painted": painted_ids}
    provenance = mask_provenance(model, image, settings={
        "planes": "all", "tta": bool(getattr(model, "tta", False)), "blocks": plan.side or "planes",
        "percentiles_from": how_judged(image), "skip_background": skip_background, "painted_ids": painted_ids})
    mask = ResumableMask(
        output, image.shape, classes=model.classes, geometry=image.geometry, asked=asked, overwrite=overwrite,
        code="painted" if painted_ids else "mask", format=format, provenance=provenance)
    try:
        before = len(mask.finished)
        waiting = [block for block in plan if block.number not in mask.finished]
        task = BlockTask(image, model, plan, mask.store, skip_background)
        begun = time.monotonic()
        # closed before the store is let go of: nobody writes into it then
        with contextlib.closing((engine or ThreadEngine()).run(task, waiting, mask)) as blocks:
            for done, block in enumerate(blocks, 1):
                mask.note(block.number)
                seconds = time.monotonic() - begun
                yield BlockDone(done, len(waiting), before, seconds / done * (len(waiting) - done), mask.note_of_lock)
        return mask.finish()
    finally:
        mask.release()
