"""Do the first step of a training on next to nothing. Learns nothing and keeps nothing."""

from __future__ import annotations

import copy
from collections.abc import Generator

import torch
from torch import nn

from ..core.threads import limit_threads
from ..predicting.devices import choose_device


def warm_up() -> Generator[None, None, None]:
    """Load ahead of time what torch loads at the first step of an optimizer, half of itself; yields between steps."""
    limit_threads(1)
    device = choose_device("auto")
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)).to(device.name)
    yield
    averaged = copy.deepcopy(module)
    optimizer = torch.optim.AdamW(module.parameters(), fused=device.kind != "mps")
    yield
    with device.autocast():
        found = module(torch.zeros(1, 1, 8, 8, device=device.name))
    found.float().square().mean().backward()
    yield
    nn.utils.clip_grad_norm_(module.parameters(), 1.0)
    optimizer.step()
    yield
    with torch.no_grad():
        torch._foreach_lerp_(list(averaged.parameters()), list(module.parameters()), 0.5)
