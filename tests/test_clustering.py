"""Clusters of pixels and of superpixels, and what paint says about them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from classical_scenes import segmented, tissue
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_unet.classical.fuzzy import fuzzy_c_means, memberships
from napari_unet.classical.parameter_search import mean_dice
from napari_unet.classical.pixel_sample import sample_pixels
from napari_unet.segmenters.agglomerative import Agglomerative
from napari_unet.segmenters.clustering import Clustering, Clusters
from napari_unet.segmenters.quickshift import Quickshift

PLAIN: dict[str, Any] = {"background": 0.0, "sigma": 1.0, "filters": False}
KINDS = ("k-means", "fuzzy", "gaussian")


@pytest.mark.parametrize("channels", [1, 5])
@pytest.mark.parametrize(
    "method",
    [*(Clustering(**PLAIN, kind=kind) for kind in KINDS), Quickshift(**PLAIN, looks=1),
     Agglomerative(**PLAIN, looks=1, kind="average"), Agglomerative(**PLAIN, looks=1, kind="complete")],
    ids=[*KINDS, "quickshift", "average", "complete"],
)
def test_three_classes_are_recovered_with_and_without_paint_on_the_plane(method: Any, channels: int) -> None:
    image, truth, strokes = tissue(channels)
    labels = segmented(method, image, strokes, "NYXC")
    assert mean_dice(truth[0], labels[0]) >= 0.95
    assert mean_dice(truth[1], labels[1]) >= 0.95


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_that_is_both_dark_and_bright_is_recovered(kind: Any) -> None:
    generator = np.random.default_rng(0)
    truth = np.ones((60, 60), np.uint8)
    truth[8:24, 8:50] = truth[36:52, 8:50] = 2
    image = np.full(truth.shape, 0.5)
    image[8:24, 8:50], image[36:52, 8:50] = 0.0, 1.0
    image += generator.normal(0, 0.04, truth.shape)
    strokes = np.zeros_like(truth)
    strokes[14:18, 12:40] = strokes[42:46, 12:40] = 2
    strokes[28:32, 5:55] = 1
    labels = segmented(Clustering(background=0.0, sigma=0.0, filters=False, kind=kind), image, strokes)
    assert mean_dice(truth, labels) >= 0.95


@given(
    arrays(np.float64, st.tuples(st.integers(1, 12), st.just(2)), elements=st.integers(-4, 4).map(float)),
    arrays(np.float64, st.tuples(st.integers(1, 4), st.just(2)), elements=st.integers(-4, 4).map(float)),
    st.sampled_from([1.1, 2.0, 3.0]),
)
def test_fuzzy_memberships_sum_to_one_and_the_nearest_leads(
    samples: np.ndarray, centres: np.ndarray, softness: float
) -> None:
    shares = memberships(samples, centres, softness)
    assert shares.dtype == np.float32
    np.testing.assert_allclose(shares.sum(axis=0), 1, atol=1e-5)
    gaps = np.square(samples - centres[:, None]).sum(axis=2)
    chosen = shares.argmax(axis=0)
    np.testing.assert_array_equal(gaps[chosen, np.arange(len(samples))], gaps.min(axis=0))


def test_fuzzy_memberships_by_hand() -> None:
    centres = np.array([[0.0], [3.0]])
    # with m = 2 shares go with the inverse squares: 1 and 1/4 of a sample at 1
    np.testing.assert_allclose(memberships(np.array([[1.0], [0.0]]), centres, 2.0), [[0.8, 1], [0.2, 0]], atol=1e-6)
    np.testing.assert_allclose(memberships(np.array([[1.0]]), centres, 1.05), [[1], [0]], atol=1e-6)


def test_fuzzy_centres_are_where_the_iteration_rests_and_near_those_of_k_means() -> None:
    from sklearn.cluster import KMeans

    generator = np.random.default_rng(0)
    samples = np.concatenate([generator.normal(mean, 0.1, (200, 2)) for mean in (0, 1, 3)])
    start = samples[[0, 300, 500]]
    centres = fuzzy_c_means(samples, start, 2.0)
    weights = memberships(samples, centres, 2.0) ** 2
    np.testing.assert_allclose(weights @ samples / weights.sum(axis=1)[:, None], centres, atol=1e-3)
    crisp = KMeans(3, init=start, n_init=1).fit(samples).cluster_centers_
    np.testing.assert_allclose(fuzzy_c_means(samples, start, 1.05), crisp, atol=1e-2)


def clusters(centres: list[list[float]]) -> Clusters:
    points = np.array(centres, np.float32)
    return Clusters(points, np.ones(points.shape[1], np.float32), lambda values: memberships(values, points, 1.05))


def test_a_cluster_means_the_classes_in_proportion_whatever_amount_of_each_is_painted() -> None:
    found = clusters([[0.0], [1.0], [0.9]])
    # of class 0 three quarters lie in cluster 0; of class 1 all in cluster 1; cluster 2 has no paint but is near 1
    meanings = found.meanings(np.array([[30.0, 10.0, 0.0], [0.0, 1000.0, 0.0]]))
    np.testing.assert_allclose(meanings, [[1, 0.2, 0.2], [0, 0.8, 0.8]], atol=1e-6)


def test_clusters_are_those_of_scikit_learn() -> None:
    from sklearn.cluster import KMeans

    generator = np.random.default_rng(0)
    image = generator.random((30, 40))
    strokes = np.zeros(image.shape, np.uint8)
    strokes[image < 0.2], strokes[image > 0.8] = 1, 2
    labels = segmented(
        Clustering(background=0.0, sigma=0.0, filters=False, kind="k-means", clusters=2), image, strokes
    )
    expected = KMeans(2, n_init=3, random_state=0).fit(image.reshape(-1, 1))
    bright = int(expected.cluster_centers_.argmax())
    assert np.mean((labels == 2).ravel() == (expected.labels_ == bright)) > 0.97


def test_there_are_at_least_as_many_clusters_as_classes() -> None:
    image, truth, strokes = tissue()
    labels = segmented(Clustering(**PLAIN, kind="k-means", clusters=2), image, strokes, "NYXC")
    assert mean_dice(truth, labels) >= 0.95


def test_a_sample_holds_every_painted_class_equally() -> None:
    stack = np.zeros((1, 50, 50), np.float32)
    paint = np.zeros((50, 50), np.uint8)
    paint[:20], paint[49, 40:] = 1, 2
    stack[0][paint == 2] = 7
    valid = np.ones(paint.shape, bool)
    values = sample_pixels([stack], [valid], [paint], 80)
    assert values.shape == (40 + 20 + 10, 1)
    assert np.count_nonzero(values == 7) >= 10
    np.testing.assert_array_equal(values, sample_pixels([stack], [valid], [paint], 80))
