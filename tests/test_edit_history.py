"""Undo and redo of operations on strokes and classes."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from session_scene import Constant

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.method import View
from napari_unet.core.work import run_to_end
from napari_unet.session.accepted_prediction import labels_to_accept
from napari_unet.session.annotations import Annotations
from napari_unet.session.edit_history import EditHistory
from napari_unet.session.stroke_edits import (
    accept_labels,
    change_classes,
    clear_strokes,
    fill_at,
    import_strokes,
    merge_classes,
    remove_class,
)

TABLE = ClassTable.named({1: "background", 2: "nucleus", 3: "axon"})


def opened(seed: int = 0) -> Annotations:
    """Two images, one of three planes, painted here and there."""
    made, generator = Annotations(), np.random.default_rng(seed)
    for key, shape in (("a", (3, 9, 11)), ("b", (9, 11))):
        made.put_pair(key, Image(np.zeros(shape, np.uint8), "ZYX"[-len(shape):], f"image {key}"))
        planes = range(3) if len(shape) == 3 else range(1)
        made.paint(key, {n: generator.choice(np.array([0, 0, 0, 1, 2, 3], np.uint8), shape[-2:]) for n in planes})
    made.set_classes(TABLE)
    return made


def state(session: Annotations) -> Any:
    """All that operations may change."""
    return (
        {key: session.pair(key).scribbles.to_array().tolist() for key in session.keys},
        {key: {number: mask.tolist() for number, mask in session.pair(key).scribbles.derived.items()}
         for key in session.keys},
        session.classes,
    )


def labels(number: int) -> np.ndarray:
    return np.full((9, 11), number, np.uint8)


OPERATIONS = {
    "clear all": lambda session: clear_strokes(session),
    "clear image": lambda session: clear_strokes(session, ["a"]),
    "clear plane": lambda session: clear_strokes(session, ["a"], plane=1),
    "clear class": lambda session: clear_strokes(session, number=2),
    "remove 3": lambda session: remove_class(session, 3),
    "remove 2": lambda session: remove_class(session, 2),
    "merge": lambda session: merge_classes(session, 3, 1),
    "rename": lambda session: change_classes(session, _renamed(session.classes)),
    "add": lambda session: change_classes(session, session.classes.including([7])),
    "accept": lambda session: accept_labels(session, "a", 2, labels(2)),
    "accept b": lambda session: accept_labels(session, "b", 0, labels(3)),
    "fill": lambda session: fill_at(session, "b", 0, 4, 4, 2, labels(1)),
    "import": lambda session: import_strokes(session, "b", labels(1), TABLE, "expert.tif"),
}


def _renamed(classes: ClassTable) -> ClassTable:
    return ClassTable(tuple(dataclasses.replace(one, name=f"{one.name}!", color="#102030") for one in classes.classes))


@given(st.lists(st.sampled_from([*OPERATIONS, "undo", "undo", "redo"]), max_size=12), st.integers(0, 5))
@settings(max_examples=80, deadline=None)
def test_any_operations_and_undos_return_exactly(names: list[str], seed: int) -> None:
    session = opened(seed)
    past, future = [state(session)], []
    for name in names:
        if name == "undo":
            assert session.undo().changed == (len(past) > 1)
            if len(past) > 1:
                future.append(past.pop())
        elif name == "redo":
            assert session.redo().changed == bool(future)
            if future:
                past.append(future.pop())
        else:
            try:
                changed = OPERATIONS[name](session).changed
            except UserError:
                continue
            assert changed == (state(session) != past[-1])
            if changed:
                past.append(state(session))
                future.clear()
        assert state(session) == past[-1]
    while len(past) > 1:
        past.pop()
        session.undo()
        assert state(session) == past[-1]
    assert not session.edits.undo_text


def test_one_operation_is_one_event_and_one_step() -> None:
    session, heard, edited = opened(), [], []
    session.published.connect(lambda: heard.append(session.snapshots.get().versions))
    session.strokes_edited.connect(edited.append)
    assert remove_class(session, 3).changed
    assert len(heard) == 1
    assert edited == [{"a": (0, 1, 2), "b": (0,)}]
    assert session.edits.undo_text == "remove class axon"
    session.undo()
    assert len(heard) == 2
    assert session.edits.redo_text == "remove class axon"
    assert session.classes == TABLE


def test_paint_of_a_person_is_not_undone() -> None:
    session = opened()
    before = session.pair("b").scribbles.to_array()
    clear_strokes(session, ["b"])
    painted = np.zeros_like(before)
    painted[:, 0] = 2
    session.paint("b", {0: painted})
    outcome = session.undo()
    after = session.pair("b").scribbles.to_array()
    assert np.array_equal(after[:, 1:], before[:, 1:])
    assert np.array_equal(after[:, 0], painted[:, 0])
    over = int(((before[:, 0] != 2) & (before[:, 0] > 0)).sum())
    assert f"{over} pixels were painted over since" in outcome.text
    session.redo()
    assert not session.pair("b").scribbles.to_array()[:, 1:].any()
    assert np.array_equal(session.pair("b").scribbles.to_array()[:, 0][before[:, 0] == 0],
                          painted[:, 0][before[:, 0] == 0])


def test_a_class_renamed_since_keeps_its_name() -> None:
    session = opened()
    change_classes(session, ClassTable.named({1: "background", 2: "cell", 3: "axon"}))
    session.set_classes(ClassTable.named({1: "background", 2: "blob", 3: "axon"}))  # not ours: a model brought it
    outcome = session.undo()
    assert not outcome.changed
    assert "Class 2 was changed since" in outcome.text
    assert session.classes.name(2) == "blob"


def test_undo_in_the_layer_is_not_undone_twice() -> None:
    session = opened()
    before = session.pair("b").scribbles.to_array()
    remove_class(session, 3)
    session.paint("b", {0: before})  # Ctrl+Z on that layer
    assert session.classes.name(3) == "axon", "its paint is there again, so is its name"
    session.undo()
    assert np.array_equal(session.pair("b").scribbles.to_array(), before)
    assert session.classes == TABLE


def test_a_new_operation_ends_what_can_be_redone() -> None:
    session = opened()
    clear_strokes(session, ["a"])
    session.undo()
    assert session.edits.redo_text
    clear_strokes(session, ["b"])
    assert not session.edits.redo_text
    assert session.redo().text == "There is nothing to redo."


def test_an_image_closed_since_is_said() -> None:
    session = opened()
    clear_strokes(session)
    session.remove_pair("a")
    outcome = session.undo()
    assert outcome.changed
    assert "'image a' is not open any more" in outcome.text
    assert session.pair("b").scribbles.planes
    session.redo()
    session.remove_pair("b")
    outcome = session.undo()
    assert not outcome.changed
    assert outcome.text.startswith("Not undone")
    assert not session.edits.undo_text, "what can never be undone is not in the way of what can"


def test_an_image_read_along_other_axes_since_is_said() -> None:
    session = opened()
    clear_strokes(session, ["b"])
    session.put_pair("b", Image(np.zeros((11, 9), np.uint8), "YX", "image b"))
    assert "other axes" in session.undo().text


def test_memory_is_bounded_and_said() -> None:
    session = Annotations()
    session.edits = EditHistory(memory=5_000)
    noise = np.random.default_rng(0).integers(0, 3, (600, 700)).astype(np.uint8)
    session.put_pair("a", Image(np.zeros((600, 700), np.uint8), "YX", "a"))
    session.paint("a", {0: noise})
    outcome = clear_strokes(session)
    assert "too large to be undone" in outcome.text
    assert session.edits.size <= 5_000
    told = []
    for row in range(40):
        line = np.zeros((600, 700), np.uint8)
        line[row] = np.random.default_rng(row).integers(1, 3, 700)
        session.paint("a", {0: line})
        told.append(clear_strokes(session).text)
        assert session.edits.size <= 5_000
    assert "The oldest step cannot be undone any more." in told[-1]
    assert session.undo().changed


def test_blocks_that_did_not_change_are_not_kept() -> None:
    session = Annotations()
    session.put_pair("a", Image(np.zeros((1100, 1100), np.uint8), "YX", "a"))
    paint = np.zeros((1100, 1100), np.uint8)
    paint[600:620, 20:40] = 2
    session.paint("a", {0: paint})
    clear_strokes(session)
    edit = session.edits.next_edit(True)
    assert edit is not None
    assert [(block.row, block.column, block.shape) for block in edit.blocks] == [(600, 20, (20, 20))]


# -- single operations -----------------------------------------------------------------------------------------------


def test_merging_moves_paint_and_drops_the_class() -> None:
    session = opened()
    before = session.snapshots.get().counts()
    merge_classes(session, 3, 2)
    assert session.snapshots.get().counts() == {1: before[1], 2: before[2] + before[3]}
    assert session.classes.ids == (1, 2)
    with pytest.raises(UserError, match="cannot be merged"):
        merge_classes(session, 2, 9)
    with pytest.raises(UserError, match="Class 1 cannot go"):
        merge_classes(session, 1, 2)


def test_a_prediction_is_taken_over_beside_strokes_and_marked() -> None:
    session = opened()
    before = session.pair("b").scribbles.to_array()
    accept_labels(session, "b", 0, labels(2))
    after = session.pair("b").scribbles
    assert np.array_equal(after.to_array(), np.where(before == 0, 2, before))
    assert np.array_equal(after.derived[0], before == 0)
    session.paint("b", {0: np.where(np.arange(11) < 4, 3, after.planes[0]).astype(np.uint8)})
    assert not session.pair("b").scribbles.derived[0][:, :4][before[:, :4] == 0].any(), "painted over by a person"
    session.put_pair("b", session.pair("b").image, dataclasses.replace(session.pair("b").scribbles, derived={}))
    assert session.pair("b").scribbles.derived[0][:, 4:].any(), "a layer that is linked again knows no marks"
    merge_classes(session, 2, 3)
    assert session.pair("b").scribbles.derived[0][:, 4:].any()


def test_only_where_it_is_sure_and_only_in_view() -> None:
    image = Image(np.zeros((2, 9, 11), np.uint8), "ZYX")
    model = Constant(2)
    assert (run_to_end(labels_to_accept(model, image, 1)) == 2).all()
    part = run_to_end(labels_to_accept(model, image, 1, View(image.where(1, slice(2, 4), slice(3, 6)))))
    assert part.sum() == 2 * 6
    assert (part[2:4, 3:6] == 2).all()
    with pytest.raises(UserError, match="no probabilities"):
        run_to_end(labels_to_accept(model, image, 1, least=0.9))


def test_filling_what_strokes_enclose_else_what_is_predicted() -> None:
    session = Annotations()
    session.put_pair("a", Image(np.zeros((9, 11), np.uint8), "YX", "a"))
    ring = np.zeros((9, 11), np.uint8)
    ring[2:6, 2:6] = 2
    ring[3:5, 3:5] = 0
    session.paint("a", {0: ring})
    assert fill_at(session, "a", 0, 3, 3, 2).changed
    assert (session.pair("a").scribbles.planes[0][2:6, 2:6] == 2).all()
    assert not session.pair("a").scribbles.derived
    assert "No strokes enclose" in fill_at(session, "a", 0, 8, 8, 2).text
    assert "painted already" in fill_at(session, "a", 0, 3, 3, 2).text
    assert "outside" in fill_at(session, "a", 0, 30, 3, 2).text
    predicted = np.ones((9, 11), np.uint8)
    predicted[7:, 8:] = 2
    assert fill_at(session, "a", 0, 8, 8, 1, predicted).changed
    after = session.pair("a").scribbles
    assert np.array_equal(after.planes[0] == 1, predicted == 2)
    assert np.array_equal(after.derived[0], predicted == 2)


def test_imported_strokes_leave_what_is_painted() -> None:
    session = opened()
    before = session.pair("b").scribbles.to_array()
    import_strokes(session, "b", labels(9), ClassTable.named({1: "background", 9: "vessel"}), "expert.tif")
    assert np.array_equal(session.pair("b").scribbles.to_array(), np.where(before == 0, 9, before))
    assert session.classes.name(9) == "vessel"
    assert session.classes.name(2) == "nucleus"
    assert "nothing that is not painted" in import_strokes(session, "b", labels(9)).text
    with pytest.raises(UserError, match="need \\(9, 11\\)"):
        import_strokes(session, "b", np.ones((3, 3), np.uint8))
    assert session.undo().changed
    assert session.classes == TABLE
