"""Regions and the class they take, looks of classes, growing, and the search for parameters."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import numpy as np
import pytest

from napari_unet import segmenters
from napari_unet.classical.appearance import Appearance, gaussian_blur, hessian_eigenvalues
from napari_unet.classical.background import PreparedPlane
from napari_unet.classical.parameter_search import coordinate_search, mean_dice, paint_folds
from napari_unet.classical.regions import Regions
from napari_unet.classical.seeds import confident_seeds, memberships_of_taken
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.method import assemble
from napari_unet.core.parameters import Parameter
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import run_to_end
from napari_unet.segmenters._richest_windows import richest_window
from napari_unet.segmenters._sample_collection import collect_samples
from napari_unet.segmenters.mean_shift import mean_shift_filter
from napari_unet.segmenters.region_growing import RegionGrowing, grow_regions


def segmented(method: Any, pairs: list[Pair], which: int = 0) -> np.ndarray:
    model = run_to_end(method.fit(TrainingSet(tuple(pairs))))
    return np.asarray(assemble(pairs[which].image, model.segment(pairs[which].image)))


def tissue(seed: int, colour: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Noisy discs in three classes: image float (C last if colour), truth, strokes."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:96, :112]
    truth = np.ones(y.shape, np.uint8)
    for number, (row, column) in enumerate([(20, 22), (24, 84), (70, 30), (68, 86)]):
        truth[np.hypot(y - row, x - column) < 15] = 2 + number % 2
    looks = np.array([[0, 0, 0], [0.1, 0.1, 0.1], [0.5, 0.9, 0.5], [0.9, 0.2, 0.9]]) if colour else np.array(
        [0, 0.5, 0.95, 0.05])
    image = looks[truth] + generator.normal(0, 0.07, (*truth.shape, 3) if colour else truth.shape)
    strokes = np.zeros_like(truth)
    for row, column in ((20, 22), (24, 84), (70, 30), (68, 86)):
        strokes[row - 3 : row + 3, column - 11 : column + 11] = truth[row, column]
    strokes[44:49, 8:100] = strokes[2:4, 40:60] = strokes[90:93, 40:70] = 1
    return image, truth, strokes


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("name", ["slic", "mean_shift", "region_growing"])
def test_three_classes_are_recovered_with_and_without_paint_on_the_plane(name: str, colour: bool) -> None:
    axes = "YXC" if colour else "YX"
    image, truth, strokes = tissue(0, colour)
    other, other_truth, _ = tissue(1, colour)
    pairs = [Pair(Image(image, axes), Scribbles.from_array(strokes)),
             Pair(Image(other, axes), Scribbles.empty(strokes.shape))]
    method = segmenters.REGISTRY[name]()
    assert mean_dice(truth, segmented(method, pairs, 0)) >= 0.95
    assert mean_dice(other_truth, segmented(method, pairs, 1)) >= 0.95


@pytest.mark.parametrize("name", ["slic", "mean_shift", "region_growing"])
def test_without_strokes(name: str) -> None:
    _, truth, strokes = tissue(0, False)
    bright = np.where(truth > 1, 2, 1)
    image = bright + np.random.default_rng(0).normal(0, 0.1, bright.shape)
    labels = segmented(segmenters.REGISTRY[name](), [Pair(Image(image), Scribbles.empty(strokes.shape))])
    assert mean_dice(bright, labels) >= 0.95


def test_regions_are_measured_by_hand() -> None:
    numbers = np.array([[5, 5, 2], [5, 2, 2]])
    stack = np.array([[[1, 2, 10], [3, 20, 99]]], np.float32)
    valid = np.array([[True, True, True], [True, True, False]])
    regions = Regions.of(numbers, stack, valid)
    assert regions.numbers.tolist() == [[1, 1, 0], [1, 0, 0]]
    assert regions.features.tolist() == [[15], [2]]
    features, painted = regions.samples(np.array([[0, 1, 0], [0, 4, 0]], np.uint8))
    assert features.tolist() == [[2], [20]]
    assert painted.tolist() == [1, 4]


def test_a_region_takes_the_class_most_painted_inside_it_else_the_one_it_resembles() -> None:
    looks = Appearance.of(np.array([[0.0], [0.1], [1.0], [0.9]]), np.array([0, 0, 1, 1]))
    numbers = np.repeat(np.arange(4), 5)[None]
    stack = np.array([0.0, 0.0, 1.0, 1.0], np.float32)[numbers][None]
    paint = np.zeros(numbers.shape, np.uint8)
    paint[0, :3], paint[0, 3:5] = 7, 3  # in region 0, class 7 is painted more
    paint[0, 10:12] = 3, 7  # in region 2 equally often: it looks like class 7
    regions = Regions.of(numbers, stack, np.ones(numbers.shape, bool))
    shares = regions.memberships(looks, (3, 7), paint)
    assert shares.argmax(axis=0).tolist() == [1, 0, 1, 1]
    assert shares[:, 0].tolist() == [0, 1]
    assert regions.memberships(looks, (3, 7), None).argmax(axis=0).tolist() == [0, 0, 1, 1]


def test_looks_agree_with_scikit_learn() -> None:
    """One look per class is quadratic discriminant analysis, up to the pull towards the pooled covariance."""
    from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

    generator = np.random.default_rng(0)
    features = np.concatenate([generator.normal(0, 1, (900, 2)), generator.normal(2, 1.2, (600, 2))])
    labels = np.repeat([0, 1], [900, 600])
    shares = Appearance.of(features, labels).memberships(features.astype(np.float32))
    expected = QuadraticDiscriminantAnalysis().fit(features, labels).predict_proba(features).T
    np.testing.assert_allclose(shares.sum(axis=0), 1, atol=1e-5)
    assert np.mean(shares.argmax(axis=0) == expected.argmax(axis=0)) > 0.99
    assert np.abs(shares - expected).mean() < 0.02


def test_two_looks_find_a_class_that_is_dark_and_bright() -> None:
    generator = np.random.default_rng(0)
    features = np.concatenate([generator.normal(mean, 0.05, (300, 1)) for mean in (0.0, 1.0, 0.5)])
    labels = np.repeat([1, 1, 0], 300)
    asked = np.array([[0.0], [1.0], [0.5]], np.float32)
    assert Appearance.of(features, labels, 2).memberships(asked).argmax(axis=0).tolist() == [1, 1, 0]


def test_a_class_of_one_pixel_has_a_look() -> None:
    features = np.array([[0.0, 0], [0, 0.1], [0.1, 0], [1, 1]])
    looks = Appearance.of(features, np.array([0, 0, 0, 1]), 3)
    assert looks.memberships(np.array([[0, 0], [1, 1]], np.float32)).argmax(axis=0).tolist() == [0, 1]


def test_smoothing_leaves_invalid_pixels_out() -> None:
    valid = np.ones((20, 20), bool)
    valid[5, 5] = False
    pixels = np.where(valid, 1, 0)[None].astype(np.float32)
    blurred = gaussian_blur(PreparedPlane(pixels, valid), 2)
    np.testing.assert_allclose(blurred[0][valid], 1, atol=1e-5)


def test_curvatures_of_a_dark_line_and_a_bright_spot() -> None:
    y, x = np.mgrid[:41, :41]
    line = 1 - np.exp(-((x - 20) ** 2) / 8).astype(np.float32)
    larger, smaller = hessian_eigenvalues(line, 2)
    assert larger[20, 20] > 0.3
    assert abs(smaller[20, 20]) < 0.01
    larger, smaller = hessian_eigenvalues(np.exp(-((x - 20) ** 2 + (y - 20) ** 2) / 8).astype(np.float32), 2)
    assert larger[20, 20] < -0.1
    assert smaller[20, 20] == pytest.approx(larger[20, 20], abs=1e-4)


def test_gathering_flattens_noise_and_keeps_edges() -> None:
    step = np.repeat([[0.0] * 20 + [1.0] * 20], 30, axis=0)
    noisy = (step + np.random.default_rng(0).normal(0, 0.05, step.shape))[None].astype(np.float32)
    out = mean_shift_filter(noisy, 2, 0.3)[0]
    assert out[:, :20].std() < 0.5 * noisy[0, :, :20].std()
    assert (out[:, 20] - out[:, 19]).min() > 0.8
    assert mean_shift_filter(noisy, 0, 0.3) is noisy


def test_a_class_grows_through_what_resembles_it_and_stops_where_nothing_does() -> None:
    first = np.array([[0.9, 0.8, 0.7, 0.05, 0.7, 0.9]], np.float32)
    shares = np.stack([first, 1 - first])
    seeds = np.full((1, 6), -1, np.int16)
    seeds[0, 0] = 0
    assert grow_regions(shares, seeds, 0.6).tolist() == [[0, 0, 0, -1, -1, -1]]
    assert grow_regions(shares, seeds, 1.0).tolist() == [[0, 0, 0, 0, 0, 0]]
    seeds[0, 3] = 1
    # class 1 is touched by pixels that hardly resemble it: class 0 is nowhere near, so it takes them at the end
    assert grow_regions(shares, seeds, 0.95).tolist() == [[0, 0, 0, 1, 1, 1]]


def test_seeds_are_large_sure_patches_or_else_small_ones() -> None:
    first = np.array([[0.95, 0.95, 0.5, 0.95, 0.3, 0.02]], np.float32)
    seeds = confident_seeds(np.stack([first, 1 - first]), 0.9, 2)
    assert seeds.tolist() == [[0, 0, -1, -1, -1, 1]]


def test_what_growing_decided_leads_the_memberships() -> None:
    shares = np.array([[[0.9, 0.2]], [[0.07, 0.5]], [[0.03, 0.3]]], np.float32)
    out = memberships_of_taken(shares, np.array([[1, -1]], np.int16))
    np.testing.assert_allclose(out.sum(axis=0), 1, atol=1e-6)
    assert out.argmax(axis=0).tolist() == [[1, 1]]
    np.testing.assert_allclose(out[:, 0, 1], shares[:, 0, 1], atol=1e-6)


def test_growing_from_strokes_alone_takes_only_the_object_painted() -> None:
    image = np.zeros((30, 60))
    image[8:22, 5:20] = image[8:22, 40:55] = 1
    image += np.random.default_rng(0).normal(0, 0.02, image.shape)
    strokes = np.zeros(image.shape, np.uint8)
    strokes[12:18, 8:16] = 2
    strokes[:, 28:32] = 1
    one = [Pair(Image(image), Scribbles.from_array(strokes))]
    alone = segmented(RegionGrowing(only_strokes=True, tolerance=1.0, background=0.0), one)
    assert np.mean(alone[10:20, 7:18] == 2) == 1
    assert np.mean(alone[10:20, 42:53] == 1) == 1
    both = segmented(RegionGrowing(background=0.0), one)
    assert np.mean(both[10:20, 42:53] == 2) == 1


def test_painted_planes_are_known_again_in_another_copy_of_the_image() -> None:
    image, _, strokes = tissue(0, False)
    strokes[60:64, 52:60] = 2  # against all looks
    model = run_to_end(RegionGrowing().fit(TrainingSet((Pair(Image(image), Scribbles.from_array(strokes)),))))
    copy = Image(image.copy(), name="another")
    assert (assemble(copy, model.segment(copy))[strokes > 0] == strokes[strokes > 0]).all()


def test_planes_are_left_out_in_turn_where_every_class_is_in_two() -> None:
    plane = np.array([[1, 1, 0, 2]], np.uint8)
    left = paint_folds([plane, plane])
    assert [[int(part.any()) for part in fold] for fold in left] == [[1, 0], [0, 1]]


def test_whole_strokes_are_left_out_of_a_single_plane() -> None:
    plane = np.array([[1, 1, 0, 1, 0, 2, 2, 0, 2, 0, 2]], np.uint8)
    left = paint_folds([plane])
    assert [fold[0].tolist()[0] for fold in left] == [
        [1, 1, 0, 0, 0, 2, 2, 0, 0, 0, 2], [0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0]
    ]
    assert paint_folds([np.array([[1, 1, 0, 2]], np.uint8)]) == []


def test_mean_dice_by_hand() -> None:
    assert mean_dice(np.array([1, 1, 1, 2]), np.array([1, 1, 2, 2])) == pytest.approx((4 / 5 + 2 / 3) / 2)


@dataclasses.dataclass(frozen=True)
class Toy:
    """Two parameters to search for."""

    a: Annotated[int | None, Parameter(auto=(0, 1, 2))] = None
    b: Annotated[int | None, Parameter(auto=(0, 5))] = None
    c: int = 7


def test_search_takes_the_best_and_stays_with_the_first_of_equals() -> None:
    best, tried, cut = run_to_end(coordinate_search(Toy(), lambda toy: (toy.a == 2) * 0.5 + (toy.b == 5) * 0.005))
    assert (best, cut) == (Toy(2, 0), False)
    assert [one.parameters for one in tried] == [
        {"a": 0, "b": 0}, {"a": 1, "b": 0}, {"a": 2, "b": 0}, {"a": 2, "b": 5}
    ]


def test_search_leaves_given_parameters_and_unused_ones_alone_and_heeds_the_clock() -> None:
    best, tried, _ = run_to_end(coordinate_search(Toy(a=1), lambda toy: float(toy.b or 0)))
    assert best == Toy(1, 5)
    best, tried, _ = run_to_end(coordinate_search(Toy(), lambda toy: float(toy.b or 0), lambda _toy, name: name != "b"))
    assert best == Toy(0, 0)
    assert len(tried) == 3
    best, tried, cut = run_to_end(coordinate_search(Toy(), lambda toy: float(toy.a or 0), seconds=-1))
    assert (best, len(tried), cut) == (Toy(0, 0), 1, True)


def test_the_window_for_the_search_holds_every_class_if_it_can() -> None:
    paint = np.zeros((100, 400), np.uint8)
    paint[10:60, 0:60] = 1
    paint[10:20, 300:310] = 1
    paint[30:33, 310:320] = 2
    rows, columns = richest_window(np.argwhere(paint), paint[paint > 0], paint.shape, (100, 100))
    assert columns.start <= 300
    assert columns.stop >= 320
    assert rows == slice(0, 100)


def test_lessons_need_images_of_equal_channels_and_painted_numbers() -> None:
    with pytest.raises(UserError, match="There is no image to learn from"):
        collect_samples(TrainingSet(()))
    strokes = Scribbles.from_array(np.array([[1, 2], [0, 0]], np.uint8))
    grey = Pair(Image(np.zeros((2, 2))), strokes)
    colour = Pair(Image(np.zeros((2, 2, 3)), "YXC"), strokes)
    with pytest.raises(UserError, match=r"The images differ in their channels: .* has 1; .* has 3"):
        collect_samples(TrainingSet((grey, colour)))
    with pytest.raises(UserError, match="Every painted pixel of class 2 is NaN or infinite"):
        collect_samples(TrainingSet((Pair(Image(np.array([[0, np.nan], [1, 1]])), strokes),)))
