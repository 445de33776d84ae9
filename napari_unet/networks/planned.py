"""A U-Net whose configuration is chosen from the data, for planes or volumes. Knows nothing of images or training.

What is chosen and why is in :mod:`napari_unet.learning.network_planning`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from napari_unet.core.image import Image
from napari_unet.core.parameters import Parameter
from napari_unet.core.sight import Sees
from napari_unet.learning.data_fingerprint import fingerprint_of
from napari_unet.learning.network_planning import NetworkPlan, plan_network

from . import register
from ._axes_unet import AxesLayout, BuiltFromLayout, layout_of


@register("planned", "Planned U-Net")
@dataclasses.dataclass(frozen=True)
class Planned(BuiltFromLayout):
    """U-Net whose pieces, depth, kernels and width are chosen from the data as nnU-Net would, in 2-D or 3-D.

    Raises
    ------
    UsageError
        If a parameter is out of its bounds.
    """

    sees: ClassVar[Sees] = "both"

    dimensions: Annotated[Literal["auto", "planes", "volume"], Parameter(
        "Whether it looks at planes or volumes; auto: at volumes where enough planes lie behind one another, not too "
        "far apart")] = "auto"
    memory: Annotated[float | None, Parameter(
        "What a step of training may take; auto: half of what a graphics card has free, 0.25 GB on a processor, where "
        "time is short before memory is", min=0.03, max=1024, step=0.25, unit="GB", advanced=True)] = None
    width: Annotated[int, Parameter("Channels at full resolution", min=2, max=64, fitted=True)] = 8

    @property
    def layout(self) -> AxesLayout:
        """What it does along each axis."""
        return layout_of(self.width, 2, self.kernels, self.poolings)

    def planned_for(self, images: Iterable[Image], memory: int) -> NetworkPlan:
        """Return the plan for some images."""
        wanted = None if self.dimensions == "auto" else self.dimensions
        allowed = memory if self.memory is None else int(self.memory * 2**30)
        return plan_network(fingerprint_of(images), allowed, dimensions=wanted)

    def fitted_to(self, plan: NetworkPlan) -> Planned:
        """Return the network as it was planned, its width as well."""
        return dataclasses.replace(super().fitted_to(plan), width=plan.width)
