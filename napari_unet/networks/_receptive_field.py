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
    """Mixed into a network whose output depends on a neighbourhood only: gives it ``reach`` and ``halo``."""

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


def through_encoder(span: Span, level: int) -> Span:
    """Return what is read for the result of the encoder at ``level``: two 3x3 convolutions each, 2x2 pooling between.

    Level 0 is the full resolution.
    """
    for _ in range(level):
        span = span.around(2).pooled()
    return span.around(2)
