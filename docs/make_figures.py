"""Make the pictures of the README from the real window: ``xvfb-run python docs/make_figures.py`` (or ``make figures``).

The window is driven as a person would: mouse strokes on the canvas, clicks on the buttons of the docks.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import napari
import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QWidget

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))  # the mouse

from _mouse import Mouse, rest, wait

from napari_unet.sample_data import load

IMAGES = Path(__file__).parent / "images"
SIZE = (1366, 768)
TRAINING_SECONDS = 60.0

Points = Sequence[tuple[float, float]]


def drag(viewer: napari.Viewer, layer: Any, points: Points) -> None:
    """Press the mouse on the canvas, move it along points (rows, columns of the shown plane), release it."""
    mouse = Mouse(viewer)
    mouse.drag([mouse.place(point, layer) for point in points], steps=12)


def click(dock: QWidget, name: str) -> None:
    """Click a control of a dock by its object name."""
    found = dock.findChild(QWidget, name)
    assert found is not None, name
    QTest.mouseClick(found, Qt.MouseButton.LeftButton)


def save(viewer: napari.Viewer, name: str) -> None:
    """Save the whole window."""
    rest(0.5)
    IMAGES.mkdir(exist_ok=True)
    viewer.window._qt_window.grab().save(str(IMAGES / f"{name}.png"))
    print(IMAGES / f"{name}.png")


def main() -> None:
    """Go through the first five minutes."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:  # for the project that the first stroke makes
        os.environ["NAPARI_UNET_CONFIG"] = folder
        Path(folder, "preferences.json").write_text(json.dumps({"place": folder}), "utf-8")
        take_pictures()


def take_pictures() -> None:
    """Open the window and take the pictures on the way."""
    sample = load("nuclei")
    truth = sample.references[0]
    assert truth is not None
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(*SIZE)
    viewer.window._qt_window.statusBar().hide()
    viewer.add_image(sample.pairs[0].image.data, name="nuclei")
    viewer.dims.set_current_step(0, 0)
    train = viewer.window.add_plugin_dock_widget("napari-unet-live", "Train U-Net")[1]
    rest(2)
    save(viewer, "step1")

    click(train, "train_new_strokes")
    rest(1)
    strokes = viewer.layers["nuclei strokes"]
    train.hold_class(1)
    for line in inside(truth[0] == 1, 8, 14):
        drag(viewer, strokes, line)
    train.hold_class(2)
    for line in inside(truth[0] == 2, 7, 4):
        drag(viewer, strokes, line)
    save(viewer, "step2")

    click(train, "train_live")
    for number in (2, 1, 2, 1):  # correct what is wrong
        rest(5)
        found = np.asarray(viewer.layers["nuclei prediction"].data[0])
        train.hold_class(number)
        for line in inside((truth[0] == number) & (found != number), 5, 3):
            drag(viewer, strokes, line)
    rest(TRAINING_SECONDS)
    save(viewer, "step3")
    save(viewer, "window")
    click(train, "train_stop")

    viewer.add_labels(truth, name="nuclei reference", visible=False)
    compare = viewer.window.add_plugin_dock_widget("napari-unet-live", "Compare methods", tabify=True)[1]
    rest(1)
    click(compare, "compare_run")
    rest(1)
    wait(lambda: not compare.running, 240)
    save(viewer, "step4")

    with mock.patch.dict(os.environ, HOME="/home/me"):  # whoever makes the pictures is not in them
        viewer.window.add_plugin_dock_widget("napari-unet-live", "Export masks", tabify=True)
        rest(1)
    save(viewer, "step5")
    viewer.close()


def inside(region: np.ndarray, count: int, half: int) -> list[Points]:
    """Return level strokes of 2 * ``half`` px inside a region, spread over it, the roomiest places first."""
    from scipy import ndimage as ndi

    room = ndi.binary_erosion(np.pad(region, 2), np.ones((5, 2 * half + 5)))[2:-2, 2:-2]
    depth = np.where(room, ndi.distance_transform_edt(region), 0)
    depth = np.minimum(depth, 7 + np.random.default_rng(0).uniform(0, 1, depth.shape))  # near things, not in the void
    lines: list[Points] = []
    while len(lines) < count and depth.any():
        y, x = map(int, np.unravel_index(depth.argmax(), depth.shape))
        lines.append(((y, x - half), (y, x + half)))
        depth[max(0, y - 38) : y + 38, max(0, x - 38) : x + 38] = 0
    return lines


if __name__ == "__main__":
    main()
