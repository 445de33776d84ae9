"""Connected components are those of scipy, whatever the width, the connectivity, the type and the order in memory."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

import napari_unet
from napari_unet.core.components import count_components, label_components
from napari_unet.metrics import REGISTRY, ClassComparison

masks = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=17)) | hnp.arrays(
    bool, hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=7))


def by_scipy(mask: np.ndarray, corners: bool) -> np.ndarray:
    """Number the components of a mask."""
    numbers: np.ndarray = ndimage.label(mask, np.ones((3,) * mask.ndim) if corners else None)[0]
    return numbers


def same_parts(ours: np.ndarray, theirs: np.ndarray) -> bool:
    """Say whether two label images are the same but for the numbers; 0 must be 0 in both."""
    met = np.unique(np.stack([ours.ravel(), theirs.ravel()]), axis=1).T
    alike = len(met) == len(np.unique(ours)) == len(np.unique(theirs))
    return alike and np.array_equal(ours == 0, theirs == 0) and ours.max(initial=0) == len(np.unique(ours[ours > 0]))


@pytest.mark.parametrize("corners", [True, False])
@given(masks, st.sampled_from("CF"))
def test_components_are_those_of_scipy(corners, mask, order):
    expected = by_scipy(mask, corners)
    for array in (mask, mask.astype(np.uint8), mask * np.int32(7)):
        numbers = label_components(np.asarray(array, order=order), corners=corners)
        assert same_parts(numbers, expected)
        _, first = np.unique(numbers[numbers > 0], return_index=True)
        assert (np.diff(first) > 0).all(), "they grow in the order of a scan"
    assert count_components(np.asarray(mask, order=order), corners=corners) == expected.max()


@pytest.mark.parametrize("shape", [(height, width) for height in (1, 2, 9, 10) for width in (1, 2, 7, 8, 31, 32, 33)]
                         + [(3, 4, 5), (4, 4, 4), (5, 3, 7), (1, 5, 5), (2, 6, 1)])
@pytest.mark.parametrize("corners", [True, False])
def test_of_many_masks_at_odd_and_even_widths(shape, corners):
    random = np.random.default_rng(sum(shape))
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        mask = random.random(shape) < share
        assert same_parts(label_components(mask, corners=corners), by_scipy(mask, corners))
        for view in (mask[..., ::2], mask[::2], mask[..., :-1], mask.T, mask[::-1]):
            assert same_parts(label_components(view, corners=corners), by_scipy(view, corners))
            assert same_parts(label_components(view.view(np.uint8), corners=corners), by_scipy(view, corners))


def test_of_tiny_arrays_of_any_content():
    for shape in [(1, 7), (7, 1), (3, 3), (1, 1, 7), (7, 1, 1), (1, 3, 3), (2, 2, 2)]:
        for bits in itertools.product((False, True), repeat=int(np.prod(shape))):
            mask = np.array(bits).reshape(shape)
            for corners in (True, False):
                assert same_parts(label_components(mask, corners=corners), by_scipy(mask, corners))


def test_the_mask_that_cc3d_gets_wrong_as_booleans():
    mask = np.array([[0, 0, 0], [0, 0, 1], [0, 0, 1]], bool)  # it gave the pixel on the left a number
    np.testing.assert_array_equal(label_components(mask), mask)


def test_values_that_differ_never_join_and_read_only_arrays_will_do():
    painted = np.array([[1, 1, 2], [3, 1, 2], [3, 0, 1]], np.uint8)
    painted.flags.writeable = False
    numbers = label_components(painted)
    assert numbers.ravel().tolist() == [1, 1, 2, 3, 1, 2, 3, 0, 1], "in the order of a scan"
    assert numbers.max() == 3, "the last 1 touches the others by a corner"
    assert label_components(painted, corners=False).max() == 4
    assert (numbers == 0).sum() == 1
    frozen = painted > 1
    frozen.flags.writeable = False
    assert count_components(frozen) == 2
    assert count_components(np.zeros((0, 4), bool)) == 0


def test_scores_that_stand_on_parts_are_right_at_odd_widths():
    """Of the random pairs of issue 15, 85 of 1500 had a wrong Rand, variation of information or clDice."""
    random = np.random.default_rng(0)
    for number in range(150):
        shape = (int(random.integers(3, 12)), 2 * int(random.integers(2, 9)) + 1)
        prediction, reference = random.random((2, *shape)) < 0.5
        narrow = ClassComparison(prediction, reference)
        # one more column of background on the right makes the width even, and splits and joins nothing of the class
        wide = ClassComparison(*(np.pad(one, ((0, 0), (0, 1))) for one in (prediction, reference)))
        for name in ("rand_error", "voi_split", "voi_merge", "object_f1", "cl_dice"):
            assert REGISTRY[name](narrow) == pytest.approx(REGISTRY[name](wide)), (number, name)


def test_one_place_calls_cc3d():
    package = Path(napari_unet.__file__).parent
    calls = re.compile(r"^\s*(import|from) cc3d", re.MULTILINE)
    callers = [path.name for path in package.rglob("*.py") if calls.search(path.read_text(encoding="utf-8"))]
    assert callers == ["components.py"]
