"""What became of objects: found, split, merged, missed, invented; by hand and against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_unet.core.errors import UserError
from napari_unet.metrics import ClassComparison, NoValue
from napari_unet.metrics.object_agreement import average_precision, average_precision_50, object_f1, panoptic_quality
from napari_unet.objects.matching import THRESHOLDS, match


def line(text: str) -> np.ndarray:
    """A plane of one row: digits are numbers, dots nothing."""
    return np.array([[0 if sign == "." else int(sign) for sign in text]])


def test_every_fate_by_hand() -> None:
    #            found  split     merged    missed  invented
    true = line("11111..2222222222..3333344444..555.......")
    test = line("1111...6666677777..8888888888......99....")
    found = match(true, test)
    assert (found.true.tolist(), found.test.tolist()) == ([1], [1])
    assert found.iou.tolist() == [0.8]
    assert (found.split.tolist(), found.pieces.tolist()) == ([2], [6, 7])
    assert (found.merged.tolist(), found.merging.tolist()) == ([3, 4], [8])
    assert (found.missed.tolist(), found.invented.tolist()) == ([5], [9])
    assert found.total == 5 + 5
    assert found.f1 == pytest.approx(2 / 10)
    assert found.panoptic_quality == pytest.approx(2 * 0.8 / 10)
    assert found.average_precision((0.5,)) == pytest.approx(1 / 9)
    assert found.average_precision() == pytest.approx(6 / 9 / 10)  # 0.5 to 0.75 pass


def test_dirt_beside_an_object_splits_nothing() -> None:
    found = match(line("1" * 20), line("1" * 19 + "2"))
    assert not found.split.size
    assert found.invented.tolist() == [2]


def test_touching_objects_are_told_apart_by_their_numbers() -> None:
    both = ClassComparison(line("1122") > 0, line("1122") > 0, numbers=(line("1122"), line("3344")))
    for metric in (average_precision, average_precision_50, object_f1, panoptic_quality):
        assert metric(both) == 1
    as_parts = ClassComparison(line("1122") > 0, line("1.22") > 0)
    assert average_precision_50(as_parts) == pytest.approx(0.0)


def test_unknown_pixels_belong_to_no_object() -> None:
    numbers = line("1122")
    known = line("1100") > 0
    both = ClassComparison(numbers > 0, numbers > 0, known, numbers=(line("1122"), line("1133")))
    assert average_precision_50(both) == 1


def test_a_class_that_is_not_counted_has_a_panoptic_quality_alone() -> None:
    area = line("1.1.") > 0
    both = ClassComparison(area, area, numbers=(area * 1, area * 1), countable=False)
    assert panoptic_quality(both) == 1
    assert object_f1(both) == NoValue("objects of this class are not counted")


def test_shapes_and_thresholds_are_checked() -> None:
    with pytest.raises(UserError, match=r"shape \(1, 3\) cannot be matched with objects of shape \(1, 2\)"):
        match(line("12"), line("123"))
    with pytest.raises(UserError, match=r"IoU of at least 0.5, not 0.3"):
        match(line("1"), line("1"), 0.3)
    assert match(line("..."), line("...")).average_precision() == 1


@settings(max_examples=60, deadline=None)
@given(pair=st.tuples(*[hnp.arrays(np.int64, (4, 6), elements=st.integers(0, 4))] * 2))
def test_agrees_with_a_loop(pair: tuple[np.ndarray, np.ndarray]) -> None:
    true, test = pair
    pairs = {(one, two): (np.sum((true == one) & (test == two)), np.sum((true == one) | (test == two)))
             for one in np.unique(true[true > 0]) for two in np.unique(test[test > 0])}
    same = {key: inter / union for key, (inter, union) in pairs.items() if 2 * inter > union}
    found = match(true, test)
    assert dict(zip(zip(found.true, found.test, strict=True), found.iou, strict=True)) == pytest.approx(same)
    total = len(np.unique(true[true > 0])) + len(np.unique(test[test > 0]))
    expected = [len([1 for iou in same.values() if iou > one]) for one in THRESHOLDS]
    if total:
        assert found.average_precision() == pytest.approx(np.mean([one / (total - one) for one in expected]))
    split = {one for one in np.unique(true[true > 0]) if sum(
        2 * inter > np.sum(test == two) and inter >= 0.1 * np.sum(true == one)
        for (mine, two), (inter, _) in pairs.items() if mine == one) > 1}
    assert set(found.split.tolist()) == split
    fates = [found.test, found.pieces, found.merging, found.invented]
    assert set(np.concatenate(fates)) == set(np.unique(test[test > 0]))
