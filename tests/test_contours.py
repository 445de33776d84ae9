"""Level sets and snakes, and what the contours method makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as sized
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from napari_unet.classical import level_sets, snakes
from napari_unet.classical.appearance import Appearance
from napari_unet.classical.parameter_search import mean_dice
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.method import assemble
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import run_to_end
from napari_unet.segmenters.contours import TITLES, Contours, apart

QUICK: dict[str, Any] = {"background": 0.0, "sigma": 1.0, "filters": False, "looks": 1, "scale": 2.0}
"""Parameters given so that no time goes into the search."""
MASKS = arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def labels_of(method: Any, image: np.ndarray, strokes: np.ndarray, axes: str = "YX") -> tuple[np.ndarray, str]:
    training = TrainingSet((Pair(Image(image, axes), Scribbles.from_array(strokes)),))
    model = run_to_end(method.fit(training))
    return assemble(training.pairs[0].image, model.segment(training.pairs[0].image)), model.note


def from_centre(shape: tuple[int, int] = (80, 90), centre: tuple[float, float] = (40, 44)) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(y - centre[0], x - centre[1])


def discs(radius: float = 14) -> tuple[np.ndarray, np.ndarray]:
    """Three discs: truth and strokes."""
    inside = np.zeros((100, 120), bool)
    strokes = np.zeros(inside.shape, np.uint8)
    for row, column in ((25, 28), (70, 50), (40, 92)):
        inside |= from_centre(inside.shape, (row, column)) < radius
        strokes[row - 2 : row + 2, column - 6 : column + 6] = 2
    strokes[2:5, 20:100] = strokes[94:97, 10:110] = 1
    return np.where(inside, 2, 1).astype(np.uint8), strokes


@pytest.fixture
def fresh_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let scikit-image's smoothing begin with the first of its two operators, whoever used it before."""
    from skimage.segmentation import morphsnakes as them

    first, second = (lambda u: them.sup_inf(them.inf_sup(u))), (lambda u: them.inf_sup(them.sup_inf(u)))
    monkeypatch.setattr(them, "_curvop", them._fcycle([first, second]))


@pytest.mark.parametrize(("rounds", "smoothing"), [(6, 0), (6, 1), (5, 2)])
def test_chan_vese_agrees_with_scikit_image(fresh_turns: None, rounds: int, smoothing: int) -> None:
    from skimage.segmentation import morphological_chan_vese

    image = (from_centre() < 20) + np.random.default_rng(0).normal(0, 0.4, (80, 90))
    start = from_centre(centre=(36, 40)) < 12
    theirs = morphological_chan_vese(image, rounds, start.astype(np.int8), smoothing)
    ours = level_sets.chan_vese(image.astype(np.float32)[None], start, rounds, smoothing)
    np.testing.assert_array_equal(ours, theirs > 0)
    assert (ours != start).any()


@pytest.mark.parametrize("push", [-1, 0, 1])
@pytest.mark.parametrize("smoothing", [0, 1, 2])
def test_geodesic_contours_agree_with_scikit_image(fresh_turns: None, push: int, smoothing: int) -> None:
    from skimage.segmentation import inverse_gaussian_gradient, morphological_geodesic_active_contour

    image = (from_centre() < 20) + np.random.default_rng(0).normal(0, 0.1, (80, 90))
    speed = inverse_gaussian_gradient(image, 50, 2).astype(np.float32)
    start = from_centre() < {-1: 26, 0: 21, 1: 14}[push]
    theirs = morphological_geodesic_active_contour(speed, 8, start.astype(np.int8), smoothing, 0.4, push)
    ours = level_sets.geodesic_contour(speed, start, 8, smoothing, push, 0.4)
    np.testing.assert_array_equal(ours, theirs > 0)
    assert (ours != start).any()


