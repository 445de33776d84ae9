"""Flood fill: each seed floods the touching pixels that are about as bright as the seed. As scikit-image's flood."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.classical.appearance import Appearance
from napari_unet.classical.regions import Regions
from napari_unet.classical.seeds import memberships_of_taken
from napari_unet.core.classes import ClassTable
from napari_unet.core.leaving import while_wanted
from napari_unet.core.parameters import Parameter

from . import register
from ._seeds import SeededMethod

_MOST_LEVELS = 24


@register("flood", title="Flood fill", family="regions")
@dataclasses.dataclass(frozen=True)
class Flood(SeededMethod):
    """Flood fill: from every seed all touching pixels of about its brightness and colour are filled.

    Seeds are the strokes and the pixels that surely look like a class; a patch of them floods whatever touches it and
    differs from its mean by no more than the tolerance, whatever the class looks like elsewhere. Where floods meet, the
    one closer in brightness wins; what no flood reached takes the class it resembles most. With only_strokes it is the
    magic wand of a drawing program, one click per stroke.
    """

    tolerance: Annotated[float | None, Parameter("How different from its seed a pixel may be and still be flooded; 1 "
                                                 "is the whole range from dark to bright.", min=0, max=2, step=0.02,
                                                 auto=(0.1, 0.05, 0.2, 0.4))] = None

    def spread(
        self, seen: Regions, learnt: Appearance, shares: NDArray[np.float32], seeds: NDArray[np.int16]
    ) -> NDArray[np.float32]:
        """Flood; a pixel's memberships are its resemblances, raised to one half where a flood overrules."""
        del learnt
        tolerance = self.tolerance if self.tolerance is not None else 0.1
        return memberships_of_taken(shares, flood_from_seeds(seen.stack, seeds, tolerance))

    def remark(self, learnt: Appearance, classes: ClassTable, ids: tuple[int, ...]) -> str:
        """Say what floods from where."""
        del learnt
        return f"Flooded up to a difference of {self.tolerance:g} {self.started(classes, ids)}"


def flood_from_seeds(stack: NDArray[np.float32], seeds: NDArray[np.int16], tolerance: float) -> NDArray[np.int16]:
    """Flood from all seeds at once.

    Parameters
    ----------
    stack : ndarray of float32, shape (F, Y, X) or (F, Z, Y, X)
    seeds : ndarray of int16, shape (Y, X) or (Z, Y, X)
        Class index, -1 = free. Touching seed pixels of a class (8 neighbours, in a volume 26) are one seed with one
        mean; a class has at most 24 different means, similar seeds share one.
    tolerance : float
        Root mean square difference over the features from that mean.

    Returns
    -------
    ndarray of int16, shape (Y, X)
        Class index, -1 where no flood came. Seeds keep their class.
    """
    around = np.ones((3,) * seeds.ndim)
    nearest = np.full(seeds.shape, np.inf, np.float32)
    taken = seeds.copy()
    for index in np.unique(seeds[seeds >= 0]):
        patches, count = ndimage.label(seeds == index, around)
        flat = patches.ravel()
        size = np.bincount(flat, minlength=count + 1)[1:]
        means = np.stack([np.bincount(flat, channel.ravel(), minlength=count + 1)[1:] / size for channel in stack], 1)
        level = _levels(means, tolerance)
        for one in while_wanted(range(int(level.max()) + 1)):
            mine = level == one
            mean = (means[mine] * size[mine, None]).sum(axis=0) / size[mine].sum()
            centre = mean.astype(np.float32).reshape(-1, *(1 for _ in seeds.shape))
            gap = np.sqrt(np.square(stack - centre).mean(axis=0))
            seed = np.concatenate([[False], mine])[patches]
            pools, number = ndimage.label((gap <= tolerance) | seed, around)
            reached = np.zeros(number + 1, bool)
            reached[pools[seed]] = True
            reached[0] = False
            closer = reached[pools] & (gap < nearest) & (seeds < 0)
            nearest[closer] = gap[closer]
            taken[closer] = index
    return taken


def _levels(means: NDArray[np.float64], tolerance: float) -> NDArray[np.int64]:
    """Group means (n, F) that are closer than the tolerance, more coarsely where there are many; numbers from 0."""
    width = max(tolerance, 1e-6)
    while True:
        found = np.unique(np.round(means / width), axis=0, return_inverse=True)[1].ravel()
        if found.max() < _MOST_LEVELS:
            return np.asarray(found, np.int64)
        width *= 2
