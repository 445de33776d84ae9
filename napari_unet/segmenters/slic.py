"""SLIC superpixels, each given a class. Standing on scikit-image's SLIC."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from napari_unet.classical.appearance import Appearance, measure_features
from napari_unet.classical.background import PreparedPlane
from napari_unet.classical.regions import Regions
from napari_unet.classical.slic_superpixels import slic_superpixels
from napari_unet.core.classes import ClassTable
from napari_unet.core.parameters import Parameter

from . import register
from ._by_appearance import RegionMethod
from ._volumes import SeesVolumes


@register("slic", title="SLIC superpixels", family="clusters")
@dataclasses.dataclass(frozen=True)
class Slic(SeesVolumes, RegionMethod):
    """Superpixels (SLIC): the plane (or the volume) is divided into small even regions, each takes a class.

    A region takes the class most painted inside it; without paint, the class whose painted pixels it resembles most
    (a mixture of Gaussians per class over the region means of brightness, colour and, with ``filters``, edges, spots
    and lines). Achanta et al. 2012, doi:10.1109/TPAMI.2012.120.
    """

    size: Annotated[float | None, Parameter("Width of a region; about half the width of the thinnest thing you want "
                                            "to find.", min=2, max=200, step=1, unit="px",
                                            auto=(6.0, 4.0, 10.0))] = None
    compactness: Annotated[float | None, Parameter("How square regions are: small values follow edges, large ones "
                                                   "keep a regular grid.", min=0.001, max=10, step=0.05, advanced=True,
                                                   auto=(0.1, 0.03, 0.3))] = None

    def describe(self, plane: PreparedPlane, survey: Any) -> Regions:
        """Divide a plane and measure the regions."""
        del survey
        stack = measure_features(plane, self.sigma or 0, bool(self.filters))
        numbers = slic_superpixels(stack[: len(plane.pixels)], self.size or 6.0, self.compactness or 0.1, plane.spacing)
        return Regions.of(numbers, stack, plane.valid)

    def remark(self, learnt: Appearance, classes: ClassTable, ids: tuple[int, ...]) -> str:
        """Say how a region gets its class."""
        del learnt
        names = ", ".join(classes.name(number) for number in ids)
        return f"Superpixels {self.size:g} px wide take the class painted inside or the one they resemble: {names}."