def test_two_runs_are_equal_whoever_smoothed_before() -> None:
    image = np.random.default_rng(0).normal(0, 1, (1, 40, 40)) + (from_centre((40, 40), (20, 20)) < 9)
    start = image[0] > 0.5
    once = level_sets.chan_vese(image.astype(np.float32), start, 3, 1)
    level_sets.smoothed_contour(start, True)
    np.testing.assert_array_equal(level_sets.chan_vese(image.astype(np.float32), start, 3, 1), once)


def test_chan_vese_stops_when_nothing_moves_and_keeps_its_start() -> None:
    image = (from_centre() < 20).astype(np.float32)[None]
    start = from_centre() < 16
    before = start.copy()
    np.testing.assert_array_equal(level_sets.chan_vese(image, start, 100_000, 0), image[0] > 0)
    np.testing.assert_array_equal(start, before)


def test_parts_of_the_outside_have_means_of_their_own() -> None:
    """Inside is 0.5; outside is 0 on the left and 1 on the right, 0.5 on the whole: one mean could not tell."""
    image = np.where(np.arange(60) < 30, 0.0, 1.0) * np.ones((40, 1))
    middle = np.zeros(image.shape, bool)
    middle[10:30, 20:40] = True
    image[middle] = 0.5
    start = middle.copy()
    start[10:14] = False
    parts = (image > 0.5).astype(int)
    found = level_sets.chan_vese(image.astype(np.float32)[None], start, 50, 0, np.where(middle, 0, parts))
    np.testing.assert_array_equal(found, middle)


@sized(max_examples=40)
@given(MASKS, st.booleans())
def test_smoothing_is_the_same_for_a_mask_and_its_complement(mask: np.ndarray, first: bool) -> None:
    np.testing.assert_array_equal(level_sets.smoothed_contour(~mask, not first),
                                  ~level_sets.smoothed_contour(mask, first))


def test_smoothing_removes_specks_and_leaves_straight_borders_alone() -> None:
    mask = np.zeros((20, 20), bool)
    mask[:, 9:] = True
    speckled = mask.copy()
    speckled[5, 3] = True
    speckled[12, 15] = False
    for first in (False, True):
        np.testing.assert_array_equal(level_sets.smoothed_contour(mask, first), mask)
        np.testing.assert_array_equal(level_sets.smoothed_contour(speckled, first), mask)


def test_widened_by_hand() -> None:
    mask = np.zeros((7, 8), bool)
    mask[3, 3] = True
    assert level_sets.dilated(mask, 2).sum() == 25
    assert level_sets.dilated(mask, 0).sum() == 1


@sized(max_examples=40)
@given(arrays(np.float64, st.tuples(st.integers(3, 12), st.just(2)), elements=st.floats(-3, 15)))
def test_filled_agrees_with_scikit_image_where_no_centre_lies_on_the_outline(curve: np.ndarray) -> None:
    from skimage.measure import points_in_poly

    # centres of pixels are whole numbers; no line between points that are off by these roots meets one
    curve = np.round(curve, 2) + np.sqrt([2, 3]) / 500
    centres = np.argwhere(np.ones((12, 13), bool))
    inside = points_in_poly(centres, curve).reshape(12, 13)
    np.testing.assert_array_equal(snakes.fill_outlines([curve], (12, 13)), inside)


def test_outlines_of_a_ring_fill_to_the_ring_again_even_at_the_border() -> None:
    ring = (from_centre() < 30) & (from_centre() > 12)
    ring[0:9, 20:50] = True
    field = np.where(ring, 1.0, -1.0).astype(np.float32)
    np.testing.assert_array_equal(snakes.fill_outlines(snakes.level_outlines(field), ring.shape), ring)
    assert not snakes.fill_outlines([], (3, 4)).any()


