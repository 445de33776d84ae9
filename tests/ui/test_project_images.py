"""The images of a project in the window: shown one at a time, predicted, exported; driven by mouse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_unet.ui.layer_metadata import identity, role_of
from napari_unet.ui.project.keeper import keeper_of


def draw(folder: Path, count: int, size: int = 64) -> None:
    """Write images with two bright squares each."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = np.random.default_rng(number).normal(40, 6, (size, size)).clip(0, 255).astype(np.uint8)
        pixels[10:26, 12 + number % 8:30 + number % 8] += 120
        pixels[36:54, 34:52] += 100
        tifffile.imwrite(folder / f"cells_{number:02}.tif", pixels, compression="zlib" if number % 2 else None)


@pytest.fixture
def dock(hands: Any) -> Any:
    """The dock as it opens."""
    return hands.dock("Images")


def add_folder(hands: Any, dock: Any, press: Any, folder: Path) -> None:
    """Add a folder of images as a person does."""
    press(dock.folder_button)
    (dialog,) = [one for one in dock.children() if one.objectName() == "add_folder"]
    dialog.folder_box.setText(str(folder))
    hands.wait(dialog.add.isEnabled)
    press(dialog.add)
    hands.wait(lambda: not dock.jobs.busy and dock.note_line.text() != "")
    dialog.deleteLater()


def names(viewer: Any) -> list[str]:
    return [one.name for one in viewer.layers]


def shown(hands: Any, viewer: Any, dock: Any, name: str) -> None:
    """Wait until an image is the one in the window."""
    hands.wait(lambda: dock.session.images.known(dock.session.images.current).name == name
               and f"{name} strokes" in names(viewer))


def test_a_folder_is_added_and_one_image_is_shown_at_a_time(
    hands: Any, viewer: Any, dock: Any, press: Any, tmp_path: Path
) -> None:
    draw(tmp_path / "many", 4)
    (tmp_path / "many" / "broken.tif").write_bytes(b"II*\0 nothing")
    add_folder(hands, dock, press, tmp_path / "many")
    assert "Added 4 images." in dock.note_line.text()
    assert "broken.tif" in dock.note_line.text()
    assert keeper_of(viewer).folder.path == tmp_path / "many" / "many.unet"
    shown(hands, viewer, dock, "cells_00")
    assert names(viewer) == ["cells_00", "cells_00 strokes"]
    press(dock.next_button)
    shown(hands, viewer, dock, "cells_01")
    assert names(viewer) == ["cells_01", "cells_01 strokes"]
    viewer.layers["cells_01"].contrast_limits = (7, 99)
    press(dock.previous_button)
    shown(hands, viewer, dock, "cells_00")
    press(dock.previous_button)
    shown(hands, viewer, dock, "cells_03")
    dock.session.images.choose(dock.session.images.keys[1])
    shown(hands, viewer, dock, "cells_01")
    assert tuple(viewer.layers["cells_01"].contrast_limits) == (7, 99)
    assert dock.session.keys == (dock.images.records[1].pair_key,), "images that were only looked at teach nothing"
