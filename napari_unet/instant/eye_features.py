"""What the second eye sees of images: computed tile by tile, once, and kept. Fits nothing.

It learns nothing, so that networks that learn beside it can share what is kept; see
:mod:`napari_unet.networks._second_eye` for what it is.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor

from ..core.image import Image
from ..predicting.devices import Device
from ..predicting.feature_groups import FeatureGroup
from ..predicting.tile_run import InputPlane
from ..predicting.tiling import Box, Tiling
from ..predicting.tta import read_mirrored
from ..predicting.weights import Weights
from .feature_tile import joined_channels
from .tile_cache import TileCache

PREFIX = "eye."
"""How the names of its tensors begin."""


class EyeFeatures:
    """What the second eye of a network sees of images. Serves one thread at a time.

    Parameters
    ----------
    weights : Weights
        Of a network with a second eye.
    limit : int
        Bytes that may be kept.
    """

    def __init__(self, weights: Weights, limit: int) -> None:
        self.weights, self.cache = weights, TileCache(limit)
        self._module: Any = None
        self._device: Device | None = None

    def serves(self, weights: Weights) -> bool:
        """Say whether the second eye of other weights sees the same."""
        mine, theirs = eye_tensors(self.weights), eye_tensors(weights)
        same = self.weights.normalisation == weights.normalisation and eye_kernel(self.weights) == eye_kernel(weights)
        return same and mine.keys() == theirs.keys() and all(
            theirs[name] is tensor or torch.equal(theirs[name], tensor) for name, tensor in mine.items())

    def groups(
        self, image: Image, plane: int, whole: InputPlane, box: Box, device: Device
    ) -> tuple[FeatureGroup, ...]:
        """Return what is seen of a part of a plane, from memory if it is there; columns count from 0."""
        found: tuple[FeatureGroup, ...] | None = self.cache.find(image, (plane, box))
        if found is None:
            found = self._computed(whole, box, device)
            self.cache.keep(image, (plane, box), found, sum(one.values.nbytes for one in found))
        return found

    def _computed(self, whole: InputPlane, box: Box, device: Device) -> tuple[FeatureGroup, ...]:
        network: Any = self.weights.network
        tile = Tiling(whole.values.shape[1:], network.stride, network.eye_halo).tile(box)
        part = ((tile.keep.y0, tile.keep.y1), (tile.keep.x0, tile.keep.x1))
        module, resolutions = self._ready(device), network.layout.eye_resolutions(len(whole.values))
        with torch.inference_mode():
            batch = torch.from_numpy(read_mirrored(whole.values, tile.read).copy())[None]
            with device.autocast():
                seen = module.cells(batch.to(device.name), part)
            groups = [one.group(values[0], part, tile.read.shape)
                      for one, values in zip(resolutions, seen, strict=True)]
            return joined_channels([groups])

    def _ready(self, device: Device) -> Any:
        if self._module is None or self._device != device:
            network: Any = self.weights.network
            module = network.layout.build_eye()
            module.load_state_dict(eye_tensors(self.weights))
            self._module = module.eval().to(device.name, memory_format=device.memory_format)
            self._device = device
        return self._module


def eye_tensors(weights: Weights) -> dict[str, Tensor]:
    """Return the numbers of the second eye, by their names in its layer; none where there is none."""
    return {name.removeprefix(PREFIX): tensor for name, tensor in weights.tensors.items() if name.startswith(PREFIX)}


def has_eye(weights: Weights) -> bool:
    """Say whether a network has a second eye."""
    return bool(getattr(weights.network, "eye", False))


def eye_kernel(weights: Weights) -> str:
    """Return how what the second eye of a network sees is brought to the pixels."""
    return str(getattr(weights.network, "eye_kernel", "linear"))


def without_eye(weights: Weights) -> Weights:
    """Return weights of the same network without its second eye (and without a last layer that looks through it)."""
    if not has_eye(weights):
        return weights
    changed: Any = weights.network
    tensors = {name: tensor for name, tensor in weights.tensors.items() if not name.startswith(PREFIX)}
    network = dataclasses.replace(changed, eye=False, eye_kernel="linear")
    return dataclasses.replace(weights, network=network, tensors=tensors)
