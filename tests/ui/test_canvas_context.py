"""What a layer had on the graphics card goes in the canvas's own context; stepping through images goes on and on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from qtpy.QtGui import QOpenGLContext
from qtpy.QtWidgets import QApplication

from napari_unet.ui.layer_metadata import identity
from napari_unet.ui.sessions import ties_of


def drawn(viewer: Any, hands: Any) -> Any:
    """Let the canvas draw and the window be put together from what it drew; return the canvas's widget."""
    native = viewer.window._qt_viewer.canvas.native
    frames = []
    native.frameSwapped.connect(lambda: frames.append(1))
    native.update()
    hands.wait(lambda: bool(frames))
    return native


@pytest.mark.parametrize("way", ["remove", "clear"])
def test_a_layer_goes_in_the_context_of_the_canvas(viewer: Any, hands: Any, monkeypatch: pytest.MonkeyPatch,
                                                   way: str) -> None:
    ties_of(viewer)  # any dock of ours asks for it
    layer = viewer.add_image(np.zeros((20, 30)))
    native = drawn(viewer, hands)
    native.doneCurrent()  # as after another window was drawn
    at_work = []
    monkeypatch.setattr(viewer.window._qt_viewer.canvas._scene_canvas.context, "finish",
                        lambda: at_work.append(QOpenGLContext.currentContext() is native.context()))
    if way == "remove":
        viewer.layers.remove(layer)
    else:
        viewer.layers.clear()
    assert at_work == [True], "napari has cleared up once, where the canvas will draw"


@pytest.mark.soak
def test_a_person_steps_through_images_for_long(viewer: Any, hands: Any, tmp_path: Path) -> None:
    """Sixty steps in one window, some looked at and some in haste, with layers of a person's own between."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(12):
        pixels = np.random.default_rng(number).integers(0, 200, (96 + 8 * number, 128), np.uint8)
        tifffile.imwrite(folder / f"cells_{number:02}.tif", pixels)
    dock = hands.dock("Images")
    images = dock.session.images
    dock.jobs.add(lambda: iter(sorted(folder.glob("*.tif"))), folder / "many.unet")
    hands.wait(lambda: not dock.jobs.busy and images.current is not None)
    for number in range(60):
        wanted = images.neighbour(1 if number % 7 else -1)
        dock.next_button.click() if number % 7 else dock.previous_button.click()
        hands.wait(lambda key=wanted: images.current == key)
        if number % 3 == 0:
            drawn(viewer, hands)
        if number % 10 == 9:
            viewer.layers.clear()
            QApplication.processEvents()
            mine = viewer.add_image(np.zeros((40, 50)), name=f"mine {number}")
            hands.wait(lambda mine=mine: images.current == identity(mine))
    assert drawn(viewer, hands).isVisible()
