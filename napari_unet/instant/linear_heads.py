"""Linear heads from features of painted pixels to classes: ridge in closed form, then logistic. Knows no images."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.depth import Depth
from ..predicting.oblivious_trees import ObliviousTrees
from .lbfgs import minimise

RIDGE = 1.0
"""Strength of the ridge, per standardised feature, with :data:`FEW` strokes."""

START_PENALTY = 0.3
"""Penalty of the logistic head on the squared distance of its coefficients from those it starts from, likewise."""

FEW = 20
"""Strokes at which the penalties are as given. Fewer say little; many more are followed a little more closely."""

TEMPERATURE = 1.4
"""Factor by which logits of the logistic head are too large away from the paint it was fitted to."""

SHARPNESS = 1.5
"""Factor from ridge scores (which aim at -1 and 1) to logits.

These constants were chosen together, by means over eight real sets with fixed strokes and with corrected ones.
"""

BALANCE = 0.6
"""Exponent of the number of painted pixels by which a class weighs less per pixel. At 1 all classes weigh the same and
rare ones are claimed too often; at 0 every pixel does, and nobody paints in proportion."""

ONE_THREAD_PRODUCT = 200_000
"""Multiplications of a product that BLAS does in one thread. Its threads would wait for those of a training."""

PIECE = 2**15
"""Numbers of features that are multiplied with the head at a time: a piece stays in the processor's cache, and neither
torch nor BLAS starts threads for it, which would wait for those of a training."""

BLOCK = 48
"""Columns of a block of such a product, where both sides have many."""

FALSE_ALARM = np.errstate(all="ignore")
"""Some builds of BLAS raise floating-point flags in products of plain numbers (numpy issues 24067 and 28967), which
would show as a warning at a stroke. Decorates what multiplies."""


def penalty_factor(strokes: int) -> float:
    """Return the factor, at most 3, on all penalties with this many strokes.

    Beyond :data:`FEW` it falls slowly: later strokes lie where an answer is wrong, mostly at edges, and do not stand
    for the image as the first ones do.
    """
    ratio = FEW / max(strokes, 1)
    return min(3.0, ratio**2 if ratio > 1 else math.sqrt(ratio))


def pixel_shares(labels: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return how much each pixel counts, by how many there are of its class; all together 1."""
    share = np.bincount(labels)[labels] ** -BALANCE
    found: NDArray[np.float32] = (share / share.sum()).astype(np.float32)
    return found


