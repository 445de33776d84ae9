"""Workers that fail, stall or do not stop: what the window is told, in which order."""

import gc
import os
import subprocess
import sys
import threading
import weakref
from types import SimpleNamespace

import pytest
from conftest import SLOW
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QApplication, QLabel

from napari_unet.core import giving_way
from napari_unet.core.errors import WorkError, details_of
from napari_unet.core.floor import Floor
from napari_unet.ui import farewell, garbage_collection
from napari_unet.ui.heartbeat import STALL, Heartbeat
from napari_unet.ui.when_deleted import _Number, when_deleted
from napari_unet.ui.worker_group import WorkerGroup
from napari_unet.ui.workers import Worker


def recorded(work, **kwargs):
    """Return a worker and the list of what it emits."""
    worker, told = Worker(work, **kwargs), []
    worker.yielded.connect(lambda item: told.append(("yielded", item)))
    worker.returned.connect(lambda item: told.append(("returned", item)))
    worker.failed.connect(lambda error: told.append(("failed", error)))
    worker.stalled.connect(lambda seconds: told.append(("stalled", seconds)))
    worker.finished.connect(lambda: told.append(("finished", None)))
    return worker, told


def test_an_error_of_torch_is_told_in_short_and_in_full(qtbot):
    def work():
        yield 1
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    worker, told = recorded(work)
    with qtbot.waitSignal(worker.finished, timeout=SLOW):
        worker.start()
    assert [name for name, _ in told] == ["yielded", "failed", "finished"]
    error = told[1][1]
    assert isinstance(error, WorkError)
    assert str(error) == "mat1 and mat2 shapes cannot be multiplied"
    assert "Traceback" in details_of(error)
    assert "RuntimeError: mat1 and mat2 shapes cannot be multiplied" in details_of(error)


def test_silence_is_noticed_and_so_is_its_end():
    now = [100.0]
    heart = Heartbeat(lambda: now[0])
    heart.ask()
    now[0] += 1
    assert heart.change() is None
    now[0] += STALL
    assert heart.change() == STALL + 1
    now[0] += 1
    assert heart.change() is None  # said once
    heart.rest()
    assert heart.change() == 0
    now[0] += 1000
    assert heart.change() is None  # nothing is asked for


def test_a_stalled_worker_is_told_of_and_goes_on(qtbot):
    now, free, asked = [0.0], threading.Event(), threading.Event()

    def work():
        asked.set()
        free.wait()
        yield 1

    worker, told = recorded(work, clock=lambda: now[0])
    worker.start()
    assert asked.wait(SLOW / 1000)
    now[0] = STALL
    worker.look_for_stall()
    assert told == [("stalled", STALL)]
    with qtbot.waitSignal(worker.finished, timeout=SLOW):
        free.set()
    worker.look_for_stall()
    assert told == [("stalled", STALL), ("yielded", 1), ("returned", None), ("finished", None)] or told[-1] == (
        "stalled", 0.0)


def test_stopping_acts_although_the_work_does_not_yield(qtbot, monkeypatch):
    monkeypatch.setattr(farewell, "LEAVE", 0.01)
    begun, free, closed = threading.Event(), threading.Event(), threading.Event()

    def work():
        try:
            begun.set()
            free.wait()
            yield 1
        finally:
            closed.set()

    worker, told = recorded(work)
    worker.start()
    assert begun.wait(SLOW / 1000)
    with qtbot.waitSignal(worker.finished, timeout=SLOW):
        worker.stop()
    assert told == [("finished", None)]
    assert worker.left_behind
    assert not worker.running
    assert not closed.is_set()
    free.set()
    qtbot.waitUntil(lambda: worker not in farewell.alive, timeout=SLOW)
    assert closed.is_set()
    assert told == [("finished", None)]  # once


