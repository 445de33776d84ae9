"""Cuts of a histogram and what the threshold method makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_unet.classical import local_thresholds
from napari_unet.classical.fisher import fisher_discriminant
from napari_unet.classical.histogram_thresholds import (
    best_dice_threshold,
    li_threshold,
    minimum_threshold,
    otsu_thresholds,
    triangle_threshold,
)
from napari_unet.classical.parameter_search import mean_dice
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.image import Image
from napari_unet.core.method import assemble
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import run_to_end
from napari_unet.segmenters.threshold import KINDS, Threshold


def labels_of(method: Any, image: np.ndarray, strokes: np.ndarray, axes: str = "YX") -> tuple[np.ndarray, str]:
    training = TrainingSet((Pair(Image(image, axes), Scribbles.from_array(strokes)),))
    model = run_to_end(method.fit(training))
    return assemble(training.pairs[0].image, model.segment(training.pairs[0].image)), model.note


def discs(noise: float = 0.1, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three bright discs (image float, truth, strokes)."""
    y, x = np.mgrid[:80, :100]
    inside = np.zeros(y.shape, bool)
    for centre in ((20, 20), (50, 60), (25, 80)):
        inside |= np.hypot(y - centre[0], x - centre[1]) < 12
    truth = np.where(inside, 2, 1).astype(np.uint8)
    image = inside + np.random.default_rng(seed).normal(0, noise, inside.shape)
    strokes = np.zeros_like(truth)
    strokes[18:22, 12:28] = strokes[48:52, 54:66] = 2
    strokes[2:5, 40:60] = strokes[70:74, 20:80] = 1
    return image, truth, strokes


def test_otsu_levels_agree_with_scikit_image() -> None:
    from skimage.filters import threshold_multiotsu, threshold_otsu

    generator = np.random.default_rng(0)
    values = np.concatenate([generator.normal(mean, 0.05, 4000) for mean in (0.1, 0.5, 0.9)])
    width = np.ptp(values) / 256
    assert otsu_thresholds(values, 2)[0] == pytest.approx(threshold_otsu(values), abs=1.01 * width)
    # any cut inside an empty stretch of the histogram is as good: compare what falls into each part
    parts = np.digitize(values, otsu_thresholds(values, 3))
    expected = np.digitize(values, threshold_multiotsu(values[:, None], 3))
    assert np.mean(parts == expected) > 0.995


@given(arrays(np.float64, st.integers(2, 40), elements=st.integers(0, 9).map(float)), st.integers(2, 4))
def test_otsu_levels_have_the_smallest_variance_within(values: np.ndarray, classes: int) -> None:
    """Against all ways to cut the few different values."""
    from itertools import combinations

    cuts = otsu_thresholds(values, classes)
    found = np.unique(values)
    parts = min(classes, len(found))
    assert np.isfinite(cuts).sum() == parts - 1

    def within(cut: Any) -> float:
        place = np.searchsorted(np.sort(cut), values, side="right")
        return sum(values[place == index].var() * (place == index).sum() for index in np.unique(place))

    best = min(within(np.array(cut)) for cut in combinations(found[1:], parts - 1))
    # values stand for the middle of their bin, which is up to 1/256 of the range off
    assert within(cuts[np.isfinite(cuts)]) <= best + len(values) * 0.2


def test_best_cut_by_hand() -> None:
    values = np.array([0, 1, 2, 3, 10, 11, 12])
    assert best_dice_threshold(values, values > 5) == 6.5
    # one wrong on each side: no cut is better than the one between them
    values = np.array([0.0, 1, 2, 8, 9, 10])
    assert 2 < best_dice_threshold(values, np.array([False, False, True, True, True, True])) + 1 < 3


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("dark", [False, True])
def test_every_kind_recovers_discs_bright_or_dark(kind: Any, dark: bool) -> None:
    image, truth, strokes = discs()
    labels, note = labels_of(Threshold(kind=kind), 1 - image if dark else image, strokes)
    assert mean_dice(truth, labels) >= 0.95
    assert ("class 2 < background" if dark else "background < class 2") in note
    assert KINDS[kind].title in note


