"""How far to trust which features (:mod:`.trust`), found by leaving strokes out. Knows no images.

A ridge is fitted to three quarters of the strokes and judged by the rest, four times in turn. A trust only scales
columns of what is solved, so that all are tried with the same products.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..core.method import Progress
from .linear_heads import RIDGE, SHARPNESS, PixelSamples, chunked_gram, penalty_factor, weighted_gram
from .painted_features import PaintedFeatures, balanced_sample

FOLDS = 4
"""Parts that the strokes are divided into. Each class needs as many strokes; with fewer, the usual trust holds."""

MOST_NUMBERS = 400_000
"""Features of painted pixels, all together, that a ridge is fitted to."""

MARGIN = 0.02
"""By how much (nat) the loss must fall for another trust than the usual one. Strokes are mostly easy: on real sets,
smaller differences said nothing about the rest of the image."""


def can_choose(painted: PaintedFeatures) -> bool:
    """Say whether there are enough strokes of every class to leave some out."""
    return all(len(np.unique(painted.stroke[painted.ids == one])) >= FOLDS for one in np.unique(painted.ids))


def best_prior(
    painted: PaintedFeatures, priors: Sequence[NDArray[np.float32]], seed: int = 0
) -> Generator[Progress, None, int]:
    """Return which of some priors suits strokes that were left out; the first, unless another is clearly better.

    Parameters
    ----------
    painted : PaintedFeatures
        With enough strokes, see :func:`can_choose`.
    priors : sequence of ndarray of float32, shape (F,)
        How far to trust each feature; one that has an end before the others trusts none after it.
    seed : int
        Of the draw among many painted pixels.

    Yields
    ------
    Progress
        After each part of the strokes.
    """
    parts = _parts(painted)
    losses = np.zeros((len(priors), len(painted.ids)))
    for part in range(FOLDS):
        left, kept = np.flatnonzero(parts == part), np.flatnonzero(parts != part)
        losses[:, left] = _losses(painted, kept, left, priors, seed)
        yield Progress("Leaving strokes out")
    means = np.mean([losses[:, painted.ids == one].mean(axis=1) for one in np.unique(painted.ids)], axis=0)
    best = int(np.argmin(means))
    return best if means[best] < means[0] - MARGIN else 0


def _parts(painted: PaintedFeatures) -> NDArray[np.int64]:
    """Return for each pixel which part its stroke is in: of each class, the largest strokes are dealt out first."""
    found = np.empty(len(painted.ids), np.int64)
    for one in np.unique(painted.ids):
        here = painted.ids == one
        strokes, index, counts = np.unique(painted.stroke[here], return_inverse=True, return_counts=True)
        place = np.empty(len(strokes), np.int64)
        place[np.argsort(-counts, kind="stable")] = np.arange(len(strokes)) % FOLDS
        found[here] = place[index]
    return found


def _losses(
    painted: PaintedFeatures, kept: NDArray[np.intp], left: NDArray[np.intp], priors: Sequence[NDArray[np.float32]],
    seed: int,
) -> NDArray[np.float64]:
    """Return the cross-entropy (priors, pixels left out) of ridges fitted to the pixels kept."""
    ids, labels = np.unique(painted.ids, return_inverse=True)
    most = MOST_NUMBERS // painted.features.shape[1]
    kept = kept[balanced_sample(labels[kept], most, seed)]
    samples = PixelSamples(painted.features[kept].astype(np.float32), labels[kept])
    weighted = samples.design * samples.share[:, None]
    target = np.full((len(kept), len(ids)), -1, np.float32)
    target[np.arange(len(kept)), labels[kept]] = 1
    normal, right = weighted_gram(samples.design, samples.share), chunked_gram(weighted, target)
    asked = (painted.features[left].astype(np.float32) - samples.mean) / samples.spread
    strength = penalty_factor(max(1, round(painted.strokes * (1 - 1 / FOLDS)))) * RIDGE
    found = np.empty((len(priors), len(left)))
    for number, prior in enumerate(priors):
        columns = np.append(np.arange(len(prior)), len(normal) - 1)  # the offset is last
        scale = np.append(prior, 1.0)
        scaled = normal[np.ix_(columns, columns)] * scale[:, None] * scale
        scaled[np.diag_indices(len(prior))] += strength
        weights = SHARPNESS * scale[:, None] * np.linalg.solve(scaled, right[columns] * scale[:, None])
        logits = asked[:, : len(prior)] @ weights[:-1].astype(np.float32) + weights[-1]
        logits -= logits.max(axis=1, keepdims=True)
        found[number] = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(left)), labels[left]]
    return found
