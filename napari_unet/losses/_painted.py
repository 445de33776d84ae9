"""What all losses on painted pixels share: which pixels count, in what precision. Is no loss itself."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec

import torch
from torch import Tensor

Options = ParamSpec("Options")


def full_precision(loss: Callable[Concatenate[Tensor, Tensor, Options], Tensor]) -> Callable[
    Concatenate[Tensor, Tensor, Options], Tensor
]:
    """Let a loss work in float32 (float64 stays), whatever the logits come in and whatever autocast says."""

    @functools.wraps(loss)
    def precise(logits: Tensor, target: Tensor, *args: Options.args, **options: Options.kwargs) -> Tensor:
        if logits.dtype is not torch.float64:
            logits = logits.float()
        with torch.autocast(logits.device.type, enabled=False):
            return loss(logits, target, *args, **options)

    return precise


@dataclasses.dataclass(frozen=True, eq=False)
class PaintedPixels:
    """The painted pixels of a batch.

    Parameters
    ----------
    logits : Tensor, shape (n, C)
    labels : Tensor, shape (n,), int64
        Class index, 0 to C - 1.
    count : Tensor, shape (C,)
        Painted pixels of each class, in the type of the logits.
    """

    logits: Tensor
    labels: Tensor
    count: Tensor

    @classmethod
    def of(cls, logits: Tensor, target: Tensor) -> PaintedPixels:
        """Pick the painted pixels of logits (B, C, Y, X) and targets (B, Y, X).

        The soft-max works pixel by pixel, so picking pixels before it is the same as masking after it, at a fraction
        of the cost; and a pixel that is not picked has a gradient of exactly 0, whatever its logits are. Setting
        logits of unpainted pixels to 0 instead would leave probabilities of 1/C there.
        """
        painted = target >= 0
        picked, labels = logits.permute(0, 2, 3, 1)[painted], target[painted]
        ones = picked.new_ones(len(labels))
        return cls(picked, labels, picked.new_zeros(picked.shape[1]).index_add(0, labels, ones))

    @property
    def present(self) -> Tensor:
        """Which classes have paint, (C,) bool."""
        return self.count > 0

    @property
    def foreground(self) -> Tensor:
        """Which classes other than the background (the first) have paint, (C,) bool."""
        return self.present & (torch.arange(len(self.count), device=self.count.device) > 0)

    @property
    def truth(self) -> Tensor:
        """Labels as one-hot vectors, (n, C) in the type of the logits."""
        return torch.nn.functional.one_hot(self.labels, len(self.count)).to(self.logits.dtype)

    def weights(self, balanced: bool) -> Tensor:
        """Return the weight of each pixel, (n,): 1, or balanced 1/n_k of its class, so that each class sums to 1."""
        if not balanced:
            return self.count.new_ones(len(self.labels))
        return (1 / self.count.clamp(min=1))[self.labels]

    def mean_over_pixels(self, each: Tensor, balanced: bool) -> Tensor:
        """Return the mean of values (n,) over pixels, or balanced over classes and then pixels; 0 of nothing."""
        classes_or_pixels = self.present.sum() if balanced else self.count.sum()  # what the weights sum to
        return (self.weights(balanced) * each).sum() / classes_or_pixels.clamp(min=1)


@dataclasses.dataclass(frozen=True, eq=False)
class Overlap:
    """Soft counts of each class over painted pixels, all of shape (C,).

    Parameters
    ----------
    hit : Tensor
        Probability of the class on its own pixels, summed.
    missed : Tensor
        Probability of other classes on its pixels.
    false : Tensor
        Probability of the class on pixels of other classes.
    """

    hit: Tensor
    missed: Tensor
    false: Tensor

    @classmethod
    def of(cls, painted: PaintedPixels, balanced: bool) -> Overlap:
        """Count; balanced: as if every class had as many painted pixels as any other."""
        probability, truth = painted.logits.softmax(1), painted.truth
        weights = painted.weights(balanced)[:, None]
        return cls(
            (weights * probability * truth).sum(0),
            (weights * (1 - probability) * truth).sum(0),
            (weights * probability * (1 - truth)).sum(0),
        )


def mean_over_classes(values: Tensor, chosen: Tensor) -> Tensor:
    """Return the mean of values (C,) over the chosen classes, (C,) bool; 0 if there are none."""
    return (values * chosen).sum() / chosen.sum().clamp(min=1)
