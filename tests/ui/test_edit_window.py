"""Undo, redo and the operations on strokes and classes, with mouse and keys, beside napari's own undo."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from instant_window_scene import answer, dock, open_image  # noqa: F401 (fixtures)
from napari.layers import Image as ImageLayer
from napari.layers import Labels
from napari.utils.key_bindings import coerce_keybinding
from napari.utils.shortcuts import default_shortcuts
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QFileDialog, QInputDialog, QMessageBox
from session_scene import Constant

from napari_unet.core.classes import ClassTable
from napari_unet.io import save_mask
from napari_unet.session.model_history import HistoryEntry
from napari_unet.ui.train import shortcuts

ALT, SHIFT = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ShiftModifier


def key(viewer: Any, code: Any, modifier: Any) -> None:
    """Press a key over the image."""
    QTest.keyClick(viewer.window._qt_viewer.canvas.native, code, modifier)
    QApplication.processEvents()


def painted(dock: Any) -> dict[int, int]:
    return dock.session.snapshots.get().counts()


def in_step(dock: Any, strokes: Any) -> bool:
    """Whether the layer and the session hold the same paint."""
    return np.array_equal(strokes.data, dock.session.pair(dock.controller.current.key).scribbles.to_array())


@pytest.fixture
def strokes(hands: Any, viewer: Any, squares: Any, dock: Any) -> Any:
    """A strokes layer with a stroke of each class, by mouse."""
    made = open_image(hands, dock, squares[0])
    dock.hold_class(1)
    hands.drag(made, [(3, 4), (3, 70)])
    dock.hold_class(2)
    hands.drag(made, [(12, 12), (20, 20)])
    hands.published(dock)
    assert set(painted(dock)) == {1, 2}
    return made


def test_our_keys_are_none_of_naparis() -> None:
    ours = {coerce_keybinding(one) for one in (
        shortcuts.UNDO_KEY, shortcuts.REDO_KEY, shortcuts.FILL_KEY, shortcuts.SWITCH_KEY)}
    taken = {binding for bindings in default_shortcuts.values() for binding in bindings}
    taken |= {coerce_keybinding(one) for cls in (Labels, ImageLayer) for one in cls.class_keymap}
    assert len(ours) == 4
    assert not ours & taken


def test_clear_undo_and_redo_by_button_and_key(hands: Any, viewer: Any, dock: Any, strokes: Any, press: Any) -> None:
    before, counts = strokes.data.copy(), painted(dock)
    assert not dock.edits.undo_button.isEnabled()
    press(hands.find(dock, "train_edit_fold_toggle"))
    press(hands.find(dock, "train_clear_plane"))
    assert painted(dock) == {}
    assert not strokes.data.any()
    assert "Undo: clear strokes of cells (Alt+Z)" in dock.edits.undo_button.toolTip()
    press(dock.edits.undo_button)
    assert painted(dock) == counts
    assert np.array_equal(strokes.data, before)
    assert "Redo: clear strokes of cells" in dock.edits.redo_button.toolTip()
    key(viewer, Qt.Key.Key_Z, ALT | SHIFT)
    assert not strokes.data.any()
    key(viewer, Qt.Key.Key_Z, ALT)
    assert np.array_equal(strokes.data, before)
    assert in_step(dock, strokes)


def test_naparis_undo_stays_true_around_ours(hands: Any, viewer: Any, dock: Any, strokes: Any) -> None:
    states = [strokes.data.copy()]
    dock.edits.editing.clear_image()
    states.append(strokes.data.copy())
    dock.hold_class(1)
    hands.drag(strokes, [(30, 10), (30, 40)])
    states.append(strokes.data.copy())
    dock.edits.editing.undo()  # the clearing, although a stroke came after it
    states.append(strokes.data.copy())
    assert np.array_equal(states[3], np.where(states[2] > 0, states[2], states[0]))
    for state in reversed(states[:-1]):
        strokes.undo()  # as Ctrl+Z on the layer
        assert np.array_equal(strokes.data, state), "no old value comes to a wrong place"
        hands.wait(lambda: in_step(dock, strokes))
    for state in states[1:]:
        strokes.redo()
        assert np.array_equal(strokes.data, state)
    hands.wait(lambda: in_step(dock, strokes))


def test_a_change_too_large_for_naparis_undo_says_so(hands: Any, viewer: Any, dock: Any, strokes: Any,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_unet.ui.train.edit_layers.SMALL", 3)
    before = strokes.data.copy()
    mode = strokes.mode
    dock.edits.editing.clear_image()
    assert "too large for Ctrl+Z" in dock.note_line.text()
    strokes.undo()
    assert not strokes.data.any(), "what is older than that is not filled in at wrong places"
    assert strokes.mode == mode
    dock.edits.editing.undo()
    assert np.array_equal(strokes.data, before)
    assert in_step(dock, strokes)


def test_planes_and_images_in_one_step(hands: Any, viewer: Any, squares: Any, dock: Any) -> None:
    stack = open_image(hands, dock, np.stack([squares[0]] * 3), "stack")
    for plane in (0, 2):
        viewer.dims.set_current_step(0, plane)
        dock.hold_class(2)
        hands.drag(stack, [(12, 12), (20, 20)])
    picture = viewer.add_image(squares[0], name="other")
    hands.wait(lambda: dock.chooser.image_box.layer is picture)
    hands.click(dock, "train_new_strokes")
    other = viewer.layers["other strokes"]
    dock.hold_class(2)
    hands.drag(other, [(12, 12), (20, 20)])
    dock.hold_class(1)
    hands.drag(other, [(3, 4), (3, 70)])
    hands.wait(lambda: set(painted(dock)) == {1, 2})
    dock.class_buttons._edit(2, name="nucleus", color="#123456")
    before = stack.data.copy(), other.data.copy()
    dock.class_buttons.removed.emit(2)
    assert not (stack.data == 2).any()
    assert not (other.data == 2).any()
    assert dock.session.classes.name(2) != "nucleus"
    key(viewer, Qt.Key.Key_Z, ALT)
    assert np.array_equal(stack.data, before[0])
    assert np.array_equal(other.data, before[1])
    assert (dock.session.classes.name(2), dock.session.classes.color(2)) == ("nucleus", "#123456")
    assert stack.colormap.color_dict[2] is not None
    key(viewer, Qt.Key.Key_Z, ALT)
    assert dock.session.classes.name(2) == "class 2", "the name is a step of its own"
    dock.edits.editing.redo()
    dock.edits.editing.clear_all()
    viewer.layers.remove(stack)
    hands.wait(lambda: len(dock.session.keys) == 1)
    dock.edits.editing.undo()
    assert "'stack' is not open any more" in dock.note_line.text()
    assert np.array_equal(other.data, before[1])


def test_a_plane_that_only_an_operation_has_painted_is_followed(hands: Any, viewer: Any, squares: Any,
                                                                dock: Any) -> None:
    stack = open_image(hands, dock, np.stack([squares[0]] * 3), "stack")
    viewer.dims.set_current_step(0, 0)
    hands.drag(stack, [(12, 12), (20, 20)])
    hands.wait(lambda: bool(painted(dock)))
    from napari_unet.session.stroke_edits import accept_labels

    accept_labels(dock.session, dock.controller.current.key, 2, np.full((64, 80), 2, np.uint8))
    assert (stack.data[2] == 2).all()
    stack.undo()  # seen from another plane
    assert not stack.data[2].any()
    hands.wait(lambda: in_step(dock, stack))


def test_menu_of_a_class_merges_and_clears(hands: Any, viewer: Any, dock: Any, strokes: Any) -> None:
    counts = painted(dock)
    dock.class_buttons._on_add()
    dock.class_buttons._close_editor()
    dock.hold_class(3)
    hands.drag(strokes, [(44, 58), (44, 69)])
    hands.published(dock)
    added = painted(dock)[3]
    menu = dock.class_buttons._buttons[3].menu()
    texts = [one.text() for one in menu.actions() if one.text()]
    assert texts == ["Rename", "Colour...", "Merge into", "Clear its strokes", "Remove class and its strokes"]
    into = next(one for one in menu.actions() if one.text() == "Merge into").menu()
    assert [one.text() for one in into.actions()] == ["background", "class 2"]
    next(one for one in into.actions() if one.text() == "class 2").trigger()
    assert painted(dock) == {1: counts[1], 2: counts[2] + added}
    assert strokes.selected_label == 2
    next(one for one in dock.class_buttons._buttons[2].menu().actions() if "Clear" in one.text()).trigger()
    assert painted(dock) == {1: counts[1]}
    for _ in range(2):
        dock.edits.editing.undo()
    assert painted(dock) == {**counts, 3: added}
    background = [one.text() for one in dock.class_buttons._buttons[1].menu().actions() if one.text()]
    assert background == ["Rename", "Colour...", "Clear its strokes"]


def test_only_what_destroys_much_is_asked(dock: Any, strokes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def question(_parent: Any, _title: str, text: str) -> Any:
        asked.append(text)
        return QMessageBox.StandardButton.No

    monkeypatch.setattr(QMessageBox, "question", question)
    counts = painted(dock)
    dock.class_buttons.removed.emit(2)
    assert not asked
    dock.edits.editing.undo()
    monkeypatch.setattr("napari_unet.ui.train.edit_actions.MUCH", 10)
    dock.edits.editing.clear_all()
    assert painted(dock) == counts
    assert f"That is {sum(counts.values())} painted pixels on 1 image" in asked[0]


def test_the_prediction_becomes_strokes_in_view_or_where_sure(hands: Any, viewer: Any, squares: Any, dock: Any,
                                                              press: Any) -> None:
    strokes = open_image(hands, dock, squares[0])
    dock.edits.jobs.accept(True)
    assert "no prediction yet" in dock.note_line.text()
    prediction = answer(hands, dock, strokes)
    hands.settle(dock)
    mine, predicted = strokes.data.copy(), prediction.data.copy()
    press(hands.find(dock, "train_edit_fold_toggle"))
    hands.find(dock, "train_only_sure").setChecked(True)
    press(hands.find(dock, "train_accept_plane"))
    hands.wait(lambda: not dock.edits.jobs.busy)
    sure = np.count_nonzero(strokes.data)
    assert np.count_nonzero(mine) < sure < mine.size
    marks = dock.session.pair(dock.controller.current.key).scribbles.derived[0]
    assert np.array_equal(marks, (strokes.data > 0) & (mine == 0)), "they are not a person's strokes"
    dock.edits.editing.undo()
    assert np.array_equal(strokes.data, mine)
    hands.find(dock, "train_only_sure").setChecked(False)
    press(hands.find(dock, "train_accept_view"))
    hands.wait(lambda: not dock.edits.jobs.busy)
    assert np.array_equal(strokes.data[mine > 0], mine[mine > 0]), "what a person has painted stays"
    new = (mine == 0) & (strokes.data > 0)
    assert new.sum() > sure - np.count_nonzero(mine)
    assert (strokes.data[new] == predicted[new]).mean() > 0.98
    key(viewer, Qt.Key.Key_Z, ALT)
    assert np.array_equal(strokes.data, mine)


def test_a_key_fills_what_strokes_enclose_and_what_is_predicted(hands: Any, viewer: Any, squares: Any,
                                                                dock: Any) -> None:
    strokes = open_image(hands, dock, squares[0])
    prediction = answer(hands, dock, strokes)
    hands.settle(dock)
    ring = [(34, 14), (34, 36), (56, 36), (56, 14), (34, 14)]
    dock.hold_class(2)
    hands.drag(strokes, ring)
    hands.wait(lambda: in_step(dock, strokes))
    before = strokes.data.copy()
    hands.point_at(strokes, (45, 25))
    key(viewer, Qt.Key.Key_F, SHIFT)
    assert (strokes.data[37:54, 17:34] == 2).all()
    assert (strokes.data != before).sum() < 25 * 25
    hands.settle(dock)
    hands.point_at(strokes, (29, 57))
    assert prediction.data[29, 57] == 2
    key(viewer, Qt.Key.Key_F, SHIFT)
    assert strokes.data[29, 57] == 2
    derived = dock.session.pair(dock.controller.current.key).scribbles.derived[0]
    assert derived[29, 57]
    assert not derived[45, 25], "what a person has enclosed is a person's"


def test_strokes_come_in_from_a_file(hands: Any, viewer: Any, squares: Any, dock: Any, strokes: Any, tmp_path: Any,
                                     monkeypatch: pytest.MonkeyPatch) -> None:
    mine, truth = strokes.data.copy(), squares[1]
    path = tmp_path / "expert.tif"
    save_mask(path, truth, classes=ClassTable.named({1: "background", 2: "cell"}))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    hands.click(dock, "train_import_strokes")
    hands.wait(lambda: bool(dock.session.edits.undo_text))
    assert np.array_equal(strokes.data, np.where(mine > 0, mine, truth))
    assert dock.session.edits.undo_text == "import expert.tif"
    hands.wait(lambda: not dock.edits.jobs.busy)
    dock.edits.editing.undo()
    assert np.array_equal(strokes.data, mine)
    import tifffile

    other = tmp_path / "objects.tif"
    tifffile.imwrite(other, np.kron(np.arange(1, 21).reshape(4, 5), np.ones((16, 16), int)).astype(np.uint16))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(other), ""))
    asked: list[str] = []

    def choose(_parent: Any, _title: str, question: str, items: list[str], *_: Any) -> tuple[str, bool]:
        asked.append(question)
        return items[2], True

    monkeypatch.setattr(QInputDialog, "getItem", choose)
    hands.click(dock, "train_import_strokes")
    hands.wait(lambda: bool(asked))
    hands.wait(lambda: dock.session.edits.undo_text == "import objects.tif")
    assert (strokes.data[mine == 0] == 2).all()
    hands.wait(lambda: not dock.edits.jobs.busy)
    tifffile.imwrite(other, np.zeros((5, 5), np.uint8))
    hands.click(dock, "train_import_strokes")
    hands.wait(lambda: "need (64, 80)" in dock.note_line.text())


def test_two_models_are_compared_and_switched(hands: Any, viewer: Any, squares: Any, dock: Any, press: Any) -> None:
    strokes = open_image(hands, dock, squares[0])
    answer(hands, dock, strokes)
    hands.settle(dock)
    assert not dock.model_compare.button.isEnabled()
    model = dock.session.model
    session = dock.session
    session.restore_models([HistoryEntry(Constant(2, session.classes), 7, 0.5, 1000.0, training=3)])
    press(hands.find(dock, "train_model_fold_toggle"))
    assert "Strokes have changed" not in dock.models.list.item(0).toolTip()
    press(dock.model_compare.button)
    hands.wait(lambda: "agree on" in dock.model_compare.text.text())
    name = "cells: step 7 where instant answer differs"
    differ = viewer.layers[name]
    predicted = viewer.layers["cells prediction"].data
    assert np.array_equal(differ.data == 2, predicted == 1)
    assert viewer.layers.selection.active is strokes
    share = 100 * (predicted == 2).mean()
    assert f"class 2: {share:.1f} % and 100.0 %" in dock.model_compare.text.text()
    key(viewer, Qt.Key.Key_M, SHIFT)
    assert session.shown.name == "step 7"
    hands.wait(lambda: (viewer.layers["cells prediction"].data == 2).all())
    key(viewer, Qt.Key.Key_M, SHIFT)
    assert session.shown.name == "instant answer"
    assert session.model is model
    press(dock.model_compare.button)
    hands.wait(lambda: dock.model_compare._job is None)
    assert sum(one.name.startswith("cells: ") for one in viewer.layers) == 1
