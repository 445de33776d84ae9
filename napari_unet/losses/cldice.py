"""Soft clDice on painted pixels: do the centre lines agree? Knows nothing of strokes, images or training."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from . import register
from ._painted import full_precision


@register("cldice", "Centre-line Dice (clDice)")
@full_precision
def cldice(logits: Tensor, target: Tensor, *, iterations: int = 10, smooth: float = 1.0) -> Tensor:
    """Overlap of centre lines, which breaks in a thin structure cost; best in a sum with Dice.

    1 minus the mean of ``2 Tprec Tsens / (Tprec + Tsens)`` over classes that have paint, without the background (class
    index 0), with ``Tprec = (sum S_P V_L + s) / (sum S_P + s)`` and ``Tsens = (sum S_L V_P + s) / (sum S_L + s)``
    (Shit et al. 2021, equations 1 and 2, algorithm 2). V_L are the painted pixels of the class, V_P its probabilities
    times "is painted", and S_L and S_P their soft skeletons (algorithm 1). The mask comes before the skeleton, because
    the skeleton of a probability map hangs together with pixels of which nothing is known. Beyond the border of a
    patch nothing is painted. Sums go over the whole batch.

    Parameters
    ----------
    logits : Tensor, shape (B, C, Y, X), float
        Computed in float32, or in float64 where the logits are.
    target : Tensor, shape (B, Y, X), int64
        Class index 0 to C - 1, or -1 where nothing is painted.
    iterations : int
        Erosions of the soft skeleton; enough for structures up to twice as many pixels wide.
    smooth : float
        s, above 0; keeps a skeleton of few pixels from deciding all.

    Returns
    -------
    Tensor, scalar
        0 to 1; 0 if nothing but background is painted. The gradient at an unpainted pixel is exactly 0.
    """
    painted = (target >= 0)[:, None]
    # logits of unpainted pixels may be anything, so they are replaced before the soft-max and masked after it
    probability = torch.where(painted, logits, torch.zeros_like(logits)).softmax(1) * painted
    classes = [index for index in target.unique().tolist() if index > 0]
    if not classes:
        return probability.sum() * 0
    predicted = probability[:, classes]
    truth = torch.stack([target == index for index in classes], 1).to(logits.dtype)
    predicted_lines, true_lines = soft_skeleton(predicted, iterations), soft_skeleton(truth, iterations)

    def share(lines: Tensor, volume: Tensor) -> Tensor:
        return ((lines * volume).sum((0, 2, 3)) + smooth) / (lines.sum((0, 2, 3)) + smooth)

    precision, sensitivity = share(predicted_lines, truth), share(true_lines, predicted)
    # 1 minus the harmonic mean, written so that rounding does not take it below 0
    wrong = precision * (1 - sensitivity) + sensitivity * (1 - precision)
    return (wrong / (precision + sensitivity)).mean()


def soft_skeleton(values: Tensor, iterations: int) -> Tensor:
    """Thin maps of values from 0 to 1 to their ridges by repeated soft erosion and opening.

    Algorithm 1 of Shit et al. 2021, with 0 beyond the border.

    Parameters
    ----------
    values : Tensor, shape (B, C, Y, X)
    iterations : int
        At least 0.

    Returns
    -------
    Tensor, shape (B, C, Y, X)
        0 to 1.
    """
    values = F.pad(values, (1, 1, 1, 1))
    eroded = _erode(values)
    skeleton = F.relu(values - F.max_pool2d(eroded, 3, 1, 1))
    for _ in range(iterations):
        if not bool(eroded.any()):
            break  # nothing is left: further rounds would add exactly 0
        values, eroded = eroded, _erode(eroded)
        ridge = F.relu(values - F.max_pool2d(eroded, 3, 1, 1))
        skeleton = skeleton + F.relu(ridge - skeleton * ridge)
    return skeleton[..., 1:-1, 1:-1]


def _erode(values: Tensor) -> Tensor:
    """Return the smallest of each pixel and its four neighbours."""
    down = -F.max_pool2d(-values, (3, 1), 1, (1, 0))
    across = -F.max_pool2d(-values, (1, 3), 1, (0, 1))
    return torch.minimum(down, across)
