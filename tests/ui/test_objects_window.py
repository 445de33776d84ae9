"""The dock Objects in a real window: found and counted live, cut, joined and put right with the mouse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from instant_window_scene import dock as train  # noqa: F401 (fixture)
from instant_window_scene import open_image
from napari.layers import Image as ImageLayer
from napari.layers import Labels
from napari.utils.key_bindings import coerce_keybinding
from napari.utils.shortcuts import default_shortcuts
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_unet.core.classes import ClassTable
from napari_unet.session.object_notes import Place
from napari_unet.ui.layer_metadata import mark_layer, role_of, set_class_table
from napari_unet.ui.object_dock.dock_words import FAILED
from napari_unet.ui.object_table.table_words import COMING
from napari_unet.ui.train import shortcuts

NUCLEI = ClassTable.named({1: "background", 2: "nucleus"})


def two_nuclei(shape: tuple[int, ...] = (64, 80)) -> np.ndarray:
    """Painted ids: two discs that touch, one alone, and one with a hole."""
    rows, columns = np.mgrid[: shape[-2], : shape[-1]]
    labels = np.ones(shape, np.uint8)
    for row, column, radius in ((20, 16, 9), (20, 32, 9), (48, 16, 8), (46, 50, 12)):
        labels[..., (rows - row) ** 2 + (columns - column) ** 2 <= radius**2] = 2
    labels[..., 45:48, 49:52] = 1
    return labels


def add_mask(viewer: Any, labels: np.ndarray, name: str = "cells result") -> Labels:
    """An image and the result of a method on it."""
    image = viewer.add_image(labels * np.uint8(90), name="cells", axis_labels="zyx"[-labels.ndim:])
    layer = viewer.add_labels(labels, name=name)
    set_class_table(layer, NUCLEI, background=False)
    mark_layer(layer, "result", image)
    return layer


def objects_dock(hands: Any) -> Any:
    """The dock, once it has found the objects of what there is."""
    made = hands.dock("Objects")
    found(hands, made)
    hands.viewer.reset_view()  # the dock has made the canvas narrower
    return made


def found(hands: Any, dock: Any) -> dict[int, Any]:
    """Wait until what is shown is found; return the counts."""
    hands.wait(lambda: dock.finder.state is not None and dock.finder.state.fresh and not dock.finder.busy
               and not dock.finder.shown._waiting)  # all of it is pasted, too
    return dict(dock.finder.state.counts)


def key(viewer: Any, code: Any, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key over the image."""
    QTest.keyClick(viewer.window._qt_viewer.canvas.native, code, modifier)
    QApplication.processEvents()


def cell(dock: Any, name: str) -> str:
    return str(dock.findChild(type(dock.counts._cells[2][0]), f"objects_count_2_{name}").text())


def test_our_keys_are_none_of_naparis() -> None:
    ours = [coerce_keybinding(one) for one in (
        shortcuts.CUT_KEY, shortcuts.JOIN_KEY, shortcuts.PICK_KEY, shortcuts.DELETE_KEY, shortcuts.UPDATE_KEY,
        shortcuts.PREDICTION_KEY, shortcuts.UNSURE_KEY, shortcuts.FILL_KEY, shortcuts.SWITCH_KEY)]
    taken = {binding for bindings in default_shortcuts.values() for binding in bindings}
    taken |= {coerce_keybinding(one) for cls in (Labels, ImageLayer) for one in cls.class_keymap}
    assert len(set(ours)) == len(ours)
    assert not set(ours) & taken


def shows_outlines(hands: Any, dock: Any, layer: Any) -> None:
    """Tick the box: the layer shows outlines, and so do those that come."""
    hands.click(dock, "objects_outlines")
    outlined(layer)
    other = Labels(np.zeros((4, 4), np.uint8))
    mark_layer(other, "objects", "cells")
    hands.viewer.add_layer(other)
    assert (other.contour, other.opacity) == (1, 1.0)
    hands.viewer.layers.remove(other)
    hands.viewer.layers.selection.active = layer


def outlined(layer: Any) -> None:
    """What is drawn are the rims of objects alone: those of the whole plane, whatever part was drawn last."""
    drawn = layer._slice.image.view
    assert np.array_equal(drawn, layer._raw_to_displayed(layer.data))
    assert not drawn[20, 16], "the inside is seen through"
    assert drawn[20, 7]