def test_a_window_waits_for_all_threads_together_and_for_none_twice(qtbot, monkeypatch):
    from qtpy.QtWidgets import QWidget

    monkeypatch.setattr(farewell, "FAREWELL", 0.01)
    window, free, waited, begun = QWidget(), threading.Event(), [], threading.Semaphore(0)
    qtbot.addWidget(window)
    groups = [WorkerGroup(QWidget(window), window) for _ in range(3)]

    def work():
        begun.release()
        free.wait()
        yield 1

    workers = [group.start(work) for group in groups]
    assert all(begun.acquire(timeout=SLOW / 1000) for _ in workers)
    old = Worker.join
    monkeypatch.setattr(Worker, "join", lambda self, seconds: (waited.append(seconds), old(self, seconds)))
    window.close()
    assert len(waited) == len(workers)
    assert sum(waited) <= 3 * 0.01
    assert all(one.left_behind for one in workers)
    free.set()
    qtbot.waitUntil(lambda: not farewell.alive.intersection(workers), timeout=SLOW)


def test_threads_of_ours_give_way_to_the_window(qtbot):
    usual, seen = sys.getswitchinterval(), []

    def work():
        seen.append(sys.getswitchinterval())
        if sys.platform == "linux":
            seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
                        - os.getpriority(os.PRIO_PROCESS, os.getpid()))
        yield 1

    worker, _ = recorded(work)
    with qtbot.waitSignal(worker.finished, timeout=SLOW):
        worker.start()
    assert seen[0] == pytest.approx(giving_way.SHORT_SWITCH)
    if sys.platform == "linux":
        assert seen[1] == min(giving_way.GIVING_WAY, 19 - os.getpriority(os.PRIO_PROCESS, os.getpid()))
    assert sys.getswitchinterval() == pytest.approx(usual)


