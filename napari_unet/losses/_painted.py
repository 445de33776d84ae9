"""What all losses on painted pixels share. Is no loss itself."""

from __future__ import annotations

from torch import Tensor


def painted_logits(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Pick the logits (n, C) float32 and class indices (n,) of the n painted pixels.

    The soft-max works pixel by pixel, so picking pixels before it is the same as masking after it, at a fraction of the
    cost; and a pixel that is not picked has a gradient of exactly 0, whatever its logits are. Setting logits of
    unpainted pixels to 0 instead would leave probabilities of 1/C there.
    """
    painted = target >= 0
    return logits.permute(0, 2, 3, 1)[painted].float(), target[painted]


def class_sums(values: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Sum values (n,) by class, shape (classes,)."""
    return values.new_zeros(classes).index_add(0, labels, values)
