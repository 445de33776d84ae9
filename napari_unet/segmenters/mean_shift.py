"""Mean shift: colours gather at the peaks of their density, and what gathers at one peak and touches is a region."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_unet.classical.appearance import Appearance, measure_features
from napari_unet.classical.background import PreparedPlane, widths_along
from napari_unet.classical.pixel_sample import sample_pixels
from napari_unet.classical.regions import Regions
from napari_unet.core.classes import ClassTable
from napari_unet.core.leaving import look_up
from napari_unet.core.parameters import Parameter

from . import register
from ._by_appearance import RegionMethod
from ._steps import Paint
from ._volumes import SeesVolumes

_SAMPLES = 800
_MOST_STARTS = 32
_BANDWIDTH = 0.05
_FILTER_ROUNDS = 2


@register("mean_shift", title="Mean shift", family="clusters")
@dataclasses.dataclass(frozen=True)
class MeanShift(SeesVolumes, RegionMethod):
    """Mean shift: pixels of similar brightness and colour that touch form regions, each takes a class.

    First every pixel moves to the mean of the similar pixels around it (mean shift filtering in position and colour,
    Comaniciu and Meer 2002, doi:10.1109/34.1000236, with the window held in place). Then the peaks of the density of
    these features over a sample of all planes are found once by scikit-learn's mean shift with bin seeding, and every
    pixel goes to its nearest peak. Touching pixels of one peak are a region, up to ``reach`` wide; a region takes the
    class most painted inside it; without paint, the class whose painted pixels it resembles most.
    """

    bandwidth: Annotated[float | None, Parameter("How different two grey values or colours may be and still belong "
                                                 "together; 1 is the whole range from dark to bright.", min=0.01, max=2,
                                                 step=0.02, auto=(0.05, 0.025, 0.1, 0.2))] = None
    position: Annotated[int | None, Parameter("How far apart pixels may be and still pull at each other; 0 = only "
                                              "colour counts.", min=0, max=10, step=1, unit="px", auto=(0, 2))] = None
    reach: Annotated[int, Parameter("Largest height and width of a region, so that its brightness is that of one "
                                    "place; 0 = no limit.", min=0, max=10000, step=8, unit="px", advanced=True)] = 24

    def survey(self, planes: Sequence[PreparedPlane], paint: Sequence[Paint]) -> NDArray[np.float32]:
        """Find the peaks (P, F) of the density over a sample of pixels of all planes.

        Half of the sample comes from anywhere, half from the painted pixels, of every class equally many; so that a
        class which is rare, but painted, has its peaks too.
        """
        from sklearn.cluster import MeanShift as Peaks

        stacks = [self._features(plane) for plane in planes]
        sample = sample_pixels(stacks, [plane.valid for plane in planes], paint, _SAMPLES)
        if not len(sample):
            return np.zeros((1, sample.shape[1]), np.float32)
        width = (self.bandwidth or _BANDWIDTH) * np.sqrt(len(planes[0].pixels))
        # bin seeding: start at the fullest bins, so that the number of starts stays small whatever the bandwidth
        bins, counts = np.unique(np.round(sample / width), axis=0, return_counts=True)
        starts = bins[np.argsort(-counts, kind="stable")[:_MOST_STARTS]] * width
        found = Peaks(bandwidth=width, seeds=starts, max_iter=12).fit(sample)
        return np.asarray(found.cluster_centers_, np.float32)

    def describe(self, plane: PreparedPlane, survey: NDArray[np.float32]) -> Regions:
        """Divide a plane and measure the regions."""
        from skimage.measure import label

        stack = self._features(plane)
        values = stack.reshape(len(stack), -1).T
        nearest = cKDTree(survey).query(values)[1].reshape(plane.valid.shape)
        # over a whole plane anything touches anything in the end: a region stays in its cell of a coarse grid
        cells = np.zeros((), np.int64)
        for places, step in zip(np.ogrid[tuple(slice(size) for size in nearest.shape)], plane.spacing, strict=True):
            cell = (places * step // (self.reach or places.size * step)).astype(np.int64)
            cells = cells * (cell.max() + 1) + cell
        return Regions.of(label(cells * len(survey) + nearest, background=-1, connectivity=1) - 1, stack, plane.valid)

    def remark(self, learnt: Appearance, classes: ClassTable, ids: tuple[int, ...]) -> str:
        """Say how a region gets its class."""
        del learnt
        names = ", ".join(classes.name(number) for number in ids)
        return f"Regions of similar colour take the class painted inside or the one they resemble: {names}."

    def _features(self, plane: PreparedPlane) -> NDArray[np.float32]:
        stack = measure_features(plane, self.sigma or 0, bool(self.filters))
        colours = len(plane.pixels)
        moved = mean_shift_filter(stack[:colours], self.position or 0, self.bandwidth or _BANDWIDTH, plane.spacing)
        return np.concatenate([moved, stack[colours:]])


def mean_shift_filter(
    stack: NDArray[np.float32], radius: int, bandwidth: float, spacing: Sequence[float] = (1.0, 1.0)
) -> NDArray[np.float32]:
    """Move every pixel to the mean of the similar pixels in the square around it, twice (flat kernel).

    Parameters
    ----------
    stack : ndarray of float32, shape (F, Y, X) or (F, Z, Y, X)
    radius : int
        Half the side of the square in pixels along rows; 0 changes nothing.
    bandwidth : float
        Pixels count as similar up to this root mean square difference over the features.
    spacing : sequence of float
        Steps from pixel to pixel along each axis.

    Returns
    -------
    ndarray of float32, shape (F, Y, X) or (F, Z, Y, X)
    """
    if radius < 1:
        return stack
    limit = np.float32(len(stack) * bandwidth * bandwidth)
    shape, reach = stack.shape[1:], [round(width) for width in widths_along(radius, spacing)]
    for _ in range(_FILTER_ROUNDS):
        look_up()  # of a volume, a round takes its time
        padded = np.pad(stack, ((0, 0), *((far, far) for far in reach)), mode="edge")
        total, weight = np.zeros_like(stack), np.zeros(shape, np.float32)
        for first in np.ndindex(*(2 * far + 1 for far in reach)):
            other = padded[:, *(slice(start, start + size) for start, size in zip(first, shape, strict=True))]
            similar = np.square(other - stack).sum(axis=0) <= limit
            total += other * similar
            weight += similar
        stack = total / weight  # the pixel itself always counts
    return stack
