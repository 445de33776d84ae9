"""What is done once more waits for a thread that hangs: older strokes are not written over newer ones."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from conftest import SLOW
from qtpy.QtCore import QObject
from saving_scene import strokes, with_image

from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.saver import Snapshot
from napari_unet.ui.projects.saving_thread import SavingThread
from napari_unet.ui.turns import Turns
from napari_unet.ui.worker_group import WorkerGroup
from napari_unet.ui.workers import Worker


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set as soon as a thread waits for that of a worker."""
    waits, join = threading.Event(), Worker.join

    def joined(worker: Worker, seconds: float) -> None:
        if threading.current_thread() is not threading.main_thread():
            waits.set()
        join(worker, seconds)

    monkeypatch.setattr(Worker, "join", joined)
    return waits


def test_a_saver_that_hangs_in_older_strokes_does_not_write_them_over_newer_ones(
    qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: threading.Event
) -> None:
    folder = ProjectFolder.create(tmp_path / "cells")
    record = with_image(folder)
    hangs, go_on = threading.Event(), threading.Event()
    check, flush = folder.check, folder.flush

    def checked() -> None:
        if not hangs.is_set():
            hangs.set()
            go_on.wait()
        check()

    def flushed() -> None:
        flush()
        waits.set()  # it did not wait

    monkeypatch.setattr(folder, "check", checked)
    monkeypatch.setattr(folder, "flush", flushed)
    owner = QObject()
    saving = SavingThread(folder, WorkerGroup(owner), owner)
    saving.offer(Snapshot({record.id: strokes((3, 4, 2))}))
    first = saving._worker
    assert first is not None
    assert hangs.wait()
    assert not saving.finish(0)
    saving.offer(Snapshot({record.id: strokes((9, 8, 1))}))
    assert waits.wait()
    go_on.set()
    assert first.wait()
    assert saving.finish(SLOW / 1000)
    folder.close()
    found = ProjectFolder.open(folder.path).read_strokes(record.id)
    assert found is not None
    assert found.same_paint(strokes((9, 8, 1)))


def test_what_waits_for_its_turn_can_be_stopped_and_other_things_do_not_wait(
    qtbot: Any, waits: threading.Event
) -> None:
    owner, turns, go_on, done = QObject(), Turns(), threading.Event(), list[str]()
    group = WorkerGroup(owner)

    def work(name: str) -> Any:
        if name == "first":
            go_on.wait()
        done.append(name)
        yield

    first = turns.start(group, "a", lambda: work("first"), "first")
    first.stop()
    first._leave_behind()  # as when it does not stop in time
    second = turns.start(group, "a", lambda: work("second"), "second")
    assert waits.wait()
    assert turns.start(group, "b", lambda: work("other"), "other").wait()
    second.stop()
    assert second.wait()
    assert done == ["other"]
    third = turns.start(group, "a", lambda: work("third"), "third")
    go_on.set()
    assert third.wait()
    assert first.wait()
    assert done == ["other", "first", "third"]
