"""The layers of the U-Net and how they are run on part of a plane. Knows nothing of images or training."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_unet.core.predicting.trees import TreesLayer

from ._fixed import Part, surrounded

if TYPE_CHECKING:
    from .unet import UNet


class UNetModule(nn.Module):
    """The layers of :class:`.unet.UNet`; maps (B, channels, Y, X) to float32 logits (B, classes, Y, X)."""

    def __init__(self, knobs: UNet, channels: int, classes: int) -> None:
        super().__init__()
        widths = [knobs.width * 2**level for level in range(knobs.depth + 1)]
        features = knobs.features or knobs.width
        self.channelwise = knobs.channelwise
        incoming = 1 if knobs.channelwise else channels
        self.depth = knobs.depth
        self.switches = knobs.upsampling == "unpool"
        self.blur = int(knobs.upsampling == "bilinear")
        self.encoder = nn.ModuleList()
        for level, width in enumerate(widths):
            dilation = knobs.dilation if level == knobs.depth else 1
            self.encoder.append(_block(incoming if level == 0 else widths[level - 1], width, knobs.norm, dilation))
        self.rise = nn.ModuleList(_rise(wide, narrow, knobs.upsampling)
                                  for narrow, wide in itertools.pairwise(widths))
        self.decoder = nn.ModuleList(_block(2 * width, width if level else features, knobs.norm)
                                     for level, width in enumerate(widths[:-1]))
        self.halo = math.ceil(knobs.own_reach / 2**knobs.depth) * 2**knobs.depth
        self.halvings = knobs.halvings
        self.fixed = nn.ModuleList(layer() for layer in knobs.fixed)
        count = features * (1 + knobs.halvings) + incoming * sum(layer.count for layer in knobs.fixed)
        self.head = nn.Conv2d(count * (channels if knobs.channelwise else 1), classes, 1)
        self.trees = TreesLayer(knobs.trees, classes) if knobs.trees else None
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                he_init(module)

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
        features = self.features(x, part)
        logits = full_precision_head(self.head, features)
        return logits if self.trees is None else self.trees(logits, features)

    def features(self, x: Tensor, part: Part | None = None) -> Tensor:
        """Return what the head sees, (B, F, Y, X); parameters as :meth:`forward`."""
        found = self.views(x.flatten(0, 1)[:, None] if self.channelwise else x, part)
        whole = found[0] if len(found) == 1 else torch.cat(found, dim=1)  # in the finest precision of them
        return whole.reshape(len(x), -1, *whole.shape[-2:])

    def views(self, x: Tensor, part: Part | None) -> list[Tensor]:
        """Return the features of the U-Net, those at smaller sizes, filters and surroundings, as far as there are any.

        Parameters
        ----------
        x : Tensor, shape (B, channels, Y, X)
            With one channel where every channel goes through on its own.
        part : pair of (int, int), optional
            As in :meth:`forward`.
        """
        if not self.halvings and not self.fixed:
            return [self._features(x, part)]
        part = part or ((0, x.shape[-2]), (0, x.shape[-1]))
        found = [self._cropped(x, part)]
        for level in range(1, 1 + self.halvings):
            size = 2**level
            coarse = [(max(0, low // size - 1), min(length // size, math.ceil(high / size) + 1))
                      for (low, high), length in zip(part, x.shape[-2:], strict=True)]
            small = self._cropped(functional.avg_pool2d(x, size), (coarse[0], coarse[1]))
            large = functional.interpolate(small, scale_factor=size, mode="bilinear", align_corners=False)
            rows, columns = (slice(low - size * start, high - size * start)
                             for (low, high), (start, _) in zip(part, coarse, strict=True))
            found.append(large[..., rows, columns])
        return found + [layer(x, part) for layer in self.fixed]

    def _cropped(self, x: Tensor, part: Part) -> Tensor:
        """Return the features of a part from no more of the picture than it depends on."""
        crop = [surrounded(*ends, self.halo, 2**self.depth, length)
                for ends, length in zip(part, x.shape[-2:], strict=True)]
        (top, bottom), (left, right) = crop
        inner = ((part[0][0] - top, part[0][1] - top), (part[1][0] - left, part[1][1] - left))
        return self._features(x[..., top:bottom, left:right], inner)

    def _features(self, x: Tensor, part: Part | None) -> Tensor:
        rows, columns = part or ((0, x.shape[-2]), (0, x.shape[-1]))
        cuts = [_cuts(*ends, length, self.depth, self.blur, self.switches)
                for ends, length in zip((rows, columns), x.shape[-2:], strict=True)]
        kept: list[tuple[Tensor, Tensor | None]] = []
        for block in self.encoder[:-1]:
            x = block(x)
            if self.switches:
                pooled, switch = functional.max_pool2d(x, 2, return_indices=True)
            else:
                pooled, switch = functional.max_pool2d(x, 2), None
            kept.append((x, switch))
            x = pooled
        x = self.encoder[-1](x)
        for level in reversed(range(self.depth)):
            (rows_, columns_), (skip, switch) = (axis[level] for axis in cuts), kept.pop()
            x = self.rise[level](x[..., rows_.coarse, columns_.coarse])
            if switch is not None:
                x = functional.max_unpool2d(x, switch, (2, 2))
            joined = [skip[..., rows_.skip, columns_.skip], x[..., rows_.fine, columns_.fine]]
            x = self.decoder[level](torch.cat(joined, dim=1))[..., rows_.right, columns_.right]
        return x


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


def full_precision_head(head: nn.Conv2d, features: Tensor) -> Tensor:
    """Apply the last layer in its own precision even under autocast: 16 bits are coarse for probabilities."""
    with torch.autocast(features.device.type, enabled=False):
        logits: Tensor = head(features.to(head.weight.dtype))
        return logits


class ChannelNorm(nn.Module):
    """Norm over the channels of each pixel (Ba, Kiros and Hinton 2016), with gain and offset per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised (B, C, Y, X)."""
        last = functional.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias)
        return last.permute(0, 3, 1, 2)


def he_init(convolution: nn.Conv2d | nn.ConvTranspose2d) -> None:
    """Draw weights of variance 2 / N with N incoming nodes (He et al. 2015, eq. 10); biases become 0."""
    if isinstance(convolution, nn.ConvTranspose2d):
        # its 2x2 windows do not overlap: an output pixel has one incoming node per channel
        nn.init.normal_(convolution.weight, std=math.sqrt(2 / convolution.in_channels))
    else:
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)


def _norm(kind: str, channels: int) -> list[nn.Module]:
    if kind == "batch":
        return [nn.BatchNorm2d(channels)]
    if kind == "channel":
        return [ChannelNorm(channels)]
    return []


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
    if kind == "transposed":
        return nn.ConvTranspose2d(wide, narrow, 2, stride=2)
    fewer = nn.Conv2d(wide, narrow, 1)  # before the upsampling: same result, a quarter of the work
    if kind == "unpool":
        return fewer
    return nn.Sequential(fewer, nn.Upsample(scale_factor=2, mode=kind,
                                            align_corners=False if kind == "bilinear" else None))
