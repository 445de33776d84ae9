"""Edges closed into regions, each of which takes a class. Finds edges without looking at paint."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

import numpy as np

from napari_unet.classical.appearance import Appearance, measure_features
from napari_unet.classical.background import PreparedPlane
from napari_unet.classical.edge_regions import canny_regions, log_regions, sobel_regions
from napari_unet.classical.regions import Regions
from napari_unet.core.classes import ClassTable
from napari_unet.core.parameters import Parameter

from . import register
from ._by_appearance import RegionMethod

TITLES = {
    "canny": "Canny edges, gaps closed",
    "sobel": "the crests of the Sobel gradient",
    "log": "the zero crossings of the Laplacian of a Gaussian",
}


@register("edges", title="Edges", family="cuts")
@dataclasses.dataclass(frozen=True)
class Edges(RegionMethod):
    """Edges (Canny, Sobel, Laplacian of Gaussian), closed into regions; each region takes a class.

    Outlines follow steps in brightness or colour, not a level of brightness. A region takes the class most painted
    inside it; without paint, the class whose painted pixels it resembles most (a mixture of Gaussians per class over
    the region means of brightness, colour and, with ``filters``, edges, spots and lines). Canny 1986,
    doi:10.1109/TPAMI.1986.4767851; Marr and Hildreth 1980, doi:10.1098/rspb.1980.0020.
    """

    kind: Annotated[
        Literal["canny", "sobel", "log"] | None,
        Parameter("How edges are found and closed: canny (thin strong edges; gaps are closed), sobel (crests of the "
                  "gradient, closed by a watershed) or log (Laplacian of Gaussian; its outlines are closed by "
                  "themselves).", auto=("canny", "sobel", "log")),
    ] = None
    scale: Annotated[float | None, Parameter("Blur before looking for edges: larger values keep the edges of larger "
                                             "things only.", min=0.5, max=20, step=0.5, unit="px",
                                             auto=(1.0, 2.0, 3.0))] = None
    strength: Annotated[float | None, Parameter("The smallest step in brightness that counts as an edge; 1 is the "
                                                "whole range from dark to bright.", min=0, max=2, step=0.05,
                                                auto=(0.2, 0.1, 0.4))] = None
    gap: Annotated[float | None, Parameter("Gaps in an outline up to this wide are closed (kind canny).", min=1,
                                           max=100, step=1, unit="px", advanced=True, auto=(6.0, 3.0, 12.0))] = None

    def uses(self, parameter: str) -> bool:
        """Only Canny's edges have gaps."""
        return parameter != "gap" or (self.kind or "canny") == "canny"

    def describe(self, plane: PreparedPlane, survey: Any) -> Regions:
        """Find the edges of a plane, close them and measure the regions."""
        del survey
        scale = 1.0 if self.scale is None else self.scale
        strength = 0.2 if self.strength is None else self.strength
        if self.kind == "sobel":
            numbers = sobel_regions(plane, scale, strength)
        elif self.kind == "log":
            numbers = log_regions(plane, scale, strength)
        else:
            numbers = canny_regions(plane, scale, strength, self.gap or 6.0)
        return Regions.of(numbers, measure_features(plane, self.sigma or 0, bool(self.filters)).astype(np.float32),
                          plane.valid)

    def remark(self, learnt: Appearance, classes: ClassTable, ids: tuple[int, ...]) -> str:
        """Say which edges divide the plane."""
        del learnt
        names = ", ".join(classes.name(number) for number in ids)
        return (f"Regions between {TITLES[self.kind or 'canny']} take the class painted inside or the one they "
                f"resemble: {names}.")
