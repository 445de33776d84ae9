"""Tversky and focal Tversky loss on painted pixels. Knows nothing of strokes, images or training."""

from __future__ import annotations

from torch import Tensor

from . import register
from ._painted import Overlap, PaintedPixels, full_precision, mean_over_classes

ROUND = 1e-6
"""What the focal Tversky loss adds under its power, whose slope at a perfect overlap would be infinite."""


@register("tversky", "Tversky")
@full_precision
def tversky(
    logits: Tensor, target: Tensor, *, false: float = 0.3, missed: float = 0.7, balanced: bool = True
) -> Tensor:
    """Overlap that minds what is missed more than what is too much; for small or thin objects.

    1 minus the mean Tversky index ``T_k = TP / (TP + a FP + b FN)`` with a = 0.3 and b = 0.7 (Salehi et al. 2017),
    ``TP = sum_i w_i p_i(k) t_i(k)``, ``FP = sum_i w_i p_i(k) (1 - t_i(k))`` and ``FN = sum_i w_i (1 - p_i(k)) t_i(k)``
    over painted pixels i of the whole batch, ``w_i = 1/n_k`` of the pixel's class. The mean is over classes that have
    paint, without the background (class index 0): what is missed of a class is too much of the background, so that a
    term for the background would undo the preference. a = b = 1/2 is Dice, a = b = 1 is IoU.

    Parameters
    ----------
    logits : Tensor, shape (B, C, Y, X), float
        Computed in float32, or in float64 where the logits are.
    target : Tensor, shape (B, Y, X), int64
        Class index 0 to C - 1, or -1 where nothing is painted.
    false, missed : float
        a and b, above 0.
    balanced : bool
        Whether to weigh pixels by class; False for planes that are labelled everywhere, where areas mean something.

    Returns
    -------
    Tensor, scalar
        0 to 1; 0 if nothing but background is painted. The gradient at an unpainted pixel is exactly 0.
    """
    painted = PaintedPixels.of(logits, target)
    return mean_over_classes(_distance(painted, false, missed, balanced), painted.foreground)


@register("focal_tversky", "Focal Tversky")
@full_precision
def focal_tversky(
    logits: Tensor,
    target: Tensor,
    *,
    false: float = 0.3,
    missed: float = 0.7,
    gamma: float = 4 / 3,
    balanced: bool = True,
) -> Tensor:
    """Tversky that keeps pulling at classes which overlap well already, so that small objects are finished.

    The mean of ``(1 - T_k)^(1/gamma)``, gamma = 4/3, over classes other than the background (Abraham and Khan 2019,
    where alpha is our b = 0.7 and beta our a = 0.3); T_k as for the loss ``tversky``. Its slope would be infinite at
    T_k = 1, so it is computed as ``(1 - T_k + e)^(1/gamma) - e^(1/gamma)`` with e = 1e-6.

    Parameters
    ----------
    logits : Tensor, shape (B, C, Y, X), float
        Computed in float32, or in float64 where the logits are.
    target : Tensor, shape (B, Y, X), int64
        Class index 0 to C - 1, or -1 where nothing is painted.
    false, missed : float
        a and b, above 0.
    gamma : float
        Above 0.
    balanced : bool
        Whether to weigh pixels by class; False for planes that are labelled everywhere, where areas mean something.

    Returns
    -------
    Tensor, scalar
        0 to 1; 0 if nothing but background is painted. The gradient at an unpainted pixel is exactly 0.
    """
    painted = PaintedPixels.of(logits, target)
    distance = _distance(painted, false, missed, balanced)
    return mean_over_classes((distance + ROUND) ** (1 / gamma) - ROUND ** (1 / gamma), painted.foreground)


def _distance(painted: PaintedPixels, false: float, missed: float, balanced: bool) -> Tensor:
    """Return 1 minus the Tversky index of each class, (C,), never below 0; 0 for a class without paint."""
    count = Overlap.of(painted, balanced)
    wrong = false * count.false + missed * count.missed
    absent = ~painted.present
    return wrong / (count.hit + wrong + absent) * painted.present
