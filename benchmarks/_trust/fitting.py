"""Fit the constants of :mod:`napari_unet.learning.true_dice` to cases whose truth is known. Prints nothing.

Every case (a set with some strokes) weighs the same, however many methods took part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from napari_unet.learning.true_dice import (
    CONFIDENCE,
    DifferenceModel,
    IntervalModel,
    evidence_logits,
    expected_dice,
    expected_difference,
)

from .cases import Judged

RIDGE = 2.0
TAIL = (1 - CONFIDENCE) / 2
NO_ERROR = (0.0, 0.0)

Numbers = NDArray[np.float64]


def fit_interval(cases: Sequence[Judged], two_fits: bool = True) -> IntervalModel:
    """Fit weights, and errors as they are on sets left out in turn."""
    residuals = [(one.evidence.strokes, one.truth - expected_dice(one.evidence, _weights(others, two_fits)).value)
                 for others, left_out in _left_out(cases) for one in left_out]
    whole = _weights(cases, two_fits)
    below = _errors(residuals, lambda values: -np.quantile(values, TAIL))
    above = _errors(residuals, lambda values: np.quantile(values, 1 - TAIL))
    return IntervalModel(whole.constant, whole.dice, whole.agreement, below, above)


def fit_difference(cases: Sequence[Judged]) -> DifferenceModel:
    """Fit the weights of differences, and how far any method of a case exceeds what was expected of it.

    The errors are those of differences to the method that seems best, the largest of a case, with sets left out in
    turn: so a method that is told apart from all others is as good as any, with :data:`.CONFIDENCE`.
    """
    residuals = []
    for others, left_out in _left_out(cases):
        model = _difference_weights(others)
        for group in _groups(left_out):
            first = max(group, key=lambda one: sum(_weighted(one, model)))
            over = [one.truth - first.truth - expected_difference(one.evidence, first.evidence, model).value
                    for one in group if one is not first]
            if over:
                residuals.append((first.evidence.strokes, max(over)))
    whole = _difference_weights(cases)
    return DifferenceModel(whole.dice, whole.agreement,
                           _errors(residuals, lambda values: np.quantile(values, CONFIDENCE)))


def left_out_intervals(cases: Sequence[Judged]) -> list[tuple[Judged, IntervalModel]]:
    """Return every case with a model fitted to the other sets alone."""
    return [(one, model) for others, left_out in _left_out(cases) for model in [fit_interval(others)]
            for one in left_out]


def _left_out(cases: Sequence[Judged]) -> list[tuple[list[Judged], list[Judged]]]:
    names = dict.fromkeys(one.set for one in cases)
    return [([one for one in cases if one.set != name], [one for one in cases if one.set == name]) for name in names]


def _groups(cases: Sequence[Judged]) -> list[list[Judged]]:
    groups: dict[tuple[str, int, int], list[Judged]] = {}
    for one in cases:
        groups.setdefault((one.set, one.seed, one.evidence.strokes), []).append(one)
    return list(groups.values())


def _weights(cases: Sequence[Judged], two_fits: bool) -> IntervalModel:
    logits = np.array([evidence_logits(one.evidence)[: 2 if two_fits else 1] for one in cases])
    truths = np.clip([one.truth for one in cases], 0.02, 0.985)
    sizes = Counter((one.set, one.evidence.strokes) for one in cases)
    shares = np.array([1 / sizes[one.set, one.evidence.strokes] for one in cases])
    targets = np.log(truths / (1 - truths))
    centre, middle = np.average(logits, axis=0, weights=shares), np.average(targets, weights=shares)
    found = _ridge(logits - centre, targets - middle, shares, RIDGE)
    return IntervalModel(float(middle - centre @ found), float(found[0]), float(found[1]) if two_fits else 0.0,
                         NO_ERROR, NO_ERROR)


def _difference_weights(cases: Sequence[Judged]) -> DifferenceModel:
    pairs = [pair for group in _groups(cases) for pair in permutations(group, 2)]
    logits = np.array([np.subtract(evidence_logits(one.evidence), evidence_logits(two.evidence)) for one, two in pairs])
    apart = np.array([one.truth - two.truth for one, two in pairs])
    found = _ridge(logits, apart, np.full(len(pairs), 1.0), 1e-3)
    return DifferenceModel(float(found[0]), float(found[1]), NO_ERROR)


def _weighted(one: Judged, model: DifferenceModel) -> tuple[float, float]:
    dice, agreement = evidence_logits(one.evidence)
    return model.dice * dice, model.agreement * agreement


def _ridge(values: Numbers, targets: Numbers, shares: Numbers, ridge: float) -> Numbers:
    weighted = values * shares[:, None]
    found: Numbers = np.linalg.solve(weighted.T @ values + ridge * np.eye(values.shape[1]), weighted.T @ targets)
    return found


def _errors(residuals: Sequence[tuple[int, float]], end: Callable[[Numbers], float]) -> tuple[float, float]:
    """Return (a, b) of the root of a^2 + b^2/n that comes nearest to the errors at each number of strokes."""
    by_strokes: dict[int, list[float]] = {}
    for strokes, value in residuals:
        by_strokes.setdefault(strokes, []).append(value)
    squares = np.array([max(0.0, float(end(np.array(values)))) ** 2 for values in by_strokes.values()])
    parts = np.array([[1.0, 1 / strokes] for strokes in by_strokes])
    found = optimize.nnls(parts, squares)[0]  # an error that grows with strokes is chance
    return round(float(np.sqrt(found[0])), 3), round(float(np.sqrt(found[1])), 3)
