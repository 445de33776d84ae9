"""Watersheds of the edge image: from class markers, or compact from an even grid. Standing on scikit-image."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.classical.appearance import Appearance, measure_features
from napari_unet.classical.background import PreparedPlane
from napari_unet.classical.regions import Regions
from napari_unet.classical.seeds import memberships_of_taken
from napari_unet.core.classes import ClassTable
from napari_unet.core.parameters import Parameter

from . import register
from ._seeds import SeededMethod
from ._steps import Paint


@dataclasses.dataclass(frozen=True, eq=False)
class WatershedInput:
    """A plane or volume as a watershed sees it: what is measured, and how high each pixel is: how strong edges are."""

    regions: Regions
    height: NDArray[np.float32]


@register("watershed", title="Watershed", family="regions")
@dataclasses.dataclass(frozen=True)
class Watershed(SeededMethod):
    """Watershed: classes flow from their markers over the edge image and meet on the strongest edges.

    Kind marker: markers are the strokes and the pixels that surely look like a class; everything between is divided
    along edges (Meyer 1991). Kind compact: many markers on an even grid give small regions of even size whose borders
    follow edges (Neubert and Protzel 2014, doi:10.1109/ICPR.2014.181; used like TurboPixels), and each region takes
    the class painted inside or the one it resembles.
    """

    kind: Annotated[
        Literal["marker", "compact"] | None,
        Parameter("Whether classes flow from markers (marker), or small regions from a grid take classes (compact).",
                  auto=("marker", "compact")),
    ] = None
    size: Annotated[float | None, Parameter("Width of a region of kind compact; about half the width of the thinnest "
                                            "thing you want to find.", min=2, max=200, step=1, unit="px",
                                            auto=(6.0, 4.0, 10.0))] = None
    compactness: Annotated[float | None, Parameter("How even the regions of kind compact are: small values follow "
                                                   "edges, large ones keep the grid.", min=0, max=10, step=0.01,
                                                   advanced=True, auto=(0.003, 0.0, 0.02))] = None

    def uses(self, parameter: str) -> bool:
        """Markers matter to one kind, the grid to the other."""
        if parameter in ("sure", "seed_size"):
            return self.kind != "compact"
        return self.kind == "compact" or parameter not in ("size", "compactness")

    def measured(self, seen: WatershedInput) -> Regions:
        """Return the pixels, or for kind compact the regions."""
        return seen.regions

    def describe(self, plane: PreparedPlane, survey: Any) -> WatershedInput:
        """Measure edges and pixels, and for kind compact divide the plane."""
        del survey
        stack = measure_features(plane, self.sigma or 0, bool(self.filters))
        height = edge_strength(stack[: len(plane.pixels)], plane.spacing)
        if self.kind == "compact":
            compactness = self.compactness if self.compactness is not None else 0.003
            numbers = compact_watershed(height, self.size or 6.0, compactness, plane.spacing)
            return WatershedInput(Regions.of(numbers, stack, plane.valid), height)
        return WatershedInput(Regions.of_pixels(stack, plane.spacing), height)

    def decide(
        self, seen: WatershedInput, learnt: Appearance, ids: tuple[int, ...], paint: Paint | None
    ) -> NDArray[np.float32]:
        """Let the markers flow, or give every region its class."""
        if self.kind == "compact":
            return seen.regions.memberships(learnt, ids, paint)[:, seen.regions.numbers]
        return super().decide(seen, learnt, ids, paint)

    def spread(
        self, seen: WatershedInput, learnt: Appearance, shares: NDArray[np.float32], seeds: NDArray[np.int16]
    ) -> NDArray[np.float32]:
        """Flow; a pixel's memberships are its resemblances, raised to one half where the watershed overrules."""
        from skimage.segmentation import watershed

        del learnt
        if not (seeds >= 0).any():
            return shares
        taken = watershed(seen.height, seeds.astype(np.int32) + 1).astype(np.int16) - np.int16(1)
        return memberships_of_taken(shares, taken)

    def remark(self, learnt: Appearance, classes: ClassTable, ids: tuple[int, ...]) -> str:
        """Say what flows from where."""
        del learnt
        if self.kind == "compact":
            names = ", ".join(classes.name(number) for number in ids)
            return (f"Compact watershed: regions {self.size:g} px wide take the class painted inside or the one they "
                    f"resemble: {names}.")
        return f"Watershed over the edges {self.started(classes, ids)}"


def edge_strength(stack: NDArray[np.float32], spacing: Sequence[float] = (1.0, 1.0)) -> NDArray[np.float32]:
    """Return the strength of edges of an image (C, Y, X): the length of Sobel's gradient over all channels, (Y, X).

    Of a volume (C, Z, Y, X), ``spacing`` says how far apart pixels are along each axis.
    """
    total = np.zeros(stack.shape[1:], np.float32)
    weights = 2 * 4 ** (len(spacing) - 1)  # what Sobel's filter makes of a slope of 1
    for channel in stack:
        for axis, step in enumerate(spacing):
            total += np.square(ndimage.sobel(channel, axis, mode="nearest") / np.float32(weights * step))
    return np.asarray(np.sqrt(total), np.float32)


def compact_watershed(
    height: NDArray[np.float32], size: float, compactness: float, spacing: Sequence[float] = (1.0, 1.0)
) -> NDArray[np.int64]:
    """Divide a plane or volume into regions from a grid of markers ``size`` apart; numbers from 0, of its shape."""
    from skimage.segmentation import watershed

    grid = np.ix_(*(
        np.unique(((np.arange(count) + 0.5) * long / count).astype(int))
        for long, step in zip(height.shape, spacing, strict=True)
        for count in [min(long, max(1, round(long * step / size)))]
    ))
    markers = np.zeros(height.shape, np.int32)
    markers[grid] = np.arange(1, markers[grid].size + 1).reshape(markers[grid].shape)
    return np.asarray(watershed(height, markers, compactness=compactness), np.int64) - 1
