"""A network without its last layer, as what gives features of one image channel. Keeps nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

from torch import Tensor, nn

from ..predicting.feature_groups import FeatureGroup, Part, Resolution, by_stride
from ..predicting.oblivious_trees import architecture_without_trees, feature_tensors
from ..predicting.weights import Weights


@dataclasses.dataclass(frozen=True)
class Backbone:
    """A network without its last layer: its outputs are what that layer chooses from.

    Parameters
    ----------
    network : Network
        One that sends each image channel through the same layers on its own, and has a ``prior``: how far to trust
        each feature of a channel. Its ``layout`` says which features there are at which resolution.
    """

    network: Any

    @property
    def stride(self) -> int:
        """As that of the network."""
        return int(self.network.stride)

    @property
    def halo(self) -> int | None:
        """As that of the network."""
        halo: int | None = self.network.halo
        return halo

    @property
    def resolutions(self) -> tuple[Resolution, ...]:
        """Of the features, those of one stride together."""
        return by_stride(self.network.layout.resolutions())

    def build(self, channels: int, classes: int) -> nn.Module:
        """Return the module for one channel; it has no classes."""
        del channels, classes
        return BackboneModule(self.network.build(1, 2), self.resolutions)

    def unpacked(self, packed: Tensor, part: Part, shape: tuple[int, int]) -> list[FeatureGroup]:
        """Return what the module gave for a part of a picture with so many rows and columns, by resolution."""
        groups, start = [], 0
        for one in self.resolutions:
            (top, bottom), (left, right) = one.cells(part, shape)
            own = (len(one.columns), bottom - top, right - left)
            stop = start + own[0] * own[1] * own[2]
            groups.append(one.group(packed[start:stop].reshape(own), part, shape))
            start = stop
        return groups


class BackboneModule(nn.Module):
    """Maps a channel (B, 1, Y, X) to features (B, N), float32: of one resolution after the other, feature by feature.

    Parameters
    ----------
    module : Module
        Has a method ``views`` that returns features by resolution; its ``head`` is dropped.
    resolutions : tuple of Resolution
        In which order features are wanted.
    """

    def __init__(self, module: nn.Module, resolutions: tuple[Resolution, ...]) -> None:
        super().__init__()
        self.network: Any = module
        self._resolutions = resolutions
        del module.head

    def forward(self, x: Tensor, part: Part) -> Tensor:
        """Return the features of a part."""
        views = self.network.views(x, part)
        strides = [one.stride for one in self.network.layout.resolutions()]  # all of one kernel
        ordered = [view for one in self._resolutions
                   for stride, view in zip(strides, views, strict=True) if stride == one.stride]
        found = x.new_empty((len(x), sum(view[0].numel() for view in ordered)))
        start = 0
        for view in ordered:  # precision and layout change in a single copy
            stop = start + view[0].numel()
            found[:, start:stop].view(view.shape).copy_(view)
            start = stop
        return found


def backbone_of(weights: Weights) -> Weights:
    """Return weights of the network without its last layer, of one channel."""
    tensors = {f"network.{name}": tensor for name, tensor in feature_tensors(weights).items()}
    return dataclasses.replace(weights, network=Backbone(architecture_without_trees(weights.network)), tensors=tensors,
                               channels=1)
