"""Split and merge: squares are quartered until they are even, then touching ones that are alike are merged."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

import numpy as np

from napari_unet.classical.adjacency_graph import adjacent_regions, merge_regions
from napari_unet.classical.appearance import Appearance, measure_features
from napari_unet.classical.background import PreparedPlane
from napari_unet.classical.quadtree import quadtree_regions
from napari_unet.classical.regions import Regions
from napari_unet.core.classes import ClassTable
from napari_unet.core.parameters import Parameter

from . import register
from ._by_appearance import RegionMethod


@register("split_merge", title="Split and merge", family="regions")
@dataclasses.dataclass(frozen=True)
class SplitMerge(RegionMethod):
    """Split and merge: squares are quartered until each is even, then touching ones that are alike become one region.

    The quadtree of Horowitz and Pavlidis (1976, doi:10.1145/321941.321956); merging always joins the two neighbours
    that resemble each other most and measures the new region before it goes on. A region takes the class most painted
    inside it; without paint, the class whose painted pixels it resembles most.
    """

    uneven: Annotated[float | None, Parameter("A square is quartered if its grey values spread more than this "
                                              "(standard deviation); 1 is the whole range from dark to bright.",
                                              min=0.001, max=1, step=0.01, auto=(0.05, 0.02, 0.1))] = None
    similar: Annotated[float | None, Parameter("Touching regions are merged if their means differ by no more than "
                                               "this; 0 = leave the squares.", min=0, max=2, step=0.02,
                                               auto=(0.05, 0.0, 0.1, 0.2))] = None
    largest: Annotated[
        Literal[4, 8, 16, 32, 64, 128, 256],
        Parameter("Side of the squares to begin with.", unit="px", advanced=True),
    ] = 32

    def describe(self, plane: PreparedPlane, survey: Any) -> Regions:
        """Divide a plane and measure the regions."""
        del survey
        stack = measure_features(plane, self.sigma or 0, bool(self.filters))
        squares = Regions.of(quadtree_regions(stack, self.uneven or 0.05, self.largest), stack, plane.valid)
        similar = self.similar if self.similar is not None else 0.05
        if similar <= 0:
            return squares
        sizes = np.bincount(squares.numbers.ravel())
        groups = merge_regions(squares.features, sizes, adjacent_regions(squares.numbers), similar)
        return Regions.of(groups[squares.numbers], stack, plane.valid)

    def remark(self, learnt: Appearance, classes: ClassTable, ids: tuple[int, ...]) -> str:
        """Say how a region gets its class."""
        del learnt
        names = ", ".join(classes.name(number) for number in ids)
        return (f"Squares even to {self.uneven:g}, merged up to a difference of {self.similar:g}, take the class "
                f"painted inside or the one they resemble: {names}.")
