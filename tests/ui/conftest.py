"""A real napari window for every test, closed afterwards, and hands to drive it."""

from __future__ import annotations

import contextlib
import gc
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _mouse import Mouse
from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtWidgets import QApplication, QWidget

os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp(prefix="napari-unet-tests-")) / "settings.yaml")
"""No test writes into the settings of whoever runs it; read when napari is imported."""

SLOW = 200_000
"""Milliseconds after which a waiting test gives up; tests wait for what happens, so it ends only what hangs."""

ON_BOTH = ("test_whole_loop", "test_workbench")
"""Files whose tests run on each binding also where the two share the others."""

TINY = {"width": 4, "depth": 2, "patch": 32, "batch": 2}
"""Parameters of a network that learns in moments."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let two bindings share the tests."""
    parser.addoption("--share", action="store_true", help="of each file about half of the tests, on PyQt5 the one and "
                     "on PyQt6 the other, but the whole loop on both")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave to the other binding what is its share."""
    if config.getoption("--share"):
        mine = os.environ["QT_API"] == "pyqt6"
        kept = [one for one in items if one.path.stem in ON_BOTH or zlib.crc32(one.nodeid.encode()) % 2 == mine]
        config.hook.pytest_deselected(items=[one for one in items if one not in kept])
        items[:] = kept


@pytest.fixture(scope="session", autouse=True)
def all_garbage_at_last() -> Iterator[None]:
    """Collect everything while there is a Qt to delete it."""
    yield
    gc.unfreeze()
    gc.collect()


@pytest.fixture(autouse=True)
def patient_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a window wait for its threads and for an answer as long as a test would, and leave none behind."""
    from napari_unet.ui import farewell
    from napari_unet.ui.projects import keeper, kept_project, result_files
    from napari_unet.ui.worker_group import WorkerGroup
    from napari_unet.ui.workers import Worker

    for patient in (Worker.wait, WorkerGroup.stop_all, farewell.stop_and_wait, kept_project.KeptProject.flush):
        monkeypatch.setattr(patient, "__defaults__", (SLOW / 1000,) * len(patient.__defaults__))
    for name in ("PATIENCE", "STORING"):
        monkeypatch.setattr(keeper, name, SLOW / 1000)
    for name in ("FAREWELL", "LEAVE"):
        monkeypatch.setattr(farewell, name, SLOW / 1000)
    monkeypatch.setattr(result_files, "LONGEST_STILL", SLOW / 2000)


