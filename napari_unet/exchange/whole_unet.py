"""A U-Net on whole planes, with no word of their size: what tiles need is left out, so that any size can be traced.

The layers are those of :mod:`napari_unet.networks.unet`, and so are the numbers; only the way through them is told
anew.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_unet.networks._fixed import FixedLayer
from napari_unet.networks._unet import SMOOTHED_LEVELS, UNetModule
from napari_unet.predicting.enlarging import Kernel, enlarged
from napari_unet.predicting.feature_groups import FeatureGroup, Resolution, of_all_channels

from .tensor_trees import TensorTrees


class WholeUNet(nn.Module):
    """Maps (B, channels, Y, X) to logits (B, classes, Y, X), float32; Y and X are multiples of the stride.

    Parameters
    ----------
    module : UNetModule
        Its layers are used, not copied.
    """

    def __init__(self, module: UNetModule) -> None:
        super().__init__()
        self.layout, self.channelwise = module.layout, module.layout.channelwise
        self.encoder, self.rise, self.decoder = module.encoder, module.rise, module.decoder
        self.smoothing, self.fixed, self.eye, self.head = module.smoothing, module.fixed, module.eye, module.head
        self.trees = TensorTrees(module.trees.trees()) if module.trees is not None else None

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        groups = self._groups(x)
        logits = self._weighed(groups)
        return logits if self.trees is None else self.trees(logits, groups)

    def _groups(self, x: Tensor) -> list[FeatureGroup]:
        """Return all that the head chooses from, each resolution on its own cells."""
        channels, layout = x.shape[1], self.layout
        resolutions = layout.resolutions(1 if self.channelwise else channels)
        count = sum(len(one.columns) for one in resolutions)
        groups = []
        for one, values in zip(resolutions, self._views(_one_by_one(x) if self.channelwise else x), strict=True):
            if self.channelwise:
                one = dataclasses.replace(one, columns=of_all_channels(one.columns, channels, count))
                values = _side_by_side(values, channels)
            groups.append(_group(one, values))
        if self.eye is not None:
            first = sum(len(one.columns) for one in groups)
            colours = len(layout.eye_resolutions(channels)[0].columns) == len(layout.eye_resolutions(1)[0].columns)
            plane = x.clamp(0, 1) if colours else _one_by_one(x.clamp(0, 1))
            seen = [values if colours else _side_by_side(values, channels) for values in self.eye.taps(plane)]
            groups += [_group(*both) for both in zip(layout.eye_resolutions(channels, first), seen, strict=True)]
        return groups

    def _views(self, x: Tensor) -> list[Tensor]:
        """Return what the U-Net makes of each size of the picture, then what fixed layers see."""
        found = [self._features(x)]
        found += [self._features(functional.avg_pool2d(x, 2**level)) for level in range(1, 1 + self.layout.halvings)]
        for layer in self.fixed:
            assert isinstance(layer, FixedLayer)
            found += [_side_by_side(values, x.shape[1]) for values in layer.maps(_one_by_one(x))]
        return found

    def _features(self, x: Tensor) -> Tensor:
        kept: list[Tensor] = []
        for block in self.encoder[:-1]:
            kept.append(block(x))
            x = functional.max_pool2d(kept[-1], 2)
        x = self.encoder[-1](x)
        for level in reversed(range(self.layout.depth)):
            x = self.rise[level](x)
            if self.smoothing is not None and level < SMOOTHED_LEVELS:
                x = self._smoothed(x, self.layout.widths[level])
            x = self.decoder[level](torch.cat([kept.pop(), x], dim=1))
        return x

    def _smoothed(self, x: Tensor, width: int) -> Tensor:
        """Return what :class:`~napari_unet.networks._layers.Smoothing` does, its channels being told."""
        assert self.smoothing is not None
        kernel = self.smoothing.get_buffer("kernel").expand(width, 1, 3, 3)
        return functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode="replicate"), kernel, groups=width)

    def _weighed(self, groups: Sequence[FeatureGroup]) -> Tensor:
        """Return the logits of the head: applied where features are, summed, enlarged."""
        sums: dict[tuple[int, Kernel], Tensor] = {}
        for one in groups:
            part = functional.conv2d(one.values, self.head.weight[:, list(one.columns)])
            cells = one.stride, one.kernel
            sums[cells] = sums[cells] + part if cells in sums else part
        logits = self.head.bias[:, None, None] if self.head.bias is not None else torch.zeros(1)
        for (stride, kernel), part in sums.items():
            logits = logits + enlarged(part, stride, kernel)
        return logits


def _group(resolution: Resolution, values: Tensor) -> FeatureGroup:
    return FeatureGroup(resolution.stride, resolution.columns, values, kernel=resolution.kernel)


def _one_by_one(x: Tensor) -> Tensor:
    """Return the channels of (B, C, Y, X) as planes of their own, (B * C, 1, Y, X)."""
    return x.flatten(0, 1)[:, None]


def _side_by_side(values: Tensor, channels: int) -> Tensor:
    """Return (B * C, N, y, x) as (B, C * N, y, x)."""
    return values.unflatten(0, (-1, channels)).flatten(1, 2)
