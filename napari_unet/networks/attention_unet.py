"""A U-Net whose skips pass additive attention gates. Knows nothing of images or training.

O. Oktay et al.: Attention U-Net: Learning Where to Look for the Pancreas. MIDL 2018, section 3 and figure 2. The gate
of a level looks at its skip and at the decoder's result one level below, both at the coarser resolution. It gives one
weight between 0 and 1 per pixel. The weights are enlarged bilinearly and multiply all channels of the skip.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_unet.core import parameters
from napari_unet.core.parameters import Parameter

from . import register
from ._layers import double_convolution, full_precision_head, he_initialise, upsampled
from ._receptive_field import FiniteReceptiveField, Span, through_encoder

OPEN = 2.0
"""Offset before the sigmoid of a gate that has learnt nothing: it lets 0.88 through, so that skips work at once."""


@register("attention_unet", "Attention U-Net")
@dataclasses.dataclass(frozen=True)
class AttentionUNet(FiniteReceptiveField):
    """U-Net that learns where to look: gates hide fine detail where the surrounding says it is not wanted.

    Raises
    ------
    UsageError
        If a parameter is out of its bounds.
    """

    depth: Annotated[int, Parameter("How many times the picture is halved; more sees a wider surrounding", min=1, max=6,
                                    advanced=True)] = 4
    width: Annotated[int, Parameter("Channels at full resolution, doubled at each halving; more learns finer "
                                    "differences but is slower", min=2, max=128, advanced=True)] = 16

    def __post_init__(self) -> None:
        parameters.check(self)

    @property
    def stride(self) -> int:
        """Pixels of the plane per pixel of the coarsest level."""
        return int(2**self.depth)

    def need(self, span: Span) -> Span:
        """Return the pixels of the input that the pixels ``span`` of the output depend on."""
        total = span
        for level in range(self.depth):
            span = span.around(2)
            below = span.smooth()  # the gate's, which holds that of the transposed convolution
            total |= through_encoder(span | below.pooled(), level)
            span = below
        return total | through_encoder(span, self.depth)

    def build(self, channels: int, classes: int) -> nn.Module:
        """Return the module with He initialisation, from torch's global generator.

        Parameters
        ----------
        channels : int
            Image channels.
        classes : int
            Output channels.
        """
        return AttentionUNetModule(self, channels, classes)


class Gate(nn.Module):
    """Additive attention: weighs the pixels of a skip by what the skip and the level below say together.

    Parameters
    ----------
    skip, below : int
        Channels.
    """

    def __init__(self, skip: int, below: int) -> None:
        super().__init__()
        inner = max(1, skip // 2)
        self.skip = nn.Conv2d(skip, inner, 2, stride=2, bias=False)
        self.below = nn.Conv2d(below, inner, 1)
        self.weight = nn.Conv2d(inner, 1, 1)

    def weights(self, skip: Tensor, below: Tensor) -> Tensor:
        """Return a weight per pixel, (B, 1, Y, X), for (B, C, Y, X) and (B, D, Y / 2, X / 2)."""
        said = functional.relu(self.skip(skip) + self.below(below))
        return upsampled(torch.sigmoid(self.weight(said)), 2)

    def forward(self, skip: Tensor, below: Tensor) -> Tensor:
        """Return the weighed skip (B, C, Y, X)."""
        return skip * self.weights(skip, below)


class AttentionUNetModule(nn.Module):
    """The layers of :class:`AttentionUNet`; maps (B, channels, Y, X) to float32 logits (B, classes, Y, X)."""

    def __init__(self, parameters: AttentionUNet, channels: int, classes: int) -> None:
        super().__init__()
        widths = [parameters.width * 2**level for level in range(parameters.depth + 1)]
        pairs = list(itertools.pairwise(widths))
        self.encoder = nn.ModuleList(double_convolution(channels if level == 0 else widths[level - 1], width)
                                     for level, width in enumerate(widths))
        self.gates = nn.ModuleList(Gate(narrow, wide) for narrow, wide in pairs)
        self.rise = nn.ModuleList(nn.ConvTranspose2d(wide, narrow, 2, stride=2) for narrow, wide in pairs)
        self.decoder = nn.ModuleList(double_convolution(2 * width, width) for width in widths[:-1])
        self.head = nn.Conv2d(parameters.width, classes, 1)
        he_initialise(self)
        for gate in self.gates:
            assert isinstance(gate, Gate)
            nn.init.constant_(gate.weight.bias, OPEN)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes, Y, X) for (B, channels, Y, X); Y and X are multiples of the stride."""
        skips = []
        for level, block in enumerate(self.encoder):
            x = block(x if level == 0 else functional.max_pool2d(x, 2))
            skips.append(x)
        skips.pop()
        for gate, rise, block in zip(*map(reversed, (self.gates, self.rise, self.decoder)), strict=True):
            x = block(torch.cat([gate(skips.pop(), x), rise(x)], dim=1))
        return full_precision_head(self.head, x)
