"""A fully convolutional network with skips down to a stride of 8 (FCN-8s). Knows nothing of images or training.

J. Long, E. Shelhamer, T. Darrell: Fully Convolutional Networks for Semantic Segmentation. CVPR 2015, section 4. There,
each of the strides 8, 16 and 32 has a layer of class scores, and the scores are enlarged bilinearly and added.
Enlarging and adding are linear, so that one layer of scores on the enlarged and joined features gives the same numbers;
that is how it is done here, because classes come and go in a single last layer. Other than there, the encoder is small,
has batch norm and learns from nothing, and all enlargements are fixed.
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
from ._layers import double_convolution, full_precision_head, he_initialise, upsampled
from ._receptive_field import FiniteReceptiveField, Span, through_encoder

POOLINGS = 5
SKIPS_FROM = 3
"""Poolings after which features are kept for the scores; three make a stride of 8."""

WIDENING = (1, 2, 4, 8, 8)
"""Channels of the levels, as multiples of the width (64 to 512 in VGG)."""


@register("fcn", "FCN-8s")
@dataclasses.dataclass(frozen=True)
class FCN(FiniteReceptiveField):
    """Fully convolutional network of 2015: sees far and is fast, but decides in steps of 8 px, so borders are blunt.

    Raises
    ------
    UsageError
        If a parameter is out of its bounds.
    """

    width: Annotated[int, Parameter("Channels at full resolution, up to 16 times as many at the coarsest; more learns "
                                    "finer differences but is slower", min=2, max=128, advanced=True)] = 24

    def __post_init__(self) -> None:
        parameters.check(self)

    @property
    def stride(self) -> int:
        """Pixels of the plane per pixel of the coarsest level."""
        return int(2**POOLINGS)

    def need(self, span: Span) -> Span:
        """Return the pixels of the input that the pixels ``span`` of the output depend on."""
        span = span.smooth(2**SKIPS_FROM)
        total = through_encoder(span.pooled(), SKIPS_FROM - 1)
        for poolings in range(SKIPS_FROM + 1, POOLINGS + 1):
            span = span.smooth()
            seen = span.around(1) if poolings == POOLINGS else span  # the 3x3 convolution of the classifier
            total |= through_encoder(seen.pooled(), poolings - 1)
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
        return FCNModule(self, channels, classes)


class FCNModule(nn.Module):
    """The layers of :class:`FCN`; maps (B, channels, Y, X) to float32 logits (B, classes, Y, X)."""

    def __init__(self, parameters: FCN, channels: int, classes: int) -> None:
        super().__init__()
        widths = [parameters.width * factor for factor in WIDENING]
        last = 2 * widths[-1]
        self.encoder = nn.ModuleList(double_convolution(channels if level == 0 else widths[level - 1], width)
                                     for level, width in enumerate(widths))
        # what are the fully connected layers of a classifier; as there, without norm
        self.classifier = nn.Sequential(
            nn.Conv2d(widths[-1], last, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(last, last, 1), nn.ReLU(inplace=True),
        )
        self.head = nn.Conv2d(last + sum(widths[SKIPS_FROM - 1:-1]), classes, 1)
        he_initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes, Y, X) for (B, channels, Y, X); Y and X are multiples of the stride."""
        kept = []
        for block in self.encoder:
            x = functional.max_pool2d(block(x), 2)
            kept.append(x)
        x = self.classifier(kept.pop())
        for skip in reversed(kept[SKIPS_FROM - 1:]):
            x = torch.cat([skip, upsampled(x, 2)], dim=1)
        return upsampled(full_precision_head(self.head, x), 2**SKIPS_FROM)