def test_local_finds_objects_on_a_slope_where_otsu_cannot() -> None:
    image, truth, strokes = discs(0.05)
    image = image + np.linspace(0, 2.5, image.shape[1])
    local, _ = labels_of(Threshold(kind="local_gaussian", background=0.0), image, strokes)
    assert mean_dice(truth, local) >= 0.95
    otsu, _ = labels_of(Threshold(kind="otsu", background=0.0), image, strokes)
    assert mean_dice(truth, otsu) < 0.8
    auto, note = labels_of(Threshold(), image, strokes)
    assert mean_dice(truth, auto) >= 0.95
    assert "Chosen on the painted pixels" in note


def test_four_classes_in_any_order_of_brightness() -> None:
    truth = np.repeat(np.array([[3, 1, 4, 2]], np.uint8), 20, axis=1).repeat(50, axis=0)
    brightness = np.array([0, 0.4, 1.0, 0.1, 0.7])
    image = brightness[truth] + np.random.default_rng(0).normal(0, 0.04, truth.shape)
    strokes = np.zeros_like(truth)
    strokes[5:12], strokes[30:35] = truth[5:12], truth[30:35]
    for kind in sorted(KINDS):
        if KINDS[kind].many and "window" not in KINDS[kind].parameters:
            labels, note = labels_of(Threshold(kind=kind), image, strokes)
            assert mean_dice(truth, labels) >= 0.95
            assert "class 3 < background < class 4 < class 2" in note


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float64"])
def test_a_value_of_ones_own_is_in_the_grey_values_of_the_file(dtype: str) -> None:
    image = np.array([[10, 99, 100], [101, 140, 250]]).astype(dtype)
    labels, note = labels_of(Threshold(value=100, sigma=0.0, background=0.0), image, np.zeros(image.shape, np.uint8))
    assert labels.tolist() in ([[1, 1, 2], [2, 2, 2]], [[2, 2, 1], [1, 1, 1]])
    assert "at 100" in note
    strokes = np.array([[2, 0, 0], [0, 0, 1]], np.uint8)
    assert labels_of(Threshold(value=100, sigma=0.0, background=0.0), image, strokes)[0].tolist() == [
        [2, 2, 1], [1, 1, 1]
    ]


def test_a_value_divides_two_classes_and_belongs_to_manual() -> None:
    with pytest.raises(UsageError, match="value 100 is for kind manual, but kind is otsu"):
        Threshold(kind="otsu", value=100)
    image = np.arange(12).reshape(3, 4)
    with pytest.raises(UserError, match=r"one value .5. divides two classes, but 3 are painted"):
        labels_of(Threshold(value=5), image, np.array([[1, 0, 0, 0], [0, 2, 0, 0], [0, 0, 0, 3]], np.uint8))


def test_offset_raises_the_threshold() -> None:
    image, _, strokes = discs(0.3)
    sizes = [
        (labels_of(Threshold(kind="otsu", sigma=0.0, background=0.0, offset=offset), image, strokes)[0] == 2).sum()
        for offset in (-0.1, 0.0, 0.1)
    ]
    assert sizes[0] > sizes[1] > sizes[2]


def test_the_mix_of_channels_follows_the_painted_pixels() -> None:
    generator = np.random.default_rng(0)
    colours = generator.normal(0, 0.3, (400, 3)).astype(np.float32)
    labels = np.repeat([0, 1], 200)
    colours[labels == 1, 1] += 1
    mix = fisher_discriminant(colours, labels)
    assert np.abs(mix).sum() == pytest.approx(1, abs=1e-6)
    assert mix[1] > 0.8
    np.testing.assert_allclose(fisher_discriminant(colours, np.zeros(400, int)), 1 / 3)