def test_a_snake_agrees_with_scikit_image() -> None:
    from skimage.segmentation import active_contour

    edges = np.exp(-np.square(from_centre() - 20) / 18).astype(np.float32)
    angle = np.arange(128) / 128 * 2 * np.pi
    radius = 23 + 1.5 * np.cos(5 * angle)
    start = np.stack([40 + radius * np.sin(angle), 44 + radius * np.cos(angle)], axis=1)
    apart = np.hypot(*(start - np.roll(start, 1, axis=0)).T).mean()
    theirs = active_contour(edges, start, alpha=0.05 * (2 / apart) ** 2, beta=0.3 * (2 / apart) ** 4, w_line=1,
                            w_edge=0, gamma=1.0, max_num_iter=100, convergence=0.0)
    (ours,) = snakes.relax_outlines([start], edges, 0.3, 100, tension=0.05)
    mine, other = (snakes.fill_outlines([curve], edges.shape) for curve in (ours, theirs))
    assert np.count_nonzero(mine != other) <= 16  # of 1257; they interpolate the edges by a spline
    away = np.abs(np.hypot(ours[:, 0] - 40, ours[:, 1] - 44) - 20)
    assert away.max() < 0.6


def test_several_snakes_move_as_each_alone_and_points_at_the_border_stay() -> None:
    edges = np.exp(-np.square(from_centre() - 20) / 18).astype(np.float32)
    curves = snakes.level_outlines((22 - from_centre()).astype(np.float32)) + snakes.level_outlines(
        np.where(np.arange(90) < 30, 1, -1) * np.ones((80, 1), np.float32)
    )
    together = snakes.relax_outlines(curves, edges, 0.5, 20)
    for curve, moved in zip(curves, together, strict=True):
        np.testing.assert_allclose(snakes.relax_outlines([curve], edges, 0.5, 20)[0], moved)
    border = together[1]
    assert border.min() < 0
    assert (snakes.fill_outlines([border], edges.shape)[:, :20]).all()


def test_axes_along_which_classes_lie_apart() -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(0, [1.0, 0.1, 5.0], (600, 3))
    labels = np.repeat([0, 1, 2], 200)
    features[labels == 1, 0] += 8
    features[labels == 2, 1] += 1
    axes = apart(Appearance.of(features, labels))
    assert axes.shape == (3, 2)
    seen = features @ axes
    spread = np.mean([seen[labels == index].std(axis=0) for index in range(3)], axis=0)
    np.testing.assert_allclose(spread, 1, atol=0.15)
    assert np.linalg.norm(seen[labels == 1].mean(axis=0) - seen[labels == 0].mean(axis=0)) > 6


@pytest.mark.parametrize("kind", sorted(TITLES))
def test_every_kind_recovers_noisy_discs(kind: Any) -> None:
    truth, strokes = discs()
    image = (truth == 2) + np.random.default_rng(0).normal(0, 0.15, truth.shape)
    labels, note = labels_of(Contours(kind=kind), image, strokes)
    assert mean_dice(truth, labels) >= 0.95
    assert f"{TITLES[kind]} around class 2; the rest is background" in note


def test_chan_vese_needs_no_edges_and_stands_noise_that_hides_every_pixel() -> None:
    truth, strokes = discs(18)
    image = (truth == 2) + np.random.default_rng(0).normal(0, 0.8, truth.shape)
    labels, _ = labels_of(Contours(kind="chan_vese", smoothing=3, **QUICK), image, strokes)
    assert mean_dice(truth, labels) >= 0.95
    assert ndimage.label(labels == 2)[1] == 3
    assert max(mean_dice(truth, np.where(image >= level, 2, 1)) for level in np.linspace(0, 1, 11)) < 0.8


