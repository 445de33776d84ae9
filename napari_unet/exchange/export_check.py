"""Is what leaves the same model? Pictures to ask it with, and how far answers may differ. Exports nothing.

An export is compared on pictures of another size and number than it was made with: a trace keeps what it took for
constant, and shows it only there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.weights import Weights

LOGIT = 1e-3
"""Logits of what left may differ by so much."""

MARGIN = 1e-2
"""Where the most likely class leads by more, it must be the same."""

FLIPPED = 0.01
"""Of the pixels, so many may differ by more where decision trees answer: they are steps, and rounding crosses some."""

Answer = Callable[[NDArray[np.float32]], tuple[NDArray[np.float32], NDArray[np.float32]]]
"""Maps (B, C, Y, X) to probabilities and logits (B, classes, Y, X)."""


def example_planes(weights: Weights, count: int, shape: tuple[int, int], seed: int = 0) -> NDArray[np.float32]:
    """Return pictures (count, C, Y, X) as a model may meet them: blobs in whole grey values within its usual range."""
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.normal(size=(count, weights.channels, *shape)), (0, 0, 2, 2))
    noise = noise / max(float(noise.std()), 1e-6) + 0.1 * rng.normal(size=noise.shape)
    usual = [*weights.normalisation.usual, *[(20.0, 220.0)] * weights.channels][: weights.channels]
    low, high = (np.array(ends)[:, None, None] for ends in zip(*usual, strict=True))
    values = low + (high - low) * (0.5 + noise / 5)
    if float((high - low).min()) > 32:
        values = np.round(values)
    return values.astype(np.float32)


def check_answers(answer: Answer, model: NetworkModel, shapes: tuple[tuple[int, int, int], ...]) -> float:
    """Compare an export with the model, plane by plane.

    Parameters
    ----------
    answer : callable
        What left.
    model : NetworkModel
        In full precision.
    shapes : tuple of (int, int, int)
        Pictures at a time, rows, columns; others than those it was made with.

    Returns
    -------
    float
        The largest difference of a logit, the pixels aside that trees may answer differently.

    Raises
    ------
    UserError
        If it gives another answer.
    """
    model = dataclasses.replace(model, full_precision=True, tta=False, device="cpu")
    worst = 0.0
    for number, (count, *shape) in enumerate(shapes):
        planes = example_planes(model.weights, count, (shape[0], shape[1]), seed=1 + number)
        probabilities, logits = answer(planes)
        for plane, own, scores in zip(planes, probabilities, logits, strict=True):
            worst = max(worst, _difference(plane, own, scores, model))
    return worst


def _difference(
    plane: NDArray[np.float32], own: NDArray[np.float32], scores: NDArray[np.float32], model: NetworkModel
) -> float:
    normalised, _ = model.weights.normalisation.plane(Image(plane, "CYX"), 0)
    right = model.logits(normalised)
    if scores.shape != right.shape or own.shape != right.shape:
        raise UserError(f"The export gives an array of shape {scores.shape} in place of {right.shape}. {_REMEDY}")
    odd = np.abs(scores - right).max(0)
    trees = bool(getattr(model.weights.network, "trees", 0))
    lead = np.sort(_softmax(right), 0)
    wrong = (own.argmax(0) != right.argmax(0)) & (lead[-1] - lead[-2] > MARGIN)
    differ = float(np.mean(~(odd <= LOGIT)))
    if wrong.any() or differ > (FLIPPED if trees else 0):
        raise UserError(f"The export gives another answer than the model: at {differ:.2%} of the pixels logits differ "
                        f"by more than {LOGIT:g}, and {int(wrong.sum())} have another label. {_REMEDY}")
    return float(odd[odd <= LOGIT].max(initial=0))


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    raised: NDArray[np.float32] = np.exp(logits - logits.max(0))
    return raised / raised.sum(0)


_REMEDY = "Nothing was written. Export another network; `unet` and `instant` can be."
