"""The layers of the U-Net and how they are run on part of a plane. Knows nothing of images or training."""

from __future__ import annotations

import dataclasses
import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_unet.predicting.feature_groups import (
    FeatureGroup,
    Part,
    joined,
    of_all_channels,
    pixel_by_pixel,
    summed,
    weighed_sums,
)
from napari_unet.predicting.oblivious_trees import ObliviousTreesLayer

from ._fixed import FixedLayer, aligned_span
from ._layers import ChannelNorm, Smoothing, full_precision_head, he_initialise
from ._unet_layout import UNetLayout

SMOOTHED_LEVELS = 3
"""How many of the finest levels are smoothed: combs of coarser levels are evened out by these, at no loss of detail."""


class UNetModule(nn.Module):
    """The layers of :class:`.unet.UNet`; maps (B, channels, Y, X) to float32 logits (B, classes, Y, X)."""

    def __init__(self, layout: UNetLayout, channels: int, classes: int) -> None:
        super().__init__()
        self.layout = layout
        self.encoder = _encoder(layout, 1 if layout.channelwise else channels)
        self.rise = nn.ModuleList(_rise(wide, narrow, layout.upsampling)
                                  for narrow, wide in itertools.pairwise(layout.widths))
        self.decoder = nn.ModuleList(_block(2 * width, width if level else layout.features, layout.norm)
                                     for level, width in enumerate(layout.widths[:-1]))
        self.smoothing = Smoothing() if layout.upsampling == "smoothed" else None
        self.fixed = nn.ModuleList(layer() for layer in layout.fixed)
        self.eye = layout.build_eye() if layout.eye else None
        self.head = nn.Conv2d(layout.head_inputs(channels), classes, 1)
        beyond, trees = layout.beyond != "plane", layout.trees
        self.beyond = BeyondHead(layout.beyond_inputs(channels), classes, trees) if beyond else None
        self.trees = ObliviousTreesLayer(trees, classes) if trees and not beyond else None
        he_initialise(self)

    def forward(self, x: Tensor, part: Part | None = None) -> Tensor:
        """Return logits.

        Parameters
        ----------
        x : Tensor, shape (B, channels, Y, X)
            Y and X are multiples of the stride.
        part : pair of (int, int), optional
            First row, and one after the last; the same for columns. The only part of the logits that is wanted: the
            encoder needs all of ``x``, but the decoder, two thirds of the work, leaves out the rest.

        Returns
        -------
        Tensor, shape (B, classes, Y, X), or only the rows and columns of ``part``
        """
        groups, shape = self._groups(x, part)
        if len(groups) == 1 and self.trees is None and self.eye is None:
            return full_precision_head(self.head, groups[0].values)
        seen = self._seen(x, part, first=sum(len(one.columns) for one in groups))
        with torch.autocast(x.device.type, enabled=False):  # 16 bits are coarse for probabilities
            logits = summed((self._with_head(one) for one in (*groups, *seen)), shape)
            if self.head.bias is not None:
                logits = logits + self.head.bias[:, None, None]
            return logits if self.trees is None else self.trees(logits, (*groups, *seen))

    def features(self, x: Tensor, part: Part | None = None) -> Tensor:
        """Return what the head sees but for the second eye, (B, F, Y, X); parameters as :meth:`forward`."""
        groups, shape = self._groups(x, part)
        return groups[0].values if len(groups) == 1 else joined(groups, shape)

    def views(self, x: Tensor, part: Part) -> list[Tensor]:
        """Return the features of the U-Net, those at smaller sizes, filters and surroundings, as far as there are any.

        Parameters
        ----------
        x : Tensor, shape (B, channels, Y, X)
            With one channel where every channel goes through on its own.
        part : pair of (int, int)
            As in :meth:`forward`.

        Returns
        -------
        list of Tensor, each of shape (B, F, y, x)
            On the cells of the part, one for each of :meth:`UNetLayout.resolutions`.
        """
        if not self.layout.halvings and not self.fixed:
            return [self._features(x, part)]
        found = [self._cropped(x, part)]
        found += [self._cropped(functional.avg_pool2d(x, one.stride), one.cells(part, x.shape[-2:]))
                  for one in self.layout.resolutions()[1 : 1 + self.layout.halvings]]
        for layer in self.fixed:
            assert isinstance(layer, FixedLayer)
            found += layer.cells(x, part)
        return found

    def _groups(self, x: Tensor, part: Part | None) -> tuple[list[FeatureGroup], tuple[int, int]]:
        """Return what the head chooses from, the second eye apart, of all channels; rows and columns of the part."""
        part = part or ((0, x.shape[-2]), (0, x.shape[-1]))
        one_by_one = self.layout.channelwise
        resolutions = self.layout.resolutions(1 if one_by_one else x.shape[1])
        count = sum(len(one.columns) for one in resolutions)
        groups = []
        for one, values in zip(resolutions, self.views(x.flatten(0, 1)[:, None] if one_by_one else x, part),
                               strict=True):
            columns = of_all_channels(one.columns, x.shape[1], count) if one_by_one else one.columns
            of_all = values.reshape(len(x), len(columns), *values.shape[-2:])
            groups.append(dataclasses.replace(one, columns=columns).group(of_all, part, x.shape[-2:]))
        (top, bottom), (left, right) = part
        return groups, (bottom - top, right - left)

    def _seen(self, x: Tensor, part: Part | None, first: int) -> list[FeatureGroup]:
        """Return what the second eye sees, for columns that begin with ``first``."""
        if self.eye is None:
            return []
        part = part or ((0, x.shape[-2]), (0, x.shape[-1]))
        return [one.group(values, part, x.shape[-2:]) for one, values in
                zip(self.layout.eye_resolutions(x.shape[1], first), self.eye.cells(x, part), strict=True)]

    def _with_head(self, group: FeatureGroup) -> FeatureGroup:
        """Return what a group adds to the logits, at its own resolution."""
        weight = self.head.weight[:, list(group.columns)]
        if torch.is_inference_mode_enabled() and pixel_by_pixel(group.values):
            return dataclasses.replace(group, values=weighed_sums(weight.flatten(1), group.values))
        return dataclasses.replace(group, values=functional.conv2d(group.values.to(weight.dtype), weight))

    def _cropped(self, x: Tensor, part: Part) -> Tensor:
        """Return the features of a part from no more of the picture than it depends on."""
        crop = [aligned_span(*ends, self.layout.halo, 2**self.layout.depth, length)
                for ends, length in zip(part, x.shape[-2:], strict=True)]
        (top, bottom), (left, right) = crop
        inner = ((part[0][0] - top, part[0][1] - top), (part[1][0] - left, part[1][1] - left))
        return self._features(x[..., top:bottom, left:right], inner)

    def _features(self, x: Tensor, part: Part) -> Tensor:
        rows, columns = part
        blur, switches = int(self.layout.upsampling in ("bilinear", "smoothed")), self.layout.upsampling == "unpool"
        cuts = [_cuts(*ends, length, self.layout.depth, blur, switches)
                for ends, length in zip((rows, columns), x.shape[-2:], strict=True)]
        kept: list[tuple[Tensor, Tensor | None]] = []
        for block in self.encoder[:-1]:
            x = block(x)
            if switches:
                pooled, switch = functional.max_pool2d(x, 2, return_indices=True)
            else:
                pooled, switch = functional.max_pool2d(x, 2), None
            kept.append((x, switch))
            x = pooled
        x = self.encoder[-1](x)
        for level in reversed(range(self.layout.depth)):
            (rows_, columns_), (skip, switch) = (axis[level] for axis in cuts), kept.pop()
            x = self.rise[level](x[..., rows_.coarse, columns_.coarse])
            if self.smoothing is not None and level < SMOOTHED_LEVELS:
                x = self.smoothing(x)
            if switch is not None:
                x = functional.max_unpool2d(x, switch, (2, 2))
            joined = [skip[..., rows_.skip, columns_.skip], x[..., rows_.fine, columns_.fine]]
            x = self.decoder[level](torch.cat(joined, dim=1))[..., rows_.right, columns_.right]
        return x


