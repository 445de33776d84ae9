"""Felzenszwalb and Huttenlocher's regions, each given a class. Standing on scikit-image."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.classical.appearance import Appearance, measure_features
from napari_unet.classical.background import PreparedPlane
from napari_unet.classical.regions import Regions
from napari_unet.core.classes import ClassTable
from napari_unet.core.parameters import Parameter

from . import register
from ._by_appearance import RegionMethod


@register("felzenszwalb", title="Felzenszwalb's graph regions", family="graphs")
@dataclasses.dataclass(frozen=True)
class Felzenszwalb(RegionMethod):
    """Graph regions (Felzenszwalb): pixels join along the smallest differences until a border stands out too much.

    How much a border must stand out depends on how uneven the two regions are inside (Felzenszwalb and Huttenlocher
    2004, doi:10.1023/B:VISI.0000022288.19776.77), so that smooth regions become large and textured ones are kept
    together. A region takes the class most painted inside it; without paint, the class whose painted pixels it
    resembles most. Of more than three channels, the three mixtures that vary most decide the regions.
    """

    scale: Annotated[float | None, Parameter("Larger values give larger regions.", min=0.1, max=100000, step=10,
                                             auto=(30.0, 10.0, 100.0))] = None
    least: Annotated[int | None, Parameter("Regions smaller than this are joined to a neighbour.", min=1, max=100000,
                                           step=5, unit="px", auto=(10, 3, 30))] = None

    def describe(self, plane: PreparedPlane, survey: Any) -> Regions:
        """Divide a plane and measure the regions."""
        from skimage.segmentation import felzenszwalb

        del survey
        stack = measure_features(plane, self.sigma or 0, bool(self.filters))
        colours = np.moveaxis(at_most_three(stack[: len(plane.pixels)]), 0, -1).astype(np.float64)
        numbers = felzenszwalb(colours, scale=self.scale or 30.0, sigma=0, min_size=self.least or 1, channel_axis=-1)
        return Regions.of(np.asarray(numbers), stack, plane.valid)

    def remark(self, learnt: Appearance, classes: ClassTable, ids: tuple[int, ...]) -> str:
        """Say how a region gets its class."""
        del learnt
        names = ", ".join(classes.name(number) for number in ids)
        return (f"Graph regions of scale {self.scale:g} and at least {self.least} px take the class painted inside or "
                f"the one they resemble: {names}.")


def at_most_three(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    """Keep up to three channels (C, Y, X) as they are; mix more into their three first principal components."""
    if len(stack) <= 3:
        return stack
    flat = stack.reshape(len(stack), -1)
    axes = np.linalg.eigh(np.cov(flat))[1][:, :-4:-1]
    return np.asarray(axes.T @ flat, np.float32).reshape(3, *stack.shape[1:])
