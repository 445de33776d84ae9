"""Features of images from a network trained beforehand: computed tile by tile, once, and kept. Fits nothing.

Images are known by identity: an image that changes is a new :class:`Image`, and what was kept of the old one goes when
the old one goes. A store serves one thread at a time.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Generator, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.depth import Depth, planes_beside
from ..core.image import Image
from ..core.latest import Latest
from ..core.method import View
from ..core.normalisation import warn_of_scale
from ..core.scribbles import TrainingSet
from ..predicting.devices import Device
from ..predicting.oblivious_trees import feature_tensors
from ..predicting.tile_run import InputPlane
from ..predicting.tiling import Box, Tile, Tiling, asked_for
from ..predicting.weights import Weights
from .cut_features import CutFeatures
from .eye_features import EyeFeatures, eye_kernel, has_eye
from .feature_network import FeatureNetwork
from .feature_tile import FeatureTile, joined_channels, mean_of_groups
from .known_pixels import KnownPixels
from .tile_cache import TileCache
from .trust import DEPTH_TRUST, Trust

TILE = 512
"""Rows and columns of a tile; as many as are quick to compute at once."""

def same_features(one: Weights, other: Weights) -> bool:
    """Say whether two weights give the same features: same numbers below the last layer, same normalisation.

    Numbers are known by identity: weights that were made from one another share their tensors.
    """
    return one.normalisation == other.normalisation and eye_kernel(one) == eye_kernel(other) and all(
        other.tensors.get(name) is tensor for name, tensor in feature_tensors(one).items())


def with_usual_range(weights: Weights, training: TrainingSet, ahead: Image | None = None) -> Weights:
    """Return weights that bring planes to the range that is usual in the images of a training set.

    Images on which nothing is painted have no say, unless none is: what is open beside them must not change an answer.

    Parameters
    ----------
    weights : Weights
    training : TrainingSet
    ahead : Image, optional
        One that is looked at and may be painted on next.
    """
    images = [pair.image for pair in training.pairs if pair.scribbles.planes or pair.image is ahead]
    images = images or [pair.image for pair in training.pairs]
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
        Bytes that may be kept, normalised planes included; a quarter as many more by the second eye, and a twelfth of
        painted pixels. What is in use at the moment is kept in any case.
    eye : EyeFeatures, optional
        Of another store, to be shared where it sees the same.
    depth : str
        How far beyond their plane pixels are looked at where nothing else is said.
    cut_limit : int, optional
        Bytes that features of cuts may take beside; by default as many as all others.
    """

    def __init__(
        self, weights: Weights, device: Device, limit: int = 2**30, eye: EyeFeatures | None = None,
        depth: Depth = "plane", cut_limit: int | None = None,
    ) -> None:
        self.weights, self.limit, self.depth, self.pinned = weights, limit, depth, False
        self._halo = weights.network.halo  # found layer by layer, and asked for at every tile
        self.network = FeatureNetwork(weights, device)
        self._cache = TileCache(limit)
        self.known = KnownPixels(limit // 12)  # more than MOST_KEPT of painted_features: none is lost before its turn
        self.eye: EyeFeatures | None = None
        self.trust = Trust()  # what the newest strokes chose, for the next first answer
        self.cuts = CutFeatures(self.network, len(self.prior(1, eye=False, depth="plane")), cut_limit or limit)
        if has_eye(weights):
            self.eye = eye if eye is not None and eye.serves(weights) else EyeFeatures(weights, limit // 4)

    @property
    def device(self) -> Device:
        """Where it computes at present."""
        return self.network.device

    def prior(
        self, channels: int, eye: bool = True, depth: Depth | None = None, trust: Trust | None = None
    ) -> NDArray[np.float32]:
        """How far to trust each feature, (F,), for an image with so many channels.

        Those of the plane are first, then those of the second eye, of the planes beside, of the cuts.
        """
        network: Any = self.weights.network
        trust, depth = trust or Trust(), depth or self.depth
        own = np.tile(np.array(network.prior, np.float32), channels)
        found = [own * np.float32(factor) for factor in DEPTH_TRUST[depth]]
        if self.eye is not None and eye:
            found.insert(1, np.array(network.eye_prior(channels), np.float32) * np.float32(trust.eye))
        return np.concatenate(found)

    @property
    def bytes(self) -> int:
        """Memory in use."""
        eye = 0 if self.eye is None else self.eye.cache.bytes
        return self._cache.bytes + self.known.bytes + self.cuts.cache.bytes + eye

    def tiling(self, image: Image) -> Tiling:
        """How planes of an image are cut."""
        return Tiling(image.plane_shape, self.weights.network.stride, self._halo)

    def boxes(self, image: Image) -> tuple[Box, ...]:
        """Parts of a plane of an image, in the order of their numbers."""
        return tuple(tile.write for tile in _tiles(self.tiling(image)))

    def tile(
        self, image: Image, plane: int, number: int, eye: bool = True, depth: Depth | None = None
    ) -> FeatureTile:
        """Return a tile, from memory if it is there.

        Parameters
        ----------
        image : Image
        plane : int
        number : int
        eye : bool
            With what the second eye sees, if there is one.
        depth : str, optional
            How far to look beyond the plane; by default as far as is said for all.

        Raises
        ------
        UserError
            If there is not enough memory even on the processor.
        WorkError
            If torch fails for another reason.
        """
        found, depth = self._own(image, plane, number), depth or self.depth
        if self.eye is not None and eye:
            whole, seeing, box = self._plane(image, plane), self.eye, found.box
            found = found.beside(self.network.on_device(
                lambda: seeing.groups(image, plane, whole, box, self.device)))
        if depth != "plane":
            around = [self._own(image, other, number).groups for other in planes_beside(image, plane)
                      if not self._is_empty(image, other)]
            found = found.beside(mean_of_groups(around or [self._own(image, plane, number).groups]))
        if depth == "three cuts":
            cut = self.cuts.group(image, plane, found.box, 0, functools.partial(self._plane, image))
            found = found.beside((cut,))
        return found

    def look_as_far(self, depth: Depth, pinned: bool = False) -> None:
        """Look as far beyond planes from now on where nothing else is said; pinned: strokes have no say in it."""
        self.depth, self.pinned = depth, pinned
        if pinned:
            self.trust = dataclasses.replace(self.trust, depth=depth)

    def look_along_depth(self, image: Image, plane: int) -> Generator[None, None, None]:
        """Look at the cuts through the volume that a plane is in, if that has not been done; yields meanwhile."""
        yield from self.cuts.prepare(image, plane, functools.partial(self._plane, image))

    def _own(self, image: Image, plane: int, number: int) -> FeatureTile:
        found: FeatureTile | None = self._cache.find(image, (plane, number))
        if found is None:
            found = self._compute(image, plane, _tiles(self.tiling(image))[number])
            self._cache.keep(image, (plane, number), found, found.bytes)
        return found

    def _is_empty(self, image: Image, plane: int) -> bool:
        hidden = self.hidden(image, plane)
        return hidden is not None and bool(hidden.all())

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
        asked = asked_for(image)
        wanted = [number for number, box in enumerate(boxes) if asked is None or box.touches(*asked.slices)]
        waiting = [(plane, number) for plane in planes for number in wanted]
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
        parts = [self.network.features([whole.values[channel : channel + 1]], self.tiling(image), tile)[0]
                 for channel in range(len(whole.values))]
        hidden = None if whole.hidden is None else whole.hidden[tile.write.slices]
        return FeatureTile(tile.write, joined_channels(parts), hidden if hidden is not None and hidden.any() else None)


@functools.lru_cache(maxsize=16)
def _tiles(tiling: Tiling) -> tuple[Tile, ...]:
    return tiling.tiles(TILE)
