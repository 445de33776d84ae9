"""Focal loss on painted pixels. Knows nothing of strokes, images or training."""

from __future__ import annotations

import torch
from torch import Tensor

from . import register
from ._painted import PaintedPixels, full_precision


@register("focal", "Focal")
@full_precision
def focal(logits: Tensor, target: Tensor, *, gamma: float = 2.0, balanced: bool = True) -> Tensor:
    """Cross-entropy that looks away from pixels the network is sure of already, and at the hard ones.

    ``FL_i = -a_i (1 - p_i)^gamma log p_i`` with p_i the probability of the painted class (Lin et al. 2017, equation 5);
    ``a_i = 1/(K n_k)`` of the pixel's class, with K the classes that have paint in this batch and n_k their painted
    pixels. Not balanced, ``a_i = 1/n`` for all n painted pixels (equation 4). With ``gamma = 0`` it is cross-entropy.

    Parameters
    ----------
    logits : Tensor, shape (B, C, Y, X), float
        Computed in float32, or in float64 where the logits are.
    target : Tensor, shape (B, Y, X), int64
        Class index 0 to C - 1, or -1 where nothing is painted.
    gamma : float
        At least 0; the larger, the less a pixel that is right already counts.
    balanced : bool
        Every class with the same weight, however much of it is painted.

    Returns
    -------
    Tensor, scalar
        At least 0; 0 without any painted pixel. The gradient at an unpainted pixel is exactly 0.
    """
    painted = PaintedPixels.of(logits, target)
    log_probability = painted.logits.log_softmax(1).gather(1, painted.labels[:, None])[:, 0]
    # a power below 1 has no finite slope at 0, where p rounds to 1
    doubt = (-torch.expm1(log_probability)).clamp(min=torch.finfo(logits.dtype).eps)
    return painted.mean_over_pixels(-(doubt**gamma) * log_probability, balanced)
