"""The dock Train U-Net on images of a project: predicting them all, the list of pairs, closing, filling by mouse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from instant_window_scene import open_image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog
from test_project_images import add_folder, draw, names, paint, shown

from napari_unet.ui.layer_metadata import mark_layer
from napari_unet.ui.projects.keeper import keeper_of


@pytest.fixture
def images(hands: Any, viewer: Any, press: Any, tmp_path: Path) -> Any:
    """The dock Images with two images, on the first of which both classes are painted, and a model."""
    dock = hands.dock("Images")
    draw(tmp_path / "many", 2)
    add_folder(hands, dock, press, tmp_path / "many")
    shown(hands, viewer, dock, "cells_00")
    paint(hands, viewer, dock, "cells_00")
    hands.wait(lambda: dock.session.model is not None and dock.predict_button.isEnabled())
    return dock


def test_predict_all_in_the_training_dock_is_of_the_project(hands: Any, viewer: Any, images: Any, press: Any) -> None:
    viewer.window.remove_dock_widget(images)  # the project's results do not need its dock
    train = hands.dock("Train U-Net")
    hands.wait(train.predict_all_button.isEnabled)
    train.predict_all_button.click()
    hands.wait(lambda: "They are in the project." in train.note_line.text() and not train.project_jobs.busy)
    state = keeper_of(viewer).folder.state
    assert all(state.result(one.id) is not None for one in state.images)
    assert "cells_00 saved prediction" in names(viewer)
    loose = viewer.add_image(np.random.default_rng(0).integers(0, 60, (64, 64), np.uint8), name="loose")
    hands.wait(train.predict_all_button.isEnabled)
    train.predict_all_button.click()
    hands.wait(lambda: "loose segmentation" in names(viewer) and not train.jobs.busy)
    assert len(keeper_of(viewer).folder.state.images) == 2
    assert [one for one in names(viewer) if one.endswith("segmentation")] == ["loose segmentation"]
    assert viewer.layers["loose segmentation"].data.shape == loose.data.shape


def test_images_that_are_not_in_the_window_are_in_the_list_of_pairs(hands: Any, viewer: Any, images: Any,
                                                                    press: Any) -> None:
    train = hands.dock("Train U-Net")
    press(images.next_button)
    shown(hands, viewer, images, "cells_01")
    hands.wait(lambda: train.pairs.count() == 2)
    lines = [train.pairs.item(row).text() for row in range(2)]
    assert [one.partition(":")[0] for one in lines] == ["cells_00", "cells_01"]
    key = images.images.records[0].pair_key
    train.pairs.item(0).setCheckState(Qt.CheckState.Unchecked)
    assert not train.session.enabled(key)
    assert train.session.enabled(images.images.records[1].pair_key)
    press(images.next_button)  # round to the first one
    shown(hands, viewer, images, "cells_00")
    known = train.session.pair(key).image
    press(images.next_button)
    shown(hands, viewer, images, "cells_01")
    press(images.next_button)
    shown(hands, viewer, images, "cells_00")
    assert train.session.pair(key).image is known, "what was found out about an image holds when it comes back"
    train.pairs.itemClicked.emit(train.pairs.item(0))
    shown(hands, viewer, images, "cells_00")


def test_a_window_does_not_close_unasked_over_layers_that_are_put_aside(hands: Any, viewer: Any, images: Any,
                                                                        press: Any) -> None:
    keeper = keeper_of(viewer)
    images.jobs.predict_all()
    hands.wait(lambda: not images.jobs.busy and "cells_00 saved prediction" in names(viewer))
    hands.wait(keeper._nothing_lost)
    reference = viewer.add_labels(np.ones((64, 64), np.uint8), name="mine")
    mark_layer(reference, "reference", viewer.layers["cells_00"])
    assert not keeper._nothing_lost()
    press(images.next_button)
    shown(hands, viewer, images, "cells_01")
    assert reference not in viewer.layers
    assert not keeper._nothing_lost(), "what is put aside is nowhere else"
    press(images.previous_button)
    shown(hands, viewer, images, "cells_00")
    viewer.layers.remove(reference)
    hands.wait(keeper._nothing_lost)


def test_a_saved_prediction_that_was_painted_on_is_kept(hands: Any, viewer: Any, images: Any, press: Any) -> None:
    keeper = keeper_of(viewer)
    images.jobs.predict_all()
    hands.wait(lambda: not images.jobs.busy and "cells_00 saved prediction" in names(viewer))
    saved = viewer.layers["cells_00 saved prediction"]
    saved.visible, saved.selected_label, saved.mode, saved.brush_size = True, 2, "paint", 5
    viewer.layers.selection.active = saved
    hands.drag(saved, [(60, 5), (60, 30)])
    mine = np.array(saved.data)
    assert mine[60, 20] == 2
    hands.wait(lambda: keeper.all_saved)
    assert not keeper._nothing_lost()
    press(images.next_button)
    shown(hands, viewer, images, "cells_01")
    press(images.previous_button)
    shown(hands, viewer, images, "cells_00")
    assert saved in viewer.layers
    images.jobs.predict_all()
    hands.wait(lambda: not images.jobs.busy)
    assert saved in viewer.layers
    np.testing.assert_array_equal(saved.data, mine)


def test_the_methods_text_is_a_button(hands: Any, viewer: Any, images: Any, press: Any, tmp_path: Path,
                                      monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "methods.txt"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    images.jobs.predict_all()
    hands.wait(lambda: not images.jobs.busy and images.methods_button.isEnabled())
    press(images.methods_button)
    hands.wait(lambda: path.is_file() and not images.jobs.busy)
    text = path.read_text(encoding="utf-8")
    assert "napari-unet" in text
    hands.wait(lambda: str(path) in images.note_line.text())
    assert not images.note_line.details.isVisible()

    def broken(*_: Any) -> Any:
        yield from ()
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr("napari_unet.ui.projects.project_jobs.methods_text", broken)
    press(images.methods_button)
    hands.wait(lambda: images.note_line.text() == "the disk is on fire")
    assert images.note_line.details.isVisible()
    images.say("News.")
    assert not images.note_line.details.isVisible()


def test_the_next_click_fills(hands: Any, viewer: Any, squares: Any, press: Any) -> None:
    dock = hands.dock("Train U-Net")
    strokes = open_image(hands, dock, squares[0])
    dock.hold_class(2)
    ring = strokes.data.copy()  # drawn by mouse, a busy window cuts its corners
    ring[20:41, 20:41] = 2
    ring[23:38, 23:38] = 0
    strokes.data = ring
    hands.wait(lambda: bool(dock.session.painted()))
    press(hands.find(dock, "train_edit_fold_toggle"))
    button = hands.find(dock, "train_fill")
    hands.wait(button.isVisible)
    button.click()
    assert (button.isChecked(), strokes.mode) == (True, "pan_zoom")
    hands.drag(strokes, [(30, 30)])
    hands.wait(lambda: strokes.data[30, 30] == 2)
    assert (button.isChecked(), strokes.mode) == (False, "paint")
    assert strokes.data[50, 50] == 0
    dock.edits.undo_button.click()
    hands.wait(lambda: strokes.data[30, 30] == 0)
    button.click()
    hands.drag(strokes, [(30, 26), (30, 34)])  # moves the image, and leaves the mouse on ground that could be filled
    assert button.isChecked()
    assert not strokes.data[30, 30]
    button.click()
    assert (button.isChecked(), strokes.mode) == (False, "paint"), "pressed again it is left"
