"""Region growing: classes grow from seeds through pixels that resemble them, the surest first."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.core.classes import ClassTable
from napari_unet.core.classical.appearance import Appearance, measure
from napari_unet.core.classical.background import Plane
from napari_unet.core.classical.regions import Regions
from napari_unet.core.knobs import Knob

from . import register
from ._classical import Paint
from ._looks import ByLooks

_STAGES = 6


@register("region_growing", title="Region growing")
@dataclasses.dataclass(frozen=True)
class RegionGrowing(ByLooks):
    """Region growing: from strokes, and from pixels that surely look like a class, into their surroundings.

    How much a pixel resembles each class comes from the painted pixels (a mixture of Gaussians per class). Seeds are
    the strokes and the pixels that surely look like one class. Then all classes grow at once over touching pixels, in
    stages of falling resemblance, so that the surest pixels are taken first (after Adams and Bischof 1994,
    doi:10.1109/34.295913). A class stops where pixels are too unlike it; what no class reached takes the class it
    resembles most.
    """

    sure: Annotated[
        float | None,
        Knob("How surely a pixel must look like a class to be a seed; 1 is beyond doubt.",
             min=0.5, max=1, step=0.05, auto=(0.9, 0.7, 0.99)),
    ] = None
    tolerance: Annotated[
        float | None,
        Knob("How unlike a class a pixel may look and still be taken by it when it grows.",
             min=0, max=1, step=0.05, auto=(0.6, 0.8, 0.95)),
    ] = None
    seed_size: Annotated[
        int | None,
        Knob("Sure pixels count as a seed only where at least this many touch.",
             min=1, max=100000, step=5, unit="px", advanced=True, auto=(4, 1, 16, 40)),
    ] = None
    only_strokes: Annotated[
        bool,
        Knob("On planes with strokes, grow from the strokes alone. Unpainted planes always start from sure pixels.",
             advanced=True),
    ] = False

    def describe(self, plane: Plane, survey: Any) -> Regions:
        """Measure every pixel."""
        del survey
        stack = measure(plane, self.sigma or 0, bool(self.filters))
        numbers = np.arange(plane.valid.size).reshape(plane.valid.shape)
        return Regions(numbers, stack.reshape(len(stack), -1).T, stack)

    def decide(
        self, seen: Regions, learnt: Appearance, ids: tuple[int, ...], paint: Paint | None
    ) -> NDArray[np.float32]:
        """Grow the classes; a pixel's memberships are its resemblances, raised to one half where growing overrules."""
        shares = learnt.memberships(seen.features).reshape(-1, *seen.numbers.shape)
        if self.only_strokes and paint is not None:
            seeds = np.full(paint.shape, -1, np.int16)
        else:
            seeds = sure_seeds(shares, self.sure or 0.9, self.seed_size or 1)
        if paint is not None:
            for index, number in enumerate(ids):
                seeds[paint == number] = index
        taken = grow(shares, seeds, self.tolerance if self.tolerance is not None else 0.6)
        return settled(shares, taken)

    def remark(self, learnt: Appearance, classes: ClassTable, ids: tuple[int, ...]) -> str:
        """Say what grows from where."""
        del learnt
        names = ", ".join(classes.name(number) for number in ids)
        start = "strokes, on unpainted planes pixels" if self.only_strokes else "strokes and pixels"
        return f"Grown from {start} that surely (at least {self.sure:g}) look like a class: {names}."


def sure_seeds(shares: NDArray[np.float32], sure: float, size: int) -> NDArray[np.int16]:
    """Return the class index of pixels that surely look like it, -1 elsewhere.

    Parameters
    ----------
    shares : ndarray of float32, shape (K, Y, X)
    sure : float
        Least membership, 0 to 1.
    size : int
        Least number of touching pixels (4 neighbours). A class without so large a patch starts at its smaller ones.
    """
    seeds = np.full(shares.shape[1:], -1, np.int16)
    for index, share in enumerate(shares):
        patches, count = ndimage.label((share >= sure) & (shares.argmax(axis=0) == index))
        large = np.bincount(patches.ravel(), minlength=count + 1) >= size
        large[0] = False
        if not large.any():
            large[1:] = True
        seeds[large[patches]] = index
    return seeds


def grow(shares: NDArray[np.float32], seeds: NDArray[np.int16], tolerance: float) -> NDArray[np.int16]:
    """Grow all classes from their seeds, in stages of falling resemblance.

    In each stage a class takes all free pixels of at least the stage's membership that touch it, directly or through
    each other (4 neighbours); where two classes could take a pixel, the one it resembles more does.

    Parameters
    ----------
    shares : ndarray of float32, shape (K, Y, X)
    seeds : ndarray of int16, shape (Y, X)
        Class index, -1 = free.
    tolerance : float
        Growing stops at memberships below ``1 - tolerance``.

    Returns
    -------
    ndarray of int16, shape (Y, X)
        Class index, -1 where no class came.
    """
    taken = seeds.copy()
    for least in np.linspace(1 - min(tolerance, 0.1), 1 - tolerance, _STAGES):
        free = taken < 0
        if not free.any():
            break
        claim = np.full(shares.shape, -1, np.float32)
        for index, share in enumerate(shares):
            mine = taken == index
            patches, count = ndimage.label(mine | (free & (share >= least)))
            reached = np.zeros(count + 1, bool)
            reached[patches[mine]] = True
            reached[0] = False
            claim[index] = np.where(free & reached[patches], share, -1)
        best = claim.argmax(axis=0)
        taken = np.where(free & (claim.max(axis=0) >= 0), best.astype(np.int16), taken)
    return taken


def settled(shares: NDArray[np.float32], taken: NDArray[np.int16]) -> NDArray[np.float32]:
    """Make the class taken the largest membership: where it is not, it shares the lead with a little more than half."""
    best = np.where(taken >= 0, taken, shares.argmax(axis=0))
    overruled = best != shares.argmax(axis=0)
    out = shares.copy()
    for index, share in enumerate(out):
        mine = best[overruled] == index
        others = 1 - shares[best[overruled], np.flatnonzero(overruled) // shares.shape[2],
                            np.flatnonzero(overruled) % shares.shape[2]]
        share[overruled] = np.where(mine, 0.51, 0.49 * share[overruled] / np.maximum(others, 1e-6))
    return out / out.sum(axis=0)
