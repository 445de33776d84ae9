"""What tests of projects share: a hand that paints an image and waits until it is kept. As a program: until killed."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np


def paint(hands: Any, layer: Any, number: int, row: float) -> None:
    """Paint a thin stroke with the mouse, whatever brush is proposed."""
    layer.brush_size = 3
    layer.selected_label = number
    layer.mode = "paint"
    hands.viewer.layers.selection.active = layer
    hands.drag(layer, [(row, 10), (row, 40)])


def open_and_paint(hands: Any, file: Path, dock: Any = None) -> tuple[Any, Any]:
    """Open an image and paint two classes on it; return dock and strokes."""
    dock = dock or hands.dock("Train U-Net")
    hands.viewer.open(str(file), plugin="napari-unet-live")
    name = file.name.partition(".")[0]
    hands.wait(lambda: dock.controller.images.layer is hands.viewer.layers[name])
    hands.click(dock, "train_new_strokes")
    strokes = hands.viewer.layers[f"{name} strokes"]
    paint(hands, strokes, 2, 12)
    paint(hands, strokes, 1, 30)
    return dock, strokes


def open_project_in(hands: Any, path: Path) -> None:
    """Open a project in the window, and wait until its strokes have been read."""
    from napari_unet.ui.projects.keeper import keeper_of
    from napari_unet.ui.projects.opening import show_project

    keeper = keeper_of(hands.viewer)
    assert show_project(hands.viewer, path)
    hands.wait(lambda: keeper.opening is None)
    assert keeper.folder is not None
    assert keeper.folder.path == path


def kept(hands: Any) -> Any:
    """Wait until all is on disk; return the project."""
    from napari_unet.ui.projects.keeper import keeper_of

    keeper = keeper_of(hands.viewer)
    hands.wait(lambda: keeper.folder is not None and bool(keeper.folder.state.images) and keeper.all_saved)
    return keeper.folder


def _paint_until_killed(file: Path, noted: Path) -> None:
    """Paint and note what is on disk; then go on painting for ever."""
    import napari
    from conftest import Hands
    from qtpy.QtWidgets import QApplication

    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(1200, 800)

    def wait_until(condition: Any, timeout: int) -> None:
        while not condition():
            QApplication.processEvents()

    hands = Hands(viewer, SimpleNamespace(waitUntil=wait_until))
    _, strokes = open_and_paint(hands, file)
    folder = kept(hands)
    np.save(noted, strokes.data)
    print(f"kept: {folder.path}", flush=True)  # noqa: T201  the test waits for it
    row = 40
    while True:
        paint(hands, strokes, 2 + row % 2, row)
        row = 40 + (row - 39) % 20


if __name__ == "__main__":
    _paint_until_killed(Path(sys.argv[1]), Path(sys.argv[2]))
