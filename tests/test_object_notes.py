"""Cuts, joins and pins in a session: undone and redone with everything else, kept for each image and plane."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.core.classes import ClassTable
from napari_unet.core.image import Image
from napari_unet.objects.corrections import Pin, pins_of_change, pins_of_line, put_right
from napari_unet.objects.hints import Line
from napari_unet.objects.object_map import ObjectMap
from napari_unet.session.annotation_session import Session
from napari_unet.session.edit_history import EditHistory
from napari_unet.session.object_notes import NOTHING_NOTED, ObjectNotes, Place, PlaceNotes
from napari_unet.session.object_search import ObjectQuestion, ObjectWay
from napari_unet.session.stroke_edits import clear_strokes

SHAPE = (3, 20, 30)
CUT, JOIN = Line("cut", ((1, 1), (5, 5))), Line("join", ((2, 8), (2, 14)))


def pin(rows: slice, columns: slice, class_id: int = 2) -> Pin:
    mask = np.zeros(SHAPE[-2:], bool)
    mask[rows, columns] = True
    return Pin.of(mask, class_id)


def painted() -> Session:
    session = Session()
    session.put_pair("a strokes", Image(np.zeros(SHAPE, np.uint8), "ZYX", "a"))
    session.paint("a strokes", {0: np.full(SHAPE[-2:], 2, np.uint8)})
    session.set_classes(ClassTable.named({1: "background", 2: "nucleus"}))
    return session


def test_every_change_is_one_step_of_the_same_undo_as_strokes() -> None:
    session, seen = painted(), []
    session.objects_changed.connect(seen.append)
    first = PlaceNotes((CUT,))
    second = first.with_pins([pin(slice(2, 6), slice(3, 9))])
    assert session.edit_objects("cut an object", "a", SHAPE, Place(1), first).text == "Done: cut an object."
    clear_strokes(session, ["a strokes"])
    session.edit_objects("merge 2 objects", "a", SHAPE, Place(1), second)
    assert session.edits.undo_text == "merge 2 objects"
    session.undo()
    assert session.object_notes("a", SHAPE).at(Place(1)) is first
    session.undo()
    assert session.pair("a strokes").scribbles.planes, "the strokes in between are back"
    session.undo()
    assert session.object_notes("a", SHAPE).at(Place(1)) is NOTHING_NOTED
    assert not session.undo().changed
    for _ in range(3):
        session.redo()
    assert session.object_notes("a", SHAPE).at(Place(1)) is second
    assert not session.object_notes("a", SHAPE).at(Place(0))
    assert not session.object_notes("a", SHAPE).at(Place(1, volume=True))
    assert set(seen) == {"a"}


def test_what_was_changed_otherwise_meanwhile_is_not_undone() -> None:
    session = painted()
    session.edit_objects("cut an object", "a", SHAPE, Place(0), PlaceNotes((CUT,)))
    other = ObjectNotes(SHAPE, {Place(0): PlaceNotes((JOIN,))})
    session.restore_objects("a", other)
    outcome = session.undo()
    assert not outcome.changed
    assert "changed since" in outcome.text
    assert session.object_notes("a", SHAPE) is other


def test_notes_of_another_shape_do_not_hold() -> None:
    session = painted()
    session.edit_objects("cut an object", "a", SHAPE, Place(0), PlaceNotes((CUT,)))
    assert not session.object_notes("a", (20, 30)).places
    assert session.object_notes("a", SHAPE).places


def test_undo_keeps_masks_in_bounded_memory() -> None:
    session = painted()
    session.edits = EditHistory(memory=3 * 20 * 30)
    notes = PlaceNotes()
    for number in range(6):
        notes = notes.with_pins([Pin((0, number), np.ones((20, 30 - number), bool), 2)])
        told = session.edit_objects(f"step {number}", "a", SHAPE, Place(0), notes).text
    assert "cannot be undone any more" in told
    assert session.edits.size <= 3 * 20 * 30
    session.undo()
    assert len(session.object_notes("a", SHAPE).at(Place(0)).pins) == 5


def test_a_pin_that_is_covered_whole_is_left_out() -> None:
    small, other = pin(slice(2, 4), slice(2, 4)), pin(slice(9, 12), slice(2, 4))
    large = pin(slice(0, 6), slice(0, 9), 1)
    notes = PlaceNotes().with_pins([small, other]).with_pins([large])
    assert notes.pins == (other, large)
    assert PlaceNotes((), (large,)).with_pins([small]).pins == (large, small)


def test_a_deleted_object_stays_deleted_when_the_answer_changes_a_little() -> None:
    gone = pin(slice(5, 12), slice(5, 12), 1)
    numbers = np.zeros((20, 30), np.uint32)
    numbers[4:13, 4:12] = 7  # one pixel larger
    numbers[2:18, 14:28] = 9
    numbers[13:20, 2:10] = 3  # a neighbour that is not covered
    right = put_right(ObjectMap.of(numbers), [gone])
    assert right.count == 2
    assert not right.numbers[4:13, 4:12].any()
    assert (right.numbers[2:18, 14:28] > 0).all()


def test_a_pinned_object_leaves_no_sliver_of_the_new_one_beside_it() -> None:
    kept = pin(slice(5, 12), slice(5, 12), 3)
    numbers = np.zeros((20, 30), np.uint32)
    numbers[4:13, 4:13] = 1
    right = put_right(ObjectMap.of(numbers), [kept])
    assert right.count == 1
    assert right.classes.tolist() == [0, 3]
    assert int((right.numbers > 0).sum()) == 49


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_pins_of_any_painting_give_what_was_painted(seed: int) -> None:
    """Whatever a brush or another plugin does to a layer of objects, its pins make the same of what was there."""
    random = np.random.default_rng(seed)
    before = random.integers(0, 5, (12, 14)).astype(np.uint32)
    after = np.where(random.random((12, 14)) < 0.3, random.integers(0, 8, (12, 14)), before).astype(np.uint32)
    found = ObjectMap.of(before)
    pins = pins_of_change(before, after, found.classes, 3)
    right = put_right(found, pins)
    assert ((right.numbers > 0) == (after > 0)).all()
    for number in np.unique(after[after > 0]).tolist():
        inside = np.unique(right.numbers[after == number])
        assert len(inside) == 1, "each object is one"
        assert (after[right.numbers == inside[0]] == number).all()
        changed = (before != after) & ((before == number) | (after == number))
        if changed.any() and number > 4:
            assert right.classes[inside[0]] == 3, "a new one has the class for new ones"


def test_huge_numbers_of_another_plugin_are_objects_too() -> None:
    after = np.zeros((4, 6), np.int64)
    after[1:3, 1:4] = 2**40
    pins = pins_of_change(np.zeros((4, 6), np.uint32), after, np.zeros(1, np.uint8), 2)
    assert [(one.start, one.mask.shape, one.class_id) for one in pins] == [((1, 1), (2, 3), 2)]


@pytest.mark.parametrize(("box", "start", "shape"), [
    ((slice(0, 20), slice(0, 30)), (2, 3), (4, 6)), ((slice(4, 10), slice(5, 30)), (0, 0), (2, 4)),
])
def test_a_pin_is_seen_from_a_box(box: tuple[slice, slice], start: tuple[int, ...], shape: tuple[int, ...]) -> None:
    part = pin(slice(2, 6), slice(3, 9)).within(box)
    assert part is not None
    assert (part.start, part.mask.shape) == (start, shape)
    assert pin(slice(2, 6), slice(3, 9)).within((slice(10, 20), slice(0, 30))) is None


def test_lines_hold_in_what_was_put_right_by_hand() -> None:
    labels = np.ones((60, 100), np.uint8)
    labels[5:25, 10:90] = labels[35:55, 10:90] = 2
    masks = [np.isin(np.arange(60), range(5, 27))[:, None] & (labels.max(0) == 2), np.zeros(labels.shape, bool)]
    masks[1][28:32, 2:6] = True
    masks[0][0, 12:16] = True  # hands may paint what does not hang together

    def found(notes: PlaceNotes) -> np.ndarray:
        return ObjectQuestion(labels, np.zeros(labels.shape, np.uint32), np.zeros(1, np.uint8), ObjectWay("parts"),
                              notes).answer().numbers

    def with_line(notes: PlaceNotes, line: Line) -> PlaceNotes:
        before = found(notes)
        classes = np.full(before.max(), 2, np.uint8)  # that of the last is not known yet
        pins = pins_of_line(before, classes, notes.pins, line, notes.lines, 2)
        return notes.with_line(line).with_pins(pins)

    notes = PlaceNotes((), tuple(Pin.of(mask, 2) for mask in masks))
    cut = with_line(notes, Line("cut", ((0, 50), (59, 50))))  # through the pinned one, and one of the answer
    numbers = found(cut)
    assert len(np.unique(numbers)) == 6
    assert len({numbers[15, 20], numbers[15, 80], numbers[45, 20], numbers[45, 80]}) == 4
    assert np.array_equal(numbers > 0, found(notes) > 0)
    assert numbers[0, 13] in (numbers[15, 20], numbers[15, 80])
    assert not any(one.within((slice(35, 55), slice(0, 100))) for one in cut.pins), "what is not pinned is not"
    joined = with_line(cut, Line("join", ((15, 20), (45, 20))))
    numbers = found(joined)
    assert numbers[15, 20] == numbers[45, 20] != numbers[15, 80]
    assert len(np.unique(numbers)) == 5
    assert not with_line(joined, Line("cut", ((45, 70), (45, 75)))).pins[len(joined.pins):], "nothing pinned is touched"