def test_cut_join_pick_and_put_right_by_mouse(hands: Any, viewer: Any, press: Any) -> None:
    mask = add_mask(viewer, two_nuclei())
    dock = objects_dock(hands)
    dock.session.put_settings({"objects": {"way": "parts", "parameters": {}, "areas": []}})
    counts = found(hands, dock)
    assert (counts[2].objects, counts[2].parts, counts[2].holes) == (3, 3, 1)
    assert (cell(dock, "objects"), cell(dock, "holes")) == ("3", "1")
    layer = dock.finder.shown.layer
    assert layer.name == "cells result objects"
    assert role_of(layer) == "objects"
    source = mask.data.copy()

    shows_outlines(hands, dock, layer)
    press(dock.tools["cut"])  # these are two
    assert viewer.layers.selection.active is layer
    centre = tuple(viewer.scene.camera.center) if hasattr(viewer, "scene") else tuple(viewer.camera.center)
    hands.drag(layer, [(8, 24), (33, 24)])
    assert (tuple(viewer.scene.camera.center) if hasattr(viewer, "scene") else tuple(viewer.camera.center)) == centre
    assert found(hands, dock)[2].objects == 4
    assert layer.data[20, 16] != layer.data[20, 32]
    outlined(layer)  # drawn in part only
    hands.click(dock, "objects_outlines")
    assert (layer.contour, layer.opacity) == (0, 0.6)
    assert "Undo: cut an object" in dock.undo_button.toolTip()
    key(viewer, Qt.Key.Key_J)  # this is one, by key
    assert dock.tools["join"].isChecked()
    hands.drag(layer, [(48, 16), (46, 42)])
    assert found(hands, dock)[2].objects == 3
    assert layer.data[48, 16] == layer.data[46, 42]

    press(dock.tools["pick"])
    hands.drag(layer, [(20, 16), (20, 16)])
    assert dock.hand.picked == (layer.data[20, 16],)
    assert dock.picked_line.text().startswith("Picked: nucleus")
    key(viewer, Qt.Key.Key_D, Qt.KeyboardModifier.ShiftModifier)
    assert found(hands, dock)[2].objects == 2
    assert not layer.data[20, 16]
    hands.drag(layer, [(46, 42), (46, 42)])
    press(dock.fill_button)
    assert found(hands, dock)[2].objects == 2
    assert layer.data[46, 50] == layer.data[46, 42]

    done = layer.data.copy()
    mask.data[20, 45] = 2  # the answer changes elsewhere, and a little under what was deleted
    mask.data[10:13, 14:18] = 2
    mask.refresh()
    hands.wait(lambda: dock.finder.busy or layer.data[20, 45])
    assert found(hands, dock)[2].objects == 3
    assert layer.data[20, 45]
    same = np.ones(done.shape, bool)
    same[20, 45] = False
    assert np.array_equal(layer.data[same] > 0, done[same] > 0), "what was put right stays"
    source[20, 45], source[10:13, 14:18] = 2, 2
    assert np.array_equal(mask.data, source), "the mask itself is never changed"

    for left in (3, 4, 5, 4):
        key(viewer, Qt.Key.Key_Z, Qt.KeyboardModifier.AltModifier)
        assert found(hands, dock)[2].objects == left
    assert not dock.finder.notes
    key(viewer, Qt.Key.Key_Z, Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ShiftModifier)
    assert found(hands, dock)[2].objects == 5
    press(dock.tools["pick"])  # laid down again
    assert layer.mouse_pan
    assert not any(made.isChecked() for made in dock.tools.values())


def test_what_the_brush_paints_into_the_layer_is_kept_and_undone(hands: Any, viewer: Any) -> None:
    add_mask(viewer, two_nuclei())
    dock = objects_dock(hands)
    dock.session.put_settings({"objects": {"way": "parts", "parameters": {}, "areas": []}})
    found(hands, dock)
    layer = dock.finder.shown.layer
    before = layer.data.copy()
    dock.hand.pick((int(layer.data[48, 16]),))
    assert dock.marks.shows_marks
    layer.visible = False  # what else is looked at is not covered by outlines of what is hidden
    assert not dock.marks.shows_marks
    layer.visible = True
    assert dock.marks.shows_marks
    viewer.layers.selection.active = layer
    layer.selected_label, layer.brush_size, layer.mode = 900, 5, "paint"
    hands.drag(layer, [(6, 60), (6, 72)])
    hands.wait(lambda: bool(dock.finder.notes.pins))
    assert found(hands, dock)[2].objects == 4
    assert np.array_equal(layer.data[layer.data != before], np.full((layer.data != before).sum(), 900))
    layer.data[48, 8:24] = 0  # another plugin writes, and says so
    layer.refresh()
    hands.wait(lambda: len(dock.finder.notes.pins) > 1)
    found(hands, dock)
    assert not layer.data[48, 8:24].any()
    assert layer.data[46, 16], "the rest of it is still there"
    while dock.finder.notes:  # a slow mouse makes more than one step of a stroke
        dock.editing.undo()
    found(hands, dock)
    assert np.array_equal(layer.data > 0, before > 0)


