"""What the layers of a U-Net are made from, as plain facts. Knows no tensors, images or training."""

from __future__ import annotations

import dataclasses
from typing import Literal

from napari_unet.core.depth import DEPTHS, Depth
from napari_unet.predicting.enlarging import Kernel
from napari_unet.predicting.feature_groups import Resolution

from ._fixed import FixedLayer, number_count
from ._second_eye import SecondEye

Norm = Literal["batch", "channel", "none"]
Upsampling = Literal["transposed", "bilinear", "nearest", "unpool", "smoothed"]


@dataclasses.dataclass(frozen=True)
class UNetLayout:
    """What the layers of a U-Net are made from; :class:`.unet.UNet` describes the fields for people.

    Parameters
    ----------
    widths : tuple of int
        Channels by level, full resolution first.
    features : int
        Channels of the U-Net that the last layer chooses from.
    norm, upsampling : str
    dilation : int
        Of the coarsest level.
    channelwise : bool
        Whether every image channel goes through on its own.
    halvings : int
        How many more times the picture is looked at, each time at half the size.
    halo : int
        Of the U-Net alone, in pixels of what it looks at.
    fixed : tuple of type
        Layers beside the U-Net that learn nothing.
    trees : int
        Decision trees that correct the last layer.
    eye : bool
        Whether there is a second eye.
    beyond : str
        How far beyond its plane a pixel is looked at, by a head beside the last layer.
    eye_kernel : str
        How what the second eye sees is brought to the pixels.
    """

    widths: tuple[int, ...]
    features: int
    norm: Norm
    dilation: int
    upsampling: Upsampling
    channelwise: bool
    halvings: int
    halo: int
    fixed: tuple[type[FixedLayer], ...]
    trees: int
    eye: bool = False
    beyond: Depth = "plane"
    eye_kernel: Kernel = "linear"

    @property
    def depth(self) -> int:
        """How many times the picture is halved."""
        return len(self.widths) - 1

    def head_inputs(self, channels: int) -> int:
        """Return how many channels the last layer chooses from, given those of the image."""
        views = self.features * (1 + self.halvings)
        of_one = sum(map(number_count, self.fixed))
        own = channels * (views + of_one) if self.channelwise else views + channels * of_one
        return own + sum(len(one.columns) for one in self.eye_resolutions(channels))

    def beyond_inputs(self, channels: int) -> int:
        """Return how many features the head chooses from that looks beyond planes."""
        of_plane = self.head_inputs(channels)
        own = of_plane - sum(len(one.columns) for one in self.eye_resolutions(channels))
        return of_plane + own * DEPTHS.index(self.beyond)

    def eye_resolutions(self, channels: int, first: int = 0) -> tuple[Resolution, ...]:
        """Return the resolutions of what the second eye sees, for columns that begin with ``first``."""
        return SecondEye.resolutions(channels, first, self.eye_kernel) if self.eye else ()

    def build_eye(self) -> SecondEye:
        """Return the second eye, without its numbers."""
        return SecondEye(self.eye_kernel)

    def resolutions(self, channels: int = 1) -> tuple[Resolution, ...]:
        """Return the resolutions of what :meth:`UNetModule.views` gives for a picture with so many channels."""
        found = [Resolution(2**level, tuple(range(level * self.features, (level + 1) * self.features)))
                 for level in range(1 + self.halvings)]
        first = self.features * (1 + self.halvings)
        for layer in self.fixed:
            found += layer.resolutions(channels, first)
            first += channels * number_count(layer)
        return tuple(found)
