"""A SegNet: an encoder that remembers where its maxima were, and a decoder that puts values back there.

Knows nothing of images or training. V. Badrinarayanan, A. Kendall, R. Cipolla: SegNet: A Deep Convolutional
Encoder-Decoder Architecture for Image Segmentation. IEEE TPAMI 2017, section 3. No features are passed from encoder to
decoder, only places; each encoder level has its mirror image in the decoder. Here a level has two convolutions, and
there are fewer channels.

Where two pixels of a pooling cell are equal but for rounding, a tile and the whole plane may disagree on which of them
is the maximum; apart from that they agree.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated

from torch import Tensor, nn
from torch.nn import functional

from napari_unet.core import parameters
from napari_unet.core.parameters import Parameter

from . import register
from ._layers import convolution, double_convolution, full_precision_head, he_initialise
from ._receptive_field import FiniteReceptiveField, Span, through_encoder


@register("segnet", "SegNet")
@dataclasses.dataclass(frozen=True)
class SegNet(FiniteReceptiveField):
    """SegNet of 2015: borders come back to where the strongest responses were; fewer weights than a U-Net.

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
            span = span.around(2).cells()
            total |= through_encoder(span, level)
            span = span.risen()
        return total

    def build(self, channels: int, classes: int) -> nn.Module:
        """Return the module with He initialisation, from torch's global generator.

        Parameters
        ----------
        channels : int
            Image channels.
        classes : int
            Output channels.
        """
        return SegNetModule(self, channels, classes)


class SegNetModule(nn.Module):
    """The layers of :class:`SegNet`; maps (B, channels, Y, X) to float32 logits (B, classes, Y, X)."""

    def __init__(self, parameters: SegNet, channels: int, classes: int) -> None:
        super().__init__()
        widths = [parameters.width * 2**level for level in range(parameters.depth)]
        self.encoder = nn.ModuleList(double_convolution(channels if level == 0 else widths[level - 1], width)
                                     for level, width in enumerate(widths))
        self.decoder = nn.ModuleList(
            nn.Sequential(convolution(width, width), convolution(width, widths[max(level - 1, 0)]))
            for level, width in enumerate(widths)
        )
        self.head = nn.Conv2d(parameters.width, classes, 1)
        he_initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes, Y, X) for (B, channels, Y, X); Y and X are multiples of the stride."""
        switches = []
        for block in self.encoder:
            x, switch = functional.max_pool2d(block(x), 2, return_indices=True)
            switches.append(switch)
        for block in reversed(self.decoder):
            x = block(functional.max_unpool2d(x, switches.pop(), (2, 2)))
        return full_precision_head(self.head, x)
