"""How one axis of an image is cut for a network: rows, columns and planes alike. Integers only."""

from __future__ import annotations

import dataclasses
import itertools
import math


@dataclasses.dataclass(frozen=True)
class AxisTiling:
    """One axis, and what a network needs of it; see :mod:`.tiling` for why tiles then agree with the whole.

    Parameters
    ----------
    length : int
        Pixels (or planes) along the axis.
    stride : int
        Tiles start at multiples of it.
    halo : int, optional
        How many more are read on each side, a multiple of the stride; None: all there are.
    beyond : bool
        Whether the halo continues beyond the ends (for networks without padding along this axis).
    """

    length: int
    stride: int
    halo: int | None
    beyond: bool = False

    @property
    def whole(self) -> int:
        """The length, rounded up to a multiple of the stride."""
        return rounded_up(self.length, self.stride)

    def read(self, start: int, stop: int) -> tuple[int, int]:
        """Return the ends of what has to be read for ``start`` to ``stop``; the start is a multiple of the stride."""
        halo = self.whole if self.halo is None else self.halo
        low = -halo if self.beyond and self.halo is not None else 0
        return max(start - halo, low), min(rounded_up(stop, self.stride) + halo, self.whole - low)

    def even_cuts(self, size: int | None) -> list[tuple[int, int]]:
        """Cut into about equal parts of at most ``size``, at multiples of the stride."""
        steps = self.whole // self.stride
        most = steps if size is None else max(1, math.ceil(size / self.stride))
        count = math.ceil(steps / most)
        ends = [round(steps * number / count) * self.stride for number in range(count + 1)]
        return [(start, min(end, self.length)) for start, end in itertools.pairwise(ends)]

    def regular_cuts(self, size: int | None) -> list[tuple[int, int]]:
        """Cut into parts of ``size``, rounded up to a multiple of the stride; the last is what is left."""
        step = rounded_up(self.length if size is None else size, self.stride)
        return [(start, min(start + step, self.length)) for start in range(0, self.length, step)]


def rounded_up(number: int, multiple: int) -> int:
    """Return the least multiple that is not below a number."""
    return math.ceil(number / multiple) * multiple
