"""The U-Net of Ronneberger, Fischer and Brox 2015 as published. Knows nothing of images or training.

O. Ronneberger, P. Fischer, T. Brox: U-Net: Convolutional Networks for Biomedical Image Segmentation. MICCAI 2015,
figure 1 and sections 2 and 3. Convolutions are unpadded, so the output is smaller than the input (572 in, 388 out); to
predict up to the border, the plane is mirrored there and cut into overlapping tiles (figure 2).
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_unet.core import parameters
from napari_unet.core.parameters import Parameter
from napari_unet.predicting.tiling import mirror_indices

from . import register
from ._layers import full_precision_head, he_initialise

LEVELS = 5
"""Resolutions, the coarsest included."""

STRIDE = 2 ** (LEVELS - 1)

MARGIN = 94
"""Pixels that are read around an output which starts and ends at multiples of the stride.

Of n pixels read, n - 184 come out, and n - 60 must be a multiple of 16 for every pooling to have an even size. So the
smallest input for 16 k pixels of output has 16 k + 188, and two pixels more than asked for come out on each side.
"""


@register("unet2015", "U-Net (2015)")
@dataclasses.dataclass(frozen=True)
class UNet2015:
    """U-Net as published in 2015: unpadded convolutions, mirrored borders, dropout; slow at full width.

    Raises
    ------
    UsageError
        If a parameter is out of its bounds.
    """

    width: Annotated[int, Parameter("Channels at full resolution, doubled at each halving (64 in the paper); fewer "
                                    "are faster", min=1, max=128, advanced=True)] = 64
    dropout: Annotated[float, Parameter("Share of activations left out at random at the end of the contracting path "
                                        "while learning", min=0, max=0.9, step=0.1, advanced=True)] = 0.5

    def __post_init__(self) -> None:
        parameters.check(self)

    @property
    def stride(self) -> int:
        """Pixels of the plane per pixel of the coarsest level."""
        return STRIDE

    @property
    def halo(self) -> int:
        """Reach of an output pixel (107), rounded up to a multiple of the stride; :data:`MARGIN` of it is used."""
        return 7 * STRIDE

    @property
    def padding(self) -> str:
        """``"mirror"``: beyond the border of the plane the network sees its mirror image."""
        return "mirror"

    def build(self, channels: int, classes: int) -> nn.Module:
        """Return the module with He initialisation (section 3 of the paper), from torch's global generator.

        Parameters
        ----------
        channels : int
            Image channels.
        classes : int
            Output channels.
        """
        return UNet2015Module(self, channels, classes)


class UNet2015Module(nn.Module):
    """The layers of :class:`UNet2015`."""

    def __init__(self, parameters: UNet2015, channels: int, classes: int) -> None:
        super().__init__()
        widths = [parameters.width * 2**level for level in range(LEVELS)]
        self.margin = parameters.halo
        self.encoder = nn.ModuleList(_block(channels if level == 0 else widths[level - 1], width)
                                     for level, width in enumerate(widths))
        self.dropout = nn.Dropout(parameters.dropout)
        self.rise = nn.ModuleList(nn.ConvTranspose2d(wide, narrow, 2, stride=2)
                                  for narrow, wide in itertools.pairwise(widths))
        self.decoder = nn.ModuleList(_block(2 * width, width) for width in widths[:-1])
        self.head = nn.Conv2d(parameters.width, classes, 1)
        he_initialise(self)

    def core(self, x: Tensor) -> Tensor:
        """Return what the published network returns: (B, channels, Y, X) in, (B, classes, Y - 184, X - 184) out.

        Y and X must be 16 k + 60 with k of at least 8 (188, 204, ..., 572, ...), so that every pooling has an even
        size.
        """
        kept = []
        for level, block in enumerate(self.encoder):
            x = block(x if level == 0 else functional.max_pool2d(x, 2))
            if level >= LEVELS - 2:  # "at the end of the contracting path", in the plural: its last two levels
                x = self.dropout(x)
            kept.append(x)
        kept.pop()
        for rise, block in zip(reversed(self.rise), reversed(self.decoder), strict=True):
            x = rise(x)
            x = block(torch.cat([_cropped(kept.pop(), x.shape[-2:]), x], dim=1))
        return full_precision_head(self.head, x)

    def valid(self, x: Tensor) -> Tensor:
        """Return logits (B, classes, Y, X) for (B, channels, Y + 2 halo, X + 2 halo); Y, X multiples of the stride."""
        spare = self.margin - MARGIN
        inner = (x.shape[-2] - 2 * self.margin, x.shape[-1] - 2 * self.margin)
        return _cropped(self.core(x[..., spare:x.shape[-2] - spare, spare:x.shape[-1] - spare]), inner)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes, Y, X) for (B, channels, Y, X), mirrored at the border."""
        rows, columns = (torch.from_numpy(mirror_indices(-self.margin, length + self.margin, length)).to(x.device)
                         for length in x.shape[-2:])
        return self.valid(x[..., rows[:, None], columns])


def _block(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, width, 3), nn.ReLU(inplace=True),
        nn.Conv2d(width, width, 3), nn.ReLU(inplace=True),
    )


def _cropped(x: Tensor, shape: tuple[int, ...] | torch.Size) -> Tensor:
    """Return the middle (..., *shape) of a tensor."""
    top, left = (x.shape[-2] - shape[0]) // 2, (x.shape[-1] - shape[1]) // 2
    return x[..., top:top + shape[0], left:left + shape[1]]
