"""How far a network looks: intervals of pixels along one axis, followed from the output back to the input.

Integers only: knows no tensors, and no network by name.
"""

from __future__ import annotations

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Span:
    """Pixels ``low`` to ``high`` (both included) of a line. Each method goes one operation back, to what it read."""

    low: int
    high: int

    def __or__(self, other: Span) -> Span:
        return Span(min(self.low, other.low), max(self.high, other.high))

    def around(self, pixels: int) -> Span:
        """Before a padded convolution of 2 ``pixels`` + 1, or one of 3 with a dilation of ``pixels``."""
        return Span(self.low - pixels, self.high + pixels)

    def pooled(self, size: int = 2) -> Span:
        """Before a pooling, or a convolution of ``size`` with that stride."""
        return Span(size * self.low, size * self.high + size - 1)

    def risen(self, size: int = 2) -> Span:
        """Before a transposed convolution of ``size`` with that stride, or a nearest-neighbour enlargement."""
        return Span(self.low // size, self.high // size)

    def cells(self, size: int = 2) -> Span:
        """Rounded out to whole pooling cells: where the maximum of a cell lies depends on all of its pixels."""
        return self.risen(size).pooled(size)

    def smooth(self, size: int = 2) -> Span:
        """Before a bilinear enlargement by an even ``size``: pixel i lies at (i + 1/2) / size - 1/2."""
        low, high = ((2 * end + 1 - size) // (2 * size) for end in (self.low, self.high))
        return Span(low, high + 1)


class FiniteReceptiveField:
    """Mixed into what gives an output that depends on a neighbourhood only: ``reach`` and ``halo``."""

    @property
    def stride(self) -> int:
        """Pixels of the plane per pixel of the coarsest level."""
        raise NotImplementedError

    def need(self, span: Span) -> Span:
        """Return the pixels of the input that the pixels ``span`` of the output depend on."""
        raise NotImplementedError

    @property
    def reach(self) -> int:
        """Largest distance in pixels, along one axis, of an input pixel on which an output pixel depends."""
        needs = [(place, self.need(Span(place, place))) for place in range(self.stride)]
        return max(max(place - span.low, span.high - place) for place, span in needs)

    @property
    def halo(self) -> int:
        """:attr:`reach`, rounded up to a multiple of the stride."""
        return math.ceil(self.reach / self.stride) * self.stride


@dataclasses.dataclass(frozen=True)
class AxisPath(FiniteReceptiveField):
    """What a U-Net does along one axis: two convolutions at each level of encoder and decoder, pooling between levels.

    Parameters
    ----------
    kernels : tuple of int
        Of the convolutions by level, the finest first: 1 or 3.
    pools : tuple of int
        Of the pooling after each level but the coarsest: 1 (none) or 2.
    """

    kernels: tuple[int, ...]
    pools: tuple[int, ...]

    @property
    def stride(self) -> int:
        """Pixels per pixel of the coarsest level."""
        return math.prod(self.pools)

    def need(self, span: Span) -> Span:
        """Return the pixels of the input that the pixels ``span`` of the output depend on."""
        total = span
        for level, pool in enumerate(self.pools):
            span = span.around(2 * (self.kernels[level] // 2))
            total |= self._encoded(span, level)
            span = span.risen(pool)
        return total | self._encoded(span, len(self.pools))

    def _encoded(self, span: Span, level: int) -> Span:
        for upward in range(level, 0, -1):
            span = span.around(2 * (self.kernels[upward] // 2)).pooled(self.pools[upward - 1])
        return span.around(2 * (self.kernels[0] // 2))

    def cuts(self, start: int, stop: int, length: int) -> list[DecoderCut]:
        """Return what each level of the decoder takes, so that it works for ``start`` to ``stop`` of a line alone."""
        wanted, found = (start, stop), []
        for level, pool in enumerate(self.pools):
            around = 2 * (self.kernels[level] // 2)
            low = max(0, (wanted[0] - around) // pool * pool)
            high = min(length, math.ceil((wanted[1] + around) / pool) * pool)
            below = low // pool, high // pool
            coarse = slice(*below) if level == len(self.pools) - 1 else slice(None)  # others give what is wanted
            found.append(DecoderCut(coarse, slice(low, high), slice(wanted[0] - low, wanted[1] - low)))
            wanted, length = below, length // pool
        return found


@dataclasses.dataclass(frozen=True)
class DecoderCut:
    """What a level of a decoder takes along one axis.

    ``coarse`` is cut from what the level below gives, ``skip`` from the encoder's result, ``right`` from the outcome of
    the level's convolutions.
    """

    coarse: slice
    skip: slice
    right: slice


def through_encoder(span: Span, level: int) -> Span:
    """Return what is read for the result of the encoder at ``level``: two 3x3 convolutions each, 2x2 pooling between.

    Level 0 is the full resolution.
    """
    for _ in range(level):
        span = span.around(2).pooled()
    return span.around(2)
