"""Soft Dice on painted pixels, alone and with cross-entropy. Knows nothing of strokes, images or training."""

from __future__ import annotations

import torch
from torch import Tensor

from . import register
from ._painted import class_sums, painted_logits
from .cross_entropy import cross_entropy


@register("dice", "Soft Dice")
def dice(logits: Tensor, target: Tensor) -> Tensor:
    """Soft Dice loss: 1 minus the mean Dice coefficient of the classes that have paint in this batch.

    ``D_k = 2 sum_i w_i p_i(k) t_i(k) / sum_i w_i (p_i(k) + t_i(k))`` over painted pixels i of the whole batch, with p
    the soft-max, t one-hot targets and ``w_i = 1/n`` of the pixel's class, so that a class painted with a broad brush
    weighs no more than one painted with a fine one. Without the weights this is the coefficient of Milletari et
    al. 2016 (V-Net), there with squares in the denominator.

    Parameters
    ----------
    logits : Tensor, shape (B, C, Y, X), float
        Any float type; computed in float32.
    target : Tensor, shape (B, Y, X), int64
        Class index 0 to C - 1, or -1 where nothing is painted.

    Returns
    -------
    Tensor, scalar float32
        0 to 1; 0 without any painted pixel. The gradient at an unpainted pixel is exactly 0.
    """
    picked, labels = painted_logits(logits, target)
    with torch.autocast(logits.device.type, enabled=False):
        classes = picked.shape[1]
        probability = picked.softmax(1)
        count = class_sums(torch.ones_like(picked[:, 0]), labels, classes)
        weight = 1 / count.clamp(min=1)[labels]
        hit = class_sums(weight * probability.gather(1, labels[:, None])[:, 0], labels, classes)
        predicted = (weight[:, None] * probability).sum(0)
        present = count > 0
        # a class with paint has a weighted pixel sum of 1, so the denominator is at least 1
        coefficient = 2 * hit / (predicted + 1)
        return ((1 - coefficient) * present).sum() / present.sum().clamp(min=1)


@register("dice_cross_entropy", "Dice and cross-entropy")
def dice_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Sum of class-balanced cross-entropy and soft Dice: certainty of pixels and overlap of whole classes.

    Parameters
    ----------
    logits : Tensor, shape (B, C, Y, X), float
    target : Tensor, shape (B, Y, X), int64
        Class index 0 to C - 1, or -1 where nothing is painted.

    Returns
    -------
    Tensor, scalar float32
        At least 0; 0 without any painted pixel. The gradient at an unpainted pixel is exactly 0.
    """
    return cross_entropy(logits, target) + dice(logits, target)
