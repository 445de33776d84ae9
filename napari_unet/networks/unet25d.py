"""A U-Net of planes that also sees the planes before and behind each (2.5-D). Knows nothing of images or training.

Neighbouring planes are further channels of its input: it tells what goes on in the next plane from what ends there, at
nearly the cost of a network of planes. Before the first and behind the last plane of a volume there are mirror images.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, ClassVar

from torch import Tensor, nn

from napari_unet.core import parameters
from napari_unet.core.parameters import Parameter
from napari_unet.core.sight import Sees
from napari_unet.predicting.slabs import DepthReach

from . import register
from ._axes_unet import Part
from ._unet import UNetModule
from ._unet_layout import UNetLayout
from .unet import UNet


@register("unet25d", "2.5-D U-Net (neighbours)")
@dataclasses.dataclass(frozen=True)
class UNet25D:
    """U-Net that sees the planes before and behind each plane of a volume as further channels.

    Raises
    ------
    UsageError
        If a parameter is out of its bounds.
    """

    sees: ClassVar[Sees] = "volumes"

    neighbours: Annotated[int, Parameter("How many planes before, and how many behind, are looked at", min=1,
                                         max=5)] = 1
    depth: Annotated[int, Parameter("How many times the picture is halved; more sees a wider surrounding", min=1, max=6,
                                    advanced=True)] = 4
    width: Annotated[int, Parameter("Channels at full resolution, doubled at each halving; more learns finer "
                                    "differences but is slower", min=2, max=128, advanced=True)] = 16

    def __post_init__(self) -> None:
        parameters.check(self)

    @property
    def of_planes(self) -> UNet:
        """The network of planes behind it."""
        return UNet(depth=self.depth, width=self.width)

    @property
    def stride(self) -> int:
        """Pixels of the plane per pixel of the coarsest level."""
        return self.of_planes.stride

    @property
    def reach(self) -> int:
        """Largest distance in pixels, along rows or columns, of an input pixel on which an output pixel depends."""
        return self.of_planes.reach

    @property
    def halo(self) -> int:
        """:attr:`reach`, rounded up to a multiple of the stride."""
        return self.of_planes.halo

    @property
    def along_z(self) -> DepthReach:
        """How it looks along z: it has to be given the neighbours."""
        return DepthReach(1, self.neighbours, beyond=True)

    def build(self, channels: int, classes: int) -> nn.Module:
        """Return the module with He initialisation, from torch's global generator.

        Parameters
        ----------
        channels : int
            Image channels.
        classes : int
            Output channels.
        """
        return NeighboursModule(self.of_planes.layout, channels, classes, self.neighbours)


class NeighboursModule(UNetModule):
    """Maps (B, channels, Z + 2 neighbours, Y, X) to logits (B, classes, Z, Y, X); a lone plane neighbours itself."""

    def __init__(self, layout: UNetLayout, channels: int, classes: int, neighbours: int) -> None:
        super().__init__(layout, channels * (2 * neighbours + 1), classes)
        self.seen = 2 * neighbours + 1

    def forward(self, x: Tensor, part: Part | None = None) -> Tensor:
        """Return logits of planes, each from itself and its neighbours; parameters as those of volumes."""
        if x.ndim == 4:
            alone = x[:, :, None].expand(-1, -1, self.seen, -1, -1).flatten(1, 2)
            return super().forward(alone, None if part is None else (part[0], part[1]))
        windows = x.unfold(2, self.seen, 1)  # (B, C, Z, Y, X, neighbours)
        (first, last), *box = part or ((0, windows.shape[2]),)
        planes = windows[:, :, first:last].permute(0, 2, 1, 5, 3, 4)
        logits = super().forward(planes.flatten(0, 1).flatten(1, 2), (box[0], box[1]) if box else None)
        return logits.reshape(*planes.shape[:2], *logits.shape[1:]).transpose(1, 2)
