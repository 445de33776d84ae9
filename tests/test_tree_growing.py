"""Methods that grow, flood, flow, or split and merge, on scenes each is meant for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from classical_scenes import drifting, outlined, segmented, tissue
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_unet.classical.adjacency_graph import adjacent_regions, merge_regions
from napari_unet.classical.appearance import Appearance
from napari_unet.classical.local_appearance import local_memberships
from napari_unet.classical.parameter_search import mean_dice
from napari_unet.classical.quadtree import quadtree_regions
from napari_unet.classical.slic_superpixels import slic_superpixels
from napari_unet.segmenters.flood import Flood, flood_from_seeds
from napari_unet.segmenters.region_growing import RegionGrowing, grow_adaptive_regions
from napari_unet.segmenters.split_merge import SplitMerge
from napari_unet.segmenters.watershed import Watershed, compact_watershed, edge_strength

PLAIN: dict[str, Any] = {"background": 0.0, "sigma": 1.0, "filters": False, "looks": 1}
ALONE: dict[str, Any] = {**PLAIN, "only_strokes": True}


@pytest.mark.parametrize("channels", [1, 5])
@pytest.mark.parametrize(
    "method",
    [RegionGrowing(**PLAIN, kind="adaptive"), Flood(**PLAIN), Watershed(**PLAIN, kind="marker"),
     Watershed(**PLAIN, kind="compact"), SplitMerge(**PLAIN)],
    ids=["adaptive", "flood", "marker", "compact", "split_merge"],
)
def test_three_classes_are_recovered_with_and_without_paint_on_the_plane(method: Any, channels: int) -> None:
    image, truth, strokes = tissue(channels)
    labels = segmented(method, image, strokes, "NYXC")
    assert mean_dice(truth[0], labels[0]) >= 0.95
    assert mean_dice(truth[1], labels[1]) >= 0.95


def test_adaptive_growing_follows_a_change_of_light_and_plain_growing_does_not() -> None:
    image, truth, strokes = drifting()
    adaptive, plain = (
        segmented(RegionGrowing(**ALONE, kind=kind, tolerance=0.95, reach=15.0), image, strokes)
        for kind in ("adaptive", "tolerance")
    )
    assert mean_dice(truth, adaptive) >= 0.95
    assert mean_dice(truth, plain) < 0.7


def test_a_watershed_from_strokes_finds_a_cell_by_its_outline_and_a_flood_needs_it_closed() -> None:
    image, truth, strokes = outlined()
    assert mean_dice(truth, segmented(Watershed(**ALONE, kind="marker"), image, strokes)) >= 0.95
    assert mean_dice(truth, segmented(Flood(**ALONE), image, strokes)) >= 0.85
    image, truth, strokes = outlined(gap=8)
    assert mean_dice(truth, segmented(Watershed(**ALONE, kind="marker"), image, strokes)) >= 0.95
    assert mean_dice(truth, segmented(Flood(**ALONE), image, strokes)) < 0.7


def test_a_flood_from_strokes_takes_the_object_clicked_whatever_the_others_look_like() -> None:
    truth = np.ones((60, 90), np.uint8)
    truth[10:50, 8:30] = 2
    image = np.where(truth == 2, 0.6, 0.2)
    image[10:50, 58:80] = 0.6  # as bright, but not clicked: flooded neither from it nor from the ground
    image += np.random.default_rng(0).normal(0, 0.02, truth.shape)
    strokes = np.zeros_like(truth)
    strokes[28:32, 15:22] = 2
    strokes[2:5, 5:85] = strokes[15:20, 40:50] = 1
    labels = segmented(Flood(**ALONE, tolerance=0.2), image, strokes)
    inside = np.s_[:, :50]
    assert mean_dice(truth[inside], labels[inside]) >= 0.95


@given(
    arrays(np.float32, (1, 6, 7), elements=st.integers(0, 5).map(float)), st.integers(0, 5), st.integers(0, 6),
    st.sampled_from([0.0, 1.0, 2.0]),
)
def test_one_seed_floods_as_in_scikit_image(stack: np.ndarray, row: int, column: int, tolerance: float) -> None:
    from skimage.segmentation import flood

    seeds = np.full(stack.shape[1:], -1, np.int16)
    seeds[row, column] = 0
    expected = flood(stack[0], (row, column), tolerance=tolerance)
    np.testing.assert_array_equal(flood_from_seeds(stack, seeds, tolerance) == 0, expected)


def test_where_floods_meet_the_closer_in_brightness_wins_and_seeds_stay() -> None:
    stack = np.array([[[0, 0.1, 0.4, 0.6, 0.9, 1.0, 5.0]]], np.float32)
    seeds = np.array([[0, -1, -1, -1, -1, 1, 0]], np.int16)
    # class 0 has two seeds of different brightness: each floods from its own
    assert flood_from_seeds(stack, seeds, 0.7).tolist() == [[0, 0, 0, 1, 1, 1, 0]]
    assert flood_from_seeds(stack, seeds, 0.15).tolist() == [[0, 0, -1, -1, 1, 1, 0]]


def test_many_different_seeds_flood_together_in_bounded_time() -> None:
    values = np.linspace(0, 1, 400, dtype=np.float32).reshape(1, 20, 20)
    seeds = np.full((20, 20), -1, np.int16)
    seeds[::2, ::2] = 0
    taken = flood_from_seeds(values, seeds, 0.001)
    assert (taken[::2, ::2] == 0).all()


def test_local_looks_are_the_learnt_ones_where_nothing_drifts() -> None:
    generator = np.random.default_rng(0)
    truth = np.repeat([[0] * 20 + [1] * 20], 30, axis=0).astype(np.int16)
    stack = (truth + generator.normal(0, 0.1, truth.shape))[None].astype(np.float32)
    looks = Appearance.of(stack.reshape(1, -1).T, truth.ravel())
    np.testing.assert_allclose(looks.mean(1), stack[0][truth == 1].mean(), atol=1e-4)
    here = local_memberships(looks, stack, truth, 10.0)
    np.testing.assert_allclose(here.sum(axis=0), 1, atol=1e-5)
    np.testing.assert_array_equal(here.argmax(axis=0), truth)
    nobody = local_memberships(looks, stack, np.full_like(truth, -1), 10.0)
    np.testing.assert_allclose(nobody.reshape(2, -1), looks.memberships(stack.reshape(1, -1).T), atol=1e-6)


def test_the_mean_of_a_class_of_several_looks_counts_their_shares() -> None:
    values = np.concatenate([np.full((300, 1), 0.0), np.full((100, 1), 1.0), np.full((50, 1), 5.0)])
    values += np.random.default_rng(0).normal(0, 0.01, values.shape)
    looks = Appearance.of(values, np.repeat([0, 0, 1], [300, 100, 50]), 2)
    assert looks.mean(0)[0] == pytest.approx(0.25, abs=0.03)


def test_adaptive_growing_stops_where_nothing_is_alike() -> None:
    stack = np.array([[[0, 0.02, 0.04, 0.5, 0.96, 0.98, 1.0]]], np.float32)
    looks = Appearance.of(np.array([[0.0], [0.03], [0.97], [1.0]]), np.array([0, 0, 1, 1]))
    seeds = np.array([[0, -1, -1, -1, -1, -1, 1]], np.int16)
    shares, taken = grow_adaptive_regions(looks, stack, seeds, 0.3, 4.0)
    assert taken[0, :3].tolist() == [0, 0, 0]
    assert taken[0, 4:].tolist() == [1, 1, 1]
    assert shares.shape == (2, 1, 7)
    assert seeds.tolist() == [[0, -1, -1, -1, -1, -1, 1]]


def test_edges_by_hand() -> None:
    step = np.array([[[0, 0, 1, 1]] * 3], np.float32)
    np.testing.assert_allclose(edge_strength(step), [[0, 0.5, 0.5, 0]] * 3)
    np.testing.assert_allclose(edge_strength(np.concatenate([step, step])), [[0, 0.5**0.5, 0.5**0.5, 0]] * 3, atol=1e-6)


def test_a_compact_watershed_of_a_flat_plane_is_the_grid() -> None:
    numbers = compact_watershed(np.zeros((20, 30), np.float32), 10, 1.0)
    assert np.bincount(numbers.ravel()).tolist() == pytest.approx([100] * 6, abs=25)
    assert compact_watershed(np.zeros((3, 2), np.float32), 10, 0.0).tolist() == [[0, 0]] * 3


def test_squares_are_quartered_until_they_are_even() -> None:
    plane = np.zeros((1, 8, 8), np.float32)
    plane[0, 0, 0] = 1
    numbers = quadtree_regions(plane, 0.01, 8)
    # three quarters of 4, three of 2, four single pixels
    assert sorted(np.bincount(numbers.ravel()).tolist()) == [1, 1, 1, 1, 4, 4, 4, 16, 16, 16]
    assert quadtree_regions(plane, 1.0, 8).tolist() == [[0] * 8] * 8
    assert sorted(np.bincount(quadtree_regions(plane, 1.0, 4).ravel()).tolist()) == [16] * 4


@given(
    arrays(np.float32, st.tuples(st.integers(1, 2), st.integers(1, 9), st.integers(1, 9)),
           elements=st.integers(0, 3).map(float)),
    st.sampled_from([0.1, 0.5, 1.0]),
)
def test_every_square_is_even_and_numbers_have_no_gaps(stack: np.ndarray, uneven: float) -> None:
    numbers = quadtree_regions(stack, uneven, 4)
    assert numbers.shape == stack.shape[1:]
    assert np.unique(numbers).tolist() == list(range(int(numbers.max()) + 1))
    for number in range(int(numbers.max()) + 1):
        rows, columns = np.nonzero(numbers == number)
        # a whole square, but for what the border of the plane cuts off
        assert (numbers[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] == number).all()
        if rows.max() + 1 < len(numbers) and columns.max() + 1 < numbers.shape[1]:
            assert stack[:, numbers == number].var(axis=1).mean() <= uneven**2 + 1e-6


def test_the_most_similar_regions_merge_first_and_means_are_taken_anew() -> None:
    features = np.array([[0.0], [0.1], [0.25], [1.0]])
    pairs = np.array([[0, 1], [1, 2], [2, 3]])
    assert merge_regions(features, np.ones(4), pairs, 0.05).tolist() == [0, 1, 2, 3]
    # 0 and 1 become 0.05; then 0.25 is 0.2 away, though it was 0.15 from its neighbour
    assert merge_regions(features, np.ones(4), pairs, 0.18).tolist() == [0, 0, 1, 2]
    assert merge_regions(features, np.ones(4), pairs, 0.2001).tolist() == [0, 0, 0, 1]
    # a large first region hardly moves: 0.01 after the first merge, then 0.24 to go
    assert merge_regions(features, np.array([9, 1, 1, 1]), pairs, 0.23).tolist() == [0, 0, 1, 2]


def test_a_flat_plane_becomes_one_region() -> None:
    numbers = quadtree_regions(np.zeros((1, 64, 64), np.float32), 0.1, 4)
    count = int(numbers.max()) + 1
    assert count == 256
    assert not merge_regions(np.zeros((count, 1)), np.ones(count), adjacent_regions(numbers), 0.0).any()


def test_superpixels_of_a_flat_plane_are_squares() -> None:
    numbers = slic_superpixels(np.full((2, 80, 80), 7, np.float32), 10, 0.1)
    assert np.bincount(numbers.ravel())[np.unique(numbers)].tolist() == [100] * 64
