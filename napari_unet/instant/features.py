"""Features of images from a network trained beforehand: computed tile by tile, once, and kept. Fits nothing.

Images are known by identity: an image that changes is a new :class:`Image`, and what was kept of the old one goes when
the old one goes. A store serves one thread at a time.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import weakref
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

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
from .feature_tile import FeatureTile, joined_channels

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


@dataclasses.dataclass(eq=False)
class _Kept:
    """Something in memory and when it was last used."""

    thing: FeatureTile | InputPlane
    bytes: int
    used: int


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
        Bytes that may be kept, normalised planes included. What is in use at the moment is kept in any case.
    """

    def __init__(self, weights: Weights, device: Device, limit: int = 2**30) -> None:
        self.weights, self.device, self.limit = weights, device, limit
        backbone = backbone_of(weights)
        self._backbone, self._network = cast("Backbone", backbone.network), AveragedScores(backbone, False)
        # weak: an image that nobody holds any more takes its features with it
        self._images: weakref.WeakKeyDictionary[Image, dict[tuple[int, int | None], _Kept]]
        self._images = weakref.WeakKeyDictionary()
        self._clock = itertools.count()

    def prior(self, channels: int) -> NDArray[np.float32]:
        """How far to trust each feature, (F,), for an image with so many channels."""
        network: Any = self.weights.network
        return np.tile(np.array(network.prior, np.float32), channels)

    @property
    def bytes(self) -> int:
        """Memory in use."""
        return sum(one.bytes for kept in list(self._images.values()) for one in list(kept.values()))

    def tiling(self, image: Image) -> Tiling:
        """How planes of an image are cut."""
        return Tiling(image.plane_shape, self.weights.network.stride, self.weights.network.halo)

    def boxes(self, image: Image) -> tuple[Box, ...]:
        """Parts of a plane of an image, in the order of their numbers."""
        return tuple(tile.write for tile in _tiles(self.tiling(image)))

    def tile(self, image: Image, plane: int, number: int) -> FeatureTile:
        """Return a tile, from memory if it is there.

        Raises
        ------
        UserError
            If there is not enough memory even on the processor.
        WorkError
            If torch fails for another reason.
        """
        found = self._find(image, plane, number)
        if not isinstance(found, FeatureTile):
            found = self._compute(image, plane, _tiles(self.tiling(image))[number])
            self._keep(image, plane, number, found, found.bytes)
        return found

    def hidden(self, image: Image, plane: int) -> NDArray[np.bool_] | None:
        """Return where a plane holds no number, (Y, X); None: nowhere."""
        return self._plane(image, plane).hidden

    def holds(self, image: Image, plane: int, number: int) -> bool:
        """Say whether a tile is in memory."""
        return (plane, number) in self._images.get(image, {})

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

    def _find(self, image: Image, plane: int, number: int | None) -> FeatureTile | InputPlane | None:
        found = self._images.get(image, {}).get((plane, number))
        if found is None:
            return None
        found.used = next(self._clock)
        return found.thing

    def _keep(self, image: Image, plane: int, number: int | None, thing: FeatureTile | InputPlane, size: int) -> None:
        self._images.setdefault(image, {})[plane, number] = _Kept(thing, size, next(self._clock))
        held = [(one.used, kept, key, one.bytes) for kept in list(self._images.values()) for key, one in kept.items()]
        held.sort(key=lambda one: one[0])
        total = sum(size for *_, size in held)
        for _, kept, key, size in held[:-1]:
            if total <= self.limit:
                break
            kept.pop(key, None)
            total -= size

    def _plane(self, image: Image, plane: int) -> InputPlane:
        found = self._find(image, plane, None)
        if not isinstance(found, InputPlane):
            if image not in self._images:  # the first that is looked at of it
                warn_of_scale(self.weights.normalisation, image)
            values, valid = self.weights.normalisation.plane(image, plane)
            found = InputPlane(values, None if valid.all() else ~valid)
            self._keep(image, plane, None, found, values.nbytes + (0 if found.hidden is None else valid.nbytes))
        return found

    def _compute(self, image: Image, plane: int, tile: Tile) -> FeatureTile:
        whole = self._plane(image, plane)
        parts = [self._features(whole.values[channel : channel + 1], self.tiling(image), tile)
                 for channel in range(len(whole.values))]
        hidden = None if whole.hidden is None else whole.hidden[tile.write.slices]
        return FeatureTile(tile.write, joined_channels(parts), hidden if hidden is not None and hidden.any() else None)

    def _features(self, channel: NDArray[np.float32], tiling: Tiling, tile: Tile) -> list[FeatureGroup]:
        """Return features of part of a channel (1, Y, X); on the processor if the device's memory is full."""
        try:
            (found,), self.device = self._network([channel], tiling, [tile], self.device)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise WorkError(f"Features could not be computed on {self.device}: {error}") from error
            if self.device.kind == "cpu":
                raise UserError("There is not enough memory to look at the image. Close other programs.") from error
            release_memory(self.device)
            self.device = choose_device("cpu")
            return self._features(channel, tiling, tile)
        part = ((tile.keep.y0, tile.keep.y1), (tile.keep.x0, tile.keep.x1))
        with torch.inference_mode():
            return self._backbone.unpacked(found, part, tile.read.shape)


@functools.lru_cache(maxsize=16)
def _tiles(tiling: Tiling) -> tuple[Tile, ...]:
    return tiling.tiles(TILE)
