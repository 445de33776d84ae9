"""Features of images from a network trained beforehand: computed tile by tile, once, and kept. Fits nothing.

Images are known by identity: an image that changes is a new :class:`Image`, and what was kept of the old one goes when
the old one goes. A store serves one thread at a time.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.errors import UserError, WorkError
from ..core.image import Image
from ..core.latest import Latest
from ..core.method import View
from ..core.normalisation import warn_of_scale
from ..core.scribbles import TrainingSet
from ..predicting.devices import Device, choose_device, is_out_of_memory, release_memory
from ..predicting.feature_groups import FeatureGroup
from ..predicting.oblivious_trees import feature_tensors
from ..predicting.tile_run import InputPlane
from ..predicting.tiling import Box, Tile, Tiling
from ..predicting.tta import AveragedScores
from ..predicting.weights import Weights
from .backbone import Backbone, backbone_of
from .eye_features import EyeFeatures, has_eye, without_eye
from .feature_tile import FeatureTile, joined_channels
from .tile_cache import TileCache

Result = TypeVar("Result")

TILE = 512
"""Rows and columns of a tile; as many as are quick to compute at once."""

def same_features(one: Weights, other: Weights) -> bool:
    """Say whether two weights give the same features: same numbers below the last layer, same normalisation.

    Numbers are known by identity: weights that were made from one another share their tensors.
    """
    return one.normalisation == other.normalisation and all(
        other.tensors.get(name) is tensor for name, tensor in feature_tensors(one).items())


def with_usual_range(weights: Weights, training: TrainingSet) -> Weights:
    """Return weights that bring planes to the range that is usual in the images of a training set."""
    images = [pair.image for pair in training.pairs]
    if len({image.n_channels for image in images}) != 1:
        return weights
    return dataclasses.replace(weights, normalisation=weights.normalisation.fitted(images))


class FeatureStore:
    """Feature tiles of images, least recently used ones dropped when memory is short.

    Parameters
    ----------
    weights : Weights
        A network that sends each image channel through the same layers (see :class:`Backbone`); its last layer, if it
        has one, is not used.
    device : Device
        Where to compute.
    limit : int
        Bytes that may be kept, normalised planes included; a quarter as many more by the second eye. What is in use at
        the moment is kept in any case.
    eye : EyeFeatures, optional
        Of another store, to be shared where it sees the same.
    """

    def __init__(
        self, weights: Weights, device: Device, limit: int = 2**30, eye: EyeFeatures | None = None
    ) -> None:
        self.weights, self.device, self.limit = weights, device, limit
        backbone = backbone_of(without_eye(weights))
        self._backbone, self._network = cast("Backbone", backbone.network), AveragedScores(backbone, False)
        self._cache = TileCache(limit)
        self.eye_trust = 1.0  # times the usual one: what the newest strokes chose, for the next first answer
        self.eye: EyeFeatures | None = None
        if has_eye(weights):
            self.eye = eye if eye is not None and eye.serves(weights) else EyeFeatures(weights, limit // 4)

    def prior(self, channels: int, eye: bool = True) -> NDArray[np.float32]:
        """How far to trust each feature, (F,), for an image with so many channels; those of the second eye are last."""
        network: Any = self.weights.network
        own = np.tile(np.array(network.prior, np.float32), channels)
        if self.eye is None or not eye:
            return own
        return np.concatenate([own, np.array(network.eye_prior(channels), np.float32)])

    @property
    def bytes(self) -> int:
        """Memory in use."""
        return self._cache.bytes + (0 if self.eye is None else self.eye.cache.bytes)

    def tiling(self, image: Image) -> Tiling:
        """How planes of an image are cut."""
        return Tiling(image.plane_shape, self.weights.network.stride, self.weights.network.halo)

    def boxes(self, image: Image) -> tuple[Box, ...]:
        """Parts of a plane of an image, in the order of their numbers."""
        return tuple(tile.write for tile in _tiles(self.tiling(image)))

    def tile(self, image: Image, plane: int, number: int, eye: bool = True) -> FeatureTile:
        """Return a tile, from memory if it is there; with what the second eye sees, if there is one and it is wanted.

        Raises
        ------
        UserError
            If there is not enough memory even on the processor.
        WorkError
            If torch fails for another reason.
        """
        found: FeatureTile | None = self._cache.find(image, (plane, number))
        if found is None:
            found = self._compute(image, plane, _tiles(self.tiling(image))[number])
            self._cache.keep(image, (plane, number), found, found.bytes)
        if self.eye is None or not eye:
            return found
        whole, seeing = self._plane(image, plane), self.eye
        seen = self._on_device(lambda: seeing.groups(image, plane, whole, found.box, self.device))
        return found.beside(seen)

    def hidden(self, image: Image, plane: int) -> NDArray[np.bool_] | None:
        """Return where a plane holds no number, (Y, X); None: nowhere."""
        return self._plane(image, plane).hidden

    def holds(self, image: Image, plane: int, number: int, eye: bool = False) -> bool:
        """Say whether a tile is in memory, or what the second eye sees of it."""
        if eye:
            box = _tiles(self.tiling(image))[number].write
            return self.eye is not None and self.eye.cache.holds(image, (plane, box))
        return self._cache.holds(image, (plane, number))

    def ordered(
        self, image: Image, planes: tuple[int, ...], view: Latest[View | None] | None
    ) -> Iterator[tuple[int, int, int]]:
        """Yield (plane, tile number, tiles left) for all tiles of some planes, those in view first."""
        boxes = self.boxes(image)
        waiting = [(plane, number) for plane in planes for number in range(len(boxes))]
        seen: View | None = None
        while waiting:
            now = view.get() if view is not None else None
            if now is not None and now is not seen:
                seen, shown = now, image.plane_of(now.where)
                rows, columns = (part if isinstance(part, slice) else slice(part, part + 1) for part in now.where[-2:])
                waiting.sort(key=lambda job: 2 if job[0] != shown else not boxes[job[1]].touches(rows, columns))
            plane, number = waiting.pop(0)
            yield plane, number, len(waiting)

    def _plane(self, image: Image, plane: int) -> InputPlane:
        found: InputPlane | None = self._cache.find(image, (plane, None))
        if found is None:
            if image not in self._cache:  # the first that is looked at of it
                warn_of_scale(self.weights.normalisation, image)
            values, valid = self.weights.normalisation.plane(image, plane)
            found = InputPlane(values, None if valid.all() else ~valid)
            size = values.nbytes + (0 if found.hidden is None else valid.nbytes)
            self._cache.keep(image, (plane, None), found, size)
        return found

    def _compute(self, image: Image, plane: int, tile: Tile) -> FeatureTile:
        whole = self._plane(image, plane)
        parts = [self._features(whole.values[channel : channel + 1], self.tiling(image), tile)
                 for channel in range(len(whole.values))]
        hidden = None if whole.hidden is None else whole.hidden[tile.write.slices]
        return FeatureTile(tile.write, joined_channels(parts), hidden if hidden is not None and hidden.any() else None)

    def _features(self, channel: NDArray[np.float32], tiling: Tiling, tile: Tile) -> list[FeatureGroup]:
        """Return features of part of a channel (1, Y, X)."""
        def computed() -> Tensor:
            (found,), self.device = self._network([channel], tiling, [tile], self.device)
            return found

        part = ((tile.keep.y0, tile.keep.y1), (tile.keep.x0, tile.keep.x1))
        with torch.inference_mode():
            return self._backbone.unpacked(self._on_device(computed), part, tile.read.shape)

    def _on_device(self, work: Callable[[], Result]) -> Result:
        """Compute on the device; on the processor if the device's memory is full."""
        try:
            return work()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise WorkError(f"Features could not be computed on {self.device}: {error}") from error
            if self.device.kind == "cpu":
                raise UserError("There is not enough memory to look at the image. Close other programs.") from error
            release_memory(self.device)
            self.device = choose_device("cpu")
            return self._on_device(work)


@functools.lru_cache(maxsize=16)
def _tiles(tiling: Tiling) -> tuple[Tile, ...]:
    return tiling.tiles(TILE)
