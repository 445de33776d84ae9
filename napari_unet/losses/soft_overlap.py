"""Losses of overlap on painted pixels: soft Dice, its squared form, soft IoU. Knows nothing of strokes or training."""

from __future__ import annotations

from torch import Tensor

from . import register
from ._painted import Overlap, PaintedPixels, full_precision, mean_over_classes


@register("dice", "Soft Dice")
@full_precision
def dice_loss(logits: Tensor, target: Tensor, *, balanced: bool = True) -> Tensor:
    """Overlap of whole classes (soft Dice), rare and common ones alike.

    1 minus the mean of the Dice coefficients of the classes that have paint in this batch,
    ``D_k = 2 sum_i w_i p_i(k) t_i(k) / sum_i w_i (p_i(k) + t_i(k))``. The sums go over painted pixels i of the whole
    batch; p is the soft-max, t the one-hot target, and ``w_i = 1/n_k`` of the pixel's class. So a class painted with a
    broad brush weighs no more than one painted with a fine one. Without the weights (``w = 1``) this is the form with
    sums in the denominator, as in Drozdzal et al. 2016 and Sudre et al. 2017.

    Parameters
    ----------
    logits : Tensor, shape (B, C, Y, X), float
        Computed in float32, or in float64 where the logits are.
    target : Tensor, shape (B, Y, X), int64
        Class index 0 to C - 1, or -1 where nothing is painted.
    balanced : bool
        Whether to weigh pixels by class; False for planes that are labelled everywhere, where areas mean something.

    Returns
    -------
    Tensor, scalar
        0 to 1; 0 without any painted pixel. The gradient at an unpainted pixel is exactly 0.
    """
    painted = PaintedPixels.of(logits, target)
    count = Overlap.of(painted, balanced)
    wrong = count.missed + count.false
    # 1 - D without the subtraction, which would lose digits near D = 1; absent classes must not divide by 0
    return mean_over_classes(wrong / (2 * count.hit + wrong + ~painted.present), painted.present)


@register("dice_squared", "Soft Dice, squared denominator")
@full_precision
def dice_squared_loss(logits: Tensor, target: Tensor, *, balanced: bool = True) -> Tensor:
    """Overlap of whole classes (soft Dice with squares), which pulls less at pixels that are nearly right.

    ``D_k = 2 sum_i w_i p_i(k) t_i(k) / sum_i w_i (p_i(k)^2 + t_i(k)^2)``, the coefficient of Milletari et al. 2016
    (V-Net, section 3) if ``w = 1``; weights, mean and parameters as for the loss ``dice``.

    Parameters
    ----------
    logits : Tensor, shape (B, C, Y, X), float
        Computed in float32, or in float64 where the logits are.
    target : Tensor, shape (B, Y, X), int64
        Class index 0 to C - 1, or -1 where nothing is painted.
    balanced : bool
        Whether to weigh pixels by class; False for planes that are labelled everywhere, where areas mean something.

    Returns
    -------
    Tensor, scalar
        0 to 1; 0 without any painted pixel. The gradient at an unpainted pixel is exactly 0.
    """
    painted = PaintedPixels.of(logits, target)
    probability, truth = painted.logits.softmax(1), painted.truth
    weights = painted.weights(balanced)[:, None]
    wrong = (weights * (probability - truth) ** 2).sum(0)
    squares = (weights * (probability**2 + truth)).sum(0)  # a one-hot vector is its own square
    return mean_over_classes(wrong / (squares + ~painted.present), painted.present)


@register("iou", "Soft IoU")
@full_precision
def iou_loss(logits: Tensor, target: Tensor, *, balanced: bool = True) -> Tensor:
    """Overlap of whole classes as intersection over union (soft IoU); less lenient than Dice.

    1 minus the mean over the classes that have paint in this batch of
    ``J_k = sum_i w_i p_i(k) t_i(k) / sum_i w_i (p_i(k) + t_i(k) - p_i(k) t_i(k))`` (Rahman and Wang 2016, if
    ``w = 1``); weights, mean and parameters as for the loss ``dice``.

    Parameters
    ----------
    logits : Tensor, shape (B, C, Y, X), float
        Computed in float32, or in float64 where the logits are.
    target : Tensor, shape (B, Y, X), int64
        Class index 0 to C - 1, or -1 where nothing is painted.
    balanced : bool
        Whether to weigh pixels by class; False for planes that are labelled everywhere, where areas mean something.

    Returns
    -------
    Tensor, scalar
        0 to 1; 0 without any painted pixel. The gradient at an unpainted pixel is exactly 0.
    """
    painted = PaintedPixels.of(logits, target)
    count = Overlap.of(painted, balanced)
    wrong = count.missed + count.false
    return mean_over_classes(wrong / (count.hit + wrong + ~painted.present), painted.present)
