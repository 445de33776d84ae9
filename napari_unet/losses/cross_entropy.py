"""Cross-entropy on painted pixels: plain, balanced, weighted. Knows nothing of strokes, images or training."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_unet.core.errors import UsageError

from . import register
from ._painted import PaintedPixels, full_precision


@register("cross_entropy", "Cross-entropy")
@full_precision
def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy, every painted pixel with the same weight.

    A class with more paint counts more: the mean over all n painted pixels, ``1/n sum_i -log p_i(t_i)`` with p the
    soft-max of the logits and t the painted class (Ronneberger et al. 2015, equation 1, with w = 1/n).

    Parameters
    ----------
    logits : Tensor, shape (B, C, Y, X), float
        Computed in float32, or in float64 where the logits are.
    target : Tensor, shape (B, Y, X), int64
        Class index 0 to C - 1, or -1 where nothing is painted.

    Returns
    -------
    Tensor, scalar
        At least 0; 0 without any painted pixel. The gradient at an unpainted pixel is exactly 0.
    """
    painted = PaintedPixels.of(logits, target)
    return painted.mean_over_pixels(F.cross_entropy(painted.logits, painted.labels, reduction="none"), balanced=False)


@register("balanced_cross_entropy", "Balanced cross-entropy")
@full_precision
def balanced_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy, every class with the same weight, however much of it is painted.

    The mean over classes of the mean over painted pixels of that class, ``1/K sum_k 1/n_k sum_{i in k} -log p_i(k)``
    with K the classes that have paint in this batch and n_k their painted pixels. For two classes this is
    proportional to the class-balanced cross-entropy of Xie and Tu 2015 (holistically-nested edge detection,
    equation 2).

    Parameters
    ----------
    logits : Tensor, shape (B, C, Y, X), float
        Computed in float32, or in float64 where the logits are.
    target : Tensor, shape (B, Y, X), int64
        Class index 0 to C - 1, or -1 where nothing is painted.

    Returns
    -------
    Tensor, scalar
        At least 0; 0 without any painted pixel. The gradient at an unpainted pixel is exactly 0.
    """
    painted = PaintedPixels.of(logits, target)
    return painted.mean_over_pixels(F.cross_entropy(painted.logits, painted.labels, reduction="none"), balanced=True)


@register("weighted_cross_entropy", "Weighted cross-entropy")
@full_precision
def weighted_cross_entropy(
    logits: Tensor, target: Tensor, *, weights: Sequence[float] | Tensor | None = None
) -> Tensor:
    """Cross-entropy, rare classes with a larger weight: half way between plain and balanced.

    The weighted mean ``sum_i w(t_i) (-log p_i(t_i)) / sum_i w(t_i)`` over painted pixels. Without weights of the
    user's own, ``w(k) = n_k^(-1/2)`` with n_k the painted pixels of class k in this batch: an exponent of 0 is the
    plain, one of -1 the balanced cross-entropy.

    Parameters
    ----------
    logits : Tensor, shape (B, C, Y, X), float
        Computed in float32, or in float64 where the logits are.
    target : Tensor, shape (B, Y, X), int64
        Class index 0 to C - 1, or -1 where nothing is painted.
    weights : sequence of float, length C, optional
        Weight of each class, all above 0.

    Returns
    -------
    Tensor, scalar
        At least 0; 0 without any painted pixel. The gradient at an unpainted pixel is exactly 0.

    Raises
    ------
    UsageError
        If there are not as many weights as classes, or one is not above 0.
    """
    painted = PaintedPixels.of(logits, target)
    if weights is None:
        by_class = painted.count.clamp(min=1).rsqrt()
    else:
        by_class = torch.as_tensor(weights, dtype=logits.dtype, device=logits.device)
        if by_class.shape != painted.count.shape or not bool((by_class > 0).all()):
            raise UsageError(
                f"The class weights cannot be {by_class.tolist()}. Give one number above 0 for each of the "
                f"{len(painted.count)} classes."
            )
    each = F.cross_entropy(painted.logits, painted.labels, reduction="none")
    pixels = by_class[painted.labels]
    # nothing painted: 0 / 1
    return (pixels * each).sum() / (pixels.sum() + (len(pixels) == 0))
