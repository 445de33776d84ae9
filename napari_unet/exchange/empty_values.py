"""Numbers that stand for "nothing was measured here", found in tensors as :mod:`napari_unet.core.no_data` does it."""

from __future__ import annotations

import torch
from torch import Tensor

from napari_unet.core import no_data

_FEWEST, _GAP, _HUGE, _TIMES = 64, 0.1, 1e19, 1000.0
"""Fewest pixels, how far apart from all others, from where on numbers are huge, and how much larger than all others."""

_ROUNDS = 2
"""Different numbers that are found at each end; more are not met."""


def without_fill(planes: Tensor) -> Tensor:
    """Return planes (B, C, Y, X) with NaN where a channel has a number that programs fill pictures with.

    From the outside in: such a number counts where it is repeated, and lies apart from all others.
    """
    finite = torch.isfinite(planes)
    values = torch.where(finite, planes, torch.inf).flatten(2).sort(-1).values
    enough = torch.ones_like(values).sum(-1, keepdim=True) >= _FEWEST
    known = torch.tensor(no_data.KNOWN, dtype=values.dtype, device=values.device)
    first, stop = torch.zeros_like(values[..., :1], dtype=torch.int64), finite.flatten(2).sum(-1, keepdim=True)
    found = torch.zeros_like(finite)
    for top in (True, False) * _ROUNDS:
        value = _at(values, stop - 1 if top else first)
        same = (values == value).sum(-1, keepdim=True)
        begin, end = (first, stop - same) if top else (first + same, stop)
        low, high = _at(values, begin), _at(values, end - 1)
        distance = value - high if top else low - value
        far = (begin >= end) | ((value < 0) & (low >= 0)) | (
            (distance > 0) & (distance >= _GAP * _span(values, begin, end)))
        huge = (value.abs() >= _HUGE) & (
            (begin >= end) | (value.abs() / _TIMES >= torch.maximum(low.abs(), high.abs())))
        fill = enough & ((value == known).any(-1, keepdim=True) | huge) & (same > 1) & far
        first, stop = torch.where(fill, begin, first), torch.where(fill, end, stop)
        found = found | (fill[..., None] & (planes == value[..., None]))
    return torch.where(found, torch.nan, planes)


def _at(values: Tensor, places: Tensor) -> Tensor:
    """Return sorted values at places, (B, C, 1)."""
    return torch.gather(values, 2, places.clamp_min(0).minimum(torch.full_like(places, values.shape[2] - 1)))


def _span(values: Tensor, first: Tensor, count: Tensor) -> Tensor:
    """Return how far the first and the last hundredth of sorted values lie apart."""
    left = (count - first - 1).double()
    low, high = (_at(values, first + (left * part).round().long()) for part in (0.01, 0.99))
    return high - low