@pytest.fixture(autouse=True)
def kept_elsewhere(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let no test write into the home or beside an image: no projects are made, and what is chosen lies elsewhere."""
    folder = tmp_path_factory.mktemp("config")
    (folder / "preferences.json").write_text('{"keep": false}', encoding="utf-8")
    monkeypatch.setenv("NAPARI_UNET_CONFIG", str(folder))
    return folder


@pytest.fixture(autouse=True)
def training_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start no process for each window that trains: it is the same training, and has tests of its own."""
    from napari_unet.session.training_process import IN_THREAD

    monkeypatch.setenv(IN_THREAD, "1")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what gathers for a moment gather for less: no result depends on it, and each test waits for some of it."""
    from napari_unet.session.live_prediction import live_prediction
    from napari_unet.ui.projects import kept_project
    from napari_unet.ui.train import layer_binding, live_controller, live_layers

    monkeypatch.setitem(live_prediction.__kwdefaults__, "pause", 0.004)
    for module, name, pause in ((kept_project, "SOON_MS", 30), (layer_binding, "DRAG_MS", 30),
                                (live_controller, "COUNT_MS", 40), (live_layers, "LOOK_MS", 15)):
        monkeypatch.setattr(module, name, pause)


@pytest.fixture
def keeping(kept_elsewhere: Path, tmp_path: Path) -> Path:
    """Let strokes be kept in projects, in the folder returned."""
    from napari_unet.ui.projects.preferences import change_preferences

    folder = tmp_path / "projects"
    folder.mkdir()
    change_preferences(keep=True, place=str(folder))
    return folder


@pytest.fixture
def viewer(qtbot: Any) -> Iterator[Any]:
    """A shown napari window."""
    import napari

    # a full collection takes a second since torch is loaded, and each window that closes asks for three: what was
    # there before is left out. The window before goes now, as pytest has let go of it since; frozen, it would stay
    gc.collect()
    gc.freeze()
    made = napari.Viewer(show=True)
    made.window._qt_window.resize(1200, 800)
    QApplication.processEvents()
    yield made
    with contextlib.suppress(RuntimeError):  # a window that its test has closed may be deleted by now
        made.close()
    del made
    # what a closed window leaves goes now, while there is a Qt to delete it
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QApplication.processEvents()
    gc.collect()


class Hands:
    """Drives a window as a person does."""

    def __init__(self, viewer: Any, qtbot: Any) -> None:
        self.viewer, self.qtbot, self.mouse = viewer, qtbot, Mouse(viewer)

    def wait(self, until: Callable[[], bool]) -> None:
        """Wait until something is true."""
        self.qtbot.waitUntil(until, timeout=SLOW)

    def settle(self, dock: Any) -> None:
        """Wait until the live prediction has looked a hundred times for something to do in vain.

        It is no pause that a clock measures: an answer from strokes takes half as many looks.
        """
        vain, before, heard = [0], [0], []

        def look(found: Any) -> None:
            if before[0]:  # was under way, or lay there undelivered, when this was asked
                before[0] -= 1
                return
            vain[0] = vain[0] + 1 if found is None else 0

        def in_vain() -> bool:
            worker = dock.controller.prediction._worker
            if worker is not None and worker not in heard:  # it may be started anew meanwhile
                heard.append(worker)
                worker.yielded.connect(look)
                vain[0], before[0] = 0, len(worker._inbox) + 1
            return vain[0] > 100

        self.wait(in_vain)
        for worker in heard:
            worker.yielded.disconnect(look)

    def published(self, dock: Any) -> None:
        """Wait until the session knows all that is painted: a slow drag is published piece by piece."""
        self.wait(lambda: not any(one.pending for one in dock.controller.bindings.values()))

    def dock(self, name: str) -> Any:
        """Open a dock of the plugin."""
        return self.viewer.window.add_plugin_dock_widget("napari-unet-live", name)[1]

    def find(self, dock: QWidget, name: str) -> Any:
        """Return a control by its object name."""
        found = dock.findChild(QWidget, name)
        assert found is not None, name
        return found

    def click(self, dock: QWidget, name: str) -> None:
        """Click a control, when it can be clicked."""
        control = self.find(dock, name)
        self.wait(control.isEnabled)
        control.click()

    def drag(self, layer: Any, points: Sequence[tuple[float, float]]) -> None:
        """Paint on the canvas with the mouse along points (row, column) of the shown plane, or of the shown cut."""
        self.mouse.drag([self.mouse.place(point, layer) for point in points])

    def point_at(self, layer: Any, point: tuple[float, float]) -> None:
        """Move the mouse over a point (row, column) of a layer, pressing nothing."""
        self.mouse.go(self.mouse.place(point, layer))

    def tick_methods(self, dock: Any, *names: str) -> None:
        """Tick these methods of the comparison and no others."""
        from napari_unet.segmenters import REGISTRY

        for name in REGISTRY.names():
            self.find(dock, f"compare_{name}_tick").setChecked(name in names)

    def tiny_network(self, dock: Any) -> None:
        """Choose a network that learns in moments."""
        dock.settings.fill()
        dock.settings._form.set_values(TINY)


@pytest.fixture
def hands(viewer: Any, qtbot: Any) -> Hands:
    """Hands on the window."""
    return Hands(viewer, qtbot)


@pytest.fixture
def painted(viewer: Any, squares: Any) -> Any:
    """An image with strokes, four of each class, and its reference."""
    from napari_unet.core.classes import ClassTable
    from napari_unet.ui.layer_metadata import mark_layer, set_class_table

    image, truth = squares
    viewer.add_image(image, name="cells")
    strokes = np.zeros_like(truth)
    for row in (2, 30, 58, 62):
        strokes[row, 2:12] = 1
    for y, x in ((10, 10), (20, 20), (40, 20), (24, 54)):
        strokes[y : y + 3, x : x + 3] = 2
    layer = viewer.add_labels(strokes, name="cells strokes")
    set_class_table(layer, ClassTable.named({1: "background", 2: "cell"}))
    mark_layer(layer, "strokes", "cells")
    viewer.add_labels(truth, name="cells reference", visible=False)
    return truth


@pytest.fixture
def press(qtbot: Any) -> Callable[..., None]:
    """Return a hand that clicks a widget with the mouse, in its middle or at a place."""

    def click(widget: QWidget, place: QPoint | None = None) -> None:
        qtbot.waitUntil(lambda: widget.isVisible() and widget.isEnabled(), timeout=SLOW)
        qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=place if place is not None else widget.rect().center())
        QApplication.processEvents()

    return click


@pytest.fixture
def squares() -> tuple[np.ndarray, np.ndarray]:
    """Noisy bright squares on a dark ground, (64, 80) uint8, and their truth in painted ids."""
    truth = np.ones((64, 80), np.uint8)
    for corner in ((8, 8), (36, 16), (20, 48)):
        truth[corner[0] : corner[0] + 18, corner[1] : corner[1] + 18] = 2
    image = truth * 80 + np.random.default_rng(0).normal(0, 6, truth.shape)
    image[40:58, 54:74] += 35  # something in between, of no class as yet
    return image.astype(np.uint8), truth
