"""Blocks computed on a Dask cluster: processes of this computer, or a scheduler anywhere. Needs the extra ``cluster``.

Every worker opens the image and the store by their names, so both must be where all workers see them; the model is sent
to each worker once. A block is computed in one thread, as in :class:`.store_run.ThreadEngine`, and comes out alike. A
block whose worker dies is given to another. The journal is written here, when the scheduler says that a block is done.
A run that is ended tells its workers and waits for them. Should the word not reach one, the lock of the store does,
which is looked at before every write.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from napari_unet.core.errors import UserError, reason_of
from napari_unet.core.plane_facts import PlaneFacts, give_plane_facts, is_large
from napari_unet.core.threads import limit_threads
from napari_unet.io import read_image
from napari_unet.io._store_to_fill import StoreToFill
from napari_unet.io.model_file import load_model, save_model
from napari_unet.predicting.block_plan import Block, BlockPlan

from .block_task import BlockSinks, BlockTask
from .cluster_failures import PATIENCE, RETRIES, raise_failure
from .dask_client import connected, own_loop

INSTALL = "python -m pip install napari-unet-live[cluster]"


@dataclasses.dataclass(frozen=True)
class ClusterJob:
    """What is sent with every block: small, plain values."""

    image: str
    axes: str | None
    model: str
    settings: tuple[tuple[str, Any], ...]
    plan: BlockPlan
    store: StoreToFill
    skip: float | None
    index: tuple[int, ...] | None
    maps: StoreToFill | None


class ClusterEngine:
    """A Dask cluster as an engine of :func:`.store_run.predict_store`.

    Parameters
    ----------
    image : path or str
        The file or address of the image, as every worker can open it.
    axes : str, optional
    workers : int, optional
        Start so many processes on this computer.
    address : str, optional
        Of a scheduler that runs already (``tcp://...``).
    """

    def __init__(
        self, image: str | os.PathLike[str], axes: str | None = None, *, workers: int | None = None,
        address: str | None = None,
    ) -> None:
        self._image, self._axes = str(image) if "://" in str(image) else os.path.abspath(image), axes
        self._workers, self._address = workers, address

    def run(self, task: BlockTask, waiting: Sequence[Block], sinks: BlockSinks) -> Generator[Block, None, None]:
        """Do blocks; see :class:`.store_run.BlockEngine`.

        Raises
        ------
        UserError
            If Dask is not installed, the scheduler cannot be reached, or a block fails again and again.
        """
        del sinks  # every worker opens its own
        try:
            import distributed
        except ImportError as error:
            raise UserError(f"A cluster needs Dask, which is not installed. Install it: {INSTALL}") from error
        contents = _model_bytes(task.model)
        job = ClusterJob(
            self._image, self._axes, hashlib.sha256(contents).hexdigest(),
            tuple((name, getattr(task.model, name)) for name in ("device", "tta", "tile", "full_precision")
                  if hasattr(task.model, name)), task.plan, task.store, task.skip,
            task.index, task.maps)
        left = deque(waiting)
        with self._connected(distributed) as client:
            sender = _Sender(client, task, job, contents, self._resources(client, task.model))
            most = 4 * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
            try:
                running = distributed.as_completed(
                    [sender.send(left.popleft()) for _ in range(min(most, len(left)))], loop=client.loop,
                    with_results=True, raise_errors=False)
                for future, made_of in running:
                    block = sender.done(future)
                    task.seen[block.number] = made_of
                    if left:
                        running.add(sender.send(left.popleft()))
                    yield block
            finally:
                if sender.asked:
                    _end(client, [future for future, _ in sender.asked.values()], task.store.run)

    @contextlib.contextmanager
    def _connected(self, distributed: Any) -> Iterator[Any]:
        """Connect to the scheduler, or start one; both end with the block."""
        with contextlib.ExitStack() as opened:
            opened.enter_context(distributed.utils.silence_logging_cmgr(50))  # what goes wrong is raised, too
            loop = opened.enter_context(own_loop())
            address: Any = self._address
            if address is None:
                address = opened.enter_context(distributed.LocalCluster(
                    n_workers=self._workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50,
                    loop=loop))
            try:
                client = opened.enter_context(connected(address, PATIENCE, loop))
                client.wait_for_workers(1, timeout=PATIENCE)
            except Exception as error:  # what answers there may be no scheduler, and say anything
                raise UserError(
                    f"The scheduler {self._address or 'of this computer'} cannot be reached, or it has no workers "
                    f"({_said(error)}). Start it (`dask scheduler`, `dask worker ADDRESS`), check the address, and "
                    "run the same again."
                ) from error
            yield client

    @staticmethod
    def _resources(client: Any, model: Any) -> dict[str, float] | None:
        """Ask for workers that have a graphics card, where there are such and the model wants one."""
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        wanted = str(getattr(model, "device", "cpu")) not in ("cpu", "mps")
        return {"GPU": 1} if wanted and any("GPU" in one.get("resources", {}) for one in workers) else None


class _Sender:
    """Sends blocks to a cluster: of what they share, each worker gets one copy, and of a plane one looks at all of it.

    Parameters
    ----------
    client : distributed.Client
    task : BlockTask
    job : ClusterJob
    contents : bytes
        Of the file of the model.
    resources : mapping of str to float, optional
        What a worker must have.
    """

    def __init__(
        self, client: Any, task: BlockTask, job: ClusterJob, contents: bytes, resources: dict[str, float] | None
    ) -> None:
        self._client, self._task, self._resources = client, task, resources
        self._shared = [client.scatter(one, broadcast=True, hash=False) for one in (job, contents)]
        self._facts: dict[int, Any] = {}
        self._planes = Counter(block.plane for block in task.blocks)
        self.asked: dict[str, tuple[Any, Block]] = {}

    def send(self, block: Block) -> Any:
        """Ask for a block; returns its future."""
        run = self._task.store.run[:8]
        future = self._client.submit(
            compute_block, *self._shared, block.number, self._facts_of(block.plane), pure=False, retries=RETRIES,
            resources=self._resources, key=f"block-{run}-{block.number}")
        self.asked[future.key] = future, block
        return future

    def _facts_of(self, plane: int) -> Any:
        """Return the future of what has to be known of a whole plane; None of a small one."""
        if not is_large(self._task.image):
            return None
        if plane not in self._facts:
            self._facts[plane] = self._client.submit(
                facts_of_plane, *self._shared, plane, pure=False, retries=RETRIES,
                key=f"plane-{self._task.store.run[:8]}-{plane}", priority=1)
        return self._facts[plane]

    def done(self, future: Any) -> Block:
        """Return the block that was asked for; errors as of the block."""
        _, block = self.asked[future.key]
        if future.status != "finished":
            raise_failure(future, self._task, block)
        del self.asked[future.key]
        self._planes[block.plane] -= 1
        if not self._planes[block.plane]:
            self._facts.pop(block.plane, None)
        return block


def _said(error: Exception) -> str:
    """Return why a scheduler does not answer; the words of another program are taken for a size, and for a huge one."""
    return "what answers there is none" if isinstance(error, MemoryError) else reason_of(error)


def _end(client: Any, asked: list[Any], run: str) -> None:
    """Take back what was asked for, and wait until nobody works on it; a scheduler that is gone takes nothing back."""
    with contextlib.suppress(Exception):
        client.cancel(asked, force=True)
        end = time.monotonic() + PATIENCE
        while any(client.run(stop_blocks, run).values()) and time.monotonic() < end:
            time.sleep(0.05)


_stopped: set[str] = set()
_at_work: dict[str, int] = {}
_counting = threading.Lock()


def stop_blocks(run: str) -> int:
    """Stop the blocks of a run in a worker within a tile; returns how many it still works on."""
    with _counting:
        _stopped.add(run)
        return _at_work.get(run, 0)


@contextlib.contextmanager
def _working(run: str) -> Iterator[None]:
    """Count a block that is being worked on."""
    with _counting:
        _at_work[run] = _at_work.get(run, 0) + 1
    try:
        yield
    finally:
        with _counting:
            _at_work[run] -= 1


def facts_of_plane(job: ClusterJob, model: bytes, plane: int) -> PlaneFacts | None:
    """Find out in a worker what has to be known of a whole plane."""
    limit_threads(1)
    with _working(job.store.run):
        return _opened(job, model)[0].facts(plane)


def compute_block(job: ClusterJob, model: bytes, number: int, facts: PlaneFacts | None) -> str:
    """Compute and write a block in a worker; returns what it was computed from."""
    limit_threads(1)
    with _working(job.store.run):
        task, sinks = _opened(job, model)
        block = task.plan.block(number)
        if facts is not None:
            give_plane_facts(task.image, block.plane, *task.percentiles, facts)
        task.do(block, sinks, lambda: job.store.run in _stopped)
        return task.seen.pop(number, "")


_open: dict[ClusterJob, tuple[BlockTask, BlockSinks]] = {}
"""What this worker has open: the job at hand."""


def _opened(job: ClusterJob, contents: bytes) -> tuple[BlockTask, BlockSinks]:
    if job not in _open:
        _open.clear()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.pt"
            path.write_bytes(contents)
            model: Any = load_model(path)
        if job.settings:
            model = dataclasses.replace(model, **dict(job.settings))
        task = BlockTask(read_image(job.image, job.axes), model, job.plan, job.store, job.skip, job.index, job.maps)
        _open[job] = task, BlockSinks.of_worker(job.store, job.maps)
    return _open[job]


def _model_bytes(model: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pt"
        save_model(path, model)
        return path.read_bytes()
