"""A small vision transformer with a convolutional decoder (after UNETR). Knows nothing of images or training.

A. Dosovitskiy et al.: An Image is Worth 16x16 Words. ICLR 2021, section 3.1, for the encoder; A. Hatamizadeh et al.:
UNETR: Transformers for 3D Medical Image Segmentation. WACV 2022, section 3, for the decoder, which takes its skips from
the layers of the transformer and, at full resolution, from the image. Planes come in all sizes, so that there is no
table of positions: a depthwise 3x3 convolution over the grid of tokens tells them apart (X. Chu et al.: Conditional
Positional Encodings for Vision Transformers. ICLR 2023).

Every token looks at every other, so that the whole plane is computed at once (no halo); time grows with the square of
its pixels.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Annotated, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_unet.core import parameters
from napari_unet.core.parameters import Parameter

from . import register
from ._layers import double_convolution, full_precision_head, he_initialise

HEADS = 4
EMBEDDING = 8
"""Channels of a token, as a multiple of the width."""


@register("vit", "Vision transformer")
@dataclasses.dataclass(frozen=True)
class ViT:
    """Vision transformer: compares every part of the plane with every other; needs the whole plane at once.

    It learns slower than networks of convolutions, and a plane of several thousand pixels a side takes minutes.

    Raises
    ------
    UsageError
        If a parameter is out of its bounds.
    """

    width: Annotated[int, Parameter("Channels at full resolution, 8 times as many in the transformer; more learns "
                                    "finer differences but is slower", min=2, max=128, advanced=True)] = 16
    layers: Annotated[int, Parameter("How many times all parts are compared", min=1, max=24, advanced=True)] = 4
    token: Annotated[Literal[8, 16], Parameter("Side of the parts that are compared; smaller is finer, and up to 16 "
                                               "times slower", unit="px", advanced=True)] = 16

    def __post_init__(self) -> None:
        parameters.check(self)

    @property
    def stride(self) -> int:
        """Side of a token in pixels."""
        return int(self.token)

    @property
    def halo(self) -> None:
        """None: every pixel depends on the whole plane."""
        return

    def build(self, channels: int, classes: int) -> nn.Module:
        """Return the module with fresh weights, from torch's global generator.

        Parameters
        ----------
        channels : int
            Image channels.
        classes : int
            Output channels.
        """
        return ViTModule(self, channels, classes)


class TransformerLayer(nn.Module):
    """One layer of a transformer: each token takes from all, then each is changed by itself; norms come first.

    The norm is over the channels of one token, so that it knows nothing of the size of the plane.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.inward = nn.Linear(width, 3 * width)
        self.outward = nn.Linear(width, width)
        self.change_norm = nn.LayerNorm(width)
        self.change = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return tokens (B, N, D) for tokens (B, N, D)."""
        batch, tokens, width = x.shape
        parts = self.inward(self.attention_norm(x)).view(batch, tokens, 3, HEADS, width // HEADS)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        taken = functional.scaled_dot_product_attention(query, key, value)
        x = x + self.outward(taken.transpose(1, 2).reshape(batch, tokens, width))
        changed: Tensor = x + self.change(self.change_norm(x))
        return changed


class ViTModule(nn.Module):
    """The layers of :class:`ViT`; maps (B, channels, Y, X) to float32 logits (B, classes, Y, X)."""

    def __init__(self, parameters: ViT, channels: int, classes: int) -> None:
        super().__init__()
        inner = EMBEDDING * parameters.width
        depth = parameters.token.bit_length() - 1
        widths = [parameters.width * 2**level for level in range(depth)]
        # the layer whose tokens a level takes: the coarser the level, the later
        self.taps = [max(1, level * parameters.layers // depth) for level in range(1, depth)]
        self.embed = nn.Conv2d(channels, inner, parameters.token, stride=parameters.token)
        self.place = nn.Conv2d(inner, inner, 3, padding=1, groups=inner)
        self.layers = nn.ModuleList(TransformerLayer(inner) for _ in range(parameters.layers))
        self.norm = nn.LayerNorm(inner)
        self.image = double_convolution(channels, parameters.width)
        self.skips = nn.ModuleList(
            nn.ConvTranspose2d(inner, width, parameters.token // 2**level, stride=parameters.token // 2**level)
            for level, width in enumerate(widths[1:], 1)
        )
        self.rise = nn.ModuleList(nn.ConvTranspose2d(wide, narrow, 2, stride=2)
                                  for narrow, wide in itertools.pairwise([*widths, inner]))
        self.decoder = nn.ModuleList(double_convolution(2 * width, width) for width in widths)
        self.head = nn.Conv2d(parameters.width, classes, 1)
        he_initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes, Y, X) for (B, channels, Y, X); Y and X are multiples of the stride."""
        skips = [self.image(x)]
        x = self.embed(x)
        x = x + self.place(x)
        grid = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        states = []
        for layer in self.layers:
            tokens = layer(tokens)
            states.append(tokens)
        skips += [skip(_on_grid(states[tap - 1], grid)) for skip, tap in zip(self.skips, self.taps, strict=True)]
        x = _on_grid(self.norm(tokens), grid)
        for rise, block in zip(reversed(self.rise), reversed(self.decoder), strict=True):
            x = block(torch.cat([skips.pop(), rise(x)], dim=1))
        return full_precision_head(self.head, x)


def _on_grid(tokens: Tensor, shape: torch.Size) -> Tensor:
    """Return tokens (B, N, D) as (B, D, Y, X)."""
    return tokens.transpose(1, 2).reshape(shape)
