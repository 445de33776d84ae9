"""File > Open Sample and the windows that demo and example open."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import napari
import numpy as np
import pytest
from conftest import SLOW

from napari_unet.sample_data import load, names
from napari_unet.ui.demo_window import open_demo
from napari_unet.ui.dock_tabs import frame_of
from napari_unet.ui.layer_metadata import class_table, role_of

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def test_every_sample_opens_with_its_strokes(viewer: Any) -> None:
    for name in names():
        viewer.open_sample("napari-unet-live", name)
        sample = load(name)
        strokes = viewer.layers[f"{name} strokes"]
        assert role_of(strokes) == "strokes"
        assert class_table(strokes) == sample.classes
        assert np.array_equal(strokes.data, sample.pairs[0].scribbles.to_array())
        assert viewer.layers[name].rgb == (sample.pairs[0].image.n_channels == 3)
        assert (f"{name} reference" in viewer.layers) == (sample.references[0] is not None)


def learns(qtbot: Any, dock: Any) -> None:
    qtbot.waitUntil(lambda: dock.controller.live and bool(dock.session.learning_curve), timeout=SLOW)
    dock.controller.stop()
    qtbot.waitUntil(lambda: not dock.controller.training, timeout=SLOW)


def test_the_demo_opens_all_docks_and_learns(qtbot: Any, hands: Any) -> None:
    shown = open_demo("nuclei")
    try:
        docks = {widget.objectName(): widget for dock in shown.window._qt_window.findChildren(object)
                 for widget in [dock] if dock.objectName() in ("train_dock", "compare_dock", "export_dock")}
        assert set(docks) == {"train_dock", "compare_dock", "export_dock"}
        frames = [frame_of(one) for one in docks.values()]
        qtbot.waitUntil(lambda: set(frames[0].parentWidget().tabifiedDockWidgets(frames[0])) == set(frames[1:]),
                        timeout=SLOW)
        learns(qtbot, docks["train_dock"])
    finally:
        shown.close()


def test_the_live_example(qtbot: Any, hands: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []
    original = napari.Viewer

    def viewer(*words: Any, **options: Any) -> Any:
        opened.append(original(*words, **options))
        return opened[-1]

    monkeypatch.setattr(napari, "Viewer", viewer)
    monkeypatch.setattr(napari, "run", lambda: None)
    monkeypatch.setattr("sys.argv", ["live_in_napari.py", "coins"])
    from napari_unet.ui.train.live_controller import controller_of

    try:
        runpy.run_path(str(EXAMPLES / "live_in_napari.py"), run_name="__main__")
        controller = controller_of(opened[0])
        qtbot.waitUntil(lambda: bool(controller.session.learning_curve), timeout=SLOW)
        controller.stop()
        qtbot.waitUntil(lambda: not controller.training, timeout=SLOW)
    finally:
        for one in opened:
            one.close()
