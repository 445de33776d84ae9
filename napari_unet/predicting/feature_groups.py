"""Features of a picture at several resolutions, and how they are brought to that of the picture. Computes none.

What is seen at half the size need not be kept at full size: a linear head commutes with :mod:`.enlarging`, so that it
is applied to the few pixels there are, and its logits are enlarged.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .enlarging import NEAR, Kernel, at_pixels, enlarged

PIECE = 2**15
"""Pixels that are worked on at a time; fewer take longer, more do not fit the processor's cache."""

Part = tuple[tuple[int, int], tuple[int, int]]
"""First row, and one after the last; the same for columns."""


@dataclasses.dataclass(frozen=True)
class Resolution:
    """Which features there is one of for so many pixels.

    Parameters
    ----------
    stride : int
        Pixels to a side of a cell, for which there is one number of each feature.
    columns : tuple of int
        Numbers of the features among all.
    kernel : str
        How they are brought to the pixels, see :mod:`.enlarging`.
    """

    stride: int
    columns: tuple[int, ...]
    kernel: Kernel = "linear"

    def cells(self, part: Part, shape: Sequence[int]) -> Part:
        """Return the cells, rows and columns, that the pixels of a part of a plane are interpolated from.

        Parameters
        ----------
        part : pair of (int, int)
        shape : (int, int)
            Of the plane, multiples of the stride.
        """
        if self.stride == 1:
            return part
        near = NEAR[self.kernel]
        rows, columns = (
            (max(0, low // self.stride - near), min(length // self.stride, math.ceil(high / self.stride) + near))
            for (low, high), length in zip(part, shape, strict=True))
        return rows, columns

    def group(self, values: Tensor, part: Part, shape: Sequence[int]) -> FeatureGroup:
        """Return values on the :meth:`cells` of a part of a plane as a group."""
        down, right = (low - self.stride * first
                       for (low, _), (first, _) in zip(part, self.cells(part, shape), strict=True))
        return FeatureGroup(self.stride, self.columns, values, (down, right), self.kernel)


@dataclasses.dataclass(frozen=True, eq=False)
class FeatureGroup:
    """Features of a part of a plane, of one resolution.

    Parameters
    ----------
    stride : int
    columns : tuple of int
        As of :class:`Resolution`.
    values : Tensor, shape (..., F, y, x)
        On the cells of the part, with a cell or two more around it where the plane has them.
    lead : (int, int)
        Pixels, rows and columns, from the beginning of the cells to that of the part.
    kernel : str
        As of :class:`Resolution`.
    """

    stride: int
    columns: tuple[int, ...]
    values: Tensor
    lead: tuple[int, int] = (0, 0)
    kernel: Kernel = "linear"

    @property
    def place(self) -> tuple[int, Kernel, int, int, torch.Size]:
        """What is alike for groups whose values can be added before they are enlarged."""
        return self.stride, self.kernel, *self.lead, self.values.shape[-2:]

    def enlarged(self, shape: Sequence[int]) -> Tensor:
        """Return the values at every pixel of a part with so many rows and columns, (..., F, Y, X), float32."""
        values = self.values.float()
        if self.stride == 1:
            return values
        flat = values.reshape(-1, 1, *values.shape[-2:]) if values.ndim != 4 else values
        large = enlarged(flat, self.stride, self.kernel)
        large = large.reshape(*values.shape[:-2], *large.shape[-2:])
        (down, right), (height, width) = self.lead, shape
        return large[..., down : down + height, right : right + width]

    def rows(self, low: int, high: int) -> FeatureGroup:
        """Return the group of some rows of its part."""
        near = NEAR[self.kernel] if self.stride > 1 else 0
        first = max(0, (low + self.lead[0]) // self.stride - near)
        last = math.ceil((high + self.lead[0]) / self.stride) + near
        lead = low + self.lead[0] - self.stride * first
        return dataclasses.replace(self, values=self.values[..., first:last, :], lead=(lead, self.lead[1]))

    def only(self, numbers: Sequence[int]) -> list[FeatureGroup]:
        """Return the features of some numbers, which are numbered by their places among them; none: no group."""
        places = {number: place for place, number in enumerate(numbers)}
        kept = [index for index, column in enumerate(self.columns) if column in places]
        if not kept:
            return []
        columns = tuple(places[self.columns[index]] for index in kept)
        if pixel_by_pixel(self.values):  # a product takes a third of the time of picking them out one by one
            chosen = torch.zeros(len(kept), len(self.columns), device=self.values.device)
            chosen[range(len(kept)), kept] = 1
            return [dataclasses.replace(self, columns=columns, values=weighed_sums(chosen, self.values))]
        return [dataclasses.replace(self, columns=columns, values=self.values[..., kept, :, :])]

    def at(self, rows: NDArray[np.integer], columns: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the values (F, P) at some pixels of the part, as :meth:`enlarged` has them there."""
        down, right = self.lead
        return at_pixels(self.values.numpy(), self.stride, self.kernel, rows + down, columns + right)


def pixel_by_pixel(values: Tensor) -> bool:
    """Say whether a processor has the features (..., F, y, x) of a pixel beside one another in memory."""
    return values.device.type == "cpu" and values.stride(-3) == 1 and values.shape[-3] > 1


def weighed_sums(weights: Tensor, values: Tensor) -> Tensor:
    """Return the sums (..., K, y, x) of features (..., F, y, x) with weights (K, F), float32; nothing learns from it.

    Some rows at a time, so that what is brought to 32 bits stays in the processor's cache.
    """
    *lead, count, height, width = values.shape
    pictures = values.reshape(-1, count, height, width)
    found = torch.empty((len(pictures), len(weights), height, width), device=values.device)
    step = max(1, PIECE // width)
    for number, low in itertools.product(range(len(pictures)), range(0, height, step)):
        part = pictures[number, :, low : low + step]
        if pixel_by_pixel(part):
            sums = weights @ part.movedim(0, -1).float().reshape(-1, count).T
        else:
            sums = weights @ part.float().reshape(count, -1)
        found[number, :, low : low + step] = sums.reshape(len(weights), -1, width)
    return found.reshape(*lead, len(weights), height, width)


def by_stride(resolutions: Iterable[Resolution]) -> tuple[Resolution, ...]:
    """Return resolutions with all that share a stride and a kernel in one, the finest first."""
    columns: dict[tuple[int, Kernel], list[int]] = {}
    for one in resolutions:
        columns.setdefault((one.stride, one.kernel), []).extend(one.columns)
    return tuple(Resolution(stride, tuple(columns[stride, kernel]), kernel) for stride, kernel in sorted(columns))


def of_all_channels(columns: Sequence[int], channels: int, count: int) -> tuple[int, ...]:
    """Return the columns of features that each of several channels has ``count`` of, channel by channel."""
    return tuple(channel * count + column for channel in range(channels) for column in columns)


def joined(groups: Sequence[FeatureGroup], shape: tuple[int, int]) -> Tensor:
    """Return all features (..., F, Y, X) of a part in the order of their columns, float32."""
    first = groups[0].values
    count = sum(len(one.columns) for one in groups)
    found = torch.empty((*first.shape[:-3], count, *shape), device=first.device)
    for one in groups:
        found[..., list(one.columns), :, :] = one.enlarged(shape)
    return found


def summed(groups: Iterable[FeatureGroup], shape: Sequence[int]) -> Tensor:
    """Return the sum of groups of as many values each, at every pixel of a part; float32.

    What is at the same places is added first, and enlarged once.
    """
    at_place: dict[tuple[int, Kernel, int, int, torch.Size], FeatureGroup] = {}
    for one in groups:
        known = at_place.get(one.place)
        at_place[one.place] = one if known is None else dataclasses.replace(known, values=known.values + one.values)
    parts = [one.enlarged(shape) for one in at_place.values()]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
