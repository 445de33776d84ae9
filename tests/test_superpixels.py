"""Superpixels against true segments: by hand, and against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage
from skimage.segmentation import find_boundaries

from napari_unet.metrics import ClassComparison, NoValue, Options
from napari_unet.metrics.superpixel_quality import (
    achievable,
    achievable_accuracy,
    boundary_recall,
    undersegmentation,
    undersegmentation_error,
)

few = settings(max_examples=60)
ALL = (boundary_recall, undersegmentation_error, achievable_accuracy)
labels = hnp.arrays(np.uint8, (6, 8), elements=st.integers(0, 4))


def test_counted_by_hand():
    truth = np.array([[1, 1, 1, 2, 2, 2]])
    superpixels = np.array([[5, 5, 6, 6, 6, 7]])
    # superpixel 6 has one pixel in segment 1 and two in segment 2
    assert achievable(superpixels, truth) == pytest.approx(5 / 6)
    assert undersegmentation(superpixels, truth) == pytest.approx((1 + 1) / 6)
    assert achievable(superpixels, truth, truth == 2) == 1


def test_a_class_and_the_rest_counted_by_hand():
    reference = np.array([[1, 1, 0, 0, 1, 1]], bool)
    prediction = np.array([[1, 1, 1, 0, 0, 0]], bool)
    both = ClassComparison(prediction, reference)
    # parts of 3 and 3 pixels; each holds 2 of one true part and 1 of another
    assert achievable_accuracy(both) == pytest.approx((2 + 2) / 6)
    assert undersegmentation_error(both) == pytest.approx((1 + 1 + 1 + 1) / 6)
    # true borders at columns 1, 2 and 3, 4; predicted ones at 2, 3
    strict = ClassComparison(prediction, reference, options=Options(tolerance=0))
    assert boundary_recall(strict) == 2 / 4
    assert boundary_recall(both) == 1, "all within two pixels"
    assert boundary_recall(ClassComparison(prediction, reference, scale=(1, 3),
                                           options=Options(tolerance=2.9))) == 2 / 4
    assert boundary_recall(ClassComparison(prediction, reference, scale=(1, 3), options=Options(tolerance=3))) == 1


@few
@given(labels, labels, hnp.arrays(bool, (6, 8)))
def test_agrees_with_loops(superpixels, truth, where):
    where.flat[0] = True
    best = leaks = 0
    for superpixel in np.unique(superpixels[where]):
        inside = where & (superpixels == superpixel)
        shared = [np.count_nonzero(inside & (truth == segment)) for segment in np.unique(truth)]
        best += max(shared)
        leaks += sum(min(count, np.count_nonzero(inside) - count) for count in shared if count)
    assert achievable(superpixels, truth, where) == pytest.approx(best / where.sum())
    assert undersegmentation(superpixels, truth, where) == pytest.approx(leaks / where.sum())


@few
@given(hnp.arrays(bool, (2, 7, 9)), st.sampled_from([0.0, 1.0, 1.5, 3.0]))
def test_boundary_recall_agrees_with_scikit_image_and_scipy(masks, tolerance):
    prediction, reference = masks
    for mask in masks:
        mask.flat[:2] = True, False
    borders = [find_boundaries(mask, connectivity=1, mode="thick") for mask in masks]
    near = ndimage.distance_transform_edt(~borders[0]) <= tolerance
    both = ClassComparison(prediction, reference, options=Options(tolerance=tolerance))
    assert boundary_recall(both) == pytest.approx(near[borders[1]].mean())


@few
@given(hnp.arrays(bool, st.tuples(st.just(3), st.integers(1, 6), st.integers(1, 6), st.integers(1, 3))), st.randoms())
def test_laws(arrays, random):
    prediction, reference, valid = arrays
    valid.flat[0] = True
    noise = np.array([random.random() < 0.5 for _ in range(valid.size)]).reshape(valid.shape)
    both = ClassComparison(*arrays)
    other = ClassComparison(np.where(valid, prediction, noise), np.where(valid, reference, ~noise), valid)
    assert [metric(both) for metric in ALL] == [metric(other) for metric in ALL]
    perfect = ClassComparison(reference, reference, valid)
    assert [metric(perfect) for metric in ALL] == [1, 0, 1]
    assert 0 < achievable_accuracy(both) <= 1
    assert undersegmentation_error(both) <= 2 * (1 - achievable_accuracy(both)) * (reference.size + 1)


def test_empty_prediction_or_reference_is_defined():
    none, some = np.zeros((4, 6), bool), np.eye(4, 6, dtype=bool)
    assert [metric(ClassComparison(none, none)) for metric in ALL] == [1, 0, 1]
    assert boundary_recall(ClassComparison(none, some)) == 0
    assert boundary_recall(ClassComparison(some, none)) == NoValue("the reference has no border here")
    assert achievable_accuracy(ClassComparison(some, none)) == 1
    # one superpixel over everything: the diagonal takes what is most frequent, the larger corner of the rest
    assert achievable_accuracy(ClassComparison(none, some)) == 14 / 24


def test_a_border_towards_the_unknown_is_none():
    mask = np.array([[1, 1, 0, 0]], bool)
    both = ClassComparison(~mask, mask, np.array([[1, 1, 0, 1]], bool))
    assert boundary_recall(both) == 1, "neither has a border among what is known"
