"""Norms folded into convolutions: the same numbers from fewer layers, and what cannot be folded stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from napari_unet.core.registry import Entry
from napari_unet.networks import REGISTRY as NETWORKS
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


def norms(module: nn.Module, image: torch.Tensor) -> int:
    """How many norms are run."""
    met = []
    hooks = [layer.register_forward_pre_hook(lambda *_: met.append(1)) for layer in module.modules()
             if isinstance(layer, (nn.BatchNorm2d, nn.BatchNorm3d))]
    module(image)
    for one in hooks:
        one.remove()
    return len(met)


@pytest.mark.parametrize(("build", "shape"), [
    (lambda: UNet(depth=2, width=4).build(2, 3), (1, 2, 16, 24)),
    (lambda: nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.BatchNorm3d(4), nn.ReLU()), (1, 1, 4, 6, 8)),
    (lambda: nn.Sequential(nn.Conv2d(2, 4, 3, groups=2, bias=False), nn.BatchNorm2d(4, eps=0.1)), (2, 2, 8, 8)),
    (lambda: nn.Sequential(nn.Sequential(nn.Conv2d(1, 4, 1), nn.BatchNorm2d(4)), nn.BatchNorm2d(4)), (1, 1, 8, 8)),
])
def test_the_numbers_are_those_with_norms(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    module = lively(build())
    image = torch.rand(shape)
    before, count = module(image), norms(module, image)
    folded = without_norms(module)
    assert norms(folded, image) < count
    assert norms(module, image) == count, "weights that come later are loaded into the module with norms"
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


class Standardised(nn.Conv2d):
    """Divides its weights by their spread at each call, as networks of others do."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        spread = self.weight.std((1, 2, 3), keepdim=True)
        return nn.functional.conv2d(x, self.weight / spread, self.bias)


class Doubled(nn.BatchNorm2d):
    """A norm of its own kind."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) * 2


class LooksInside(nn.Module):
    """Takes what single layers of a row give."""

    def __init__(self, part: bool) -> None:
        super().__init__()
        self.row = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.part = part

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.part:
            return self.row[:1](x) + self.row(x)
        given = []
        for layer in self.row:
            x = layer(x)
            given.append(x)
        return torch.cat(given, 1)


@pytest.mark.parametrize("build", [
    lambda: nn.Sequential(Standardised(1, 4, 3), nn.BatchNorm2d(4)),
    lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 4, 3)), nn.BatchNorm2d(4)),
    lambda: nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Conv2d(1, 4, 3)), nn.BatchNorm2d(4)),
    lambda: nn.Sequential(nn.Conv2d(1, 4, 3), Doubled(4)),
    lambda: LooksInside(part=False),
    lambda: LooksInside(part=True),
])
def test_networks_of_others_give_what_they_gave(build: Callable[[], nn.Module]) -> None:
    module, image = lively(build()), torch.rand(2, 1, 8, 8)
    torch.testing.assert_close(without_norms(module)(image), module(image), atol=1e-5, rtol=1e-5)


def test_who_hears_what_layers_give_hears_the_same() -> None:
    module = lively(nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2)))
    module[0].register_forward_hook(lambda *_: None)
    assert without_norms(module) is module


def test_folded_layers_move_with_their_module() -> None:
    folded = without_norms(lively(nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2)))).to(torch.float64)
    assert folded(torch.rand(1, 1, 4, 4, dtype=torch.float64)).dtype == torch.float64


@pytest.mark.parametrize("entry", list(NETWORKS), ids=lambda entry: entry.name)
def test_of_our_networks_no_norm_after_a_convolution_is_left(entry: Entry[Any]) -> None:
    module = lively(entry.item().build(1, 2))
    image = torch.rand((1, 1, 8, 64, 64) if any(isinstance(one, nn.Conv3d) for one in module.modules())
                       else (1, 1, 64, 64))
    folded = without_norms(module)
    torch.testing.assert_close(folded(image), module(image), atol=1e-4, rtol=1e-4)
    assert norms(folded, image) == 0
