"""Small networks with weights, and planes."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import torch
from torch import nn

from napari_unet.core.classes import ClassTable
from napari_unet.networks.unet import UNet
from napari_unet.networks.unet2015 import UNet2015
from napari_unet.predicting.weights import Weights, snapshot

NETWORKS = {
    **{f"{norm}-{upsampling}": UNet(2, 4, norm, 1, upsampling) for norm, upsampling in itertools.product(
        ("batch", "channel", "none"), ("transposed", "bilinear", "nearest", "unpool"))},
    "dilated": UNet(depth=2, width=4, dilation=3),
    "shallow": UNet(depth=1, width=4, upsampling="bilinear"),
    "deep": UNet(depth=4, width=2),
    "2015": UNet2015(width=2),
}


def weights_of(network: object, channels: int = 1, classes: tuple[int, ...] = (1, 2, 4), seed: int = 0) -> Weights:
    """Random weights, with statistics that are not those of a fresh batch norm."""
    torch.manual_seed(seed)
    module = network.build(channels, len(classes))
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.3)
            layer.running_var.uniform_(0.5, 2)
            nn.init.normal_(layer.bias, 0, 0.3)
    return snapshot(module, network, "unet", channels, ClassTable.default(classes))


def pixels(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def probabilities(logits: np.ndarray) -> np.ndarray:
    return torch.softmax(torch.from_numpy(logits), 0).numpy()


@dataclasses.dataclass(frozen=True)
class Pointwise:
    """Looks at single pixels: what a rotation does to it is known."""

    stride = 4
    halo = 4

    def build(self, channels: int, classes: int) -> nn.Module:
        module = nn.Sequential()
        module.add_module("head", nn.Conv2d(channels, classes, 1))
        return module
