"""A real scheduler and two worker processes, one of which is killed midway: the bytes of a run without them."""

from __future__ import annotations

import os
import signal
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import zarr
from predict_scene import NETWORKS, weights_of
from test_block_runs import files_of, picture

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.plane_facts import is_large
from napari_unet.io import read_image
from napari_unet.predicting.block_plan import BlockPlan
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.workflows import block_task, cluster
from napari_unet.workflows.block_task import BlockTask
from napari_unet.workflows.cluster import ClusterEngine
from napari_unet.workflows.cluster_failures import raise_failure
from napari_unet.workflows.dask_client import connected, own_loop
from napari_unet.workflows.store_run import predict_store

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("ignore")  # of Dask's own, in threads that end late


@pytest.fixture(scope="module")
def address() -> Any:
    with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50) as running:
        yield running.scheduler_address


def source(folder: Path, planes: int) -> Image:
    array = zarr.create_array(str(folder / "in.zarr"), shape=(planes, 150, 133), chunks=(1, 64, 64), dtype="u1")
    array[...] = picture(planes, 150, 133)
    return read_image(folder / "in.zarr", "ZYX")


def test_a_killed_worker_changes_nothing(tmp_path: Path, address: str) -> None:
    model = NetworkModel(weights_of(NETWORKS["deep"], seed=3), "cpu", full_precision=True)
    image = source(tmp_path, 40)
    (tmp_path / "a").mkdir()
    expected = files_of(predict_store(image, model, tmp_path / "a" / "m.zarr").result())
    (tmp_path / "b").mkdir()
    run = predict_store(image, model, tmp_path / "b" / "m.zarr",
                        engine=ClusterEngine(tmp_path / "in.zarr", "ZYX", address=address))
    killed = False
    for event in run:
        if event.done == 5 and not killed:
            killed = True
            with distributed.Client(address, set_as_default=False) as client:
                victim = next(iter(client.run(os.getpid).values()))
            os.kill(victim, signal.SIGKILL)
    assert killed
    assert files_of(run.result()) == expected


def test_a_block_that_cannot_be_read_is_named(tmp_path: Path, address: str) -> None:
    model = NetworkModel(weights_of(NETWORKS["deep"], seed=3), "cpu", full_precision=True)
    run = predict_store(source(tmp_path, 20), model, tmp_path / "m.zarr",
                        engine=ClusterEngine(tmp_path / "in.zarr", "ZYX", address=address))
    next(run)  # the last blocks are not sent before the first are done
    torn = next(one for one in (tmp_path / "in.zarr" / "c" / "19").rglob("*") if one.is_file())
    whole = torn.read_bytes()
    torn.write_bytes(whole[:20])
    with pytest.raises(UserError, match=r"block at Z=19.*damaged"):
        run.result()
    fresh = tmp_path / "fresh"
    fresh.write_bytes(whole)
    os.replace(fresh, torn)  # copied again: another file
    image = read_image(tmp_path / "in.zarr", "ZYX")
    events = list(run := predict_store(image, model, tmp_path / "m.zarr"))
    assert events[0].before >= 1
    (tmp_path / "whole").mkdir()
    assert files_of(run.result()) == files_of(predict_store(image, model, tmp_path / "whole" / "m.zarr").result())