def test_a_process_ends_although_a_thread_of_ours_does_not():
    script = """
import threading
from qtpy.QtWidgets import QApplication
app = QApplication([])
from napari_unet.ui import farewell
from napari_unet.ui.workers import Worker
farewell.FAREWELL = 0.05
begun = threading.Event()
def work():
    begun.set()
    threading.Event().wait()
    yield 1
worker = Worker(work).start()
begun.wait()
print("over", flush=True)
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=SLOW / 1000, check=False)
    assert ended.stdout.strip() == "over"
    assert ended.returncode == 1
    assert "Fatal" not in ended.stderr


def test_free_memory_goes_back_to_the_system_after_a_full_collection(monkeypatch):
    given = threading.Event()
    monkeypatch.setattr(garbage_collection, "BRUSH", Floor())
    monkeypatch.setattr(garbage_collection, "_give_back", given.set)
    monkeypatch.setattr(gc, "get_count", lambda: (0, 20, 0))
    garbage_collection._collect()
    assert not given.is_set()
    monkeypatch.setattr(gc, "get_count", lambda: (0, 20, 20))
    garbage_collection._collect()
    assert given.wait(200)
    monkeypatch.undo()
    garbage_collection._give_back()


def test_nothing_large_is_collected_while_somebody_draws(monkeypatch):
    now, collected = [1000.0], []
    brush = Floor(lambda: now[0])
    monkeypatch.setattr(garbage_collection, "BRUSH", brush)
    monkeypatch.setattr(garbage_collection, "_due", None)
    monkeypatch.setattr(garbage_collection, "_give_back_aside", lambda: None)
    monkeypatch.setattr(garbage_collection, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(gc, "get_count", lambda: (1000, 20, 20))
    monkeypatch.setattr(gc, "collect", collected.append)
    brush.take(60)
    garbage_collection._collect()
    assert collected == [0], "only what is new, and small"
    brush.leave()
    garbage_collection._collect()
    assert collected == [0, 1], "between two strokes"
    now[0] += garbage_collection.STROKES_APART
    garbage_collection._collect()
    assert collected == [0, 1, 2], "after the last of them"
    for _ in range(100):  # somebody paints for ever
        now[0] += garbage_collection.LONGEST_WAIT / 60
        brush.take(1)
        garbage_collection._collect()
        brush.leave()
        garbage_collection._collect()
    assert collected.count(2) == 2, "it is not put off for ever"


def test_what_images_leave_behind_is_collected_when_nobody_paints(qtbot, monkeypatch):
    monkeypatch.setattr(garbage_collection, "_IDLE_MS", 1)
    monkeypatch.setattr(garbage_collection, "_left", 0)
    pressed = [Qt.MouseButton.LeftButton] * 3
    monkeypatch.setattr(garbage_collection.QGuiApplication, "mouseButtons",
                        lambda: pressed.pop() if pressed else Qt.MouseButton.NoButton)
    gc.collect()
    collected = []
    monkeypatch.setattr(garbage_collection.gc, "collect", lambda: collected.append(len(pressed)))
    for _ in range(garbage_collection.LEFT_TOGETHER):
        assert not collected
        garbage_collection.image_has_left()
    qtbot.waitUntil(lambda: bool(collected), timeout=SLOW)
    assert collected == [0], "once, and after the stroke"


def test_pictures_that_are_wanted_still_begin_no_thread_when_their_dock_has_gone(qtbot, monkeypatch, tmp_path):
    from napari_unet.ui.projects import thumbnails

    begun, free, made, stop = threading.Event(), threading.Event(), [], Worker.stop

    def picture(_folder, record):
        made.append(record.id)
        begun.set()
        assert free.wait(SLOW / 1000)

    monkeypatch.setattr(thumbnails, "picture_of", picture)
    monkeypatch.setattr(Worker, "stop", lambda self: (stop(self), free.set()))
    dock = QObject()
    pictures = thumbnails.Thumbnails(WorkerGroup(dock), dock)
    for number in range(5):
        pictures.of(SimpleNamespace(path=tmp_path), SimpleNamespace(id=str(number), hash="", size=0))
    assert begun.wait(SLOW / 1000)
    dock.deleteLater()
    qtbot.waitUntil(lambda: free.is_set() and not farewell.alive, timeout=SLOW)
    assert len(made) == 1


def test_who_is_gone_is_told_nothing_any_more_and_its_work_is_stopped(qtbot):
    keeper, label, free, ended = QObject(), QLabel(), threading.Event(), []
    group = WorkerGroup(keeper)

    def work():
        free.wait()
        yield "here"
        yield from iter(int, 1)  # for ever

    worker = group.start(work, on_item=lambda text: label.setText(text), on_end=lambda: ended.append(label.text()),
                         owner=label)
    label.deleteLater()
    QApplication.sendPostedEvents(label, QEvent.Type.DeferredDelete)
    free.set()
    assert worker.wait(SLOW / 1000)  # pytest-qt tells of a label that is spoken to though it is gone
    assert not ended
    assert worker not in farewell.alive


def test_an_owner_does_not_remember_what_has_ended(qtbot):
    owner = QObject()
    group = WorkerGroup(QObject(owner))
    seen = weakref.ref(group.start(lambda: iter([1]), owner=owner))
    qtbot.waitUntil(lambda: seen() is None or seen() not in farewell.alive, timeout=SLOW)
    qtbot.waitUntil(lambda: gc.collect() >= 0 and seen() is None, timeout=SLOW)


def test_what_is_done_when_an_object_goes_is_nothing_that_the_collector_takes_apart(qtbot):
    owner, done = QObject(), []
    take_back = when_deleted(owner, lambda: done.append("taken back"))
    when_deleted(owner, lambda: done.append("done"))
    assert all(isinstance(one, type) for one in gc.get_referents(_Number(1)))
    take_back()
    owner.deleteLater()
    QApplication.sendPostedEvents(owner, QEvent.Type.DeferredDelete)
    assert done == ["done"]
    take_back()  # of what is gone


def test_a_worker_stays_until_what_qt_has_for_it_is_delivered(qtbot):
    worker = Worker(lambda: iter([1])).start()
    assert worker.wait(), "delivered here; the event that was to wake it is still with Qt"
    seen = weakref.ref(worker)
    del worker
    gc.collect()
    assert seen() is not None
    qtbot.waitUntil(lambda: gc.collect() >= 0 and seen() is None, timeout=SLOW)
