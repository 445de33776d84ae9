"""Running statistics of BatchNorm layers: frozen, or measured anew. Trains nothing."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def batchnorm_layers(module: nn.Module) -> list[_BatchNorm]:
    """Return the BatchNorm layers of a module."""
    return [layer for layer in module.modules() if isinstance(layer, _BatchNorm)]


def freeze_batchnorm(module: nn.Module) -> None:
    """Let BatchNorm layers use their running statistics and leave them as they are, in training too."""
    for layer in batchnorm_layers(module):
        layer.eval()


def reset_batchnorm(module: nn.Module) -> None:
    """Forget the running statistics."""
    for layer in batchnorm_layers(module):
        layer.reset_running_stats()


def reestimate_batchnorm(
    module: nn.Module, batches: Iterable[Tensor], forward: Callable[[Tensor], Tensor]
) -> Generator[None, None, None]:
    """Measure the running statistics anew as the plain mean over batches; nothing else of the module changes.

    A moving average of weights never saw the activations that the trained weights were normalised by, so its statistics
    have to be measured with these very weights (Izmailov et al. 2018, "Averaging weights", section 3.2).

    Parameters
    ----------
    module : Module
        Left in eval mode.
    batches : iterable of Tensor, shape (B, C, Y, X)
    forward : callable
        Runs the module on a batch (device, precision).

    Yields
    ------
    None
        After each batch.
    """
    found = batchnorm_layers(module)
    module.eval()
    if not found:
        return
    momenta = [layer.momentum for layer in found]
    try:
        reset_batchnorm(module)
        for layer in found:
            layer.momentum = None  # a cumulative mean
            layer.train()
        for batch in batches:
            with torch.no_grad():
                forward(batch)
            yield
    finally:
        for layer, momentum in zip(found, momenta, strict=True):
            layer.momentum = momentum
            layer.eval()
