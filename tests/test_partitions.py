"""Rand and variation of information of parts: by hand, against scikit-image and scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage
from skimage.metrics import adapted_rand_error, variation_of_information
from sklearn import metrics as sklearn_metrics

from napari_unet.metrics import REGISTRY, ClassComparison, NoValue
from napari_unet.objects.matching import joint

few = settings(max_examples=60)
FOREGROUND = ("rand_error", "voi", "voi_split", "voi_merge")
BETWEEN = tuple(f"{name}_between" for name in FOREGROUND)
WHOLE = ("rand_index", "adjusted_rand")


@st.composite
def pairs(draw, dims=(2, 3)):
    shape = draw(hnp.array_shapes(min_dims=dims[0], max_dims=dims[1], min_side=2, max_side=8))
    return draw(hnp.arrays(bool, shape)), draw(hnp.arrays(bool, shape)), draw(hnp.arrays(bool, shape))


def drawn(text: str) -> np.ndarray:
    return np.array([[sign == "#" for sign in line.strip()] for line in text.strip().splitlines()])


def values(names, both: ClassComparison) -> list:
    return [REGISTRY[name](both) for name in names]


def test_a_gap_in_a_membrane_counted_by_hand():
    closed = drawn("..#..\n..#..\n..#..")  # two cells of 6 pixels
    gap = drawn("..#..\n.....\n..#..")  # one cell of 13
    both = ClassComparison(gap, closed)
    together, true, test = 2 * 15, 2 * 15, 12 * 11 / 2  # pairs among the 12 pixels of true cells
    assert values(BETWEEN, both) == pytest.approx([1 - 2 * together / (true + test), 1, 0, 1])
    # the other way round the twelve pixels of cells belong together, and the membrane's gap is one part more
    both = ClassComparison(closed, gap)
    together, true, test = 2 * 15, 13 * 12 / 2, 2 * 15
    assert REGISTRY["rand_error_between"](both) == pytest.approx(1 - 2 * together / (true + test))
    split = -(2 * 6 / 13 * math.log2(6 / 13) + 1 / 13 * math.log2(1 / 13))
    assert values(BETWEEN[1:], both) == pytest.approx([split, split, 0])
    # the Dice score hardly sees it
    assert REGISTRY["dice"](both) == pytest.approx(0.8)


def test_two_objects_found_as_one_by_hand():
    reference, prediction = drawn("##.##"), drawn("#####")
    both = ClassComparison(prediction, reference)
    assert values(FOREGROUND, both) == pytest.approx([1 - 2 * 2 / (2 + 6), 1, 0, 1])
    # all pixels: reference 2 + 1 + 2, prediction 5; of 10 pairs 2 are together in both
    assert values(WHOLE, both) == pytest.approx([0.2, 0])


@few
@given(pairs())
def test_agrees_with_scikit_image_and_scikit_learn(arrays):
    prediction, reference, valid = arrays
    for array in arrays:
        array.flat[:2] = True
    reference.flat[-1], valid.flat[-1] = False, True
    both = ClassComparison(*arrays)
    corners = np.ones((3,) * reference.ndim)
    labels = {
        "": [ndimage.label(mask & valid, corners)[0] for mask in (reference, prediction)],
        "_between": [ndimage.label(~mask & valid)[0] for mask in (reference, prediction)],
    }
    for end, (true, test) in labels.items():
        split, merge = variation_of_information(true, test, ignore_labels=(0,))
        assert values([f"voi{end}", f"voi_split{end}", f"voi_merge{end}"], both) == pytest.approx(
            [merge + split, split, merge], abs=1e-6)
        with np.errstate(invalid="ignore", divide="ignore"):  # it divides by 0 where all parts are single pixels
            error = adapted_rand_error(true, test, ignore_labels=(0,))[0]
        assert REGISTRY[f"rand_error{end}"](both) == pytest.approx(0 if np.isnan(error) else error, abs=1e-6)
    whole = [np.where(here, parts, rest + 1000)[valid]
             for here, parts, rest in zip((reference, prediction), labels[""], labels["_between"], strict=True)]
    assert REGISTRY["rand_index"](both) == pytest.approx(sklearn_metrics.rand_score(*whole), abs=1e-6)
    assert REGISTRY["adjusted_rand"](both) == pytest.approx(sklearn_metrics.adjusted_rand_score(*whole), abs=1e-6)


@few
@given(pairs())
def test_laws(arrays):
    prediction, reference, valid = arrays
    valid.flat[0] = True
    both, swapped = ClassComparison(*arrays), ClassComparison(reference, prediction, valid)
    assert values(WHOLE, both) == pytest.approx(values(WHOLE, swapped))
    assert values(WHOLE, ClassComparison(reference, reference, valid)) == [1, 1]
    flipped = ClassComparison(prediction[::-1], reference[::-1], valid[::-1])
    for name in (*FOREGROUND, *BETWEEN):
        value = REGISTRY[name](both)
        assert REGISTRY[name](flipped) == (value if isinstance(value, NoValue) else pytest.approx(value))
        assert isinstance(value, NoValue) or value >= 0
        perfect = REGISTRY[name](ClassComparison(reference, reference, valid))
        assert perfect == pytest.approx(0, abs=1e-12)


@few
@given(pairs(), st.randoms())
def test_unknown_pixels_have_no_say(arrays, random):
    prediction, reference, valid = arrays
    valid.flat[0] = True
    noise = np.array([random.random() < 0.5 for _ in range(valid.size)]).reshape(valid.shape)
    other = ClassComparison(np.where(valid, prediction, noise), np.where(valid, reference, ~noise), valid)
    names = (*FOREGROUND, *BETWEEN, *WHOLE)
    assert values(names, other) == values(names, ClassComparison(*arrays))


def test_empty_prediction_or_reference_is_defined():
    none, some, full = np.zeros((4, 5), bool), np.eye(4, 5, dtype=bool), np.ones((4, 5), bool)
    assert values(FOREGROUND, ClassComparison(none, none)) == [0, 0, 0, 0]
    assert values(FOREGROUND, ClassComparison(some, none)) == [NoValue("the class is not in the reference")] * 4
    assert values(FOREGROUND, ClassComparison(none, some)) == [0, 0, 0, 0], "one part, and nothing was parted"
    assert values(BETWEEN, ClassComparison(full, full)) == [0, 0, 0, 0]
    assert values(BETWEEN,
                  ClassComparison(some, full)) == [NoValue("anything outside the class is not in the reference")] * 4
    assert values(WHOLE, ClassComparison(none, none)) == [1, 1]
    single = ClassComparison(none[:1, :1], full[:1, :1])
    assert values(WHOLE, single) == [1, 1], "no pair of pixels to be wrong"


@few
@given(hnp.arrays(np.uint16, (5, 7), elements=st.integers(0, 5)),
       hnp.arrays(np.int64, (5, 7), elements=st.integers(0, 9)), hnp.arrays(bool, (5, 7)))
def test_shared_pixels_agree_with_counting_each(true, test, where):
    shared = joint(true, test, where)
    table = np.zeros((6, 10), int)
    table[shared.true, shared.test] = shared.count
    expected = np.zeros((6, 10), int)
    np.add.at(expected, (true[where], test[where]), 1)
    np.testing.assert_array_equal(table, expected)
    assert shared.pixels == where.sum()