@dataclasses.dataclass(frozen=True, eq=False)
class LinearHead:
    """Logits are ``features @ weights + offsets``.

    Parameters
    ----------
    weights : ndarray of float32, shape (F, classes)
    offsets : ndarray of float32, shape (classes,)
    """

    weights: NDArray[np.float32]
    offsets: NDArray[np.float32]

    @FALSE_ALARM
    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return logits (P, classes) of features (P, F)."""
        logits: NDArray[np.float32] = features @ self.weights + self.offsets
        return logits


@dataclasses.dataclass(frozen=True, eq=False)
class DeepHead:
    """A head that also looks beyond the plane of a pixel.

    Parameters
    ----------
    depth : str
        How far.
    head : LinearHead
    trees : ObliviousTrees, optional
        What corrects it.
    """

    depth: Depth
    head: LinearHead
    trees: ObliviousTrees | None = None


class PixelSamples:
    """Standardised features of painted pixels with their classes and weights.

    Parameters
    ----------
    features : ndarray of float32, shape (P, F)
    labels : ndarray of int, shape (P,)
        Class numbers from 0; every class below the largest occurs.
    prior : ndarray of float32, shape (F,), optional
        How far to trust each feature: the standard deviation that is expected of its coefficient. By default all are
        alike.
    """

    def __init__(
        self, features: NDArray[np.float32], labels: NDArray[np.integer], prior: NDArray[np.float32] | None = None
    ) -> None:
        self.labels = labels
        self.classes = int(labels.max()) + 1
        counts = np.bincount(labels, minlength=self.classes)
        self.share = pixel_shares(labels)
        even = (1.0 / (counts[labels] * self.classes)).astype(np.float32)
        self.mean = np.einsum("p,pf->f", even, features)
        centred = features - self.mean
        spread = np.sqrt(np.einsum("p,pf->f", even, centred**2))
        self.spread = spread + 1e-3 * max(1e-6, float(np.abs(features).max()))  # a constant feature stays harmless
        if prior is not None:
            self.spread = self.spread / prior  # a penalty on the coefficient of a smaller number weighs more
        design = np.empty((len(features), features.shape[1] + 1), np.float32)
        design[:, :-1] = centred / self.spread
        design[:, -1] = 1
        self.design = design

    def head(self, coefficients: NDArray[np.floating]) -> LinearHead:
        """Return the head for features as they come, given coefficients (F + 1, classes) of standardised ones."""
        weights = coefficients[:-1] / self.spread[:, None]
        offsets = coefficients[-1] - self.mean @ weights
        return LinearHead(weights.astype(np.float32), offsets.astype(np.float32))


def ridge(samples: PixelSamples, strength: float = RIDGE) -> NDArray[np.float64]:
    """Solve weighted ridge regression to -1 and 1, scaled to logits.

    Returns
    -------
    ndarray of float64, shape (F + 1, classes)
        Coefficients of standardised features, the offset last.
    """
    weighted = samples.design * samples.share[:, None]
    normal = weighted_gram(samples.design, samples.share)
    normal[np.diag_indices(len(normal) - 1)] += strength
    target = np.full((len(samples.labels), samples.classes), -1, np.float32)
    target[np.arange(len(target)), samples.labels] = 1
    # torch lets other threads run meanwhile; numpy would hold Python's lock, and the window with it
    found = torch.linalg.solve(torch.from_numpy(normal), torch.from_numpy(chunked_gram(weighted, target)))
    coefficients: NDArray[np.float64] = found.numpy()
    return SHARPNESS * coefficients


def logistic(
    samples: PixelSamples, start: NDArray[np.float64], pull: float = START_PENALTY, steps: int = 60
) -> NDArray[np.float64]:
    """Fit weighted multinomial logistic regression that stays near a first solution.

    Painted pixels are neighbours of one another, so there is far less to learn from than their number says: without
    the pull the head claims too much and generalises worse than the ridge.

    Parameters
    ----------
    samples : PixelSamples
    start : ndarray, shape (F + 1, classes)
        Coefficients to start from, for features standardised as in ``samples``.
    pull : float
        Penalty on the squared distance from ``start`` of all coefficients but the offsets.
    steps : int
        Most iterations.

    Returns
    -------
    ndarray of float64, shape (F + 1, classes)
    """
    design, share, rows = samples.design, samples.share, np.arange(len(samples.labels))

    def cost(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        coefficients = flat.reshape(start.shape)
        logits = chunked_product(design, coefficients.astype(np.float32))
        logits -= logits.max(axis=1, keepdims=True)
        probabilities = np.exp(logits)
        total = probabilities.sum(axis=1, keepdims=True)
        loss = float(share @ (np.log(total[:, 0]) - logits[rows, samples.labels]))
        probabilities /= total
        probabilities[rows, samples.labels] -= 1
        slope = chunked_gram(design, probabilities * share[:, None])
        away = (coefficients - start)[:-1]
        slope[:-1] += 2 * pull * away
        return loss + pull * float((away**2).sum()), slope.ravel()

    return minimise(cost, start.ravel(), steps).reshape(start.shape)


def tempered(coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return coefficients of the same labels whose probabilities claim less, by :data:`TEMPERATURE`."""
    return coefficients / TEMPERATURE


@FALSE_ALARM
def chunked_product(rows: NDArray[np.float32], factor: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``rows @ factor``, (P, F) by (F, K), in pieces of :data:`ONE_THREAD_PRODUCT` multiplications."""
    step = max(8, ONE_THREAD_PRODUCT // factor.size)
    return np.concatenate([rows[start : start + step] @ factor for start in range(0, len(rows), step)])


@FALSE_ALARM
def chunked_gram(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return ``left.T @ right``, (P, F) by (P, K), summed in float64 over pieces of :data:`ONE_THREAD_PRODUCT`."""
    count, width = left.shape[1], min(right.shape[1], BLOCK)
    height = min(count, max(1, BLOCK**2 // width))  # of many columns, so many at a time: else a piece has hardly a row
    step = max(8, ONE_THREAD_PRODUCT // (height * width))
    total = np.zeros((count, right.shape[1]))
    for top, first in itertools.product(range(0, count, height), range(0, right.shape[1], width)):
        rows, columns = slice(top, top + height), slice(first, first + width)
        for start in range(0, len(left), step):
            total[rows, columns] += left[start : start + step, rows].T @ right[start : start + step, columns]
    return total


def weighted_gram(rows: NDArray[np.float32], share: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return ``rows.T @ (share * rows)``, (P, F) weighted by (P,), as :func:`chunked_gram`; half of it is computed."""
    weighted, count = rows * share[:, None], rows.shape[1]
    total = np.zeros((count, count))
    for start in range(0, count, BLOCK):
        stop = start + BLOCK
        total[start:stop, start:] = chunked_gram(rows[:, start:stop], weighted[:, start:])
        total[stop:, start:stop] = total[start:stop, stop:].T
    return total


@FALSE_ALARM
def weighed(weights: NDArray[np.float32], values: Tensor) -> Tensor:
    """Return a head (classes, F) times features (F, y, x), (classes, y, x), in small pieces."""
    flat = values.flatten(1)
    out = np.empty((len(weights), flat.shape[1]), np.float32)
    step = max(8, min(PIECE // len(flat), ONE_THREAD_PRODUCT // weights.size))
    for start in range(0, flat.shape[1], step):
        np.matmul(weights, flat[:, start : start + step].float().numpy(), out=out[:, start : start + step])
    return torch.from_numpy(out).reshape(-1, *values.shape[1:])
