"""A U-Net after Ronneberger, Fischer and Brox 2015 that is exact under tiling. Knows nothing of images or training.

Each level holds two 3x3 convolutions, each followed by a norm and a ReLU; the encoder's result is concatenated to the
decoder's. Every operation is local and aligned to the pixel grid, so that a tile with a halo of
:attr:`UNet.halo` gives the same numbers as the whole plane.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Annotated

from torch import nn

from napari_unet.core import parameters
from napari_unet.core.depth import Depth
from napari_unet.core.parameters import Parameter
from napari_unet.predicting.enlarging import Kernel

from . import _second_eye, register
from ._filter_bank import FilterBank
from ._fixed import FixedLayer, number_count
from ._surroundings import Surroundings
from ._unet import SMOOTHED_LEVELS, UNetModule
from ._unet_layout import Norm, UNetLayout, Upsampling


@register("unet", "U-Net")
@dataclasses.dataclass(frozen=True)
class UNet:
    """U-Net with concatenating skips, made for learning while you paint.

    Raises
    ------
    UsageError
        If a parameter is out of its bounds.
    """

    depth: Annotated[int, Parameter("How many times the picture is halved; more sees a wider surrounding", min=1, max=6,
                                    advanced=True)] = 4
    width: Annotated[int, Parameter("Channels at full resolution, doubled at each halving; more learns finer "
                                    "differences but is slower", min=2, max=128, advanced=True)] = 16
    norm: Annotated[Norm, Parameter("How activations are kept in range: by statistics of the training patches "
                                    "(batch), per pixel over the channels (channel), or not at all",
                                    advanced=True)] = "batch"
    dilation: Annotated[int, Parameter("Step between the pixels that the coarsest level looks at; more sees a wider "
                                       "surrounding", min=1, max=8, advanced=True)] = 1
    upsampling: Annotated[Upsampling, Parameter("How the coarse levels are brought back to full resolution: learnt "
                                                "(transposed), learnt and smoothed so that no column is favoured for "
                                                "its place (smoothed), smooth (bilinear), plain (nearest), or to "
                                                "where the maxima were (unpool)", advanced=True)] = "transposed"
    features: Annotated[int | None, Parameter("Channels that the last layer chooses from; auto: the width", min=2,
                                              max=256, advanced=True)] = None
    channelwise: Annotated[bool, Parameter("Send each channel of the image through the same network and compare what "
                                           "comes out, so that a network made for grey images sees colour",
                                           advanced=True)] = False
    halvings: Annotated[int, Parameter("How many more times to look at the picture, each time at half the size, so "
                                       "that large things are seen whole", min=0, max=3, advanced=True)] = 0
    filters: Annotated[bool, Parameter("Let the last layer also choose from classical filters: smoothed brightness, "
                                       "edges and ridges of 1 to 16 px", advanced=True)] = False
    surroundings: Annotated[bool, Parameter("Let the last layer also see whether a pixel is enclosed by brighter or "
                                            "darker ones, and how thin what it belongs to is", advanced=True)] = False
    eye: Annotated[bool, Parameter("Let the last layer also see what a small classifier of photographs sees. It comes "
                                   "with the pre-trained features and does not learn", fitted=True)] = False
    beyond: Annotated[Depth, Parameter("How far beyond its plane an instant answer looks at each pixel of a volume; "
                                       "the network itself looks at planes", fitted=True)] = "plane"
    trees: Annotated[int, Parameter("Decision trees that correct the last layer of an instant answer; a network that "
                                    "learns has none", min=0, max=200, fitted=True)] = 0
    eye_kernel: Annotated[Kernel, Parameter("How what the second eye sees of 8x8 pixels is brought to each of them: "
                                            "straight (linear), or so that none is favoured for its place (even)",
                                            fitted=True)] = "linear"

    def __post_init__(self) -> None:
        parameters.check(self)

    @property
    def fixed(self) -> tuple[type[FixedLayer], ...]:
        """Layers beside the U-Net that learn nothing."""
        asked: tuple[tuple[bool, type[FixedLayer]], ...] = (
            (self.filters, FilterBank), (self.surroundings, Surroundings))
        return tuple(layer for wanted, layer in asked if wanted)

    @property
    def stride(self) -> int:
        """Pixels of the plane per pixel of the coarsest level."""
        coarsest = 2 ** (self.depth + self.halvings)
        return max([coarsest, *(layer.stride for layer in self.fixed), *([_second_eye.STRIDE] if self.eye else [])])

    @property
    def padding(self) -> str:
        """``"zero"``: convolutions see zeros beyond the border of the plane."""
        return "zero"

    @property
    def prior(self) -> tuple[float, ...]:
        """How far to trust each feature of an image channel that the last layer chooses from.

        As the standard deviation that is expected of its weight, where features are standardised. Measured with the
        pre-trained features on eight real sets: what coarse views and filters say helps most where it counts for less.
        """
        own = self.features or self.width
        views = tuple(0.7 / view if view else 1.0 for view in range(1 + self.halvings) for _ in range(own))
        return views + tuple(layer.trust for layer in self.fixed for _ in range(number_count(layer)))

    @property
    def reach(self) -> int:
        """Largest distance in pixels, along one axis, of an input pixel on which an output pixel depends."""
        size = 2**self.halvings  # pixels to a side of one of the coarsest view
        reach = self.own_reach
        if size > 1:  # one more coarse pixel to interpolate
            reach = size * (reach + 1) + size - 1
        seen = [_second_eye.reach_through(self.eye_kernel)] if self.eye else []
        return max([reach, *(layer.reach for layer in self.fixed), *seen])

    @property
    def eye_halo(self) -> int:
        """Pixels around a tile that the second eye looks at, a multiple of the stride."""
        return math.ceil(_second_eye.reach_through(self.eye_kernel) / self.stride) * self.stride

    def eye_prior(self, channels: int) -> tuple[float, ...]:
        """As :attr:`prior`, of what the second eye sees of an image with so many channels."""
        return (_second_eye.TRUST,) * (_second_eye.eye_pictures(channels) * _second_eye.COUNT)

    @property
    def own_reach(self) -> int:
        """The reach of the U-Net alone, in pixels of what it looks at."""
        return max(max(place - low, high - place) for place in range(2**self.depth)
                   for low, high in [self._need(place)])

    @property
    def halo(self) -> int:
        """:attr:`reach`, rounded up to a multiple of the stride."""
        return math.ceil(self.reach / self.stride) * self.stride

    @property
    def layout(self) -> UNetLayout:
        """What the layers are made from."""
        cell = 2**self.depth
        return UNetLayout(
            widths=tuple(self.width * 2**level for level in range(self.depth + 1)),
            features=self.features or self.width, norm=self.norm, dilation=self.dilation, upsampling=self.upsampling,
            channelwise=self.channelwise, halvings=self.halvings, halo=math.ceil(self.own_reach / cell) * cell,
            fixed=self.fixed, trees=self.trees, eye=self.eye, beyond=self.beyond,
            eye_kernel=self.eye_kernel,
        )

    def _need(self, place: int) -> tuple[int, int]:
        """Return the first and last input pixel (along one axis) that the output pixel at ``place`` depends on."""
        lows, highs = [place], [place]
        low = high = place
        for level in range(self.depth):
            low, high = low - 2, high + 2  # two 3x3 convolutions of the decoder
            if self.upsampling == "unpool":  # a switch depends on all four pixels of its cell
                self._encoder_need(level, low - low % 2, high + 1 - high % 2, lows, highs)
            else:
                self._encoder_need(level, low, high, lows, highs)
            if self.upsampling == "smoothed" and level < SMOOTHED_LEVELS:
                low, high = low - 1, high + 1
            if self.upsampling == "bilinear":  # pixel i lies at i / 2 - 1 / 4, between two coarse pixels
                low, high = (low - 1) // 2, (high + 1) // 2
            else:
                low, high = low // 2, high // 2
        self._encoder_need(self.depth, low, high, lows, highs)
        return min(lows), max(highs)

    def _encoder_need(self, level: int, low: int, high: int, lows: list[int], highs: list[int]) -> None:
        for upward in range(level, -1, -1):
            convolutions = 2 * (self.dilation if upward == self.depth else 1)
            low, high = low - convolutions, high + convolutions
            if upward:
                low, high = 2 * low, 2 * high + 1  # 2x2 pooling
        lows.append(low)
        highs.append(high)

    def build(self, channels: int, classes: int) -> nn.Module:
        """Return the module with He initialisation, from torch's global generator.

        Parameters
        ----------
        channels : int
            Image channels.
        classes : int
            Output channels.
        """
        return UNetModule(self.layout, channels, classes)