class BeyondHead(nn.Module):
    """Numbers of a head that looks beyond planes: kept with the network, used by whoever has a volume before him.

    Parameters
    ----------
    features : int
    classes : int
    trees : int
        Decision trees that correct it.
    """

    def __init__(self, features: int, classes: int, trees: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(classes, features))
        self.register_buffer("bias", torch.zeros(classes))
        self.trees = ObliviousTreesLayer(trees, classes) if trees else None


@dataclasses.dataclass(frozen=True)
class _Cut:
    """What one decoder level takes along one axis, so that ``right`` of what it makes is what is wanted of it.

    ``coarse`` is cut from what the level below was asked for, ``fine`` from that at double resolution, ``skip`` from
    the encoder's result, ``right`` from the outcome of the level's convolutions.
    """

    coarse: slice
    fine: slice
    skip: slice
    right: slice


def _cuts(start: int, stop: int, length: int, depth: int, blur: int, whole: bool) -> list[_Cut]:
    """Return the cuts of all levels, the finest first, for pixels ``start`` to ``stop`` of a line of ``length``.

    ``blur`` is the number of coarse pixels beyond its own that upsampling looks at. ``whole`` cuts only the result:
    pooling switches count pixels from the corner of the whole.
    """
    wanted, cuts = (start, stop), []
    for level in range(depth):
        low, high = (0, length) if whole else (
            max(0, (wanted[0] - 2) // 2 * 2), min(length, (wanted[1] + 3) // 2 * 2))  # two 3x3 convolutions
        below = max(0, low // 2 - blur), min(length // 2, high // 2 + blur)
        coarse = slice(*below) if level == depth - 1 else slice(None)  # other levels give just what is wanted
        cuts.append(_Cut(coarse, slice(low - 2 * below[0], high - 2 * below[0]), slice(low, high),
                         slice(wanted[0] - low, wanted[1] - low)))
        wanted, length = below, length // 2
    return cuts


def _norm(kind: str, channels: int) -> list[nn.Module]:
    if kind == "batch":
        return [nn.BatchNorm2d(channels)]
    if kind == "channel":
        return [ChannelNorm(channels)]
    return []


def _encoder(layout: UNetLayout, incoming: int) -> nn.ModuleList:
    """Return the block of each level, the coarsest one dilated."""
    levels = nn.ModuleList()
    for level, width in enumerate(layout.widths):
        levels.append(_block(incoming, width, layout.norm, layout.dilation if level == layout.depth else 1))
        incoming = width
    return levels


def _block(channels: int, width: int, norm: str, dilation: int = 1) -> nn.Sequential:
    """Two times convolution, norm, ReLU. A convolution before a batch norm needs no bias."""
    layers: list[nn.Module] = []
    for incoming in (channels, width):
        layers += [
            nn.Conv2d(incoming, width, 3, padding=dilation, dilation=dilation, bias=norm != "batch"),
            *_norm(norm, width),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def _rise(wide: int, narrow: int, kind: str) -> nn.Module:
    """Halve the channels and double the resolution (a pooling switch does the latter itself)."""
    if kind in ("transposed", "smoothed"):
        return nn.ConvTranspose2d(wide, narrow, 2, stride=2)
    fewer = nn.Conv2d(wide, narrow, 1)  # before the upsampling: same result, a quarter of the work
    if kind == "unpool":
        return fewer
    return nn.Sequential(fewer, nn.Upsample(scale_factor=2, mode=kind,
                                            align_corners=False if kind == "bilinear" else None))
