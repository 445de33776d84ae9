"""Cuts of the graph of touching superpixels; what is left together is a region and takes a class."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

import numpy as np

from napari_unet.classical.adjacency_graph import (
    Pairs,
    adjacent_regions,
    graph_components,
    grid_cells,
    normalised_cut,
    pair_differences,
)
from napari_unet.classical.appearance import Appearance, measure_features
from napari_unet.classical.background import PreparedPlane
from napari_unet.classical.regions import Regions
from napari_unet.classical.slic_superpixels import slic_superpixels
from napari_unet.core.classes import ClassTable
from napari_unet.core.parameters import Parameter

from . import register
from ._by_appearance import RegionMethod
from ._volumes import SeesVolumes

_COMPACTNESS = 0.1


@register("region_graph", title="Region graph cut", family="graphs")
@dataclasses.dataclass(frozen=True)
class RegionGraph(SeesVolumes, RegionMethod):
    """Region graph cut: the graph of touching superpixels is cut where neighbours differ; what is left is a region.

    Kind threshold cuts every link between superpixels that differ by more than ``similar``. Kind normalised cuts where
    the links lost are weakest compared with those kept on either side, again and again (Shi and Malik 2000,
    doi:10.1109/34.868688). A region takes the class most painted inside it; without paint, the class whose painted
    pixels it resembles most.
    """

    kind: Annotated[
        Literal["threshold", "normalised"] | None,
        Parameter("How the graph is cut: every weak link (threshold), or where the cut is cheap for both sides "
                  "(normalised).", auto=("threshold", "normalised")),
    ] = None
    size: Annotated[float | None, Parameter("Width of a superpixel; about half the width of the thinnest thing you "
                                            "want to find.", min=2, max=200, step=1, unit="px",
                                            auto=(6.0, 4.0, 10.0))] = None
    similar: Annotated[float | None, Parameter("How different superpixels may be and still hold together; 1 is the "
                                               "whole range from dark to bright.", min=0.001, max=2, step=0.02,
                                               auto=(0.05, 0.02, 0.1))] = None
    dearest: Annotated[float | None, Parameter("Kind normalised cuts as long as a cut costs less than this (0 to 2); "
                                               "larger values give more regions.", min=0.0001, max=2, step=0.05,
                                               advanced=True, auto=(0.1, 0.3))] = None
    reach: Annotated[int, Parameter("Largest height and width of a region, so that its brightness is that of one "
                                    "place; 0 = no limit.", min=0, max=10000, step=8, unit="px", advanced=True)] = 64

    def uses(self, parameter: str) -> bool:
        """What a cut may cost matters to the normalised cut only."""
        return parameter != "dearest" or self.kind == "normalised"

    def describe(self, plane: PreparedPlane, survey: Any) -> Regions:
        """Divide a plane and measure the regions."""
        del survey
        stack = measure_features(plane, self.sigma or 0, bool(self.filters))
        pieces = slic_superpixels(stack[: len(plane.pixels)], self.size or 6.0, _COMPACTNESS, plane.spacing)
        small = Regions.of(pieces, stack, plane.valid)
        pairs = adjacent_regions(small.numbers)
        if self.reach:
            cell = grid_cells(small.numbers, self.reach, plane.spacing)
            pairs = pairs[cell[pairs[:, 0]] == cell[pairs[:, 1]]]
        return Regions.of(self._groups(small, pairs)[small.numbers], stack, plane.valid)

    def _groups(self, small: Regions, pairs: Pairs) -> np.ndarray:
        gaps, similar = pair_differences(small.features, pairs), self.similar or 0.05
        if self.kind == "normalised":
            return normalised_cut(len(small.features), pairs, np.exp(-np.square(gaps / similar)), self.dearest or 0.1)
        return graph_components(len(small.features), pairs[gaps <= similar])

    def remark(self, learnt: Appearance, classes: ClassTable, ids: tuple[int, ...]) -> str:
        """Say how a region gets its class."""
        del learnt
        names = ", ".join(classes.name(number) for number in ids)
        return (f"Parts of the region graph ({self.kind} cut) take the class painted inside or the one they resemble: "
                f"{names}.")
