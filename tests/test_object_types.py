"""The objects that everything of the shelf ``objects`` speaks with: fields, maps, lines, pins. Hand-counted."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.errors import UserError
from napari_unet.objects import hints
from napari_unet.objects.class_field import ClassField
from napari_unet.objects.corrections import Pin, put_right
from napari_unet.objects.hints import Hints, Line
from napari_unet.objects.object_map import ObjectMap


def test_a_field_counts_all_classes_but_background() -> None:
    field = ClassField(np.array([[0, 1, 2], [3, 1, 1]], np.uint8), spacing=(0.5, float("nan")))
    assert (field.countable, field.spacing) == ((2, 3), (0.5, 1.0))
    assert field.probability(2) is None


def test_a_field_finds_the_probability_of_a_class() -> None:
    probabilities = np.stack([np.full((2, 2), 0.25), np.full((2, 2), 0.75)])
    field = ClassField(np.full((2, 2), 3, np.uint8), probabilities=probabilities, ids=(1, 3))
    found = field.probability(3)
    assert found is not None
    assert found.dtype == np.float32
    assert (found == 0.75).all()


@pytest.mark.parametrize(("labels", "words"), [
    (np.zeros((2, 2, 2, 2), np.uint8), "plane"), (np.zeros((2, 2)), "whole numbers"),
    (np.full((2, 2), 300), "0 to 255"),
])
def test_what_is_no_field_is_refused(labels: np.ndarray, words: str) -> None:
    with pytest.raises(UserError, match=words):
        ClassField(labels)


def test_objects_are_counted_by_class_and_renumbered() -> None:
    found = ObjectMap.of(np.array([[0, 3, 3], [7, 0, 9]]), {3: 2, 7: 3, 9: 2})
    assert (found.count, found.count_of(2), found.count_of(3), found.count_of(4)) == (3, 2, 1, 0)
    neat = found.renumbered()
    assert neat.numbers.tolist() == [[0, 1, 1], [2, 0, 3]]
    assert neat.classes.tolist() == [0, 2, 3, 2]


def test_an_object_without_class_is_refused() -> None:
    with pytest.raises(UserError, match="Object 7 has no class"):
        ObjectMap.of(np.array([[0, 7]]), {3: 2})
    with pytest.raises(UserError, match=r"up to 4000000000 would take very much memory.*from 1 on"):
        ObjectMap.of(np.array([[0, 4_000_000_000]]))


def test_a_line_has_no_gap_and_stays_inside() -> None:
    rows, columns = Line("cut", ((-1, -1), (2, 3))).pixels((3, 3))
    assert len(rows) == 3
    assert rows.tolist()[0] == columns.tolist()[0] == 0
    assert (np.abs(np.diff(rows)) <= 1).all()
    assert (np.abs(np.diff(columns)) <= 1).all()
    one = Line("join", ((1.2, 1.4),))
    assert [axis.tolist() for axis in one.pixels((3, 3))] == [[1], [1]]
    assert Hints((one,)).joins == (one,)
    assert Hints((one,)).cuts == ()


def test_a_pin_wins_over_what_was_found_and_the_input_stays() -> None:
    found = ObjectMap.of(np.array([[1, 1, 0, 2], [1, 1, 0, 2]]), 2)
    before = found.numbers.copy()
    chosen = np.zeros((2, 4), bool)
    chosen[:, 1:3] = True
    right = put_right(found, [Pin.of(chosen, 3)])
    assert right.numbers.tolist() == [[1, 3, 3, 2], [1, 3, 3, 2]]
    assert right.classes.tolist() == [0, 2, 2, 3]
    gone = put_right(right, [Pin.of(right.numbers == 2, 1)])
    assert gone.numbers.tolist() == [[1, 2, 2, 0], [1, 2, 2, 0]]
    assert gone.classes.tolist() == [0, 2, 3]
    np.testing.assert_array_equal(found.numbers, before)


def test_of_a_line_as_long_as_a_file_likes_only_what_lies_inside_is_gone_through(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = np.random.default_rng(0)
    lines = [Line("cut", tuple(map(tuple, chance.uniform(-60, 120, (3, axes))))) for axes in (2, 3) for _ in range(30)]
    lines += [Line("cut", ((-50, 7), (90, 7))), Line("join", ((3, -70), (3, 90))), Line("cut", ((70, -3), (70, 80)))]
    shapes = [(40, 50) if len(one.points[0]) == 2 else (9, 40, 50) for one in lines]
    wanted = [np.array(one.pixels(shape)) for one, shape in zip(lines, shapes, strict=True)]
    monkeypatch.setattr(hints, "_LONG", 3)
    for one, shape, pixels in zip(lines, shapes, wanted, strict=True):
        np.testing.assert_array_equal(one.pixels(shape), pixels)
    (rows, columns) = Line("cut", ((-(2.0**39), 7), (2.0**39, 7), (2.0**39, 2.0**39))).pixels((40, 50))
    assert rows.tolist() == list(range(40))
    assert set(columns.tolist()) == {7}
