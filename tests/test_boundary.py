"""Distances between outlines: by hand, against MONAI and scikit-image, in physical units, around unknown pixels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage
from skimage.metrics import hausdorff_distance
from skimage.segmentation import find_boundaries

from napari_unet.core.errors import UsageError, UserError
from napari_unet.metrics import ClassComparison, NoValue, Options
from napari_unet.metrics._distances import borders, nearest_distances, surface
from napari_unet.metrics.boundary import hausdorff, hausdorff95, surface_dice, surface_distance

few = settings(max_examples=50)
ALL = (hausdorff, hausdorff95, surface_distance, surface_dice)
DISTANCES = ALL[:3]
masks = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=8))


def square(*corner: int, side: int = 3, shape: tuple[int, int] = (8, 12)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[corner[0]:corner[0] + side, corner[1]:corner[1] + side] = True
    return mask


def test_a_shifted_square_by_hand():
    # outlines of 8 pixels each, four columns apart: two lie within the other's columns, none nearer than 2 columns
    both = ClassComparison(square(2, 1), square(2, 5))
    # columns 1, 2, 3 to column 5: 4, 3, 2; rows are the same, three pixels in columns 1 and 3, two in column 2
    each = [4] * 3 + [3] * 2 + [2] * 3
    assert hausdorff(both) == 4
    assert surface_distance(both) == pytest.approx(np.mean(each))
    assert hausdorff95(both) == pytest.approx(4)
    assert surface_dice(both) == pytest.approx(3 / 8)  # two pixels are tolerated unless said otherwise
    assert surface_dice(ClassComparison(square(2, 1), square(2, 5),
                                        options=Options(tolerance=3))) == pytest.approx(5 / 8)
    assert surface_dice(ClassComparison(square(2, 1), square(2, 5), options=Options(tolerance=1.9))) == 0


def test_the_scale_gives_the_unit_along_each_axis():
    prediction, reference = np.zeros((9, 9), bool), np.zeros((9, 9), bool)
    prediction[1, 1] = reference[4, 5] = True
    both = ClassComparison(prediction, reference, scale=(0.5, 2), unit="micrometer")
    assert hausdorff(both) == pytest.approx(math.hypot(3 * 0.5, 4 * 2))
    assert both.tolerance == 4, "two steps along the coarsest axis"
    volume = ClassComparison(prediction[None], reference[None], scale=(7, 0.5, 2))
    assert surface_distance(volume) == pytest.approx(math.hypot(1.5, 8))


def test_one_stray_pixel_decides_the_hausdorff_distance_but_not_the_95_percent_mark():
    reference = square(2, 2, side=20, shape=(40, 60))
    prediction = reference.copy()
    prediction[2, 55] = True
    both = ClassComparison(prediction, reference)
    assert hausdorff(both) == 55 - 21
    assert hausdorff95(both) == 0
    assert surface_dice(both) == pytest.approx((76 + 76) / (77 + 76))


# MONAI 1.6 deprecates an argument that it passes itself
@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")
@pytest.mark.parametrize("scale", [(), (0.25, 0.25), (0.7, 1.3), (2.0, 0.1, 0.4), (3.0, 3.0, 3.0)])
def test_agrees_with_monai(scale):
    import torch  # here, as both take seconds to import
    from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance, compute_surface_dice

    random = np.random.default_rng(5)
    shape = (9, 12, 10) if len(scale) == 3 else (23, 31)
    for _ in range(4):
        masks = [ndimage.gaussian_filter(random.random(shape), 1.2) > random.uniform(0.48, 0.53) for _ in range(2)]
        for mask in masks:
            mask.flat[0] = True
        tolerance = float(random.uniform(0.5, 2)) * max(scale, default=1)
        ours = ClassComparison(*masks, scale=scale, options=Options(tolerance=tolerance))
        tensors = [torch.as_tensor(mask[None, None].astype(np.float32)) for mask in masks]
        options = {"include_background": True, "spacing": list(scale) or None}
        # torch.quantile interpolates in float32 and is off by some 1e-6; see also the plain formula below
        theirs = float(compute_hausdorff_distance(*tensors, percentile=95, **options))
        assert hausdorff95(ours) == pytest.approx(theirs, rel=1e-5)
        for theirs, value in (
            (compute_hausdorff_distance(*tensors, **options), hausdorff(ours)),
            (compute_average_surface_distance(*tensors, symmetric=True, **options), surface_distance(ours)),
            (compute_surface_dice(*tensors, [tolerance], **options), surface_dice(ours)),
        ):
            assert value == pytest.approx(float(theirs), rel=1e-6, abs=1e-6)


@few
@given(masks, st.randoms(), st.sampled_from([(1.0, 1.0, 1.0), (2.0, 0.1, 0.4)]))
def test_agrees_with_the_plain_formula(mask, random, scale):
    other = np.array([random.random() < 0.3 for _ in range(mask.size)]).reshape(mask.shape)
    mask.flat[0] = other.flat[-1] = True
    scale = scale[:mask.ndim]
    one, two = (np.argwhere(surface(each)) * scale for each in (mask, other))
    distances = np.linalg.norm(one[:, None] - two, axis=-1)
    there, back = distances.min(axis=1), distances.min(axis=0)
    both = ClassComparison(mask, other, scale=scale)
    assert hausdorff95(both) == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)), rel=1e-6)
    assert hausdorff(both) == pytest.approx(max(there.max(), back.max()), rel=1e-6)
    assert surface_distance(both) == pytest.approx(np.concatenate([there, back]).mean(), rel=1e-6)


@few
@given(masks, st.randoms())
def test_agrees_with_scikit_image_on_the_outlines(mask, random):
    other = np.array([random.random() < 0.4 for _ in range(mask.size)]).reshape(mask.shape)
    mask.flat[0] = other.flat[-1] = True
    outlines = [one & ~ndimage.binary_erosion(one) for one in (mask, other)]
    for one, outline in zip((mask, other), outlines, strict=True):
        np.testing.assert_array_equal(surface(one), outline)
    assert hausdorff(ClassComparison(mask, other)) == pytest.approx(hausdorff_distance(*outlines), rel=1e-6)


@few
@given(masks)
def test_borders_are_those_of_scikit_image(mask):
    np.testing.assert_array_equal(borders(mask), find_boundaries(mask, connectivity=1, mode="thick"))


@few
@given(masks, st.sampled_from([(1.0, 1.0, 1.0), (0.3, 1.7, 0.9)]))
def test_distances_are_those_of_scipy(mask, scale):
    mask.flat[0] = True
    points = np.ones_like(mask)
    expected = ndimage.distance_transform_edt(~mask, sampling=scale[:mask.ndim])
    np.testing.assert_allclose(nearest_distances(points, mask, scale[:mask.ndim]), expected.ravel(), rtol=1e-6)
    assert np.isinf(nearest_distances(points, np.zeros_like(mask), scale[:mask.ndim])).all()


@few
@given(masks, st.randoms())
def test_laws(mask, random):
    other = np.array([random.random() < 0.5 for _ in range(mask.size)]).reshape(mask.shape)
    mask.flat[0] = other.flat[0] = True
    both, swapped = ClassComparison(mask, other), ClassComparison(other, mask)
    scaled = ClassComparison(mask, other, scale=(2.5,) * mask.ndim)
    for metric in ALL:
        assert metric(both) == pytest.approx(metric(swapped))
        assert metric(ClassComparison(np.flip(mask, 0), np.flip(other, 0))) == pytest.approx(metric(both))
    for metric in DISTANCES:
        assert metric(ClassComparison(mask, mask)) == 0
        assert metric(scaled) == pytest.approx(2.5 * metric(both))
    assert surface_dice(scaled) == surface_dice(both)
    assert surface_dice(ClassComparison(mask, mask)) == 1
    assert surface_distance(both) <= hausdorff(both)
    assert hausdorff95(both) <= hausdorff(both)


def test_empty_prediction_or_reference_is_defined():
    none, some = np.zeros((5, 6), bool), square(1, 1, shape=(5, 6))
    assert [metric(ClassComparison(none, none)) for metric in ALL] == [0, 0, 0, 1]
    for prediction, reference, why in ((none, some, "nothing was predicted"),
                                       (some, none, "the class is not in the reference")):
        both = ClassComparison(prediction, reference)
        assert [metric(both) for metric in DISTANCES] == [NoValue(why)] * 3
        assert surface_dice(both) == 0


def test_a_side_towards_the_unknown_is_no_outline():
    reference, valid = square(2, 2, side=4, shape=(8, 8)), np.ones((8, 8), bool)
    valid[:, 4:] = False
    rows, columns = np.nonzero(surface(reference & valid, valid))
    # of the square only columns 2 and 3 are known; column 3 ends at the unknown, not at background
    assert sorted(zip(rows, columns, strict=True)) == [(2, 2), (2, 3), (3, 2), (4, 2), (5, 2), (5, 3)]
    shorter = reference.copy()
    shorter[:, 4:] = False
    assert hausdorff(ClassComparison(shorter, reference, valid)) == 0, "where it ends is not known"
    inside = np.zeros((8, 8), bool)
    inside[3:5, 3:5] = True
    whole = ClassComparison(np.ones((8, 8)), np.ones((8, 8)), inside)
    assert hausdorff(whole) == NoValue("no outline of the class lies in what is known")
    assert surface_dice(whole) == NoValue("no outline of the class lies in what is known")


def test_unknown_pixels_have_no_say():
    random = np.random.default_rng(7)
    prediction, reference, noise = random.random((3, 12, 13)) < 0.5
    valid = random.random((12, 13)) < 0.7
    other = ClassComparison(np.where(valid, prediction, noise), np.where(valid, reference, ~noise), valid)
    for metric in ALL:
        assert metric(other) == metric(ClassComparison(prediction, reference, valid))


def test_wrong_scales_and_tolerances_are_refused():
    with pytest.raises(UserError, match=r"A scale of \(1\.0,\) does not fit arrays of shape \(2, 3\)"):
        ClassComparison(np.ones((2, 3)), np.ones((2, 3)), scale=(1,))
    with pytest.raises(UserError, match="all above 0"):
        ClassComparison(np.ones((2, 3)), np.ones((2, 3)), scale=(1, 0))
    with pytest.raises(UsageError, match="tolerance cannot be -1"):
        Options(tolerance=-1)
