"""Test-time augmentation: the average over turned versions of a plane, tile by tile. Knows no images.

Ronneberger et al. 2015 averaged 7 rotated versions of the input. A rotated version is a plane of its own, a *frame*
that is thought of as a whole and cut at multiples of its own stride; that keeps averages exact under tiling.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from .devices import Device
from .forward import forward
from .slabs import SlabValues
from .tiling import Box, Tile, Tiling, mirror_indices
from .weights import Weights

Values = NDArray[np.float32] | SlabValues
"""Of a plane, or of the planes of a slab."""

MOST = 72
"""Most versions that can be averaged."""


class AveragedScores:
    """Scores of tiles, averaged over versions.

    Parameters
    ----------
    weights : Weights
        The network.
    versions : bool or int
        See :class:`napari_unet.predicting.network_model.NetworkModel`.
    """

    def __init__(self, weights: Weights, versions: bool | int) -> None:
        self._weights = weights
        self._versions = 8 if versions is True else int(versions)

    def __call__(
        self, planes: Sequence[Values], tiling: Tiling, tiles: Sequence[Tile], device: Device,
        keep: tuple[int, int] | None = None,
    ) -> tuple[list[Tensor], Device]:
        """Compute tiles that read and keep the same shape, in a batch.

        Parameters
        ----------
        planes : sequence of ndarray of float32, shape (C, Y, X), or of SlabValues
            Plane (or slab) of each tile.
        tiling : Tiling
            How they were cut.
        tiles : sequence of Tile
        device : Device
        keep : (int, int), optional
            Of slabs, the first plane of what the network gives that is wanted, and one after the last.

        Returns
        -------
        scores : list of Tensor of float32, shape (classes, [Z,] Y, X) of each ``write`` box
        device : Device
            Device to use from now on, see :func:`napari_unet.predicting.forward.forward`.
        """
        if self._versions > 1 and self._versions not in (4, 8):
            scores = []
            for plane, tile in zip(planes, tiles, strict=True):
                own, device = self._rotated(plane, tiling, tile.write, device, keep)
                scores.append(own)
            return scores, device
        batch = torch.from_numpy(np.stack([read_mirrored(plane, tile.read)
                                           for plane, tile in zip(planes, tiles, strict=True)]))
        if self._versions > 1:
            batched, device = self._turned(batch, tiles[0].keep, device, keep)
        else:
            batched, device = forward(self._weights, batch, device, tiles[0].keep, keep)
        return list(batched), device

    def _turned(
        self, batch: Tensor, keep: Box, device: Device, planes: tuple[int, int] | None
    ) -> tuple[Tensor, Device]:
        """Average over the quarter turns, and their mirror images if there are 8 versions."""
        total: Tensor | None = None
        for version in range(self._versions):
            turns, mirror = version % 4, version >= 4
            turned = torch.rot90(batch.flip(-1) if mirror else batch, turns, (-2, -1)).contiguous()
            place = _turned_box(keep, (batch.shape[-2], batch.shape[-1]), turns, mirror)
            logits, device = forward(self._weights, turned, device, place, planes)
            probability = torch.rot90(torch.softmax(logits, 1), -turns, (-2, -1))
            probability = probability.flip(-1) if mirror else probability
            total = probability if total is None else total + probability
        assert total is not None
        return _log(total / self._versions), device

    def _rotated(
        self, plane: Values, tiling: Tiling, write: Box, device: Device, planes: tuple[int, int] | None
    ) -> tuple[Tensor, Device]:
        """Average over rotations by equal angles."""
        depth = () if planes is None else (planes[1] - planes[0],)
        total = np.zeros((len(self._weights.classes.ids), *depth, *write.shape), np.float32)
        for version in range(self._versions):
            frame = RotatedFrame(tiling, 2 * math.pi * version / self._versions)
            part = frame.tiling.tile(frame.cover(write))
            values = (np.stack([frame.sample(one, part.read) for one in plane.planes], 1)
                      if isinstance(plane, SlabValues) else frame.sample(plane, part.read))
            logits, device = forward(self._weights, torch.from_numpy(values[None]), device, part.keep, planes)
            probability = torch.softmax(logits[0], 0).cpu().numpy()
            flat = probability.reshape(-1, *probability.shape[-2:])
            total += frame.back(flat, part.write, write).reshape(total.shape)
        return _log(torch.from_numpy(total / np.float32(self._versions))), device


@dataclasses.dataclass(frozen=True)
class RotatedFrame:
    """A plane turned about its middle, large enough to hold all of it.

    Parameters
    ----------
    plane : Tiling
        The plane that is turned.
    angle : float
        In radians.
    """

    plane: Tiling
    angle: float

    @property
    def tiling(self) -> Tiling:
        """How the frame is cut: for the same network, with its own shape."""
        (height, width), cos, sin = self.plane.shape, abs(math.cos(self.angle)), abs(math.sin(self.angle))
        shape = math.ceil(height * cos + width * sin) + 4, math.ceil(height * sin + width * cos) + 4
        return dataclasses.replace(self.plane, shape=shape)

    def cover(self, write: Box) -> Box:
        """Return the box of the frame that is needed to interpolate at every pixel of a box of the plane."""
        ys, xs = self._in_frame(np.array([write.y0, write.y0, write.y1 - 1, write.y1 - 1]),
                                np.array([write.x0, write.x1 - 1, write.x0, write.x1 - 1]))
        stride, (height, width) = self.plane.stride, self.tiling.shape
        y0, x0 = (max(0, math.floor(low - 1)) // stride * stride for low in (ys.min(), xs.min()))
        y1, x1 = (math.ceil((high + 2) / stride) * stride for high in (ys.max(), xs.max()))
        return Box(y0, min(y1, height), x0, min(x1, width))

    def sample(self, plane: NDArray[np.float32], box: Box) -> NDArray[np.float32]:
        """Return a box of the frame, interpolated from the plane (C, Y, X) and its mirror images."""
        rows, columns = np.arange(box.y0, box.y1)[:, None], np.arange(box.x0, box.x1)[None, :]
        places = self._in_plane(rows, columns)
        return np.stack([ndimage.map_coordinates(channel, places, order=1, mode="mirror") for channel in plane])

    def back(self, values: NDArray[np.float32], box: Box, write: Box) -> NDArray[np.float32]:
        """Return values (K, Y, X) of a box of the frame, interpolated at the pixels of a box of the plane."""
        rows, columns = np.arange(write.y0, write.y1)[:, None], np.arange(write.x0, write.x1)[None, :]
        ys, xs = self._in_frame(rows, columns)
        places = (ys - box.y0, xs - box.x0)
        return np.stack([ndimage.map_coordinates(value, places, order=1, mode="nearest") for value in values])

    def _in_plane(self, rows: NDArray[np.int_], columns: NDArray[np.int_]) -> tuple[NDArray[np.float64], ...]:
        return self._turn(rows, columns, self.tiling.shape, self.plane.shape, self.angle)

    def _in_frame(self, rows: NDArray[np.int_], columns: NDArray[np.int_]) -> tuple[NDArray[np.float64], ...]:
        return self._turn(rows, columns, self.plane.shape, self.tiling.shape, -self.angle)

    @staticmethod
    def _turn(
        rows: NDArray[np.int_], columns: NDArray[np.int_], source: tuple[int, int], target: tuple[int, int],
        angle: float,
    ) -> tuple[NDArray[np.float64], ...]:
        y, x = rows - (source[0] - 1) / 2, columns - (source[1] - 1) / 2
        cos, sin = math.cos(angle), math.sin(angle)
        return y * cos - x * sin + (target[0] - 1) / 2, y * sin + x * cos + (target[1] - 1) / 2


def read_mirrored(plane: Values, box: Box) -> NDArray[np.float32]:
    """Return a box (C, y, x) of a plane (C, Y, X) that goes on beyond its borders as its mirror image; of a slab
    (C, Z, y, x).
    """
    height, width = plane.shape[1:]
    if box.y0 >= 0 and box.x0 >= 0 and box.y1 <= height and box.x1 <= width:
        return plane[(slice(None), *box.slices)]
    rows, columns = mirror_indices(box.y0, box.y1, height), mirror_indices(box.x0, box.x1, width)
    first, left = int(rows.min()), int(columns.min())  # a plane that is read in windows knows only these
    window = plane[:, first : int(rows.max()) + 1, left : int(columns.max()) + 1]
    return window[..., rows[:, None] - first, columns - left]


def _turned_box(box: Box, shape: tuple[int, int], turns: int, mirror: bool) -> Box:
    """Return where a box of an array of this shape lies after mirroring columns and quarter turns (``rot90``)."""
    height, width = shape
    if mirror:
        box = Box(box.y0, box.y1, width - box.x1, width - box.x0)
    for _ in range(turns):
        box = Box(width - box.x1, width - box.x0, box.y0, box.y1)
        height, width = width, height
    return box


def _log(probability: Tensor) -> Tensor:
    return torch.log(probability.clamp_min(torch.finfo(torch.float32).tiny))