def test_objects_follow_the_live_answer_and_go_into_the_strokes(
    hands: Any, viewer: Any, train: Any, press: Any,
) -> None:
    objects, table = hands.dock("Objects"), hands.dock("Object table")
    assert "Open an image" in objects.state_line.text()
    assert table.state.text() == COMING["waiting"]
    labels = two_nuclei()
    noise = np.random.default_rng(0).normal(0, 5, labels.shape)
    strokes = open_image(hands, train, (labels * 80 + noise).astype(np.uint8))
    hands.wait(lambda: "Nothing is predicted yet" in objects.state_line.text())
    strokes.data[2, 2:70], strokes.data[20, 10:22] = 1, 2
    strokes.refresh()
    hands.wait(lambda: objects.finder.source is not None)
    assert found(hands, objects)[2].objects >= 2
    hands.wait(lambda: table.measured is not None and not table.measurer.stale and not table.measurer.running
               and len(table.measured.table) == objects.finder.state.counts[2].objects)  # it fills by itself
    assert table.count.text().endswith(" objects")
    layer = objects.finder.shown.layer
    assert layer.name == "cells objects"
    assert "; class 2: typically" in objects.way_line.text()
    train.session.set_classes(NUCLEI)
    hands.wait(lambda: "; nucleus: typically" in objects.way_line.text())
    order = [one.name for one in viewer.layers]
    assert order.index("cells prediction") < order.index("cells objects") < order.index("cells strokes")
    assert viewer.layers.selection.active is strokes, "the brush stays in the hand"
    hands.wait(lambda: bool(objects.finder._likely.of(0)))  # it is found with the probabilities of the answer

    hands.settle(train)  # the first answer is made better, which changes classes
    found(hands, objects)
    shown = viewer.layers["cells prediction"].data.copy()
    objects.hand.cut([(8.0, 24.0), (33.0, 24.0)])  # teaches what a border looks like, beside the classes
    hands.wait(lambda: train.session.borders.get() is not None)
    hands.wait(lambda: any(part.border is not None for part in objects.finder._likely.of(0)))
    found(hands, objects)
    assert np.array_equal(viewer.layers["cells prediction"].data, shown), "no class changes by it"
    press(objects.undo_button)
    assert train.session.borders.get() is None
    hands.wait(lambda: all(part.border is None for part in objects.finder._likely.of(0)))
    found(hands, objects)

    press(objects.tools["pick"])
    hands.drag(layer, [(46, 42), (46, 42)])
    painted = strokes.data.copy()
    press(objects.strokes_button)
    new = strokes.data != painted
    assert new.any()
    assert set(strokes.data[new].tolist()) == {2}
    assert (labels[new] == 2).mean() > 0.9
    assert np.array_equal(train.session.pair(train.controller.current.key).scribbles.derived[0] > 0, new)
    press(objects.undo_button)
    assert np.array_equal(strokes.data, painted)
    assert train.edits.redo_button.isEnabled()

    assert objects.session.classes.ids == (1, 2)
    tick = objects.counts._ticks[2]
    press(tick)  # an area now
    assert found(hands, objects)[2].objects == 0
    hands.wait(lambda: table.state.text() == COMING["none"] and not len(table.measured.table))
    assert table.count.text() == ""
    assert cell(objects, "objects") == "area"
    press(tick)
    assert found(hands, objects)[2].objects >= 2


