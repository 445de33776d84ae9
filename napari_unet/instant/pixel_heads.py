"""Linear heads fitted to painted pixels, as far as their kind says. Computes no feature."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .linear_heads import RIDGE, START_PENALTY, LinearHead, PixelSamples, logistic, penalty_factor, ridge, tempered
from .painted_features import PaintedFeatures, balanced_sample

MOST_NUMBERS = 1_500_000
"""Most features of painted pixels, all together, a head is fitted to; of more pixels some are drawn."""

Kind = Literal["ridge", "logistic", "trees"]
"""How far a head is fitted."""


def solved_head(painted: PaintedFeatures, prior: NDArray[np.float32], seed: int, head: Kind) -> LinearHead:
    """Return a head on as many of the first features as there is a prior of."""
    _, labels = np.unique(painted.ids, return_inverse=True)
    kept = balanced_sample(labels, MOST_NUMBERS // len(prior), seed)
    samples = PixelSamples(painted.features[kept, : len(prior)].astype(np.float32), labels[kept], prior)
    care = penalty_factor(painted.strokes)
    coefficients = ridge(samples, care * RIDGE)
    if head != "ridge":
        coefficients = tempered(logistic(samples, coefficients, care * START_PENALTY))
    return samples.head(coefficients)