def test_colours_of_equal_brightness_are_told_apart() -> None:
    _, truth, strokes = discs()
    noise = np.random.default_rng(0).normal(0, 5, (*truth.shape, 3))
    red, green = np.array([200, 60, 90]), np.array([60, 200, 90])
    image = np.clip(np.where((truth == 2)[..., None], red, green) + noise, 0, 255).astype(np.uint8)
    labels, note = labels_of(Threshold(), image, strokes, "YXC")
    assert mean_dice(truth, labels) >= 0.95
    assert "Grey value: channels times" in note


def test_without_strokes_the_smaller_part_is_the_second_class() -> None:
    image, truth, _ = discs()
    for picture, word in ((image, "brighter"), (-image, "darker")):
        labels, note = labels_of(Threshold(), picture, np.zeros(truth.shape, np.uint8))
        assert mean_dice(truth, labels) >= 0.95
        assert f"class 2 (id 2) is the {word} part because it is the smaller one" in note


def test_no_probabilities() -> None:
    image, _, strokes = discs()
    one = Pair(Image(image), Scribbles.from_array(strokes))
    model = run_to_end(Threshold().fit(TrainingSet((one,))))
    with pytest.raises(UserError, match=r"Threshold gives classes without probabilities. Leave the probabilities out"):
        model.segment(one.image, probabilities=True)


def test_levels_of_a_histogram_agree_with_scikit_image() -> None:
    from skimage.filters import threshold_li, threshold_minimum, threshold_triangle

    generator = np.random.default_rng(0)
    values = np.concatenate([generator.normal(0.2, 0.05, 6000), generator.normal(0.7, 0.08, 2000)])
    assert li_threshold(values) == pytest.approx(threshold_li(values), abs=1e-3)
    assert triangle_threshold(values) == threshold_triangle(values)
    assert minimum_threshold(values) == threshold_minimum(values)
    assert 0.3 < minimum_threshold(values) < 0.55


def test_levels_of_one_grey_value_are_infinite_and_of_one_peak_unknown() -> None:
    same = np.full(9, 0.3, np.float32)
    assert [rule(same) for rule in (li_threshold, triangle_threshold, minimum_threshold)] == [np.inf] * 3
    assert np.isnan(minimum_threshold(np.sqrt(np.arange(4000.0))))  # ever more, the brighter


def test_local_rules_by_hand() -> None:
    grey = np.arange(25, dtype=np.float32).reshape(5, 5) / 25
    valid = np.ones(grey.shape, bool)
    around = grey[1:4, 1:4].astype(np.float64)
    assert local_thresholds.box_local_mean(grey, valid, 1)[2, 2] == pytest.approx(around.mean())
    assert local_thresholds.niblack_threshold(grey, valid, 1,
                                              0.4)[2, 2] == pytest.approx(around.mean() - 0.4 * around.std())
    expected = around.mean() * (1 + 0.4 * (around.std() / 0.5 - 1))
    assert local_thresholds.sauvola_threshold(grey, valid, 1, 0.4)[2, 2] == pytest.approx(expected)


@pytest.mark.parametrize("rule", [local_thresholds.box_local_mean, local_thresholds.gaussian_local_mean])
def test_pixels_that_are_no_numbers_do_not_pull_at_their_surroundings(rule: Any) -> None:
    grey = np.full((20, 20), 0.6, np.float32)
    valid = np.ones(grey.shape, bool)
    valid[5:9, 5:9] = False
    np.testing.assert_allclose(rule(np.where(valid, grey, 0), valid, 2.0)[valid], 0.6, atol=1e-5)


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if not kind.many])
def test_kinds_with_one_threshold_say_why_they_cannot_divide_three_classes(kind: Any) -> None:
    image = np.arange(12).reshape(3, 4)
    strokes = np.array([[1, 0, 0, 0], [0, 2, 0, 0], [0, 0, 0, 3]], np.uint8)
    with pytest.raises(UserError, match=rf"kind {kind} divides two classes, but 3 are painted. Choose one of otsu"):
        labels_of(Threshold(kind=kind), image, strokes)