def test_a_geodesic_contour_grows_through_changing_brightness_to_the_edge() -> None:
    """Each disc fades from side to side; strokes are on the bright side, the dim side looks like the ground."""
    image, truth, strokes = np.zeros((100, 120)), np.ones((100, 120), np.uint8), np.zeros((100, 120), np.uint8)
    x = np.arange(120)
    for row, column in ((25, 28), (70, 50), (40, 92)):
        inside = from_centre(truth.shape, (row, column)) < 14
        truth[inside] = 2
        image = np.where(inside, 0.65 - 0.35 * (x - column) / 14, image)
        strokes[row - 3 : row + 3, column - 11 : column - 4] = 2
    image += np.random.default_rng(0).normal(0, 0.02, image.shape)
    image += np.where(truth == 1, 0.1 + 0.1 * np.sin(x / 5), 0)
    strokes[2:5, 20:100] = strokes[94:97, 10:110] = 1
    settings = {**QUICK, "scale": 1.0, "sigma": 0.0}
    labels, _ = labels_of(Contours(kind="geodesic", push=1, strength=0.15, **settings), image, strokes)
    assert mean_dice(truth, labels) >= 0.98
    alike, _ = labels_of(Contours(kind="chan_vese", rounds=1, **settings), image, strokes)
    assert mean_dice(truth, alike) < 0.95


def test_a_snake_straightens_an_outline_that_dirt_has_bitten() -> None:
    truth, strokes = discs(18)
    image = (truth == 2).astype(float)
    generator = np.random.default_rng(0)
    for row, column in ((25, 28), (70, 50), (40, 92)):
        for angle in np.arange(4) * 1.6 + generator.uniform(0, 1, 4):
            spot = from_centre(truth.shape, (row + 17 * np.sin(angle), column + 17 * np.cos(angle)))
            image[spot < 3] = 0
    image += generator.normal(0, 0.05, image.shape)
    found = [
        mean_dice(truth, labels_of(Contours(kind="snake", stiffness=stiffness, **{**QUICK, "scale": 1.0, "sigma": 0.0}),
                                   image, strokes)[0])
        for stiffness in (0.0, 20.0)
    ]
    assert found[1] >= 0.98 > found[0]


@pytest.mark.parametrize("kind", sorted(TITLES))
def test_three_classes_in_colour(kind: Any) -> None:
    truth = np.repeat(np.array([[1, 2, 3, 1]], np.uint8), 25, axis=1).repeat(60, axis=0)
    colours = np.array([[0, 0, 0], [120, 120, 120], [200, 60, 100], [60, 200, 100]])
    noise = np.random.default_rng(0).normal(0, 30, (*truth.shape, 3))
    image = np.clip(colours[truth] + noise, 0, 255).astype(np.uint8)
    strokes = np.zeros_like(truth)
    strokes[5:10], strokes[40:44] = truth[5:10], truth[40:44]
    labels, note = labels_of(Contours(kind=kind, **QUICK), image, strokes, "YXC")
    assert mean_dice(truth, labels) >= 0.95
    assert "around class 2, class 3; the rest is background" in note


@pytest.mark.parametrize("kind", sorted(TITLES))
def test_painted_pixels_keep_their_class(kind: Any) -> None:
    truth, strokes = discs()
    image = (truth == 2) + np.random.default_rng(0).normal(0, 0.1, truth.shape)
    strokes[50:53, 60:63] = 2
    labels, _ = labels_of(Contours(kind=kind, smoothing=3, **QUICK), image, strokes)
    assert (labels[strokes > 0] == strokes[strokes > 0]).all()


def test_parameters_of_other_kinds_are_not_searched() -> None:
    assert not Contours(kind="chan_vese").uses("scale")
    assert Contours(kind="geodesic").uses("push")
    assert not Contours(kind="geodesic", push=0).uses("strength")
    assert Contours(kind="geodesic", push=1).uses("strength")
    assert Contours(kind="snake").uses("stiffness")
    assert not Contours(kind="snake").uses("smoothing")


def test_no_probabilities() -> None:
    truth, strokes = discs()
    one = Pair(Image(truth.astype(np.float32)), Scribbles.from_array(strokes))
    model = run_to_end(Contours(kind="chan_vese", smoothing=1, **QUICK).fit(TrainingSet((one,))))
    with pytest.raises(UserError, match="Contours gives classes without probabilities"):
        model.segment(one.image, probabilities=True)
