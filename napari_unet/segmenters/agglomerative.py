"""Superpixels joined by agglomerative clustering, each cluster given a class. Standing on scikit-learn."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

import numpy as np
from scipy import sparse

from napari_unet.classical.adjacency_graph import adjacent_regions
from napari_unet.classical.appearance import Appearance, measure_features
from napari_unet.classical.background import PreparedPlane
from napari_unet.classical.regions import Regions
from napari_unet.classical.slic_superpixels import slic_superpixels
from napari_unet.core.classes import ClassTable
from napari_unet.core.leaving import look_up
from napari_unet.core.parameters import Parameter

from . import register
from ._by_appearance import RegionMethod
from ._volumes import SeesVolumes

_COMPACTNESS = 0.1


@register("agglomerative", title="Agglomerative clustering", family="clusters")
@dataclasses.dataclass(frozen=True)
class Agglomerative(SeesVolumes, RegionMethod):
    """Agglomerative clustering: touching superpixels that are alike are joined, the most similar pair first.

    Kind average compares two clusters by the mean difference between their superpixels, kind complete by the largest,
    which keeps clusters more even. Joining ends at a difference of ``similar``. A cluster takes the class most painted
    inside it; without paint, the class whose painted pixels it resembles most.
    """

    kind: Annotated[
        Literal["average", "complete"] | None,
        Parameter("How two clusters are compared: by the mean or by the largest difference between their parts.",
                  auto=("average", "complete")),
    ] = None
    size: Annotated[float | None, Parameter("Width of a superpixel; about half the width of the thinnest thing you "
                                            "want to find.", min=2, max=200, step=1, unit="px",
                                            auto=(6.0, 4.0, 10.0))] = None
    similar: Annotated[float | None, Parameter("How different clusters may be and still be joined; 1 is the whole "
                                               "range from dark to bright.", min=0.001, max=2, step=0.02,
                                               auto=(0.1, 0.05, 0.2))] = None

    def describe(self, plane: PreparedPlane, survey: Any) -> Regions:
        """Divide a plane and measure the regions."""
        from sklearn.cluster import AgglomerativeClustering

        del survey
        stack = measure_features(plane, self.sigma or 0, bool(self.filters))
        pieces = slic_superpixels(stack[: len(plane.pixels)], self.size or 6.0, _COMPACTNESS, plane.spacing)
        small = Regions.of(pieces, stack, plane.valid)
        count = len(small.features)
        if count < 2:
            return small
        first, second = adjacent_regions(small.numbers).T
        links = sparse.coo_array((np.ones(len(first)), (first, second)), shape=(count, count))
        joining = AgglomerativeClustering(
            n_clusters=None, distance_threshold=(self.similar or 0.1) * np.sqrt(len(stack)),
            linkage=self.kind or "average", connectivity=sparse.csr_matrix(links + links.T), compute_full_tree=True,
        )
        look_up()  # of many pieces it takes its time
        return Regions.of(joining.fit_predict(small.features)[small.numbers], stack, plane.valid)

    def remark(self, learnt: Appearance, classes: ClassTable, ids: tuple[int, ...]) -> str:
        """Say how a cluster gets its class."""
        del learnt
        names = ", ".join(classes.name(number) for number in ids)
        return (f"Superpixels {self.size:g} px wide, joined ({self.kind}) up to a difference of {self.similar:g}, take "
                f"the class painted inside or the one they resemble: {names}.")
