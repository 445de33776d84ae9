"""What the tests of losses share: logits with paint, and probabilities computed by hand."""

from __future__ import annotations

import numpy as np
import torch

from napari_unet import losses

DENSE = ("border_cross_entropy", "dice_border_cross_entropy")
"""Losses that refuse strokes."""


def example(seed=0, shape=(2, 3, 4, 5), painted=0.5):
    """Random logits (B, C, Y, X) float32 and targets (B, Y, X), painted here and there."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(shape, generator=generator)
    target = torch.randint(0, shape[1], (shape[0], *shape[2:]), generator=generator)
    target[torch.rand(target.shape, generator=generator) > painted] = -1
    return logits, target


def example_for(name, seed=0, shape=(2, 3, 4, 5)):
    """The same; for losses that need it, painted everywhere but in the outer columns."""
    if name not in DENSE:
        return example(seed, shape)
    logits, target = example(seed, shape, painted=1)
    target[..., 0] = target[..., -1] = -1
    return logits, target


def call(name, logits, target, **options):
    return losses.REGISTRY[name](logits, target, **options)


def softmax(logits):
    """Probabilities (C, n) of float64 logits (C, n), by hand."""
    raised = np.exp(logits - logits.max(0))
    return raised / raised.sum(0)


def painted(logits, target):
    """Logits (C, n) float64 and labels (n,) of painted pixels."""
    keep = target.numpy().ravel() >= 0
    flat = logits.double().numpy().transpose(1, 0, 2, 3).reshape(logits.shape[1], -1)
    return flat[:, keep], target.numpy().ravel()[keep]
