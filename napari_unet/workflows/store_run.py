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
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from napari_unet.core.errors import UsageError
from napari_unet.core.fingerprints import hash_if_whole
from napari_unet.core.image import Image
from napari_unet.core.leaving import heed, look_up
from napari_unet.core.method import Model, checked_planes
from napari_unet.core.plane_facts import how_judged, is_large
from napari_unet.core.provenance import PROBABILITIES, Provenance
from napari_unet.core.threads import available_cores, limit_threads
from napari_unet.core.work import work
from napari_unet.instant.volume_model import VolumeModel
from napari_unet.io._last_change import change_of_pixels
from napari_unet.io._named_run import finish_named
from napari_unet.io._resumable import ResumableMask
from napari_unet.io._resumable_probabilities import resumable_probabilities
from napari_unet.io._told_beside import made_alike
from napari_unet.io.ome_zarr import OmeZarr
from napari_unet.predicting.block_answer import as_block_model, plan_blocks
from napari_unet.predicting.block_plan import Block
from napari_unet.predicting.devices import choose_device
from napari_unet.predicting.mask_origin import mask_provenance
from napari_unet.predicting.model_hash import model_hash
from napari_unet.predicting.patches import prediction_shape

from .block_input import is_same_input
from .block_progress import STORE_PIXELS, BlockDone
from .block_task import BlockSinks, BlockTask, known_facts

LOOK = 0.2
"""Seconds between two looks whether the run is still wanted."""


class BlockEngine(Protocol):
    """Who computes blocks."""

    def run(self, task: BlockTask, waiting: Sequence[Block], sinks: BlockSinks) -> Generator[Block, None, None]:
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

    def run(self, task: BlockTask, waiting: Sequence[Block], sinks: BlockSinks) -> Generator[Block, None, None]:
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
                        running[pool.submit(task.do, block, sinks, stop.is_set)] = block
                    look_up()  # a block takes long
                    done, _ = wait(running, LOOK, return_when=FIRST_COMPLETED)
                    # what a thread keeps of a block for the next ones is noted with that block: first
                    for future in sorted(done, key=lambda one: running[one].number):
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
    index: Sequence[int] | None = None,
    probabilities: str | Path | None = None,
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
    index : sequence of int, optional
        Only these planes, in this order.
    probabilities : path or str, optional
        Where class probabilities go too, ``.zarr``, as ``output``.
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
    _check_share(skip_background)
    model, format = as_block_model(model), format or OmeZarr()
    # what does not suit the model is said before anything is made
    deque(model.segment(image, [], probabilities=probabilities is not None), 0)
    picked = None if index is None else tuple(checked_planes(image, index))
    geometry = image.geometry if picked is None else image.geometry.of_planes()
    plan = plan_blocks(image, model, max(format.chunk, format.shard))
    asked = {"image": hash_if_whole(image), "axes": image.axes, "model": model_hash(model), "plan": repr(plan),
             "skip": skip_background, "painted": painted_ids, "changed": change_of_pixels(image.data), **_of(picked)}
    provenance = mask_provenance(model, image, settings={
        "planes": "all" if picked is None else list(picked), "tta": bool(getattr(model, "tta", False)),
        "blocks": plan.side or "planes", "percentiles_from": how_judged(image), "skip_background": skip_background,
        "painted_ids": painted_ids})
    options: dict[str, Any] = {"shape": prediction_shape(image, picked), "classes": model.classes,
                               "geometry": geometry, "asked": asked, "overwrite": overwrite, "format": format,
                               "same_input": partial(is_same_input, image, plan, partial(known_facts, image, model))}
    same = {**asked, "format": repr(format), "shape": list(options["shape"])}
    if (done := finish_named(output, same, provenance, overwrite)) is not None:
        return done
    with contextlib.ExitStack() as opened:
        mask = ResumableMask(output, code="painted" if painted_ids else "mask", provenance=provenance, **options)
        opened.callback(mask.release)
        files, task = [mask], BlockTask(image, model, plan, mask.store, skip_background, picked)
        whole = mask.finished.issuperset(one.number for one in task.blocks)
        maps = _maps_left(probabilities, provenance, whole, options)
        if maps is not None:
            opened.callback(maps.release)
            files, task = [mask, maps], dataclasses.replace(task, maps=maps.store)
        finished = set.intersection(*(one.finished for one in files))
        waiting = [block for block in task.blocks if block.number not in finished]
        run = (engine or ThreadEngine()).run(task, waiting, BlockSinks(*files))
        yield from _noted(run, task, files, len(waiting), len(finished))
        for one in reversed(files):
            one.finish()
        return mask.path


def _of(picked: tuple[int, ...] | None) -> dict[str, Any]:
    """Return what is told of the planes that are wanted, if not all are."""
    return {} if picked is None else {"index": picked}


def _check_share(skip_background: float | None) -> None:
    if skip_background is not None and not 0 < skip_background < 1:
        raise UsageError(f"A share of {skip_background:g} of the range of a plane cannot be left out. Allowed: a "
                         "number above 0 and below 1, e.g. 0.1.")


def _maps_left(
    path: str | Path | None, of_mask: Provenance, whole: bool, options: Mapping[str, Any]
) -> ResumableMask | None:
    """Open the probabilities; None if none are wanted, or a run that ended before the mask had its name has left them.

    Where not all blocks of the mask are there any more, those probabilities are made anew, unasked: they are the same.
    """
    if path is None:
        return None
    provenance = dataclasses.replace(of_mask, what=PROBABILITIES)
    same = {**options["asked"], "of": "probabilities", "format": repr(options["format"])}
    ended = finish_named(path, same, provenance, True) is not None  # a run that was killed in its last moment
    ours = ended or made_alike(path, provenance)
    if ours and whole:
        return None
    return resumable_probabilities(
        path, provenance=provenance, **{**options, "overwrite": options["overwrite"] or ours})


def _noted(
    run: Generator[Block, None, None], task: BlockTask, files: Sequence[ResumableMask], total: int, before: int
) -> Iterator[BlockDone]:
    """Note every block that is done, and tell of it."""
    begun = time.monotonic()
    # closed before the store is let go of: nobody writes into it then
    with contextlib.closing(run) as blocks:
        for done, block in enumerate(blocks, 1):
            made_of = task.seen.pop(block.number, "")
            for one in files:
                one.note(block.number, made_of)
            seconds = time.monotonic() - begun
            yield BlockDone(done, total, before, seconds / done * (total - done), files[0].remarks)
