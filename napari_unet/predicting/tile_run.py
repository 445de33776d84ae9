"""The order in which tiles go through a network, in batches that fit the memory. Knows no classes and no labels."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.errors import UserError
from ..core.image import Image
from ..core.latest import Latest
from ..core.method import View
from .devices import Device, free_memory, is_out_of_memory, release_memory
from .side_by_side import side_by_side
from .slabs import Slab, SlabValues, depth_reach
from .tiling import Box, Tile, Tiling
from .tta import AveragedScores
from .weights import Weights

Job: TypeAlias = tuple[Slab, Tile]
BatchWork: TypeAlias = Callable[[], tuple[list[Tensor], Device]]
"""Computes a batch: scores of its tiles, and the device that did it."""


@dataclasses.dataclass(frozen=True, eq=False)
class InputPlane:
    """A plane ready for the network.

    Parameters
    ----------
    values : ndarray of float32, shape (C, Y, X)
        Normalised; of a large plane a :class:`.plane_windows.WindowedPlane`, which is indexed alike.
    hidden : ndarray of bool, shape (Y, X), optional
        Where there was no number; None if there was one everywhere. Of a large plane indexed alike, too.
    """

    values: NDArray[np.float32]
    hidden: NDArray[np.bool_] | None = None


class TileRun:
    """Tiles of some planes or slabs on their way through a network, those in view first. Iterate over it once.

    Yields (plane number, write, scores, plane) for each plane of a tile, where ``scores`` (classes, Y, X) float32
    belong to the box ``write`` and their soft-max over classes is the probability. Where memory runs out, it goes on
    with smaller batches and tiles.

    Parameters
    ----------
    network : AveragedScores
        What to compute.
    tiling : Tiling
        How planes are cut.
    size : int
        Largest rows and columns of a tile.
    device : Device
        Where to compute.
    slabs : sequence of Slab
        Planes, and what is read for them.
    read : callable
        Returns a plane by its number; called when it is needed.
    within : Box, optional
        Only tiles that begin there.
    """

    def __init__(
        self,
        network: AveragedScores,
        tiling: Tiling,
        size: int,
        device: Device,
        slabs: Sequence[Slab],
        read: Callable[[int], InputPlane],
        within: Box | None = None,
    ) -> None:
        self._network, self._tiling, self._device, self._read = network, tiling, device, read
        self._slabs, self._boxes = slabs, functools.partial(tiling.boxes, size, within)
        self._waiting = self._jobs(self._boxes())
        self._computed = 0
        self._batch_pixels = _BATCH_PIXELS.get(device.kind, _BATCH_PIXELS["cpu"])
        self._planes: dict[int, InputPlane] = {}
        self._needed: set[int] = set()
        self._abreast = 1
        self._view: Latest[View | None] = Latest(None)
        self._image: Image | None = None
        self._seen: View | None = None

    def look_at(self, view: Latest[View | None], image: Image) -> None:
        """From now on, do first what touches the newest view of an image."""
        self._view, self._image = view, image

    def two_abreast(self, wide: bool = False) -> None:
        """Compute two batches at a time on a processor with several cores: all sooner, the first later.

        Called before the run begins. ``wide``: tiles may have twice as many columns, so that less of what is read is
        halo.
        """
        if self._device.kind != "cpu" or torch.get_num_threads() < 2:
            return
        self._abreast = 2
        jobs = self._jobs(self._boxes(wide=2)) if wide else []
        self._waiting = jobs if len(jobs) > 1 else self._waiting

    def _jobs(self, boxes: list[Box]) -> list[tuple[Slab, Tile]]:
        tiles = [self._tiling.tile(box) for box in boxes]
        return [(slab, tile) for slab in self._slabs for tile in tiles]

    @property
    def left(self) -> int:
        """Number of tiles not yet yielded, each counted for every plane."""
        return sum(len(slab.write) for slab, _ in self._waiting) + self._computed

    def __iter__(self) -> Iterator[tuple[int, Box, Tensor, InputPlane]]:
        while self._waiting:
            self._look()
            batches = self._next_batches()
            jobs = [job for batch in batches for job in batch]
            self._needed = {number for slab, _ in jobs for number in slab.read}
            work = [self._work(batch) for batch in batches]
            planes = {number: self._plane(number) for slab, _ in jobs for number in slab.write}
            scores = self._scores(batches, work)
            if not scores:
                continue
            del self._waiting[: len(jobs)]
            self._computed = sum(len(slab.write) for slab, _ in jobs)
            for (slab, tile), own in zip(jobs, scores, strict=True):
                for number, of_plane in slab.planes(own):
                    self._computed -= 1
                    yield number, tile.write, of_plane, planes[number]

    def _scores(self, batches: list[list[Job]], work: list[BatchWork]) -> list[Tensor]:
        """Return the scores of every tile of the batches; none where memory ran out, and less is tried next."""
        try:
            done = side_by_side(*work) if len(work) == 2 else [one() for one in work]
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            self._make_smaller(batches, error)
            return []
        self._device = next((used for _, used in done if used.dtype is None), done[0][1])
        return [of_tile for of_batch, _ in done for of_tile in of_batch]

    def _look(self) -> None:
        """Put tiles that touch the view first, then the rest of its plane, if the view has changed."""
        view = self._view.get()
        if view is None or view is self._seen or self._image is None:
            return
        self._seen = view
        plane = self._image.plane_of(view.where)
        rows, columns = (part if isinstance(part, slice) else slice(part, part + 1) for part in view.where[-2:])
        self._waiting.sort(
            key=lambda job: 2 if plane not in job[0].write else 0 if job[1].write.touches(rows, columns) else 1)

    def _next_batches(self) -> list[list[Job]]:
        """Return the next tiles, in as many batches as are computed at a time."""
        batches: list[list[Job]] = []
        for _ in range(self._abreast):
            following = self._waiting[sum(map(len, batches)):]
            if following:
                batches.append(self._batch(following))
        return batches

    def _work(self, batch: list[Job]) -> BatchWork:
        """Return the computation of a batch; pixels are read here and now."""
        values, tiles = [self._values(slab) for slab, _ in batch], [tile for _, tile in batch]
        device, keep = self._device, batch[0][0].keep
        return lambda: self._network(values, self._tiling, tiles, device, keep)

    def _batch(self, waiting: list[Job]) -> list[Job]:
        """Return the first tiles that fit into one batch: alike, and not too many pixels."""
        first, tile = waiting[0]
        shape, keep = tile.read.shape, tile.keep
        most = max(1, self._batch_pixels // (math.prod(shape) * len(first.read)))
        jobs = []
        for job in waiting[:most]:
            if job[1].read.shape != shape or job[1].keep != keep or job[0].kind != first.kind:
                break
            jobs.append(job)
        return jobs

    def _values(self, slab: Slab) -> NDArray[np.float32] | SlabValues:
        if slab.keep is None:
            return self._plane(slab.read[0]).values
        return SlabValues([self._plane(number).values for number in slab.read])

    def _plane(self, number: int) -> InputPlane:
        if number not in self._planes:
            waiting = {one for slab in dict.fromkeys(slab for slab, _ in self._waiting) for one in slab.read}
            for old in [one for one in self._planes if one not in waiting]:
                del self._planes[old]
            spare = [one for one in self._planes if one not in self._needed]  # half done when the view moved
            while spare and sum(plane.values.size for plane in self._planes.values()) > KEPT_PIXELS:
                del self._planes[spare.pop(0)]  # read again later
            self._planes[number] = self._read(number)
        return self._planes[number]

    def _make_smaller(self, batches: list[list[Job]], error: BaseException) -> None:
        """After memory ran out: one batch at a time, half of it, or if it is one tile, half of that."""
        release_memory(self._device)
        if len(batches) > 1:
            self._abreast = 1
            return
        jobs, = batches
        if len(jobs) > 1:
            self._batch_pixels = math.prod(jobs[0][1].read.shape) * len(jobs[0][0].read) * (len(jobs) // 2)
            return
        (slab, tile), = jobs
        parts = self._tiling.halves(tile)
        if len(parts) == 1:
            raise UserError(
                f"There is not enough memory on {self._device} to predict even {tile.read.shape} pixels at once. "
                "Close other programs, use a narrower network, or choose the device 'cpu'."
            ) from error
        self._batch_pixels = math.prod(parts[0].read.shape) * len(slab.read)
        self._waiting[:1] = [(slab, part) for part in parts]


def tile_size(weights: Weights, device: Device) -> int:
    """Return a tile size that gives an answer about every half second and fits the device."""
    along = depth_reach(weights.network)
    if along is not None and not along.beyond:  # halos are long, and of three axes
        return 128 if device.kind == "cpu" else 256
    if device.kind == "cpu":
        heavy = sum(tensor.numel() for tensor in weights.tensors.values()) > 4_000_000
        return 256 if heavy else 512  # activations of larger tiles do not fit the caches
    free = free_memory(device)
    return 2048 if free is not None and free > 12 * 2**30 else 1024


def slab_voxels(device: Device) -> int:
    """Return how many voxels of a volume may go through a network at once."""
    if device.kind == "cpu":
        return 2**20
    free = free_memory(device)
    return 2**24 if free is not None and free > 12 * 2**30 else 2**22


_BATCH_PIXELS = {"cpu": 256 * 256, "cuda": 4 * 2**20, "mps": 2**20}
"""Read pixels of one batch of small tiles. A processor is busy with one tile already, a graphics card is not."""

KEPT_PIXELS = 2**26
"""Normalised values (of 4 bytes) that are kept of planes that were left half done, or that a slab needs together."""
