"""Sums of losses on painted pixels: each term makes up for what the other does not see. Defines no new term."""

from __future__ import annotations

from torch import Tensor

from . import register
from .border import border_cross_entropy
from .cldice import cldice
from .cross_entropy import balanced_cross_entropy
from .focal import focal
from .soft_overlap import dice_loss
from .tversky import tversky


@register("dice_cross_entropy", "Dice and cross-entropy")
def dice_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Sum of balanced cross-entropy and soft Dice: certainty of pixels and overlap of whole classes.

    Parameters
    ----------
    logits : Tensor, shape (B, C, Y, X), float
    target : Tensor, shape (B, Y, X), int64
        Class index 0 to C - 1, or -1 where nothing is painted.

    Returns
    -------
    Tensor, scalar
        At least 0; 0 without any painted pixel. The gradient at an unpainted pixel is exactly 0.
    """
    return balanced_cross_entropy(logits, target) + dice_loss(logits, target)


@register("dice_focal", "Dice and focal")
def dice_focal(logits: Tensor, target: Tensor) -> Tensor:
    """Sum of focal loss and soft Dice: hard pixels and overlap of whole classes.

    Parameters
    ----------
    logits : Tensor, shape (B, C, Y, X), float
    target : Tensor, shape (B, Y, X), int64
        Class index 0 to C - 1, or -1 where nothing is painted.

    Returns
    -------
    Tensor, scalar
        At least 0; 0 without any painted pixel. The gradient at an unpainted pixel is exactly 0.
    """
    return focal(logits, target) + dice_loss(logits, target)


@register("tversky_cross_entropy", "Tversky and cross-entropy")
def tversky_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Sum of balanced cross-entropy and Tversky: certainty of pixels, and little that is missed.

    Parameters
    ----------
    logits : Tensor, shape (B, C, Y, X), float
    target : Tensor, shape (B, Y, X), int64
        Class index 0 to C - 1, or -1 where nothing is painted.

    Returns
    -------
    Tensor, scalar
        At least 0; 0 without any painted pixel. The gradient at an unpainted pixel is exactly 0.
    """
    return balanced_cross_entropy(logits, target) + tversky(logits, target)


@register("cldice_dice", "clDice and Dice")
def cldice_dice(logits: Tensor, target: Tensor, *, alpha: float = 0.5) -> Tensor:
    """Mix of centre-line Dice and soft Dice: no breaks in thin structures, and the right width.

    ``(1 - alpha) dice + alpha cldice`` (Shit et al. 2021, equation 3).

    Parameters
    ----------
    logits : Tensor, shape (B, C, Y, X), float
    target : Tensor, shape (B, Y, X), int64
        Class index 0 to C - 1, or -1 where nothing is painted.
    alpha : float
        0 to 1; the paper takes at most 0.5.

    Returns
    -------
    Tensor, scalar
        0 to 1; 0 without any painted pixel. The gradient at an unpainted pixel is exactly 0.
    """
    return (1 - alpha) * dice_loss(logits, target) + alpha * cldice(logits, target)


@register("dice_border_cross_entropy", "Dice and border-weighted cross-entropy")
def dice_border_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Sum of border-weighted cross-entropy and soft Dice; needs planes labelled everywhere.

    Parameters
    ----------
    logits : Tensor, shape (B, C, Y, X), float
    target : Tensor, shape (B, Y, X), int64
        Class index 0 to C - 1, or -1 where nothing is known.

    Returns
    -------
    Tensor, scalar
        At least 0; 0 without any labelled pixel. The gradient at an unlabelled pixel is exactly 0.

    Raises
    ------
    UserError
        If a patch is labelled with strokes only.
    """
    return border_cross_entropy(logits, target) + dice_loss(logits, target)
