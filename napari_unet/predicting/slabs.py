"""Which planes of a volume go through a network together. Reads no pixels, and runs no network.

A network that looks at planes gets one plane at a time: a slab of one. One that looks along z as well gets the planes
around those that are written: as far as it looks, begun at a multiple of its stride, exactly as rows and columns are
cut (:mod:`.tiling`), so that slabs agree with the whole volume.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.depth import stack_planes
from ..core.image import Image
from .axis_tiling import AxisTiling
from .tiling import mirror_indices
from .weights import Network


@dataclasses.dataclass(frozen=True)
class DepthReach:
    """How a network looks along z.

    Parameters
    ----------
    stride : int
        Planes of the volume per plane of its coarsest level.
    halo : int
        Planes before and behind a plane on which that depends, a multiple of the stride.
    beyond : bool
        Whether it has to be given so many planes more on each side than it answers: at either end of the volume they
        are mirror images. Otherwise it sees zeros there, as at the border of a plane.
    """

    stride: int = 1
    halo: int = 0
    beyond: bool = False

    def axis(self, planes: int) -> AxisTiling:
        """Return how a volume of so many planes is cut."""
        return AxisTiling(planes, self.stride, self.halo, self.beyond)


def depth_reach(network: object) -> DepthReach | None:
    """Return how a network looks along z; None: it looks at planes."""
    found: DepthReach | None = getattr(network, "along_z", None)
    return found if found is not None and (found.halo or found.stride > 1) else None


@dataclasses.dataclass(frozen=True)
class Slab:
    """Planes that go through a network together.

    Parameters
    ----------
    read : tuple of int
        Their numbers, in the order of z; beyond the ends of a volume, those of their mirror images.
    write : tuple of int
        Numbers of the planes it answers.
    keep : (int, int), optional
        Where these lie in what the network gives, first and last + 1; None: it looks at planes.
    """

    read: tuple[int, ...]
    write: tuple[int, ...]
    keep: tuple[int, int] | None = None

    @property
    def kind(self) -> tuple[int, tuple[int, int] | None]:
        """What slabs must have in common to go through a network in one batch."""
        return len(self.read), self.keep

    def planes(self, scores: Any) -> Iterator[tuple[int, Any]]:
        """Yield number and scores (classes, Y, X) of each plane of what a network gave for :attr:`keep`."""
        if self.keep is None:
            yield self.write[0], scores
            return
        for place, number in enumerate(self.write):
            yield number, scores[:, place]


def single_planes(numbers: Sequence[int]) -> list[Slab]:
    """Return a slab for each plane."""
    return [Slab((number,), (number,)) for number in numbers]


def slabs_of(image: Image, numbers: Sequence[int], along: DepthReach, at_once: int) -> list[Slab]:
    """Return whole slabs that hold some planes of an image, in the order in which the planes are asked for.

    Parameters
    ----------
    image : Image
    numbers : sequence of int
        Planes. Slabs may answer others as well: those cost next to nothing then.
    along : DepthReach
    at_once : int
        Planes of a slab at most, rounded up to a multiple of the stride.
    """
    found: dict[tuple[int, int], Slab] = {}
    stacks: dict[int, tuple[int, ...]] = {}
    for number in numbers:
        if number not in stacks:
            stack = stack_planes(image, number)
            stacks |= dict.fromkeys(stack, stack)
        stack = stacks[number]
        place = stack.index(number)
        first, last = next(ends for ends in along.axis(len(stack)).even_cuts(at_once) if ends[0] <= place < ends[1])
        if (stack[0], first) not in found:
            found[stack[0], first] = slab_of(stack, first, last, along)
    return list(found.values())


def slab_of(stack: Sequence[int], first: int, last: int, along: DepthReach) -> Slab:
    """Return the slab that answers planes ``first`` to ``last`` (excluded) of a stack; it begins at a multiple of the
    stride.
    """
    start, stop = along.axis(len(stack)).read(first, last)
    places = mirror_indices(start, stop, len(stack))
    begin = first - start - (along.halo if along.beyond else 0)
    return Slab(tuple(stack[int(place)] for place in places), tuple(stack[first:last]), (begin, begin + last - first))


def slab_size(
    shape: tuple[int, int, int], network: Network, voxels: int, side: int | None = None
) -> tuple[int, int]:
    """Return how many planes, and rows and columns of them, are best written at once.

    As much as possible of what is read should be written: what is read twice is computed twice.

    Parameters
    ----------
    shape : (int, int, int)
        Planes, rows and columns of the volume.
    network : Network
        One that looks along z.
    voxels : int
        That may be read at once.
    side : int, optional
        Rows and columns, where they are settled.
    """
    along = depth_reach(network)
    assert along is not None
    sides = [side] if side is not None else sorted({min(one, max(shape[1:])) for one in (32, 64, 96, 128, 192, 256,
                                                                                        384, 512)})
    best: tuple[tuple[bool, float], tuple[int, int]] | None = None
    for planes, edge in itertools.product(_thicknesses(shape[0], along.stride), sides):
        axes = (along.axis(shape[0]), *(AxisTiling(length, network.stride, network.halo) for length in shape[1:]))
        written, read = 1, 1
        for axis, size in zip(axes, (planes, edge, edge), strict=True):
            written *= min(axis.length, size)
            read *= min(axis.whole, size + 2 * (axis.halo or 0))
        fits = read <= voxels
        worth = fits, written / read if fits else -float(read)
        if best is None or worth > best[0]:
            best = worth, (planes, edge)
    assert best is not None
    return best[1]


def _thicknesses(planes: int, stride: int) -> list[int]:
    """Return numbers of planes to choose from: multiples of the stride, and all there are."""
    found, thickness = [], stride
    while thickness < planes:
        found.append(thickness)
        thickness *= 2
    return [*found, planes]


class SlabValues:
    """Values (C, Z, Y, X) of the planes of a slab, read where they are asked for: by channels, rows and columns.

    Parameters
    ----------
    planes : sequence of array, shape (C, Y, X)
    """

    def __init__(self, planes: Sequence[NDArray[np.float32]]) -> None:
        self.planes = tuple(planes)
        self.shape: tuple[int, ...] = self.planes[0].shape  # of a plane: Z is not cut

    def __getitem__(self, index: Any) -> NDArray[np.float32]:
        known: dict[int, NDArray[np.float32]] = {}  # mirror images are the same planes again
        for plane in self.planes:
            if id(plane) not in known:
                known[id(plane)] = plane[index]
        return np.stack([known[id(plane)] for plane in self.planes], axis=1)
