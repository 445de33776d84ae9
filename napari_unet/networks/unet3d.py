"""A U-Net of volumes (3-D). Knows nothing of images or training.

O. Cicek and others: 3D U-Net: Learning Dense Volumetric Segmentation from Sparse Annotation. MICCAI 2016. Kernels and
pooling of each axis and level are those that :mod:`napari_unet.learning.network_planning` chooses by the voxels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Annotated, ClassVar

from napari_unet.core.image import Image
from napari_unet.core.parameters import Parameter
from napari_unet.core.sight import Sees
from napari_unet.learning.data_fingerprint import fingerprint_of
from napari_unet.learning.network_planning import NetworkPlan, plan_network

from . import register
from ._axes_unet import AxesLayout, BuiltFromLayout, layout_of


@register("unet3d", "3-D U-Net")
@dataclasses.dataclass(frozen=True)
class UNet3D(BuiltFromLayout):
    """U-Net that looks along z as well: for volumes whose planes say little alone. Slower than one of planes.

    Raises
    ------
    UsageError
        If a parameter is out of its bounds.
    """

    sees: ClassVar[Sees] = "volumes"

    depth: Annotated[int, Parameter("How many times the volume is halved at most; more sees a wider surrounding", min=1,
                                    max=4, advanced=True)] = 2
    width: Annotated[int, Parameter("Channels at full resolution, doubled at each halving; more learns finer "
                                    "differences but is slower", min=2, max=64, advanced=True)] = 8

    @property
    def layout(self) -> AxesLayout:
        """What it does along each axis."""
        return layout_of(self.width, self.depth, self.kernels, self.poolings)

    def planned_for(self, images: Iterable[Image], memory: int) -> NetworkPlan:
        """Return the plan for some images, with the channels and halvings chosen here."""
        return plan_network(fingerprint_of(images), memory, dimensions="volume", width=self.width, halvings=self.depth)
