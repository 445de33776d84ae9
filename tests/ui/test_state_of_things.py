"""What the dock says and does stays true: defaults, folds, closing, notes, waiting, removing a class."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from instant_window_scene import answer, dock, open_image  # noqa: F401 (fixtures)
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_unet.networks import REGISTRY as NETWORKS
from napari_unet.segmenters import REGISTRY as METHODS
from napari_unet.session.session_state import FIRST_ANSWER, RESTING

FOLDS = ("train_pairs_fold", "train_model_fold", "train_advanced_fold", "train_keys_fold")


def test_opening_folds_in_any_order_changes_nothing(hands: Any, viewer: Any, squares: Any, dock: Any) -> None:
    strokes = open_image(hands, dock, squares[0])
    folds = [dock.findChild(QWidget, name) for name in FOLDS]
    state = dock.session.state
    methods = set()
    for order in itertools.permutations(folds):
        for fold in order:
            fold.expand(animate=False)
        methods.add(repr(dock.settings.method(None)))
        for fold in folds:
            fold.collapse(animate=False)
    assert len(methods) == 1
    assert type(dock.settings.method(None)) is METHODS[NETWORKS.default] is METHODS["unet"]
    assert dock.session.state == state
    answer(hands, dock, strokes)
    hands.click(dock, "train_live")
    hands.wait(lambda: bool(dock.session.learning_curve))
    network = dock.session.model.weights.network_name
    assert network == "unet", "Live trains on from the answer, whatever was looked at before"


def test_the_choice_of_a_network_can_be_read(hands: Any, viewer: Any, dock: Any) -> None:
    dock.findChild(QWidget, "train_advanced_fold").expand()
    box = dock.findChild(QWidget, "train_network")
    hands.wait(lambda: box.isVisible())
    needed = box.fontMetrics().horizontalAdvance(box.currentText())
    assert box.width() > needed + 20


def test_a_closed_dock_trains_no_further_and_its_model_is_kept(hands: Any, viewer: Any, squares: Any,
                                                              dock: Any) -> None:
    strokes = open_image(hands, dock, squares[0])
    answer(hands, dock, strokes)
    hands.click(dock, "train_live")
    hands.wait(lambda: bool(dock.session.learning_curve))
    session, controller, gone = dock.session, dock.controller, []
    dock.destroyed.connect(lambda *_: gone.append(True))
    dock_widget = next(one for name, one in viewer.window._wrapped_dock_widgets.items() if "Train" in name)
    dock_widget.title.close_button.click()
    hands.wait(lambda: bool(gone))
    assert not controller.live
    assert not controller.workers._workers
    assert "was stopped when its dock was closed" in session.state.text
    model = session.model
    assert model is not None
    again = hands.dock("Train U-Net")
    assert again.session is session
    hands.wait(lambda: again.controller.current is not None and again.controller.current.strokes is strokes)
    assert again.session.model is model
    hands.click(again, "train_live")
    hands.wait(lambda: again.controller.live)


def test_a_note_goes_when_its_cause_is_gone(hands: Any, viewer: Any, squares: Any, dock: Any) -> None:
    viewer.add_image(squares[0], name="cells")
    bad = np.zeros(squares[0].shape, np.int16)
    viewer.add_labels(bad, name="cells strokes")
    hands.wait(lambda: dock.controller.current is not None)
    layer = viewer.layers["cells strokes"]
    layer.data = np.full(bad.shape, -1, np.int16) + np.eye(*bad.shape, dtype=np.int16) * 3
    hands.wait(lambda: "holds ids from -1 to 2" in dock.note_line.text())
    layer.data = bad
    hands.wait(lambda: "holds ids" not in dock.note_line.text())


def test_images_of_other_channels_are_named_only_while_they_are_learnt(hands: Any, viewer: Any, squares: Any,
                                                                       dock: Any) -> None:
    strokes = open_image(hands, dock, squares[0])
    answer(hands, dock, strokes)
    colour = viewer.add_image(np.stack([squares[0]] * 3, -1), name="colour", rgb=True)
    hands.wait(lambda: dock.chooser.image_box.layer is colour)
    hands.click(dock, "train_new_strokes")
    viewer.layers["colour strokes"].data[3, 4:60] = 1
    viewer.layers["colour strokes"].events.set_data()
    hands.wait(lambda: "channel" in dock.note_line.text())
    viewer.layers.remove(colour)
    hands.wait(lambda: "channel" not in dock.note_line.text())


def test_what_takes_long_is_said(hands: Any, viewer: Any, squares: Any, dock: Any) -> None:
    seen = []
    dock.session.state_changed.connect(lambda state: seen.append(state.text))
    dock.controller.prediction.answer._long.setInterval(0)  # so that the first answer takes longer on any machine
    strokes = open_image(hands, dock, squares[0])
    answer(hands, dock, strokes)
    assert FIRST_ANSWER in seen
    hands.wait(lambda: dock.session.state.phase == "answered")


def test_a_stopped_training_is_not_said_to_be_the_newest_thing(hands: Any, viewer: Any, squares: Any,
                                                               dock: Any) -> None:
    strokes = open_image(hands, dock, squares[0])
    answer(hands, dock, strokes)
    hands.click(dock, "train_live")
    hands.wait(lambda: bool(dock.session.learning_curve))
    hands.click(dock, "train_stop")
    hands.wait(lambda: not dock.controller.training and "Stopped at step" in dock.state_line.text())
    hands.settle(dock)
    assert "Stopped at step" in dock.state_line.text(), "answers to the strokes before do not replace it"
    dock.hold_class(2)
    hands.drag(strokes, [(44, 58), (48, 66)])
    hands.wait(lambda: dock.session.state.text == RESTING)


def test_removing_a_class_asks_and_undo_brings_back_its_name_and_colour(hands: Any, viewer: Any, squares: Any,
                                                                        dock: Any,
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    answers = [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]

    def question(_parent: Any, _title: str, text: str) -> Any:
        asked.append(text)
        return answers[len(asked) - 1]

    monkeypatch.setattr(QMessageBox, "question", question)
    monkeypatch.setattr("napari_unet.ui.train.edit_actions.MUCH", 1)
    strokes = open_image(hands, dock, squares[0])
    dock.class_buttons._edit(2, name="nucleus", color="#123456")
    dock.class_buttons.edited.emit(dock.session.classes.including([3]))
    dock.hold_class(2)
    hands.drag(strokes, [(12, 12), (20, 20)])
    hands.published(dock)
    assert 2 in dock.session.snapshots.get().painted_ids
    dock.class_buttons.removed.emit(2)
    assert len(asked) == 1
    assert "'nucleus'" in asked[0]
    assert 2 in dock.session.classes.ids
    dock.class_buttons.removed.emit(2)
    assert 2 not in dock.session.classes.ids
    assert not (strokes.data == 2).any()
    strokes.undo()
    hands.wait(lambda: 2 in dock.session.classes.ids)
    assert (dock.session.classes.name(2), dock.session.classes.color(2)) == ("nucleus", "#123456")
    dock.class_buttons._edit(2, name="cell")
    before = dock.session.snapshots.get().counts()[2]
    dock.hold_class(2)
    hands.drag(strokes, [(44, 58), (48, 66)])
    hands.wait(lambda: dock.session.snapshots.get().counts()[2] > before)
    assert dock.session.classes.name(2) == "cell", "what was brought back once is not brought back again"
    dock.class_buttons.removed.emit(3)
    assert 3 not in dock.session.classes.ids
    assert len(asked) == 2, "a class without strokes goes unasked"
