"""Questions for objects and their answers: numbers stay, parts of planes fit, counts are right."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import skimage.measure

from napari_unet.core.errors import UserError
from napari_unet.objects.counting import ClassCount, object_counts, touching_border
from napari_unet.objects.hints import Line
from napari_unet.objects.numbering import keep_numbers
from napari_unet.objects.object_map import ObjectMap
from napari_unet.session.likelihoods import Likelihoods, put_together
from napari_unet.session.object_notes import PlaceNotes
from napari_unet.session.object_search import ObjectQuestion, ObjectWay, painted_ids

PARTS = ObjectWay("parts")


def scene() -> np.ndarray:
    """Painted ids: three nuclei (one at the border, one with a hole) and an area of another class."""
    labels = np.ones((40, 60), np.uint8)
    labels[0:8, 4:12] = 2
    labels[15:25, 5:20] = 2
    labels[18:20, 10:12] = 1
    labels[15:25, 30:40] = 2
    labels[30:40, 0:60] = 3
    return labels


def asked(labels: np.ndarray, **values: object) -> ObjectQuestion:
    start = {"before": np.zeros(labels.shape, np.uint32), "taken": np.zeros(1, np.uint8), "way": PARTS}
    return ObjectQuestion(labels, **{**start, **values})  # type: ignore[arg-type]


def test_objects_parts_and_holes_are_counted_by_class() -> None:
    found = asked(scene()).answer()
    assert found.counts == {2: ClassCount(3, 1, 3, 1), 3: ClassCount(1, 1, 1, 0)}
    total = found.counts[2] + found.counts[3]
    assert (total.objects, total.at_border) == (4, 2)


def test_counts_agree_with_scikit_image() -> None:
    labels = np.where(np.random.default_rng(0).random((70, 90)) < 0.45, 2, 1).astype(np.uint8)
    numbers, count = skimage.measure.label(labels == 2, connectivity=2, return_num=True)
    counts = object_counts(ObjectMap.of(numbers), labels)[2]
    clear = skimage.segmentation.clear_border(numbers)
    euler = skimage.measure.euler_number(labels == 2, connectivity=2)
    assert (counts.objects, counts.parts, counts.holes) == (count, count, count - euler)
    assert counts.at_border == count - len(np.unique(clear[clear > 0]))


def test_a_stack_of_one_plane_has_no_border_above_and_below() -> None:
    numbers = np.zeros((1, 6, 6), np.uint32)
    numbers[0, 2:4, 2:4] = 1
    assert not touching_border(numbers).size
    assert touching_border(np.repeat(numbers, 2, axis=0)).tolist() == [1]


def test_a_class_that_is_an_area_is_not_counted() -> None:
    found = asked(scene(), way=dataclasses.replace(PARTS, areas=(3,))).answer()
    assert (found.counts[3].objects, found.counts[3].parts) == (0, 1)
    nothing = asked(np.full((5, 5), 3, np.uint8), way=dataclasses.replace(PARTS, areas=(3,))).answer()
    assert nothing.counts[3].objects == 0


def test_numbers_stay_with_their_objects() -> None:
    first = asked(scene()).answer()
    moved = np.roll(scene(), 1, axis=1)
    moved[34:36, :] = 1  # the area falls into two
    second = asked(moved, before=first.numbers).answer()
    for row, column in ((2, 8), (16, 8), (20, 35)):
        assert second.numbers[row, column] == first.numbers[row, column] > 0
    halves = {int(second.numbers[31, 30]), int(second.numbers[38, 30])}
    assert len(halves) == 2
    assert int(first.numbers[31, 30]) in halves
    assert np.array_equal(np.unique(second.numbers[second.numbers > 0]), np.flatnonzero(second.classes))


def test_numbers_are_one_to_one_and_no_object_is_lost() -> None:
    random = np.random.default_rng(1)
    for _ in range(20):
        before = random.integers(0, 9, (20, 20)).astype(np.uint32)
        found = ObjectMap.of(random.integers(0, 12, (20, 20)))
        numbers, classes = keep_numbers(found, before)
        pairs = {(int(a), int(b)) for a, b in zip(found.numbers.ravel(), numbers.ravel(), strict=True)}
        assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
        assert np.count_nonzero(classes) == found.count


def test_a_part_of_a_plane_fits_into_the_rest() -> None:
    first = asked(scene()).answer()
    changed = scene()
    changed[15:25, 35] = 1  # cuts the third nucleus
    box = slice(10, 30), slice(25, 45)
    part = asked(changed[box], before=first.numbers[box], taken=first.classes, box=box).answer()
    assert not part.counts
    whole = first.numbers.copy()
    whole[box] = part.numbers
    assert len(np.unique(whole[whole > 0])) == 5
    assert whole[2, 8] == first.numbers[2, 8]
    new = part.numbers[10, 11 if part.numbers[10, 5] == first.numbers[20, 30] else 5]
    assert new >= len(first.classes), "a new object gets no number that is taken elsewhere"
    assert np.array_equal(np.flatnonzero(part.classes), np.unique(whole[whole > 0]))


def test_lines_and_pins_hold_in_a_part_of_a_plane() -> None:
    notes = PlaceNotes((Line("cut", ((14, 35), (26, 35))), Line("cut", ((0, 0), (1, 1)))))
    box = slice(10, 30), slice(25, 45)
    labels = scene()
    part = asked(labels[box], before=np.zeros((20, 20), np.uint32), notes=notes, box=box).answer()
    whole = asked(labels, notes=notes).answer()
    assert len(np.unique(part.numbers[part.numbers > 0])) == 2
    assert whole.counts[2].objects == 4
    assert np.array_equal(part.numbers > 0, whole.numbers[box] > 0)


def test_probabilities_are_put_together_where_all_are_known() -> None:
    random = np.random.default_rng(0)
    maps = random.random((2, 30, 40)).astype(np.float32)
    boxes = [(slice(0, 20), slice(0, 40)), (slice(15, 30), slice(0, 40))]
    parts = [Likelihoods.of(box, maps[(slice(None), *box)], (1, 2)) for box in boxes]
    whole, ids = put_together(parts, (30, 40))
    assert ids == (1, 2)
    assert whole is not None
    np.testing.assert_allclose(whole, maps, atol=0.003)
    inside, _ = put_together(parts, (6, 7), (slice(12, 18), slice(5, 12)))
    assert inside is not None
    np.testing.assert_allclose(inside, maps[:, 12:18, 5:12], atol=0.003)
    assert put_together(parts[:1], (30, 40)) == (None, ())
    assert put_together([parts[0], dataclasses.replace(parts[1], ids=(1, 3))], (30, 40)) == (None, ())
    assert put_together((), (30, 40)) == (None, ())


def test_masks_become_painted_ids_and_objects_are_refused() -> None:
    mask = np.array([[0, 1], [2, 0]])
    assert painted_ids(mask, False, "mask").tolist() == [[1, 2], [3, 1]]
    assert painted_ids(mask, True, "answer").tolist() == [[0, 1], [2, 0]]
    for wrong in (np.array([[0, 3000]]), np.array([[-1, 2]])):
        with pytest.raises(UserError, match="single objects already"):
            painted_ids(wrong, False, "cells")


@pytest.mark.parametrize("given", [None, 3, {"way": 3}, {"parameters": []}, {"areas": ["a", 3]}])
def test_a_setting_that_makes_no_sense_is_left_out(given: object) -> None:
    way = ObjectWay.of_settings({"objects": given})
    assert way.way == "auto"
    assert not way.parameters
    assert ObjectWay.of_settings({"objects": ObjectWay("parts", {"fill": True}, (3,)).to_setting()}) == ObjectWay(
        "parts", {"fill": True}, (3,))
