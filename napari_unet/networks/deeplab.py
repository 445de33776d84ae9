"""An encoder-decoder with an atrous spatial pyramid (after DeepLabv3+). Knows nothing of images or training.

L.-C. Chen, Y. Zhu, G. Papandreou, F. Schroff, H. Adam: Encoder-Decoder with Atrous Separable Convolution for Semantic
Image Segmentation. ECCV 2018, sections 3.1 and 3.2. The proportions are those of the paper, one halving finer: the
pyramid works at a stride of 8, its result is enlarged by 4, joined to features of a stride of 2, and the scores are
enlarged to the plane. Rates are small, because with large ones a patch of 192 px (24 at a stride of 8) would leave most
of a kernel in the padding.

The pyramid has no branch of image-level pooling. It makes every pixel depend on all of the plane: what is learnt from
patches would not hold for planes, and planes could not be predicted tile by tile. Without it the halo is finite. The
encoder is small, of plain instead of separable convolutions, and learns from nothing.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_unet.core import parameters
from napari_unet.core.parameters import Parameter

from . import register
from ._layers import convolution, double_convolution, full_precision_head, he_initialise, upsampled
from ._receptive_field import FiniteReceptiveField, Span, through_encoder

POOLINGS = 3
FINE = 1
"""Poolings before the features that the decoder joins."""

LAST_DILATION = 2
"""Of two more convolutions at the coarsest level, in place of another halving."""


@register("deeplab", "DeepLab")
@dataclasses.dataclass(frozen=True)
class DeepLab(FiniteReceptiveField):
    """DeepLab after the 2018 version: looks at several distances at once; good where size and context tell classes.

    Raises
    ------
    UsageError
        If a parameter is out of its bounds.
    """

    width: Annotated[int, Parameter("Channels at full resolution, 8 times as many at the coarsest; more learns finer "
                                    "differences but is slower", min=2, max=128, advanced=True)] = 16
    rate: Annotated[int, Parameter("Distance, in steps of 8 px, at which the nearest surrounding is looked at; the "
                                   "two wider ones are 2 and 3 times as far", min=1, max=12, advanced=True)] = 2

    def __post_init__(self) -> None:
        parameters.check(self)

    @property
    def stride(self) -> int:
        """Pixels of the plane per pixel of the coarsest level."""
        return int(2**POOLINGS)

    @property
    def rates(self) -> tuple[int, ...]:
        """Dilations of the 3x3 branches of the pyramid."""
        return self.rate, 2 * self.rate, 3 * self.rate

    def need(self, span: Span) -> Span:
        """Return the pixels of the input that the pixels ``span`` of the output depend on."""
        span = span.smooth(2**FINE).around(2)
        coarse = span.smooth(2**(POOLINGS - FINE)).around(max(self.rates)).around(2 * LAST_DILATION)
        return through_encoder(span, FINE) | through_encoder(coarse, POOLINGS)

    def build(self, channels: int, classes: int) -> nn.Module:
        """Return the module with He initialisation, from torch's global generator.

        Parameters
        ----------
        channels : int
            Image channels.
        classes : int
            Output channels.
        """
        return DeepLabModule(self, channels, classes)


class DeepLabModule(nn.Module):
    """The layers of :class:`DeepLab`; maps (B, channels, Y, X) to float32 logits (B, classes, Y, X)."""

    def __init__(self, parameters: DeepLab, channels: int, classes: int) -> None:
        super().__init__()
        widths = [parameters.width * 2**level for level in range(POOLINGS + 1)]
        middle = widths[-2]
        self.encoder = nn.ModuleList(double_convolution(channels if level == 0 else widths[level - 1], width)
                                     for level, width in enumerate(widths))
        self.atrous = double_convolution(widths[-1], widths[-1], LAST_DILATION)
        self.pyramid = nn.ModuleList([
            convolution(widths[-1], middle, 1), *(convolution(widths[-1], middle, 3, rate) for rate in parameters.rates)
        ])
        self.join = convolution(middle * len(self.pyramid), middle, 1)
        self.thin = convolution(widths[FINE], parameters.width, 1)  # so that fine features do not outweigh the coarse
        self.decoder = double_convolution(middle + parameters.width, widths[1])
        self.head = nn.Conv2d(widths[1], classes, 1)
        he_initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes, Y, X) for (B, channels, Y, X); Y and X are multiples of the stride."""
        for level, block in enumerate(self.encoder):
            x = block(x if level == 0 else functional.max_pool2d(x, 2))
            if level == FINE:
                fine = self.thin(x)
        x = self.atrous(x)
        x = self.join(torch.cat([branch(x) for branch in self.pyramid], dim=1))
        x = self.decoder(torch.cat([upsampled(x, 2**(POOLINGS - FINE)), fine], dim=1))
        return upsampled(full_precision_head(self.head, x), 2**FINE)
