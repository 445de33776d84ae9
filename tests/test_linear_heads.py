"""Linear heads on painted pixels: agreement with scikit-learn, class balance, standardisation folded in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, Ridge

from napari_unet.instant import linear_heads
from napari_unet.instant.lbfgs import minimise
from napari_unet.instant.linear_heads import PixelSamples, chunked_gram, chunked_product, logistic, ridge


def scene(classes: int = 3, rows: int = 300, width: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping clouds of very different sizes, features of very different scales."""
    rng = np.random.default_rng(seed)
    share = np.arange(1, classes + 1) ** 2
    labels = rng.choice(classes, rows, p=share / share.sum())
    labels[:classes] = np.arange(classes)
    centres = rng.normal(0, 1, (classes, width))
    features = (centres[labels] + rng.normal(0, 1, (rows, width))) * 10.0 ** rng.integers(-2, 3, width) + 5
    return features.astype(np.float32), labels


def standardised(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features of mean 0 and nearly unit spread where classes count alike, by hand, with the weights of the fit."""
    counts = np.bincount(labels)[labels]
    even, weight = 1 / (counts * (labels.max() + 1)), counts**-0.6
    mean = (even[:, None] * features).sum(0)
    spread = np.sqrt((even[:, None] * (features - mean) ** 2).sum(0)) + 1e-3 * np.abs(features).max()
    return (features - mean) / spread, weight / weight.sum()


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_ridge_is_that_of_scikit_learn(classes: int) -> None:
    features, labels = scene(classes)
    design, weight = standardised(features.astype(np.float64), labels)
    same = Ridge(alpha=0.05).fit(design, 2 * np.eye(classes)[labels] - 1, sample_weight=weight)
    found = ridge(PixelSamples(features, labels), 0.05) / linear_heads.SHARPNESS
    np.testing.assert_allclose(found[:-1], same.coef_.T, atol=1e-3)
    np.testing.assert_allclose(found[-1], same.intercept_, atol=1e-3)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_logistic_is_that_of_scikit_learn(classes: int) -> None:
    features, labels = scene(classes)
    design, weight = standardised(features.astype(np.float64), labels)
    decay = 1e-3
    # of two classes scikit-learn fits one difference, whose square is penalised half as much as that of two vectors
    strength = 1 / decay if classes == 2 else 1 / (2 * decay)
    same = LogisticRegression(C=strength, tol=1e-8, max_iter=2000).fit(design, labels, sample_weight=weight)
    samples = PixelSamples(features, labels)
    found = logistic(samples, np.zeros((design.shape[1] + 1, classes)), decay, steps=500)
    logits = samples.head(found)(features)
    chance = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(chance / chance.sum(1, keepdims=True), same.predict_proba(design), atol=5e-3)


def test_painting_everything_twice_changes_nothing() -> None:
    features, labels = scene(2)
    repeated = np.tile(np.arange(len(labels)), 2)
    for fit in (ridge, lambda samples: logistic(samples, ridge(samples), steps=300)):
        first, second = (samples.head(fit(samples)) for samples in
                         (PixelSamples(features, labels), PixelSamples(features[repeated], labels[repeated])))
        np.testing.assert_allclose(first(features), second(features), atol=0.02)


def test_the_head_takes_features_as_they_come() -> None:
    features, labels = scene()
    samples = PixelSamples(features, labels)
    coefficients = ridge(samples)
    np.testing.assert_allclose(samples.head(coefficients)(features), samples.design @ coefficients, atol=1e-3)


def test_scale_and_offset_of_a_feature_do_not_matter() -> None:
    rng = np.random.default_rng(1)
    features, labels = rng.normal(size=(200, 4)).astype(np.float32), rng.integers(0, 2, 200)
    features[:, 0] += labels
    first, second = (PixelSamples(values, labels) for values in (features, features * np.float32(8) - np.float32(3)))
    np.testing.assert_allclose(first.head(ridge(first))(features),
                               second.head(ridge(second))(features * 8 - 3), atol=0.05)


def test_constant_features_are_harmless() -> None:
    labels = np.array([0, 1, 1, 0])
    for value in (0, 7):
        samples = PixelSamples(np.full((4, 3), value, np.float32), labels)
        logits = samples.head(logistic(samples, ridge(samples)))(np.full((2, 3), value, np.float32))
        np.testing.assert_allclose(logits[:, 0], logits[:, 1], atol=1e-4)


def test_a_strong_pull_leaves_the_start() -> None:
    features, labels = scene()
    samples = PixelSamples(features, labels)
    start = ridge(samples)
    np.testing.assert_allclose(logistic(samples, start, pull=1e4)[:-1], start[:-1], atol=1e-3)


def test_logistic_is_never_worse_than_its_start() -> None:
    features, labels = scene(4, seed=3)
    samples = PixelSamples(features, labels)

    def cost(coefficients: np.ndarray) -> float:
        logits = samples.design @ coefficients
        each = np.log(np.exp(logits).sum(1)) - logits[np.arange(len(labels)), labels]
        return float(samples.share @ each + linear_heads.START_PENALTY * ((coefficients - start)[:-1] ** 2).sum())

    start = ridge(samples)
    costs = [cost(start), *(cost(logistic(samples, start, steps=steps)) for steps in (1, 5, 60))]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < costs[0]


@settings(max_examples=30)
@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 5), st.sampled_from([1, 40, 200_000]))
def test_products_in_pieces_are_the_products(rows: int, width: int, columns: int, small: int) -> None:
    rng = np.random.default_rng(rows * 100 + width)
    left, right = (rng.normal(size=(rows, count)).astype(np.float32) for count in (width, columns))
    factor = rng.normal(size=(width, columns)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linear_heads, "ONE_THREAD_PRODUCT", small)
        with np.errstate(all="ignore"):
            expected, crossed = left @ factor, left.T @ right
        np.testing.assert_allclose(chunked_product(left, factor), expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(chunked_gram(left, right), crossed, rtol=1e-4, atol=1e-4)


@settings(max_examples=20)
@given(st.integers(2, 30), st.integers(0, 10**6))
def test_descent_finds_the_bottom_of_a_bowl(width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    turned = np.linalg.qr(rng.normal(size=(width, width)))[0]
    bowl = turned @ np.diag(10.0 ** rng.uniform(-1, 1, width)) @ turned.T
    bottom = rng.normal(size=width)

    def cost(x: np.ndarray) -> tuple[float, np.ndarray]:
        slope = bowl @ (x - bottom)
        return 0.5 * float((x - bottom) @ slope), slope

    start = rng.normal(size=width)
    kept = start.copy()
    found = minimise(cost, start, steps=500, tolerance=1e-6)
    np.testing.assert_array_equal(start, kept)
    np.testing.assert_allclose(found, bottom, atol=1e-4)


def test_descent_stays_where_nothing_falls() -> None:
    np.testing.assert_array_equal(minimise(lambda x: (0.0, 0 * x), np.ones(3), steps=5), np.ones(3))
    # a gradient that lies: no step helps, so none is taken
    np.testing.assert_array_equal(minimise(lambda x: (float(x @ x), -x), np.ones(3), steps=5), np.ones(3))


def test_painting_more_of_a_class_claims_a_little_more_of_it() -> None:
    features, labels = scene(2)
    repeated = np.concatenate([np.arange(len(labels)), *[np.flatnonzero(labels == 0)] * 8])
    first, second = (samples.head(logistic(samples, ridge(samples), steps=300)) for samples in
                     (PixelSamples(features, labels), PixelSamples(features[repeated], labels[repeated])))
    # nine times the paint: at most log 9 if every pixel counted alike, half of it here
    shift = np.diff(first(features))[:, 0] - np.diff(second(features))[:, 0]
    assert 0.2 < np.median(shift) < np.log(9) / 2 + 0.3


def test_a_feature_that_is_trusted_less_has_less_weight() -> None:
    features, labels = scene(2)
    twice = np.concatenate([features, features], axis=1)
    trust = np.repeat(np.array([1.0, 0.3], np.float32), features.shape[1])
    for fit in (ridge, lambda samples: logistic(samples, ridge(samples), steps=300)):
        samples = PixelSamples(twice, labels, trust)
        weights = samples.head(fit(samples)).weights
        same, less = np.abs(weights[: features.shape[1]]), np.abs(weights[features.shape[1]:])
        np.testing.assert_allclose(less, 0.09 * same, atol=0.02 * same.max())


def test_penalties_fall_fast_to_twenty_strokes_and_slowly_beyond() -> None:
    assert [linear_heads.penalty_factor(number) for number in (0, 1, 10, 20, 80)] == [3.0, 3.0, 3.0, 1.0, 0.5]
    assert linear_heads.penalty_factor(15) == pytest.approx(16 / 9)