def test_a_stack_plane_by_plane_and_as_a_whole(hands: Any, viewer: Any, press: Any) -> None:
    stack = np.ones((4, 64, 80), np.uint8)
    stack[:3] = two_nuclei((3, 64, 80))
    stack[1, 20, 24] = 1
    add_mask(viewer, stack)
    viewer.dims.set_point(0, 0)
    dock = objects_dock(hands)
    dock.session.put_settings({"objects": {"way": "parts", "parameters": {}, "areas": []}})
    assert found(hands, dock)[2].objects == 3
    layer = dock.finder.shown.layer
    assert not layer.data[1].any()
    dock.hand.cut([(8.0, 24.0), (33.0, 24.0)])
    assert found(hands, dock)[2].objects == 4
    told = layer.features  # other plugins see what there is, without any table
    assert set(told["class"]) == {"nucleus"}
    assert told["area (pixel)"].tolist() == [np.count_nonzero(layer.data[0] == one) for one in told["index"]]
    dock.hand.pick([int(layer.data[0, 20, 16])])
    viewer.dims.set_point(0, 1)
    assert found(hands, dock)[2].objects == 3, "a cut holds on its own plane"
    assert not dock.hand.delete(), "the number that was picked means another object here"
    assert dock.hand.picked == ()
    assert len(layer.features) == 3
    press(dock.planes_button)
    hands.wait(lambda: not dock.planes.busy)
    assert dock.image_line.text() == "In 4 of 4 planes: nucleus 10"
    assert layer.data[2].any()
    assert not layer.data[3].any()
    press(dock.volume_button)
    hands.wait(lambda: dock.finder.by_volume)
    assert found(hands, dock)[2].objects == 3
    assert layer.data[0, 48, 16] == layer.data[2, 48, 16] > 0
    dock.hand.pick((int(layer.data[0, 48, 16]),))
    press(dock.delete_button)
    assert found(hands, dock)[2].objects == 2
    assert not layer.data[:, 48, 16].any()
    assert list(dock.session.object_notes(dock.finder.source.key, stack.shape).places) == [
        Place(0), Place(0, True)]
    press(dock.volume_button)
    assert found(hands, dock)[2].objects == 3
    viewer.dims.set_point(0, 0)
    assert found(hands, dock)[2].objects == 4
    assert len(layer.features) == 4


def test_of_a_large_plane_the_visible_field_comes_first_and_the_rest_fits(
    hands: Any, viewer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_unet.ui.object_dock.question_maker.SMALL", 1000)
    monkeypatch.setattr("napari_unet.ui.object_dock.question_maker.MARGIN", 4)
    labels = np.tile(two_nuclei(), (4, 4))
    mask = add_mask(viewer, labels)
    dock = objects_dock(hands)
    dock.session.put_settings({"objects": {"way": "parts", "parameters": {}, "areas": []}})
    assert found(hands, dock)[2].objects == 3 * 16
    layer, boxes = dock.finder.shown.layer, []
    camera = viewer.scene.camera if hasattr(viewer, "scene") else viewer.camera
    camera.center, camera.zoom = (0, 20, 24), camera.zoom * 6
    hands.wait(lambda: dock.finder._questions.box(dock.finder.shown) is not None)
    take = dock.finder._take

    def noted(item: Any) -> None:
        boxes.append(item.found.question.box)
        take(item)

    monkeypatch.setattr(dock.finder, "_take", noted)
    before = layer.data.copy()
    mask.data[8:33, 24] = 1
    mask.refresh()
    hands.wait(lambda: len(boxes) > 1)
    assert found(hands, dock)[2].objects == 3 * 16 + 1
    assert boxes[0] is not None, "the visible field"
    assert boxes[-1] is None, "then all of it"
    assert np.array_equal(layer.data > 0, mask.data == 2)
    far = before[100:, 100:]
    assert np.array_equal(layer.data[100:, 100:], far), "numbers elsewhere stay"


@pytest.mark.parametrize("what", ["objects", "nothing", "shape"])
def test_what_cannot_be_is_said(hands: Any, viewer: Any, what: str) -> None:
    labels = two_nuclei()
    if what == "objects":
        viewer.add_labels((labels > 1) * 3000, name="cells")
        dock = hands.dock("Objects")
        dock.source_box.layer = viewer.layers["cells"]
        hands.wait(lambda: "single objects already" in dock.note_line.text())
        hands.wait(lambda: dock.state_line.text() == FAILED and dock.news.state == "failed")
    elif what == "nothing":
        add_mask(viewer, np.ones_like(labels))
        dock = objects_dock(hands)
        assert "no objects on this plane" in dock.state_line.text()
        dock.hand.cut([(1.0, 1.0), (5.0, 5.0)])
        assert "touches no object" in dock.note_line.text()
        assert not dock.finder.notes
    else:
        add_mask(viewer, labels)
        dock = objects_dock(hands)
        layer = dock.finder.shown.layer
        layer.data = np.zeros((9, 9), np.uint32)
        hands.wait(lambda: "another shape" in dock.note_line.text())
        assert layer in viewer.layers, "it stays as it was made"
        assert layer.data.shape == (9, 9)
        assert found(hands, dock)[2].objects
        assert dock.finder.shown.layer is not layer
        assert dock.finder.shown.layer.data[labels == 2].all()
