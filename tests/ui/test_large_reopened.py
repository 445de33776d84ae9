"""A large image without a pyramid: its store run is stopped, its project opened in another window, the run goes on."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Any

import napari
import numpy as np
import pytest
import tifffile
from conftest import Hands
from keeping_scene import kept, open_project_in

from napari_unet.core import plane_facts
from napari_unet.io import _tiff_by_tile
from napari_unet.predicting import block_plan
from napari_unet.ui.layer_axes import finest_level
from napari_unet.ui.layer_metadata import role_of
from napari_unet.ui.train.field_binding import FieldBinding
from napari_unet.workflows import block_task, filling_store
from napari_unet.workflows.store_run import ThreadEngine

SIDE = 2048


@pytest.fixture
def slide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiled TIFF that counts as large, in a folder of its own."""
    for module in ("large_images", "projects.project_layers", "files.layer_reader"):
        monkeypatch.setattr(f"napari_unet.ui.{module}.LARGEST_LAZY", 2**20)
    monkeypatch.setattr(_tiff_by_tile, "LARGE", 1000)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    bright = ((rows // 64 + columns // 64) % 2 * 120 + 40).astype(np.uint8)
    bright += np.random.default_rng(0).integers(0, 20, bright.shape, np.uint8)
    path = tmp_path / "data" / "slide.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, bright, tile=(256, 256), compression="zlib", photometric="minisblack")
    return path


@pytest.fixture
def go_on(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """The first block of a run is done at once; each other one when this is set, unless the run is stopped."""
    wanted = threading.Event()

    def answered(_model: Any, _image: Any, block: Any, _skip: Any, stopped: Any, _maps: Any) -> np.ndarray:
        while block.number and not wanted.wait(0.01) and not stopped():
            pass
        return np.full(block.box.shape, 1 + block.number % 2, np.uint8)

    monkeypatch.setattr(block_task, "answer_block", answered)
    monkeypatch.setattr(block_plan, "SIDE", 256)
    monkeypatch.setattr(filling_store, "ThreadEngine", partial(ThreadEngine, 1))
    return wanted


def begin(hands: Any, dock: Any, path: Path) -> list[str]:
    """Segment the whole image into a store; return what is told of it."""
    hands.settle(dock)
    told: list[str] = []
    dock.predicting.filler.progressed.connect(lambda text, _: told.append(text))
    dock.predicting._ask = lambda _: str(path)
    hands.click(dock, "train_predict")
    return told


def test_a_store_run_that_is_stopped_goes_on_after_its_project_was_opened_again(
    viewer, hands, qtbot, keeping, slide, go_on, tmp_path, monkeypatch
):
    dock = hands.dock("Train U-Net")
    viewer.open(str(slide), plugin="napari-unet-live")
    hands.wait(lambda: dock.controller.images.layer is viewer.layers["slide"])
    hands.click(dock, "train_new_strokes")
    hands.wait(lambda: isinstance(dock.controller.current, FieldBinding))
    binding = dock.controller.current
    assert binding.field.factor == (2, 2)
    dock.hold_class(1)
    hands.drag(binding.strokes, [(300, 300), (300, 340)])
    dock.hold_class(2)
    hands.drag(binding.strokes, [(500, 500), (500, 540)])
    hands.wait(lambda: dock.session.model is not None)
    hands.settle(dock)
    monkeypatch.setattr(plane_facts, "LARGE_PLANE", 1000)  # only now: so that the whole goes by blocks
    told = begin(hands, dock, tmp_path / "mask.ome.zarr")
    hands.wait(lambda: any(text.startswith("Block 1 of 4") for text in told))
    hands.click(dock, "train_cancel")
    hands.wait(lambda: not dock.predicting.filler.busy)
    assert "what is done is kept" in dock.note_line.text()
    left = sorted(one.name for one in tmp_path.glob(".mask*"))
    assert left == [".mask.ome.zarr.unfinished", ".mask.ome.zarr.unfinished.blocks"], "no lock is left"
    folder = kept(hands).path
    viewer.close()
    go_on.set()
    other = napari.Viewer(show=True)
    other.window._qt_window.resize(1200, 800)
    try:
        again = Hands(other, qtbot)
        dock = again.dock("Train U-Net")
        open_project_in(again, folder)
        again.wait(lambda: isinstance(dock.controller.current, FieldBinding) and dock.session.model is not None)
        assert "made for looking" in dock.controller.current.level_text
        told = begin(again, dock, tmp_path / "mask.ome.zarr")
        again.wait(lambda: not dock.predicting.filler.busy)
        assert any("of 3, 1 done before" in text for text in told), (told, dock.note_line.text())
        assert not list(tmp_path.glob(".mask*"))
        (shown,) = [one for one in other.layers if role_of(one) == "result"]
        expected = np.tile(np.repeat(np.array([1, 2], np.uint8), 512), (1024, 1))
        np.testing.assert_array_equal(np.asarray(finest_level(shown)), expected)
    finally:
        other.close()
