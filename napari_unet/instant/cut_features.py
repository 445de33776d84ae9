"""What a voxel looks like in the two other cuts through its volume, xz and yz: computed once, and kept. Fits nothing.

Each cut is a picture to the same network that looks at planes; of both pictures of a voxel the mean is kept. Planes are
normalised before they are cut, each as it is when it is looked at alone.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Generator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.depth import stack_planes
from ..core.image import Image
from ..predicting.feature_groups import FeatureGroup, joined
from ..predicting.oblivious_trees import as_float16
from ..predicting.tile_run import InputPlane
from ..predicting.tiling import Box, Tile, Tiling
from .feature_network import FeatureNetwork
from .tile_cache import TileCache

BATCH_PIXELS = 2**17
"""Pixels of cuts that are computed at a time, of several cuts where they are small."""

TILE = 512
"""Largest rows and columns of a part of a cut."""


@dataclasses.dataclass(eq=False)
class _Block:
    """Features of a volume (Z, F, Y, X), float16, and what is left to compute of them."""

    values: Tensor
    left: Generator[None, None, None] | None


class CutFeatures:
    """Features of voxels in the cuts through them. Serves one thread at a time.

    Parameters
    ----------
    network : FeatureNetwork
    count : int
        Features of a channel.
    limit : int
        Bytes that may be kept; the newest volume is in any case.
    """

    def __init__(self, network: FeatureNetwork, count: int, limit: int) -> None:
        self._network, self._count = network, count
        self.cache = TileCache(limit)

    def bytes_of(self, image: Image) -> int:
        """Return the memory that one volume of an image takes."""
        rows, columns = image.plane_shape
        return 2 * image.n_channels * self._count * len(stack_planes(image, 0)) * rows * columns

    def holds(self, image: Image, plane: int) -> bool:
        """Say whether the volume that a plane is in has been looked at."""
        found: _Block | None = self.cache.find(image, stack_planes(image, plane)[0])
        return found is not None and found.left is None

    def prepare(
        self, image: Image, plane: int, read: Callable[[int], InputPlane]
    ) -> Generator[None, None, None]:
        """Look at the volume that a plane is in, from where that was left off before.

        Parameters
        ----------
        image : Image
        plane : int
        read : callable
            Returns a normalised plane by its number.

        Yields
        ------
        None
            Every 0.1 s or so.
        """
        stack = stack_planes(image, plane)
        block: _Block | None = self.cache.find(image, stack[0])
        if block is None:
            planes = []
            for number in stack:
                planes.append(read(number))
                yield
            block = self._begun(image, stack[0], normalised_volume(planes))
        while block.left is not None:
            if next(block.left, self) is self:
                block.left = None
            else:
                yield

    def group(
        self, image: Image, plane: int, box: Box, first: int, read: Callable[[int], InputPlane]
    ) -> FeatureGroup:
        """Return the features of part of a plane, for columns that begin with ``first``; computes what is missing.

        Parameters as :meth:`prepare`.
        """
        for _ in self.prepare(image, plane, read):
            pass
        stack = stack_planes(image, plane)
        values = self.cache.find(image, stack[0]).values[stack.index(plane)]
        return FeatureGroup(1, tuple(range(first, first + len(values))), values[:, *box.slices])

    def _begun(self, image: Image, key: int, volume: NDArray[np.float32]) -> _Block:
        channels, planes, rows, columns = volume.shape
        shape = (planes, channels * self._count, rows, columns)
        values = self._network.on_device(lambda: torch.zeros(shape, dtype=torch.float16))
        found = _Block(values, self._computed(values, volume))
        self.cache.keep(image, key, found, values.nbytes)
        return found

    def _computed(self, values: Tensor, volume: NDArray[np.float32]) -> Generator[None, None, None]:
        """Fill a block (Z, F, Y, X) with features of a volume (C, Z, Y, X), some cuts at a time."""
        for axis in (2, 3):  # rows, then columns
            cuts, into = np.moveaxis(volume, axis, 1), values.movedim(axis, 0)
            tiling = self._network.tiling((cuts.shape[2], cuts.shape[3]))
            several = max(1, BATCH_PIXELS // (math.prod(axis.whole for axis in tiling.axes)))
            for start in range(0, cuts.shape[1], several):
                for tile in _cut_tiles(tiling):
                    place = slice(start, start + several)
                    self._add(into[place], cuts[:, place], tiling, tile)
                    yield

    def _add(self, into: Tensor, cuts: NDArray[np.float32], tiling: Tiling, tile: Tile) -> None:
        """Add half the features of a part of some cuts (C, N, Z, X) to those of their voxels (N, Z, F, X)."""
        channels, several = cuts.shape[:2]
        seen = self._network.features([cut[None] for one in cuts for cut in one], tiling, tile)
        found = torch.stack([as_float16(joined(one, tile.write.shape)) for one in seen]).cpu() / 2
        found = found.reshape(channels, several, self._count, *tile.write.shape).transpose(0, 1).flatten(1, 2)
        rows, columns = tile.write.slices
        into[:, rows, :, columns] += found.transpose(1, 2)


def normalised_volume(planes: list[InputPlane]) -> NDArray[np.float32]:
    """Return planes behind one another, (C, Z, Y, X); one that holds no number looks like the nearest that does."""
    seen = [number for number, one in enumerate(planes) if one.hidden is None or not one.hidden.all()]
    nearest = [min(seen, key=lambda other: abs(other - number), default=number) for number in range(len(planes))]
    return np.stack([planes[number].values for number in nearest], axis=1)


@functools.lru_cache(maxsize=16)
def _cut_tiles(tiling: Tiling) -> tuple[Tile, ...]:
    return tiling.tiles(TILE)
