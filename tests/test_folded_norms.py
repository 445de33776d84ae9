"""Norms folded into convolutions: the same numbers from fewer layers, and what cannot be folded stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from napari_unet.networks.unet import UNet
from napari_unet.predicting.folded_norms import without_norms


def lively(module: nn.Module) -> nn.Module:
    """Statistics and factors that are not those of a fresh norm."""
    torch.manual_seed(0)
    for layer in module.modules():
        if isinstance(layer, (nn.BatchNorm2d, nn.BatchNorm3d)) and layer.running_var is not None:
            layer.running_mean.normal_(0, 0.3)
            layer.running_var.uniform_(0.5, 2)
            nn.init.normal_(layer.weight, 1, 0.3)
            nn.init.normal_(layer.bias, 0, 0.3)
    return module.eval().requires_grad_(False)


def norms(module: nn.Module) -> int:
    return sum(isinstance(layer, (nn.BatchNorm2d, nn.BatchNorm3d)) for layer in module.modules())


@pytest.mark.parametrize(("build", "shape"), [
    (lambda: UNet(depth=2, width=4).build(2, 3), (1, 2, 16, 24)),
    (lambda: nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.BatchNorm3d(4), nn.ReLU()), (1, 1, 4, 6, 8)),
    (lambda: nn.Sequential(nn.Conv2d(2, 4, 3, groups=2, bias=False), nn.BatchNorm2d(4, eps=0.1)), (2, 2, 8, 8)),
    (lambda: nn.Sequential(nn.Sequential(nn.Conv2d(1, 4, 1), nn.BatchNorm2d(4)), nn.BatchNorm2d(4)), (1, 1, 8, 8)),
])
def test_the_numbers_are_those_with_norms(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    module = lively(build())
    image = torch.rand(shape)
    before, count = module(image), norms(module)
    folded = without_norms(module)
    assert norms(folded) < count
    assert norms(module) == count, "weights that come later are loaded into the module with norms"
    torch.testing.assert_close(folded(image), before, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(module(image), before, atol=0, rtol=0)


class Backwards(nn.Sequential):
    """Runs its layers in an order of its own."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in reversed(self):
            x = layer(x)
        return x


@pytest.mark.parametrize("module", [
    nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.BatchNorm2d(2)),
    nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(1, 2, 1)),
    nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2, track_running_stats=False)),
    Backwards(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1)),
    UNet(depth=1, width=2, norm="channel").build(1, 2),
])
def test_where_nothing_can_be_folded_nothing_is_copied(module: nn.Module) -> None:
    assert without_norms(module.eval()) is module


def test_norms_that_learn_are_left() -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    assert without_norms(module.train()) is module
