"""A long sitting, left to `make soak`: hundreds of strokes on ten images while a network learns, in bounded memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import tifffile
from qtpy.QtWidgets import QApplication

from napari_unet.ui.projects.keeper import keeper_of

IMAGES, STROKES, SIDE = 10, 500, 256
WARM = 0.1
"""Share of the strokes in which caches fill: as the first two minutes of half an hour."""

MEGABYTES = 100


def draw(folder: Path) -> None:
    """Write images with bright discs."""
    folder.mkdir()
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for number in range(IMAGES):
        rng = np.random.default_rng(number)
        pixels = rng.normal(40, 6, (SIDE, SIDE))
        for row, column in rng.integers(20, SIDE - 20, (12, 2)):
            pixels[(rows - row) ** 2 + (columns - column) ** 2 < 144] += 110
        tifffile.imwrite(folder / f"cells_{number}.tif", pixels.clip(0, 255).astype(np.uint8))


def in_use() -> float:
    """Memory of this process in megabytes."""
    return float(psutil.Process().memory_info().rss) / 2**20


@pytest.mark.soak
def test_hundreds_of_strokes_on_ten_images_take_no_more_and_more_memory(
    hands: Any, viewer: Any, keeping: Any, tmp_path: Path
) -> None:
    draw(tmp_path / "many")
    train, images = hands.dock("Train U-Net"), hands.dock("Images")
    hands.tiny_network(train)
    images.jobs.add(lambda: iter(sorted((tmp_path / "many").iterdir())))
    hands.wait(lambda: not images.jobs.busy and len(images.session.images.keys) == IMAGES)
    rng, early = np.random.default_rng(0), 0.0
    for number in range(STROKES):
        if number % 5 == 0:
            before = images.session.images.current
            images.session.images.step(1)
            hands.wait(lambda before=before: images.session.images.current != before
                       and train.controller.current is not None
                       and train.controller.current.image_layer is train.controller.images.layer)
        strokes = train.controller.current.strokes
        strokes.mode, strokes.brush_size = "paint", 3
        strokes.selected_label = 1 + number % 2
        viewer.layers.selection.active = strokes
        row, column = rng.integers(8, SIDE - 40, 2)
        hands.drag(strokes, [(row, column), (row, column + 30)])
        if number == 20:
            hands.click(train, "train_live")
        if number % 50 == 49:
            hands.wait(lambda: keeper_of(viewer).all_saved)
        QApplication.processEvents()
        if number == int(WARM * STROKES):
            early = in_use()
    hands.click(train, "train_stop")
    hands.wait(lambda: keeper_of(viewer).all_saved)
    grown = in_use() - early
    print(f"{grown:.0f} MB more after {STROKES} strokes than after {int(WARM * STROKES)}")  # noqa: T201  asked for
    assert grown < MEGABYTES
