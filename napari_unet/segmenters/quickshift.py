"""Quickshift: pixels climb to the nearest denser pixel, and each tree of climbs is a region. By scikit-image."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import numpy as np

from napari_unet.classical.appearance import Appearance, measure_features
from napari_unet.classical.background import PreparedPlane
from napari_unet.classical.regions import Regions
from napari_unet.core.classes import ClassTable
from napari_unet.core.parameters import Parameter

from . import register
from ._by_appearance import RegionMethod


@register("quickshift", title="Quickshift", family="clusters")
@dataclasses.dataclass(frozen=True)
class Quickshift(RegionMethod):
    """Quickshift: every pixel climbs to its nearest neighbour in a denser place; pixels on one peak are a region.

    Density and nearness count position and brightness or colour together (Vedaldi and Soatto 2008,
    doi:10.1007/978-3-540-88693-8_52). A region takes the class most painted inside it; without paint, the class whose
    painted pixels it resembles most.
    """

    size: Annotated[float | None, Parameter("Width over which density is measured; larger values give larger regions "
                                            "and take longer.", min=1, max=10, step=0.5, unit="px",
                                            auto=(1.5, 1.0, 2.0))] = None
    reach: Annotated[float | None, Parameter("Longest climb: farther apart, in distance and colour together, pixels "
                                             "do not join.", min=1, max=200, step=1, unit="px",
                                             auto=(6.0, 3.0, 12.0))] = None
    contrast: Annotated[float | None, Parameter("How many pixels of distance the whole range from dark to bright is "
                                                "worth; large values follow edges.", min=0, max=10000, step=10,
                                                unit="px", auto=(50.0, 20.0, 100.0))] = None

    def describe(self, plane: PreparedPlane, survey: Any) -> Regions:
        """Divide a plane and measure the regions."""
        from skimage.segmentation import quickshift

        del survey
        stack = measure_features(plane, self.sigma or 0, bool(self.filters))
        contrast = self.contrast if self.contrast is not None else 50.0
        colours = np.moveaxis(stack[: len(plane.pixels)], 0, -1) * np.float32(contrast)
        numbers = quickshift(
            colours, ratio=1.0, kernel_size=self.size or 1.5, max_dist=self.reach or 6.0, sigma=0, convert2lab=False,
            rng=0, channel_axis=-1,
        )
        return Regions.of(np.asarray(numbers), stack, plane.valid)

    def remark(self, learnt: Appearance, classes: ClassTable, ids: tuple[int, ...]) -> str:
        """Say how a region gets its class."""
        del learnt
        names = ", ".join(classes.name(number) for number in ids)
        return f"Quickshift regions take the class painted inside or the one they resemble: {names}."
