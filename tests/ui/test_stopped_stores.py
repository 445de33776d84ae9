"""A run that fills a store is stopped, its thread hangs, and the same is begun again: it waits, and goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import SLOW
from napari.components import LayerList
from napari.layers import Image as ImageLayer
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget
from test_turns import waits  # noqa: F401 (a fixture)

from napari_unet.core.image import Image
from napari_unet.io._store_lock import StoreLock
from napari_unet.ui.object_dock import whole_objects
from napari_unet.ui.object_dock.whole_objects import WholeObjects
from napari_unet.ui.train.store_filler import StoreFiller
from napari_unet.ui.worker_group import WorkerGroup
from napari_unet.workflows import filling_store
from napari_unet.workflows.store_corrections import StoreCorrections


class Controller(QObject):
    """What runs on whole images know of a dock."""

    said = Signal(str)
    failed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.workers, self.viewer = WorkerGroup(self), SimpleNamespace(layers=LayerList())
        self.session, self.images = SimpleNamespace(classes=None), SimpleNamespace(layer=None)


def filling(controller: Any, window: QWidget, path: Path) -> tuple[Any, Callable[[], None]]:
    """Return what segments a whole image, and what begins it."""
    filler, layer = StoreFiller(controller, window), ImageLayer(np.zeros((8, 8), np.uint8))
    image = Image(np.zeros((8, 8), np.uint8))
    controller.said.connect(controller.told.append)
    return filler, lambda: filler.start(layer, image, image, (1, 1), None, path)  # type: ignore[arg-type]


def finding(controller: Any, window: QWidget, path: Path) -> tuple[Any, Callable[[], None]]:
    """Return what finds the objects of a whole image, and what begins it once it has looked at the mask."""
    whole = WholeObjects(controller, window)
    whole.said.connect(controller.told.append)
    none = StoreCorrections(), 0

    def begin() -> None:
        whole._plan = whole_objects._Plan(None, path, None, False, "", none, none, "")  # type: ignore[arg-type]
        whole._on_looked()

    return whole, begin


@pytest.mark.parametrize("made", [filling, finding])
def test_a_store_that_was_stopped_goes_on_though_its_thread_has_not_ended(
    qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: threading.Event, made: Any
) -> None:
    hangs, go_on, path, done = threading.Event(), threading.Event(), tmp_path / "m.zarr", list[str]()

    def writing(*_: Any, **__: Any) -> Iterator[Any]:
        lock = StoreLock(tmp_path / "m.lock", "m.zarr")
        try:
            hangs.set()
            go_on.wait()
            yield from ()
            done.append("one")
        finally:
            lock.release()
        return path if made is filling else SimpleNamespace(
            path=path, classes=SimpleNamespace(classes=()), corrections=0, left_out=0)

    monkeypatch.setattr(filling_store, "fill_store", writing)
    monkeypatch.setattr(whole_objects, "_found", writing)
    controller, window = Controller(), QWidget()
    controller.told = []
    run, begin = made(controller, window, path)
    begin()
    first = run._job
    assert hangs.wait()
    run.cancel()
    first._leave_behind()  # as when it does not stop in time
    assert not run.busy
    assert "to go on" in controller.told.pop()
    begin()
    qtbot.waitUntil(lambda: waits.is_set() or not run.busy, timeout=SLOW)
    go_on.set()
    qtbot.waitUntil(lambda: not run.busy, timeout=SLOW)
    assert first.wait()
    (told,) = controller.told
    assert str(path) in told
    assert "Another run" not in told
    assert done == ["one", "one"]
