"""Adding and removing classes of a network while it learns. Knows the last layer, not the rest."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

Rows = Sequence[int | None]
"""For each new output channel the old one it continues, or None for a new class."""

NEW_CLASS_OFFSET = 2.0
"""A new class starts with logits this much below the mean of the others, so that it claims nothing yet."""


def match_channels(old: Sequence[int], new: Sequence[int]) -> list[int | None]:
    """Return for each new class id the old output channel of the same id, or None."""
    return [list(old).index(number) if number in old else None for number in new]


def with_channels(head: nn.Conv2d, rows: Rows) -> nn.Conv2d:
    """Return a 1x1 convolution with these output channels; a new one starts as the mean of the old, a bit lower."""
    grown = nn.Conv2d(head.in_channels, len(rows), 1, bias=head.bias is not None)
    grown.to(device=head.weight.device, dtype=head.weight.dtype)
    with torch.no_grad():
        grown.weight.copy_(_pick(head.weight, rows, head.weight.mean(0)))
        if head.bias is not None and grown.bias is not None:
            grown.bias.copy_(_pick(head.bias, rows, head.bias.mean() - NEW_CLASS_OFFSET))
    return grown.train(head.training)


def replace_head(module: nn.Module, rows: Rows, optimizer: torch.optim.Optimizer | None = None) -> None:
    """Give a module's ``head`` other output channels; the optimizer keeps its state for all that stays.

    Parameters
    ----------
    module : Module
        With a 1x1 convolution called ``head``; changed in place.
    rows : sequence of int or None
        See :data:`Rows`.
    optimizer : Optimizer, optional
        One that trains the head; changed in place.
    """
    old = module.get_submodule("head")
    if not isinstance(old, nn.Conv2d):
        raise TypeError(f"the head of a network must be a 1x1 convolution, not {type(old).__name__}")
    new = with_channels(old, rows)
    module.head = new
    if optimizer is not None:
        _swap(optimizer, old.weight, new.weight, rows)
        if old.bias is not None and new.bias is not None:
            _swap(optimizer, old.bias, new.bias, rows)


def _swap(optimizer: torch.optim.Optimizer, old: Tensor, new: Tensor, rows: Rows) -> None:
    """Let a parameter take the place of another in an optimizer."""
    for group in optimizer.param_groups:
        group["params"] = [new if one is old else one for one in group["params"]]
    state = optimizer.state.pop(old, None)
    if state is None:
        return
    # a new channel takes the mean of the others: with a second moment of 0 its first updates would be far too large
    optimizer.state[new] = {
        name: _pick(value, rows, value.mean(0)) if isinstance(value, Tensor) and value.shape == old.shape else value
        for name, value in state.items()
    }


def _pick(values: Tensor, rows: Rows, fallback: Tensor) -> Tensor:
    return torch.stack([fallback if row is None else values[row] for row in rows]).detach().clone()
