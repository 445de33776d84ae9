"""Methods on graphs: Felzenszwalb's regions, cuts of the region graph, the random walker."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from classical_scenes import outlined, segmented, tissue
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_unet.classical.adjacency_graph import (
    adjacent_regions,
    graph_components,
    grid_cells,
    normalised_cut,
    pair_differences,
)
from napari_unet.classical.appearance import Appearance
from napari_unet.classical.background import PreparedPlane
from napari_unet.classical.parameter_search import mean_dice
from napari_unet.segmenters.felzenszwalb import Felzenszwalb, at_most_three
from napari_unet.segmenters.flood import Flood
from napari_unet.segmenters.random_walker import RandomWalker
from napari_unet.segmenters.region_graph import RegionGraph

PLAIN: dict[str, Any] = {"background": 0.0, "sigma": 1.0, "filters": False, "looks": 1}
ALONE: dict[str, Any] = {**PLAIN, "only_strokes": True}


@pytest.mark.parametrize("channels", [1, 5])
@pytest.mark.parametrize(
    "method",
    [Felzenszwalb(**PLAIN), RegionGraph(**PLAIN, kind="threshold"), RegionGraph(**PLAIN, kind="normalised"),
     RandomWalker(**PLAIN)],
    ids=["felzenszwalb", "threshold", "normalised", "random_walker"],
)
def test_three_classes_are_recovered_with_and_without_paint_on_the_plane(method: Any, channels: int) -> None:
    image, truth, strokes = tissue(channels)
    labels = segmented(method, image, strokes, "NYXC")
    assert mean_dice(truth[0], labels[0]) >= 0.95
    assert mean_dice(truth[1], labels[1]) >= 0.95


def test_a_random_walk_closes_the_gaps_of_an_outline() -> None:
    image, truth, strokes = outlined(gap=12)
    assert mean_dice(truth, segmented(RandomWalker(**ALONE, beta=130.0), image, strokes)) >= 0.95
    assert mean_dice(truth, segmented(Flood(**ALONE, tolerance=0.1), image, strokes)) < 0.7


def test_the_random_walk_is_scikit_images() -> None:
    from skimage.segmentation import random_walker

    image = np.random.default_rng(0).random((12, 14)).astype(np.float32)
    method = RandomWalker(beta=5.0, sigma=0.0, filters=False, looks=1)
    seen = method.describe(PreparedPlane(image[None], np.ones(image.shape, bool)), None)
    looks = Appearance.of(np.array([[0.0], [0.1], [0.9], [1.0]]), np.array([0, 0, 1, 2]))
    seeds = np.full(image.shape, -1, np.int16)
    seeds[0, 0], seeds[-1, -1], seeds[3, 9] = 0, 2, 2  # class 1 has no seed here
    shares = np.full((3, *image.shape), 1 / 3, np.float32)
    found = method.spread(seen, looks, shares, seeds)
    expected = random_walker(image, np.where(seeds == 0, 1, np.where(seeds == 2, 2, 0)), beta=5, mode="bf",
                             return_full_prob=True)
    np.testing.assert_allclose(found[[0, 2]], expected, atol=5e-3)
    assert found[1].max() == 0
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)
    assert (found.argmax(axis=0)[seeds >= 0] == seeds[seeds >= 0]).all()


def test_with_seeds_of_one_class_only_pixels_take_the_class_they_resemble() -> None:
    image = np.array([[0.0, 0.1, 0.9, 1.0]], np.float32)
    method = RandomWalker(beta=130.0, sigma=0.0, filters=False, looks=1)
    seen = method.describe(PreparedPlane(image[None], np.ones(image.shape, bool)), None)
    looks = Appearance.of(np.array([[0.0], [0.1], [0.9], [1.0]]), np.array([0, 0, 1, 1]))
    shares = looks.memberships(seen.features).reshape(2, 1, 4)
    seeds = np.array([[0, -1, -1, -1]], np.int16)
    assert method.spread(seen, looks, shares, seeds).argmax(axis=0).tolist() == [[0, 0, 1, 1]]


def test_touching_regions_by_hand() -> None:
    assert adjacent_regions(np.array([[0, 0, 2], [1, 0, 2]])).tolist() == [[0, 1], [0, 2]]
    assert adjacent_regions(np.zeros((3, 1), int)).tolist() == []


@given(arrays(np.int64, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(0, 5)))
def test_touching_agrees_with_scikit_image(numbers: np.ndarray) -> None:
    from skimage.graph import RAG

    expected = {tuple(sorted(edge)) for edge in RAG(numbers, connectivity=1).edges}
    assert {tuple(pair) for pair in adjacent_regions(numbers).tolist()} == expected


def test_the_threshold_cut_agrees_with_scikit_image() -> None:
    from skimage.graph import cut_threshold, rag_mean_color

    generator = np.random.default_rng(1)
    numbers = np.arange(36).reshape(6, 6).repeat(4, axis=0).repeat(4, axis=1)
    colours = generator.random((36, 3))
    expected = cut_threshold(numbers, rag_mean_color(colours[numbers], numbers, connectivity=1), 0.6)
    pairs = adjacent_regions(numbers)
    # scikit-image takes the length of the difference, we its root mean square
    mine = graph_components(36, pairs[pair_differences(colours, pairs) * 3**0.5 < 0.6])[numbers]
    assert 1 < mine.max() + 1 < 36
    together = {(int(a), int(b)) for a, b in zip(mine.ravel(), expected.ravel(), strict=True)}
    assert len(together) == mine.max() + 1 == len(np.unique(expected))


def cost(alike: np.ndarray, side: np.ndarray) -> float:
    across = alike[side][:, ~side].sum()
    return float(across / alike[side].sum() + across / alike[~side].sum())


def test_a_normalised_cut_parts_two_clusters_as_trying_all_cuts_does() -> None:
    generator = np.random.default_rng(0)
    pairs = np.array([*itertools.combinations(range(4), 2), *itertools.combinations(range(4, 9), 2), (0, 4), (3, 8)])
    weights = generator.uniform(0.5, 1, len(pairs))
    weights[-2:] = 0.05
    alike = np.zeros((9, 9))
    alike[pairs[:, 0], pairs[:, 1]] = alike[pairs[:, 1], pairs[:, 0]] = weights
    sides = [np.array(side, bool) for side in itertools.product([0, 1], repeat=9) if 0 < sum(side) < 9]
    best = min(sides, key=lambda side: cost(alike, side))
    found = normalised_cut(9, pairs, weights, 0.3)
    assert len(set(found[:4])) == len(set(found[4:])) == 1
    assert found[0] != found[4]
    assert {tuple(best), tuple(~best)} >= {tuple(found == found[0])}
    assert len(set(normalised_cut(9, pairs, weights, cost(alike, best) * 0.9))) == 1


def test_large_graphs_are_cut_like_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_unet.classical import adjacency_graph

    numbers = np.arange(900).reshape(30, 30)
    pairs = adjacent_regions(numbers)
    values = (np.arange(30) >= 12)[None, :].repeat(30, axis=0).reshape(-1, 1).astype(float)
    weights = np.exp(-np.square(pair_differences(values, pairs) / 0.4))
    sparse = normalised_cut(900, pairs, weights, 0.01)
    monkeypatch.setattr(adjacency_graph, "_DENSE", 1000)
    for found in (sparse, normalised_cut(900, pairs, weights, 0.01)):
        assert len(set(found)) == 2
        np.testing.assert_array_equal(found == found[0], values[:, 0] == 0)


def test_what_is_not_connected_is_never_one_part() -> None:
    assert len(set(normalised_cut(4, np.array([[0, 1], [2, 3]]), np.ones(2), 1e-3))) == 2
    assert normalised_cut(1, np.zeros((0, 2), np.int64), np.zeros(0), 0.1).tolist() == [0]


def test_regions_lie_in_the_square_of_their_centre() -> None:
    numbers = np.repeat(np.arange(4), 5)[None]
    assert grid_cells(numbers, 10).tolist() == [0, 0, 1, 1]
    assert len(set(grid_cells(np.arange(16).reshape(4, 4), 2))) == 4


def test_no_more_than_three_channels_are_kept_and_those_that_vary_most() -> None:
    generator = np.random.default_rng(0)
    few = generator.random((3, 4, 5)).astype(np.float32)
    assert at_most_three(few) is few
    many = generator.normal(0, 0.01, (5, 20, 20)).astype(np.float32)
    many[3] += 5 * generator.random((20, 20))
    kept = at_most_three(many)
    assert kept.shape == (3, 20, 20)
    assert abs(np.corrcoef(kept[0].ravel(), many[3].ravel())[0, 1]) > 0.999
