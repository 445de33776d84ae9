"""One run at a time writes a store: on a disk with and without locks, over a network, and when runs die or sleep."""

from __future__ import annotations

import dataclasses
import errno
import os
import subprocess
import sys
import threading
import time
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_block_runs import FORMAT, ONE, network, picture, small  # noqa: F401 (a fixture)

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.io import _far_lock, _lock_owner, _store_lock
from napari_unet.io._far_lock import FarLock
from napari_unet.io._lock_owner import LockOwner
from napari_unet.io._store_lock import StoreLock
from napari_unet.io._store_to_fill import BlockWriter
from napari_unet.workflows.store_run import BlockTask, predict_store


@pytest.fixture(params=[True, False], ids=["locks", "no locks"])
def any_drive(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """A drive that has locks of files, or one that has none."""
    def none(_: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    if not request.param:
        monkeypatch.setattr(_store_lock, "lock_file", none)
    return bool(request.param)


def raced(take: Any, count: int = 6) -> tuple[list[Any], list[UserError]]:
    """Let threads take something in the same moment; returns what they got, and the refusals."""
    got: list[Any] = []
    refused: list[UserError] = []
    start = threading.Barrier(count)

    def run() -> None:
        start.wait()
        try:
            got.append(take())
        except UserError as error:
            refused.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return got, refused


def dead_process() -> int:
    """Return the number of a process that is no more."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_of_many_that_begin_in_one_moment_one_has_the_lock(
    tmp_path: Path, any_drive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_store_lock, "_MAKING", 60.0)  # however busy the machine: who made the file has it
    for _ in range(20):
        got, refused = raced(lambda: StoreLock(tmp_path / "l", "m.zarr"))
        assert (len(got), len(refused)) == (1, 5)
        assert f"Another run is writing m.zarr at this moment (process {os.getpid()} on" in str(refused[0])
        got[0].release()
    assert not list(tmp_path.iterdir())


def test_the_lock_of_a_dead_run_is_taken_over_by_one_and_said(tmp_path: Path, any_drive: bool) -> None:
    dead = dataclasses.replace(LockOwner.here(), process=dead_process())
    (tmp_path / "l").write_text(dead.text)
    got, refused = raced(lambda: StoreLock(tmp_path / "l", "m.zarr"))
    assert (len(got), len(refused)) == (1, 5)
    assert f"process {dead.process} on" in got[0].note
    got[0].release()
    assert not list(tmp_path.iterdir())


def test_an_empty_file_is_a_run_that_died_before_it_said_its_name(
    tmp_path: Path, any_drive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_store_lock, "_MAKING", 0.1)
    (tmp_path / "l").touch()
    StoreLock(tmp_path / "l", "m.zarr").release()
    assert not list(tmp_path.iterdir())


def test_a_run_on_another_computer_lives_as_long_as_it_gives_signs(tmp_path: Path, any_drive: bool) -> None:
    there = dataclasses.replace(LockOwner.here(), host="elsewhere", process=1)
    (tmp_path / "l").write_text(there.text)
    with pytest.raises(UserError, match=r"process 1 on elsewhere, .* last sign of life is \d+ s old"):
        StoreLock(tmp_path / "l", "m.zarr")
    long_ago = time.time() - _lock_owner.SILENCE - 60
    os.utime(tmp_path / "l", (long_ago, long_ago))
    lock = StoreLock(tmp_path / "l", "m.zarr")
    assert "elsewhere" in lock.note
    lock.release()
    assert not list(tmp_path.iterdir())


def test_a_run_that_has_slept_writes_no_more(tmp_path: Path, small: None) -> None:
    run = predict_store(Image(picture(2, 150, 133), "NYX"), network(), tmp_path / "m.zarr", format=FORMAT, engine=ONE)
    next(run)
    lock = tmp_path / ".m.zarr.unfinished.lock"
    journal = (tmp_path / ".m.zarr.unfinished.blocks").read_text()
    other = dataclasses.replace(LockOwner.here(), host="elsewhere")
    lock.write_text(other.text)
    # the next sign of life finds another name
    for thread in threading.enumerate():
        if thread.name == "signs of life":
            thread._target.__self__._beat()  # type: ignore[attr-defined]
    with pytest.raises(UserError, match=r"Another run has taken .* over"):
        run.result()
    assert LockOwner.read(lock.read_text()) == other, "it is not ours to remove"
    assert (tmp_path / ".m.zarr.unfinished.blocks").read_text().startswith(journal)


def test_two_runs_on_one_store_in_one_moment(tmp_path: Path, small: None) -> None:
    image, model = Image(picture(2, 150, 133), "NYX"), network()

    def go() -> Any:
        return predict_store(image, model, tmp_path / "m.zarr", format=FORMAT, engine=ONE).result()

    got, refused = raced(go, 3)
    assert len(got) >= 1
    assert all("Another run is writing" in str(one) or "exists already" in str(one) for one in refused)
    assert len(refused) >= 1
    assert sorted(one.name for one in tmp_path.iterdir()) == ["m.zarr", "m.zarr.provenance.json"]


def test_who_writes_for_a_run_that_has_ended_writes_nothing(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks: list[BlockTask] = []

    class Watched(type(ONE)):  # type: ignore[misc]
        def run(self, task: BlockTask, waiting: Any, sink: Any) -> Any:
            tasks.append(task)
            return super().run(task, waiting, sink)

    run = predict_store(Image(picture(2, 150, 133), "NYX"), network(), tmp_path / "m.zarr", format=FORMAT,
                        engine=Watched(1))
    next(run)
    late = BlockWriter(tasks[0].store)
    late[0, 0:32, 0:32] = np.full((32, 32), 2, np.uint8)
    run.close()
    before = {one: one.read_bytes() for one in (tmp_path / ".m.zarr.unfinished").rglob("*") if one.is_file()}
    with pytest.raises(UserError, match="has ended"):
        late[0, 0:32, 0:32] = np.full((32, 32), 4, np.uint8)
    assert before == {one: one.read_bytes() for one in (tmp_path / ".m.zarr.unfinished").rglob("*") if one.is_file()}


def raced_far(monkeypatch: pytest.MonkeyPatch, files: Any, path: str, count: int) -> tuple[list[Any], list[UserError]]:
    """Let runs take a lock at an address; each looks again when all have written or were refused, not by the clock."""
    racing, paused, news = [count], [0], threading.Condition()

    def pause(_seconds: float) -> None:
        with news:
            paused[0] += 1
            news.notify_all()
            news.wait_for(lambda: paused[0] >= racing[0])

    def take() -> FarLock:
        try:
            return FarLock(files, path, f"memory:/{path}")
        except UserError:
            with news:
                racing[0] -= 1
                news.notify_all()
            raise

    monkeypatch.setattr(_far_lock, "time", types.SimpleNamespace(time=time.time, sleep=pause))
    return raced(take, count)


def test_a_lock_at_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = pytest.importorskip("fsspec").filesystem("memory")
    path = "/locks/one.lock"
    got, refused = raced_far(monkeypatch, memory, path, 3)
    assert (len(got), len(refused)) == (1, 2)
    got[0].release()
    assert not memory.exists(path)
    dead = dataclasses.replace(LockOwner.here(), process=dead_process())
    memory.pipe_file(path, dead.text.encode())
    lock = FarLock(memory, path, "memory://locks/one")
    assert str(dead.process) in lock.note
    elsewhere = dataclasses.replace(dead, host="elsewhere")
    memory.pipe_file(path, elsewhere.text.encode())
    lock._beat()
    assert lock.is_lost
    lock.release()
    assert LockOwner.read(memory.cat_file(path)) == elsewhere
    memory.rm_file(path)


def test_a_lock_at_an_address_that_cannot_make_objects_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = pytest.importorskip("fsspec").filesystem("memory")
    plain = type(memory).pipe_file

    def old(self: Any, path: str, value: bytes, mode: str = "overwrite", **more: Any) -> None:
        if mode == "create":
            raise NotImplementedError
        plain(self, path, value, **more)

    monkeypatch.setattr(type(memory), "pipe_file", old)
    got, refused = raced_far(monkeypatch, memory, "/locks/two.lock", 3)
    assert (len(got), len(refused)) == (1, 2)
    got[0].release()