def test_large_planes_are_looked_at_by_workers(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = NetworkModel(weights_of(NETWORKS["shallow"], seed=5), "cpu", full_precision=True)
    whole = np.tile(picture(1, 150, 133)[0], (14, 16))
    zarr.create_array(str(tmp_path / "in.zarr"), data=whole, chunks=(512, 512))
    image = read_image(tmp_path / "in.zarr", "YX")
    assert is_large(image)
    (tmp_path / "a").mkdir()
    expected = files_of(predict_store(image, model, tmp_path / "a" / "m.zarr").result())
    image = read_image(tmp_path / "in.zarr", "YX")

    def by_whom(*_: Any) -> Any:
        raise AssertionError("the client looks at the plane")

    monkeypatch.setattr(block_task, "plane_facts", by_whom)
    (tmp_path / "b").mkdir()
    run = predict_store(image, model, tmp_path / "b" / "m.zarr",
                        engine=ClusterEngine(tmp_path / "in.zarr", "YX", address=address))
    assert files_of(run.result()) == expected
    (tmp_path / "in.zarr" / "c" / "2" / "3").write_bytes(b"torn")
    with pytest.raises(UserError, match=r"The plane of 'in' could not be looked at.*damaged.*go on"):
        predict_store(image, model, tmp_path / "n.zarr",
                      engine=ClusterEngine(tmp_path / "in.zarr", "YX", address=address)).result()


def test_a_run_that_is_ended_leaves_nobody_at_work(tmp_path: Path, address: str) -> None:
    model = NetworkModel(weights_of(NETWORKS["deep"], seed=3), "cpu", full_precision=True)
    image = source(tmp_path, 40)
    (tmp_path / "a").mkdir()
    expected = files_of(predict_store(image, model, tmp_path / "a" / "m.zarr").result())
    engine = ClusterEngine(tmp_path / "in.zarr", "ZYX", address=address)
    run = predict_store(image, model, tmp_path / "m.zarr", engine=engine)
    next(run)
    run.close()
    assert not (tmp_path / ".m.zarr.unfinished.lock").exists()
    before = files_of(tmp_path / ".m.zarr.unfinished")
    with distributed.Client(address, set_as_default=False) as client:
        assert not any(sum(at_work.values()) for at_work in client.run(at_work_in).values())
    assert files_of(tmp_path / ".m.zarr.unfinished") == before
    events = list(run := predict_store(image, model, tmp_path / "m.zarr", engine=engine))
    assert events[0].before >= 1
    assert files_of(run.result()) == expected


def test_a_worker_that_runs_out_of_memory_is_said_with_its_block(tmp_path: Path) -> None:
    from distributed.scheduler import KilledWorker

    class Failed:
        key = "block-0123abcd-3"

        def result(self) -> int:
            raise KilledWorker(self.key, SimpleNamespace(address="tcp://x:1"), 3)  # type: ignore[arg-type]

    image = Image(np.zeros((4, 20, 30), np.uint8), "ZYX", "slide")
    plan = BlockPlan(4, (20, 30))
    task: Any = BlockTask(image, None, plan, None)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"block at Z=3, Y=0 to 19, X=0 to 29 of 'slide'.*too little memory.*go on"):
        raise_failure(Failed(), task, plan.block(3))


def test_a_scheduler_that_goes_is_no_matter_of_memory() -> None:
    class Lost:
        def result(self) -> int:
            raise LostError

    class LostError(Exception):
        reason = "scheduler-connection-lost"  # as of distributed.client.FutureCancelledError

    image = Image(np.zeros((4, 20, 30), np.uint8), "ZYX", "slide")
    task: Any = BlockTask(image, None, BlockPlan(4, (20, 30)), None)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"does not answer any more.*blocks of 'slide' that are done are kept") as told:
        raise_failure(Lost(), task, BlockPlan(4, (20, 30)).block(3))
    assert "memory" not in str(told.value)


def at_work_in() -> dict[str, int]:
    from napari_unet.workflows import cluster

    return dict(cluster._at_work)


@pytest.fixture
def web() -> Iterator[str]:
    """A server of something else."""
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), WebPage)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"tcp://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


class WebPage(socketserver.BaseRequestHandler):
    """Says that it does not understand."""

    def handle(self) -> None:
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize("place", ["tcp://127.0.0.1:9", "tls://127.0.0.1:9", "nonsense", "web"])
def test_no_scheduler(place: str, web: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "PATIENCE", 0.5)
    model = NetworkModel(weights_of(NETWORKS["shallow"]), "cpu")
    with pytest.raises(UserError, match="cannot be reached") as told:
        predict_store(Image(np.zeros((20, 20), np.uint8) + np.arange(20, dtype=np.uint8)), model, tmp_path / "m.zarr",
                      engine=ClusterEngine("in.zarr", address=web if place == "web" else place)).result()
    assert "memory" not in str(told.value)


def test_a_client_that_gets_nowhere_leaves_nothing_behind() -> None:
    import asyncio
    import gc

    before = set(threading.enumerate())
    with own_loop() as loop:
        with pytest.raises(OSError, match=r"127\.0\.0\.1:9"):
            connected("tcp://127.0.0.1:9", 0.2, loop)
        left = asyncio.run_coroutine_threadsafe(asyncio.sleep(3600), loop.asyncio_loop)
    assert left.cancelled(), "what was begun has ended"
    clients = [one for one in gc.get_objects() if isinstance(one, distributed.Client) and one.status != "closed"]
    assert not clients
    loops = {one for one in threading.enumerate() if one.name.startswith(("event loop", "IO loop"))}
    assert loops <= before