def test_a_pure_rule_uses_the_strokes_for_the_order_only() -> None:
    from skimage.filters import threshold_li

    image, truth, strokes = discs(0.2)
    labels, note = labels_of(Threshold(kind="li", offset=0.0, sigma=0.0, background=0.0), image, strokes)
    assert np.mean((labels == 2) == (image >= threshold_li(image))) > 0.99
    assert "Li, plane by plane" in note
    assert mean_dice(truth, labels) > 0.8


@pytest.mark.parametrize("kind", ["sauvola", "niblack", "local_mean"])
def test_local_kinds_find_dark_print_on_an_uneven_page(kind: Any) -> None:
    y, x = np.mgrid[:100, :120]
    print_ = ((y % 12) < 3) & ((x % 16) < 10)
    page = 0.4 + 0.6 * x / 120
    image = page * np.where(print_, 0.55, 1) + np.random.default_rng(0).normal(0, 0.01, page.shape)
    truth = np.where(print_, 2, 1).astype(np.uint8)
    strokes = np.zeros_like(truth)
    strokes[24:28, 10:110], strokes[72:80, 20:90] = truth[24:28, 10:110], truth[72:80, 20:90]
    labels, _ = labels_of(Threshold(kind=kind, background=0.0, sigma=0.0), image, strokes)
    assert mean_dice(truth, labels) >= 0.95
    otsu, _ = labels_of(Threshold(kind="otsu", background=0.0, sigma=0.0), image, strokes)
    assert mean_dice(truth, otsu) < mean_dice(truth, labels)


def test_multi_otsu_takes_bright_and_dim_objects_together_and_leaves_what_is_between() -> None:
    truth = np.repeat(np.array([[1, 2, 1, 2]], np.uint8), 20, axis=1).repeat(50, axis=0)
    brightness = np.repeat(np.array([[0.5, 0.0, 0.5, 1.0]]), 20, axis=1).repeat(50, axis=0)
    image = brightness + np.random.default_rng(0).normal(0, 0.04, truth.shape)
    strokes = np.zeros_like(truth)
    strokes[5:12], strokes[30:35] = truth[5:12], truth[30:35]
    labels, note = labels_of(Threshold(kind="multi_otsu"), image, strokes)
    assert mean_dice(truth, labels) >= 0.95
    assert "class 2 < background < class 2" in note
    assert mean_dice(truth, labels_of(Threshold(kind="otsu"), image, strokes)[0]) < 0.8
    assert mean_dice(truth, labels_of(Threshold(), image, strokes)[0]) >= 0.95


@pytest.mark.parametrize("dark", [False, True])
def test_hysteresis_follows_a_fading_line_and_leaves_specks(dark: bool) -> None:
    image, truth = np.zeros((60, 120)), np.ones((60, 120), np.uint8)
    image[28:34] = np.linspace(1, 0.45, 120)
    truth[28:34] = 2
    image[5:55:10, 5:115:10] += 0.6  # dim specks that touch nothing
    image += np.random.default_rng(0).normal(0, 0.02, image.shape)
    strokes = np.zeros_like(truth)
    strokes[30:32, 5:110] = 2
    strokes[4:7, 3:100] = strokes[54:57, 3:100] = strokes[45, 3:100] = 1
    options: dict[str, Any] = {"background": 0.0, "sigma": 0.0}
    picture = 1 - image if dark else image
    labels, _ = labels_of(Threshold(kind="hysteresis", drop=0.5, **options), picture, strokes)
    assert mean_dice(truth, labels) >= 0.95
    assert (labels[5:55:10, 5:115:10] == 2).sum() < (
        labels_of(Threshold(kind="manual", **options), picture, strokes)[0][5:55:10, 5:115:10] == 2
    ).sum()


def test_parameters_of_other_kinds_are_not_searched() -> None:
    assert Threshold(kind="hysteresis").uses("drop")
    assert not Threshold(kind="otsu").uses("drop")
    assert not Threshold(kind="otsu").uses("window")
    assert Threshold(kind="niblack").uses("k")
    image, _, strokes = discs()
    assert "window" not in labels_of(Threshold(kind="li"), image, strokes)[1]
