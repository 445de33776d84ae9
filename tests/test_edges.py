"""Edges of a plane, the regions they enclose, and what the edges method makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_unet.classical import edge_regions
from napari_unet.classical.background import PreparedPlane
from napari_unet.classical.parameter_search import mean_dice
from napari_unet.core.image import Image
from napari_unet.core.method import assemble
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import run_to_end
from napari_unet.segmenters.edges import Edges

REGIONS: dict[str, Any] = {
    "canny": lambda plane, scale, strength: edge_regions.canny_regions(plane, scale, strength, 6.0),
    "sobel": edge_regions.sobel_regions,
    "log": edge_regions.log_regions,
}


def labels_of(method: Any, image: np.ndarray, strokes: np.ndarray, axes: str = "YX") -> tuple[np.ndarray, str]:
    training = TrainingSet((Pair(Image(image, axes), Scribbles.from_array(strokes)),))
    model = run_to_end(method.fit(training))
    return assemble(training.pairs[0].image, model.segment(training.pairs[0].image)), model.note


def plane_of(*channels: np.ndarray) -> PreparedPlane:
    stack = np.stack(channels).astype(np.float32)
    return PreparedPlane(stack, np.ones(stack.shape[1:], bool))


def discs(radius: float = 14) -> tuple[np.ndarray, np.ndarray]:
    """Three discs: truth and strokes."""
    y, x = np.mgrid[:100, :120]
    inside = np.zeros(y.shape, bool)
    strokes = np.zeros(y.shape, np.uint8)
    for row, column in ((25, 28), (70, 50), (40, 92)):
        inside |= np.hypot(y - row, x - column) < radius
        strokes[row - 2 : row + 2, column - 6 : column + 6] = 2
    strokes[2:5, 20:100] = strokes[94:97, 10:110] = 1
    return np.where(inside, 2, 1).astype(np.uint8), strokes


def halves() -> np.ndarray:
    image = np.zeros((30, 40), np.float32)
    image[:, 17:] = 1
    return image


@pytest.mark.parametrize("scale", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("step", [0.2, 1.0])
def test_strength_is_the_height_of_a_step_at_any_scale(scale: float, step: float) -> None:
    strength = edge_regions.gradient_strength(plane_of(halves() * step), scale)
    assert strength.max() == pytest.approx(step, rel=0.05)
    assert np.abs(strength[:, :2]).max() < 0.01


@pytest.mark.parametrize("kind", sorted(REGIONS))
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_a_step_divides_if_it_is_as_high_as_asked_for(kind: str, scale: float) -> None:
    image = 0.5 * halves()
    divided = REGIONS[kind](plane_of(image), scale, 0.4)
    assert set(np.unique(divided[:, :17])).isdisjoint(np.unique(divided[:, 17:]))
    if kind != "log":  # there, what is flat beside the edge is a region of its own
        assert len(np.unique(divided)) == 2
    assert (REGIONS[kind](plane_of(image), scale, 0.6) == 0).all()


@pytest.mark.parametrize("kind", sorted(REGIONS))
def test_what_one_channel_divides_is_divided(kind: str) -> None:
    across = np.zeros((30, 40))
    across[12:] = 1
    numbers = REGIONS[kind](plane_of(halves(), across), 1.0, 0.4)
    quarters = [numbers[:12, :17], numbers[:12, 17:], numbers[12:, :17], numbers[12:, 17:]]
    found = [set(np.unique(quarter)) for quarter in quarters]
    assert sum(map(len, found)) == len(set().union(*found))


@pytest.mark.parametrize("kind", sorted(REGIONS))
@given(image=arrays(np.float32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.floats(0, 1, width=16)))
def test_numbers_count_from_zero_and_nothing_is_changed(kind: str, image: np.ndarray) -> None:
    before = image.copy()
    numbers = REGIONS[kind](plane_of(image), 1.0, 0.2)
    assert numbers.shape == image.shape
    assert numbers.min() >= 0
    np.testing.assert_array_equal(image, before)


def test_a_gap_in_an_outline_is_closed() -> None:
    y, x = np.mgrid[:80, :80]
    distance = np.hypot(y - 40, x - 40)
    image = np.where(np.abs(distance - 22) < 2, 1.0, 0.0)
    image[36:44, 50:] = 0  # an opening of 8 px
    inside, outside = distance < 17, (distance > 27) & ((x < 60) | (np.abs(y - 40) > 12))
    closed = edge_regions.canny_regions(plane_of(image), 1.0, 0.4, 12.0)
    assert set(np.unique(closed[inside])).isdisjoint(np.unique(closed[outside]))
    opened = edge_regions.canny_regions(plane_of(image), 1.0, 0.4, 2.0)
    assert opened[40, 40] == opened[2, 2]


def test_pixels_that_are_no_numbers_make_no_edge() -> None:
    image = np.full((30, 30), 0.7, np.float32)
    valid = np.ones(image.shape, bool)
    valid[10:14, 10:14] = False
    plane = PreparedPlane(np.where(valid, image, 0)[None].astype(np.float32), valid)
    assert (edge_regions.gradient_strength(plane, 1.0) < 1e-5).all()
    for divide in REGIONS.values():
        assert (divide(plane, 1.0, 0.1) == 0).all()


def test_wall_pixels_join_the_side_they_look_like() -> None:
    numbers = np.array([[0, 0, 0, 1, 1]])
    free = np.array([[False, False, True, False, False]])
    bright = np.array([[[0, 0, 0.9, 1, 1]]], np.float32)
    assert edge_regions.assign_to_alike(numbers, free, bright).tolist() == [[0, 0, 1, 1, 1]]
    assert edge_regions.assign_to_alike(numbers, free, 1 - bright).tolist() == [[0, 0, 1, 1, 1]]
    assert edge_regions.assign_to_alike(numbers, free, bright[..., ::-1]).tolist() == [[0, 0, 0, 1, 1]]
    assert edge_regions.assign_to_alike(numbers, np.ones_like(free), bright).tolist() == numbers.tolist()


@pytest.mark.parametrize("kind", sorted(REGIONS))
def test_every_kind_recovers_noisy_discs(kind: Any) -> None:
    truth, strokes = discs()
    image = (truth == 2) + np.random.default_rng(0).normal(0, 0.15, truth.shape)
    labels, note = labels_of(Edges(kind=kind), image, strokes)
    assert mean_dice(truth, labels) >= 0.95
    assert "class 2" in note


@pytest.mark.parametrize("kind", ["canny", "sobel"])
def test_outlines_are_found_where_every_level_of_brightness_fails(kind: Any) -> None:
    """Patches in a ring of light: some of each class is brighter than some of the other, but the steps are sharp."""
    truth, strokes = discs()
    slope = np.linspace(0, 1, truth.shape[1])[None]
    image = slope + 0.3 * (truth == 2) + np.random.default_rng(0).normal(0, 0.01, truth.shape)
    strokes[20:80, 70:74] = strokes[10:60, 2:6] = strokes[10:90, 112:116] = 1
    labels, _ = labels_of(Edges(kind=kind, background=0.0, strength=0.1, scale=1.0), image, strokes)
    assert mean_dice(truth, labels) >= 0.95
    cut = max(mean_dice(truth, np.where(image >= level, 2, 1)) for level in np.linspace(0, 1.3, 27))
    assert cut < 0.8


def test_log_finds_small_dim_spots_beside_bright_ones() -> None:
    y, x = np.mgrid[:100, :120]
    image, truth, strokes = np.zeros(y.shape), np.ones(y.shape, np.uint8), np.zeros(y.shape, np.uint8)
    for row in range(12, 100, 19):
        for column in range(12, 120, 19):
            image += (1.0 if (row + column) % 2 else 0.5) * (np.hypot(y - row, x - column) < 4)
            truth[np.hypot(y - row, x - column) < 4] = 2
            if row < 60:
                strokes[row - 1 : row + 2, column - 2 : column + 3] = 2
    strokes[20:23, 5:110] = strokes[60:62, 5:110] = 1
    image += np.random.default_rng(0).normal(0, 0.05, image.shape)
    labels, _ = labels_of(Edges(kind="log"), image, strokes)
    assert mean_dice(truth, labels) >= 0.95


def test_three_classes_in_colour() -> None:
    truth = np.repeat(np.array([[1, 2, 3, 1]], np.uint8), 25, axis=1).repeat(60, axis=0)
    colours = np.array([[0, 0, 0], [120, 120, 120], [200, 60, 100], [60, 200, 100]])
    noise = np.random.default_rng(0).normal(0, 12, (*truth.shape, 3))
    image = np.clip(colours[truth] + noise, 0, 255).astype(np.uint8)
    strokes = np.zeros_like(truth)
    strokes[5:10], strokes[40:44] = truth[5:10], truth[40:44]
    for kind in sorted(REGIONS):
        labels, note = labels_of(Edges(kind=kind), image, strokes, "YXC")  # type: ignore[arg-type]
        assert mean_dice(truth, labels) >= 0.95
        assert "Regions between" in note


def test_a_region_painted_inside_keeps_its_class_whatever_it_looks_like() -> None:
    truth, strokes = discs()
    image = (truth == 2) + np.random.default_rng(0).normal(0, 0.02, truth.shape)
    strokes[38:42, 86:98] = 1
    labels, _ = labels_of(Edges(kind="canny", scale=1.0, strength=0.4), image, strokes)
    assert (labels[35:45, 84:100] == 1).mean() > 0.95
    assert (labels[20:30, 23:33] == 2).all()


def test_gap_is_for_canny() -> None:
    assert Edges().uses("gap")
    assert Edges(kind="canny").uses("gap")
    assert not Edges(kind="log").uses("gap")
