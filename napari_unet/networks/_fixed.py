"""Layers that learn nothing, and what they share: a part of a picture read with its surroundings, and a Gaussian."""

from __future__ import annotations

import itertools
import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_unet.predicting.feature_groups import Part, Resolution

TRUNCATE = 3.0
"""Sigmas after which a Gaussian ends."""


class FixedLayer(nn.Module):
    """Map (B, C, Y, X) to (B, C * count, Y, X), float32, each channel on its own.

    What is coarse is computed at its own resolution: :meth:`cells` gives it as it is, calling the layer enlarges it.

    Attributes
    ----------
    levels : tuple of (int, int)
        Pixels to a side of a cell, and how many numbers of a channel there are for one; in order.
    stride : int
        Pixels of the plane per pixel of the coarsest thing it looks at.
    reach : int
        Largest distance, in pixels, on which a number depends.
    trust : float
        How far to trust its numbers, see :attr:`.unet.UNet.prior`.
    """

    levels: ClassVar[tuple[tuple[int, int], ...]]
    stride: ClassVar[int]
    reach: ClassVar[int]
    trust: ClassVar[float]

    @classmethod
    def resolutions(cls, channels: int = 1, first: int = 0) -> tuple[Resolution, ...]:
        """Return the resolutions of what :meth:`cells` gives, for columns that begin with ``first``."""
        found, count = [], number_count(cls)
        for stride, numbers in cls.levels:
            columns = (range(first + channel * count, first + channel * count + numbers) for channel in range(channels))
            found.append(Resolution(stride, tuple(itertools.chain.from_iterable(columns))))
            first += numbers
        return tuple(found)

    def forward(self, x: Tensor, part: Part) -> Tensor:
        """Return the numbers on every pixel of a part of a picture.

        Parameters
        ----------
        x : Tensor, shape (B, C, Y, X)
            Y and X are multiples of :attr:`stride`.
        part : pair of (int, int)
        """
        (top, bottom), (left, right) = part
        resolutions = self.resolutions(x.shape[1])
        found = x.new_empty((len(x), sum(len(one.columns) for one in resolutions), bottom - top, right - left),
                            dtype=torch.float32)
        for one, values in zip(resolutions, self.cells(x, part), strict=True):
            found[:, list(one.columns)] = one.group(values, part, x.shape[-2:]).enlarged(found.shape[-2:])
        return found

    def cells(self, x: Tensor, part: Part) -> list[Tensor]:
        """Return the numbers (B, C * numbers, y, x) on the cells of a part, one tensor for each of :attr:`levels`."""
        with torch.autocast(x.device.type, enabled=False):
            (top, bottom), (left, right) = (aligned_span(*ends, self.reach, self.stride, length)
                                            for ends, length in zip(part, x.shape[-2:], strict=True))
            plane = x[..., top:bottom, left:right].float()
            batch, channels, *shape = plane.shape
            found = self.maps(plane.reshape(batch * channels, 1, *shape))
            wanted = []
            for one, values in zip(self.resolutions(), found, strict=True):
                (first, last), (before, after) = one.cells(part, x.shape[-2:])
                rows = slice(first - top // one.stride, last - top // one.stride)
                columns = slice(before - left // one.stride, after - left // one.stride)
                wanted.append(values[..., rows, columns].reshape(
                    batch, channels * values.shape[1], last - first, after - before))
            return wanted

    def maps(self, plane: Tensor) -> list[Tensor]:
        """Return the numbers (B, numbers, y, x) of planes (B, 1, Y, X) for each of :attr:`levels`, float32."""
        raise NotImplementedError


def number_count(layer: type[FixedLayer]) -> int:
    """Return how many numbers a layer gives for each channel."""
    return sum(numbers for _, numbers in layer.levels)


def gaussian(sigma: float) -> Tensor:
    """Return a Gaussian that sums to 1, (2 R + 1,) with R = 3 sigma."""
    radius = math.ceil(TRUNCATE * sigma)
    weights = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    return weights / weights.sum()


def gaussian_smoothed(plane: Tensor, kernel: Tensor) -> Tensor:
    """Return (B, 1, Y, X) after a symmetric kernel (K,) along both axes; beyond the border planes go on as they end.

    Sums of shifted planes: a convolution with one channel takes five times as long on a processor.
    """
    wide = padded(plane, len(kernel) // 2)
    return _weighed_shifts(_weighed_shifts(wide, kernel, -2), kernel, -1)


def _weighed_shifts(plane: Tensor, kernel: Tensor, axis: int) -> Tensor:
    """Return the sum of a plane shifted along an axis, times a symmetric kernel (K,); it gets smaller by K - 1."""
    last, middle = len(kernel) - 1, len(kernel) // 2
    places = (slice(step, step - last or None) for step in range(last + 1))
    shifts = [plane[..., one, :] if axis == -2 else plane[..., one] for one in places]
    found = shifts[middle] * kernel[middle]
    for step in range(middle):
        found = found + (shifts[step] + shifts[last - step]).mul_(kernel[step])
    return found


def padded(plane: Tensor, pixels: int) -> Tensor:
    """Return planes with a border of copies of their outermost pixels."""
    return functional.pad(plane, (pixels,) * 4, mode="replicate")


def aligned_span(low: int, high: int, margin: int, grid: int, length: int) -> tuple[int, int]:
    """Return the ends of a line ``low`` to ``high`` with a margin, on a grid, within 0 to ``length``."""
    return max(0, (low - margin) // grid * grid), min(length, math.ceil((high + margin) / grid) * grid)
