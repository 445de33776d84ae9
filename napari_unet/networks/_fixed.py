"""Layers that learn nothing, and what they share: a part of a picture read with its surroundings, and a Gaussian."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

Part = tuple[tuple[int, int], tuple[int, int]]
"""First row, and one after the last; the same for columns."""

TRUNCATE = 3.0
"""Sigmas after which a Gaussian ends."""


class FixedLayer(nn.Module):
    """Map (B, C, Y, X) to (B, C * count, Y, X), float32, each channel on its own.

    Attributes
    ----------
    count : int
        Numbers of a channel.
    stride : int
        Pixels of the plane per pixel of the coarsest thing it looks at.
    reach : int
        Largest distance, in pixels, on which a number depends.
    trust : float
        How far to trust its numbers, see :attr:`.unet.UNet.prior`.
    """

    count: ClassVar[int]
    stride: ClassVar[int]
    reach: ClassVar[int]
    trust: ClassVar[float]

    def forward(self, x: Tensor, part: Part) -> Tensor:
        """Return the numbers on a part of a picture.

        Parameters
        ----------
        x : Tensor, shape (B, C, Y, X)
            Y and X are multiples of :attr:`stride`.
        part : pair of (int, int)
        """
        with torch.autocast(x.device.type, enabled=False):
            (top, bottom), (left, right) = (aligned_span(*ends, self.reach, self.stride, length)
                                            for ends, length in zip(part, x.shape[-2:], strict=True))
            plane = x[..., top:bottom, left:right].float()
            batch, channels, *shape = plane.shape
            found = self.maps(plane.reshape(batch * channels, 1, *shape))
            rows, columns = slice(part[0][0] - top, part[0][1] - top), slice(part[1][0] - left, part[1][1] - left)
            return found[..., rows, columns].reshape(
                batch, channels * self.count, rows.stop - rows.start, columns.stop - columns.start)

    def maps(self, plane: Tensor) -> Tensor:
        """Return the numbers (B, count, Y, X) of planes (B, 1, Y, X), float32."""
        raise NotImplementedError


def gaussian(sigma: float) -> Tensor:
    """Return a Gaussian that sums to 1, (2 R + 1,) with R = 3 sigma."""
    radius = math.ceil(TRUNCATE * sigma)
    weights = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    return weights / weights.sum()


def gaussian_smoothed(plane: Tensor, kernel: Tensor) -> Tensor:
    """Return planes (B, 1, Y, X) after a kernel (K,) along both axes; beyond the border they go on as they end."""
    wide = padded(plane, len(kernel) // 2)
    return functional.conv2d(functional.conv2d(wide, kernel.view(1, 1, -1, 1)), kernel.view(1, 1, 1, -1))


def padded(plane: Tensor, pixels: int) -> Tensor:
    """Return planes with a border of copies of their outermost pixels."""
    return functional.pad(plane, (pixels,) * 4, mode="replicate")


def aligned_span(low: int, high: int, margin: int, grid: int, length: int) -> tuple[int, int]:
    """Return the ends of a line ``low`` to ``high`` with a margin, on a grid, within 0 to ``length``."""
    return max(0, (low - margin) // grid * grid), min(length, math.ceil((high + margin) / grid) * grid)
