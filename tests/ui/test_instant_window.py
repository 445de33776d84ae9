"""Answers at once in the real window: strokes with the mouse and no button, and models before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from instant_window_scene import answer, dock, filled, open_image  # noqa: F401 (fixtures)
from qtpy.QtWidgets import QMessageBox

from napari_unet import pretrained
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.ui.layer_metadata import role_of


def test_two_strokes_are_answered_without_a_button(hands: Any, viewer: Any, squares: Any, dock: Any) -> None:
    image, truth = squares
    strokes = open_image(hands, dock, image)
    buttons = viewer.window._qt_viewer.controls.widgets[strokes]
    assert buttons.paint_button.isChecked(), "what is in the hand is what napari shows"
    dock.hold_class(1)
    hands.drag(strokes, [(3, 4), (3, 70)])
    hands.wait(lambda: "second class" in dock.state_line.text())
    assert "cells prediction" not in viewer.layers
    dock.hold_class(2)
    hands.drag(strokes, [(12, 12), (20, 20)])
    prediction = filled(hands)
    assert not dock.controller.training
    hands.wait(lambda: "Answered from your strokes" in dock.state_line.text())
    clear = np.ones(truth.shape, bool)
    clear[38:60, 52:76] = False  # of no class as yet
    assert (prediction.data == truth)[clear].mean() > 0.9
    # a third stroke changes it
    unclear = np.s_[44:54, 58:70]
    other = 1 if (prediction.data[unclear] == 2).mean() > 0.5 else 2
    dock.hold_class(other)
    hands.drag(strokes, [(44, 58), (44, 69)])
    hands.drag(strokes, [(53, 69), (53, 58)])
    hands.wait(lambda: (prediction.data[unclear] == other).mean() > 0.7)
    assert viewer.layers.index(prediction) < viewer.layers.index(strokes)
    assert viewer.layers.selection.active is strokes, "the brush stays in the hand"
    assert dock.session.model.classes.ids == (1, 2), "it can be saved and used elsewhere"


def test_going_back_and_to_the_newest_again(hands: Any, viewer: Any, squares: Any, dock: Any) -> None:
    hands.tiny_network(dock)
    strokes = open_image(hands, dock, squares[0])
    assert "No model yet" in dock.models.list.item(0).text()
    prediction = answer(hands, dock, strokes)
    session = dock.session
    hands.wait(lambda: [one.name for one in session.model_history] == ["instant answer"])
    hands.click(dock, "train_live")
    hands.wait(lambda: len(session.model_history) >= 3)
    hands.click(dock, "train_live")
    assert dock.models.list.item(0).text().startswith("▸ step")
    instant = session.model_history[-1]
    assert instant.step == 0
    # one click goes back
    dock.models.list.itemClicked.emit(dock.models.list.item(len(session.model_history) - 1))
    assert session.model is instant.model
    assert "instant answer" in dock.state_line.text()
    assert dock.models.list.item(len(session.model_history) - 1).font().bold()
    assert dock.models.newest_button.isEnabled()
    expected = np.zeros_like(prediction.data)
    for patch in instant.model.segment(dock.controller.current.image):
        expected[patch.where] = patch.labels
    hands.wait(lambda: np.array_equal(prediction.data, expected))
    # strokes do not overrule it
    version = session.version(dock.controller.current.key)
    hands.drag(strokes, [(44, 58), (44, 69)])
    hands.published(dock)
    assert session.version(dock.controller.current.key) > version
    hands.settle(dock)
    assert np.array_equal(prediction.data, expected)
    hands.click(dock, "train_newest")
    assert session.model is session.model_history[0].model
    assert not dock.models.newest_button.isEnabled()
    # training on from one that was gone back to
    session.go_back(session.model_history[1])
    steps = session.model_history[1].step
    hands.click(dock, "train_live")
    hands.wait(lambda: bool(session.learning_curve) and dock.controller.live)
    assert session.pinned is None
    assert session.learning_curve[0].step == steps + 1
    hands.click(dock, "train_stop")
    hands.wait(lambda: not dock.controller.training)


def test_start_anew_answers_the_strokes_that_are_there(hands: Any, viewer: Any, squares: Any, dock: Any) -> None:
    strokes = open_image(hands, dock, squares[0])
    answer(hands, dock, strokes)
    hands.wait(lambda: dock.session.model is not None)
    old = dock.session.model
    hands.click(dock, "train_new_model")
    hands.wait(lambda: dock.session.model is not None)
    assert dock.session.model is not old
    assert [one.name for one in dock.session.model_history] == ["instant answer"]


def test_a_new_class_a_deleted_class_and_nothing_left(hands: Any, viewer: Any, squares: Any, dock: Any,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    strokes = open_image(hands, dock, squares[0])
    prediction = answer(hands, dock, strokes)
    hands.click(dock, "train_live")
    hands.wait(lambda: bool(dock.session.learning_curve))
    dock.class_buttons.edited.emit(dock.session.classes.including([3]))
    dock.hold_class(3)
    hands.drag(strokes, [(44, 58), (44, 69)])
    hands.drag(strokes, [(53, 69), (53, 58)])
    hands.wait(lambda: (prediction.data == 3).any())
    assert dock.controller.live, "a class that comes mid-training does not stop it"
    dock.class_buttons.removed.emit(3)
    assert 3 not in dock.session.classes.ids
    hands.wait(lambda: not (prediction.data == 3).any())
    step = dock.session.learning_curve[-1].step
    hands.wait(lambda: dock.session.learning_curve[-1].step > step)
    hands.click(dock, "train_stop")
    hands.wait(lambda: not dock.controller.training)
    hands.settle(dock)
    before = prediction.data.copy()
    strokes.data[:] = 0
    strokes.refresh()
    strokes.events.set_data()
    hands.wait(lambda: dock.session.snapshots.get().painted_ids == ())
    hands.settle(dock)
    assert np.array_equal(prediction.data, before), "the old answer is kept"
    assert dock.session.model is not None


def test_an_image_swapped_under_its_name(hands: Any, viewer: Any, squares: Any, dock: Any) -> None:
    image, _ = squares
    strokes = open_image(hands, dock, image)
    prediction = answer(hands, dock, strokes)
    hands.click(dock, "train_show_unsure")
    hands.wait(lambda: "cells uncertainty" in viewer.layers)
    before = prediction.data.copy()
    viewer.layers["cells"].data = np.ascontiguousarray(image[:, ::-1])
    hands.wait(lambda: dock.session.pair(dock.controller.current.key).image.data[0, 0] == image[0, -1])
    hands.wait(lambda: prediction.data.all() and not np.array_equal(prediction.data, before))
    hands.wait(lambda: "cells uncertainty" in viewer.layers)
    assert [layer.name for layer in viewer.layers if role_of(layer) == "prediction"] == ["cells prediction"]
    # another shape: the strokes do not fit any more, and it says so
    viewer.layers["cells"].data = image[:40, :50].copy()
    hands.wait(lambda: "have shape" in dock.note_line.text() or "has shape" in dock.note_line.text())
    assert dock.session.model is not None


def test_without_the_features_a_network_learns_from_nothing(hands: Any, viewer: Any, squares: Any, tmp_path: Any,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "FILE", tmp_path / "features.pt")
    dock = hands.dock("Train U-Net")
    hands.tiny_network(dock)
    strokes = open_image(hands, dock, squares[0])
    hands.wait(lambda: "features are missing" in dock.note_line.text())
    dock.hold_class(1)
    hands.drag(strokes, [(3, 4), (3, 70)])
    dock.hold_class(2)
    hands.drag(strokes, [(12, 12), (20, 20)])
    hands.wait(lambda: "press Live" in dock.state_line.text())
    assert "no instant answers" in dock.state_line.text()
    assert "cells prediction" not in viewer.layers
    hands.click(dock, "train_live")
    filled(hands)
    hands.click(dock, "train_stop")
    hands.wait(lambda: not dock.controller.training)
    assert isinstance(dock.session.model, NetworkModel)
    assert dock.session.model.weights.step > 0


def test_strokes_kept_for_scoring_are_counted(hands: Any, viewer: Any, squares: Any, dock: Any) -> None:
    hands.tiny_network(dock)
    strokes = open_image(hands, dock, squares[0])
    for row in (2, 32, 60):
        strokes.data[row, 4:40] = 1
    for row in (10, 14, 18):
        strokes.data[row, 10:24] = 2
    strokes.events.set_data()
    hands.click(dock, "train_live")
    hands.wait(lambda: "2 strokes kept for scoring" in dock.pairs.item(0).toolTip())
    hands.wait(lambda: "on 2 strokes" in dock.plot.caption)
    hands.click(dock, "train_stop")
    hands.wait(lambda: not dock.controller.training)
