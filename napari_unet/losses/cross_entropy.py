"""Cross-entropy on painted pixels, every class with the same weight. Knows nothing of strokes, images or training."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from . import register
from ._painted import class_sums, painted_logits


@register("cross_entropy", "Cross-entropy")
def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Class-balanced cross-entropy: the mean over classes of the mean over painted pixels of that class.

    ``1/K sum_k 1/n_k sum_{i in k} -log p_i(k)`` with K the classes that have paint in this batch, n_k their painted
    pixels and p the soft-max of the logits; the usual cross-entropy with weights ``1/(K n_k)``.

    Parameters
    ----------
    logits : Tensor, shape (B, C, Y, X), float
        Any float type; computed in float32.
    target : Tensor, shape (B, Y, X), int64
        Class index 0 to C - 1, or -1 where nothing is painted.

    Returns
    -------
    Tensor, scalar float32
        At least 0; 0 without any painted pixel. The gradient at an unpainted pixel is exactly 0.
    """
    picked, labels = painted_logits(logits, target)
    with torch.autocast(logits.device.type, enabled=False):
        each = F.cross_entropy(picked, labels, reduction="none")
        count = class_sums(torch.ones_like(each), labels, picked.shape[1])
        total = class_sums(each, labels, picked.shape[1])
        return (total / count.clamp(min=1)).sum() / (count > 0).sum().clamp(min=1)
