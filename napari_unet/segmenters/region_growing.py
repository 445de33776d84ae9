"""Region growing: classes grow from seeds through pixels that resemble them, the surest first."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.classical.appearance import Appearance
from napari_unet.classical.background import widths_along
from napari_unet.classical.local_appearance import local_memberships
from napari_unet.classical.regions import Regions
from napari_unet.classical.seeds import memberships_of_taken
from napari_unet.core.classes import ClassTable
from napari_unet.core.leaving import look_up, while_wanted
from napari_unet.core.parameters import Parameter

from . import register
from ._seeds import SeededMethod

_STAGES = 6
_MOST_ROUNDS = 80


@register("region_growing", title="Region growing", family="regions")
@dataclasses.dataclass(frozen=True)
class RegionGrowing(SeededMethod):
    """Region growing: from strokes, and from pixels that surely look like a class, into their surroundings.

    How much a pixel resembles each class comes from the painted pixels (a mixture of Gaussians per class). Seeds are
    the strokes and the pixels that surely look like one class. Then all classes grow at once over touching pixels
    (after Adams and Bischof 1994, doi:10.1109/34.295913). Kind tolerance: in stages of falling resemblance, so that the
    surest pixels are taken first. Kind adaptive: in small steps, and after each the look of a class is measured anew
    from what it holds nearby, so that it follows a slow change of brightness. A class stops where pixels are too unlike
    it; what no class reached takes the class it resembles most.
    """

    kind: Annotated[
        Literal["tolerance", "adaptive"] | None,
        Parameter("Whether a class looks the same everywhere (tolerance), or as it does nearby (adaptive).",
                  auto=("tolerance", "adaptive")),
    ] = None
    tolerance: Annotated[float | None, Parameter("How unlike a class a pixel may look and still be taken by it when "
                                                 "it grows.", min=0, max=1, step=0.05, auto=(0.6, 0.8, 0.95))] = None
    reach: Annotated[float | None, Parameter("What counts as nearby for kind adaptive.", min=1, max=1000, step=5,
                                             unit="px", advanced=True, auto=(15.0, 40.0))] = None

    def uses(self, parameter: str) -> bool:
        """Nearness matters to the adaptive kind only."""
        return parameter != "reach" or self.kind == "adaptive"

    def spread(
        self, seen: Regions, learnt: Appearance, shares: NDArray[np.float32], seeds: NDArray[np.int16]
    ) -> NDArray[np.float32]:
        """Grow the classes; a pixel's memberships are its resemblances, raised to one half where growing overrules."""
        tolerance = self.tolerance if self.tolerance is not None else 0.6
        if self.kind != "adaptive":
            return memberships_of_taken(shares, grow_regions(shares, seeds, tolerance))
        return memberships_of_taken(*grow_adaptive_regions(learnt, seen.stack, seeds, tolerance, self.reach or 15.0,
                                                           seen.spacing))

    def remark(self, learnt: Appearance, classes: ClassTable, ids: tuple[int, ...]) -> str:
        """Say what grows from where."""
        del learnt
        return f"Grown ({self.kind}) {self.started(classes, ids)}"


def grow_regions(shares: NDArray[np.float32], seeds: NDArray[np.int16], tolerance: float) -> NDArray[np.int16]:
    """Grow all classes from their seeds, in stages of falling resemblance.

    In each stage a class takes all free pixels of at least the stage's membership that touch it, directly or through
    each other (4 neighbours, in a volume 6); where two classes could take a pixel, the one it resembles more does.

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
    for least in while_wanted(np.linspace(1 - min(tolerance, 0.1), 1 - tolerance, _STAGES)):
        free = taken < 0
        if not free.any():
            break
        taken = _stage(shares, taken, least, np.broadcast_to(free, shares.shape))
    return taken


def grow_adaptive_regions(
    looks: Appearance, stack: NDArray[np.float32], seeds: NDArray[np.int16], tolerance: float, reach: float,
    spacing: Sequence[float] = (1.0, 1.0),
) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """Grow all classes step by step, their looks measured anew after each step from the pixels they hold nearby.

    Parameters
    ----------
    looks : Appearance
    stack : ndarray of float32, shape (F, Y, X)
    seeds : ndarray of int16, shape (Y, X)
        Class index, -1 = free.
    tolerance : float
        A class takes no pixel of membership below ``1 - tolerance``.
    reach : float
        Pixels along rows; a step goes half as far.
    spacing : sequence of float
        Steps from pixel to pixel along each axis.

    Returns
    -------
    shares : ndarray of float32, shape (K, Y, X)
        Memberships by the looks at the end.
    taken : ndarray of int16, shape (Y, X)
        Class index, -1 where no class came.
    """
    taken = seeds.copy()
    window = tuple(2 * max(1, round(half)) + 1 for half in widths_along(reach / 2, spacing))
    for _ in range(_MOST_ROUNDS):
        look_up()  # of a volume, a round takes its time
        shares = local_memberships(looks, stack, taken, reach, spacing)
        free = taken < 0
        near = np.stack([free & ndimage.maximum_filter(taken == index, window) for index in range(len(shares))])
        grown = _stage(shares, taken, 1 - tolerance, near)
        if (grown == taken).all():
            break
        taken = grown
    return shares, taken


def _stage(
    shares: NDArray[np.float32], taken: NDArray[np.int16], least: float, free: NDArray[np.bool_]
) -> NDArray[np.int16]:
    """Let every class take what is free to it (K, Y, X), of at least that membership, and touches it."""
    claim = np.full(shares.shape, -1, np.float32)
    for index, share in enumerate(shares):
        mine = taken == index
        patches, count = ndimage.label(mine | (free[index] & (share >= least)))
        reached = np.zeros(count + 1, bool)
        reached[patches[mine]] = True
        reached[0] = False
        claim[index] = np.where(free[index] & reached[patches], share, -1)
    best = claim.argmax(axis=0).astype(np.int16)
    return np.where(claim.max(axis=0) >= 0, best, taken)
