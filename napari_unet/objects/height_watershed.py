"""Watershed of the distance to the border, of the probability, or of both. Chooses nothing by itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from napari_unet.core import parameters
from napari_unet.core.parameters import Parameter
from napari_unet.core.threads import available_cores

from . import register
from .basins import find_basins, merged_basins
from .class_field import ClassField
from .class_objects import Foreground, joined_classes
from .halves import by_halves, shared, two_parts
from .hints import Hints
from .object_map import ObjectMap

Height = Literal["distance", "probability", "both"]


WALL = 0.75
"""Share of the height that is lost where a pixel surely looks like a border."""

BLUR = 1.5
"""Pixels over which what was learnt of borders is smoothed: a line by hand is no more exact."""


@register("watershed", "Watershed")
@dataclasses.dataclass(frozen=True)
class HeightWatershed:
    """Watershed: touching objects are parted at their narrowest, or where the answer is least sure.

    Raises
    ------
    UsageError
        If a parameter is out of its bounds.
    """

    height: Annotated[Height, Parameter("What parts objects: their width (distance), how sure the answer is "
                                        "(probability), or the product of both")] = "distance"
    neck: Annotated[float, Parameter("How narrow a neck may be beside the smaller of its two sides before it is cut: "
                                     "1 cuts every waist, 0 none", min=0, max=1, step=0.05)] = 0.75
    smooth: Annotated[float, Parameter("Width of what is no waist but a rough border", min=0, max=50, step=0.5,
                                       unit="px", advanced=True)] = 1.0
    smallest: Annotated[float, Parameter("Objects of fewer pixels are left out, or joined to the one they touch",
                                         min=0, max=1e9, step=1, unit="px")] = 0
    fill: Annotated[bool, Parameter("Fill holes inside objects")] = False

    def __post_init__(self) -> None:
        parameters.check(self)

    def find(self, field: ClassField, hints: Hints) -> ObjectMap:
        """Number the objects of each class."""
        found = []
        for class_id in field.countable:
            ground = Foreground.of(field, class_id).filled(self.fill)
            basins = find_basins(heights(ground, self.height, self.smooth), ground.mask)
            found.append((class_id, merged_basins(basins, self.neck, self.smallest)[basins.numbers], self.smallest))
        return joined_classes(field, found, hints.strokes, f"Watershed of the {self.height}.")


def heights(ground: Foreground, kind: Height, smooth: float) -> NDArray[np.float32]:
    """Return how far inside an object each pixel is.

    That is the distance to the rim in pixels of the finest axis, times or instead of it how sure the answer is; it is
    less where it looks like a border.
    """
    from scipy import ndimage

    step = min(ground.spacing)
    scale = tuple(size / step for size in ground.spacing)
    # wider than the array says no more, and a voxel of 1 x 1e-9 would ask for very much
    sigma = [min(smooth / one, max(1, length)) for one, length in zip(scale, ground.mask.shape, strict=True)]
    if kind != "probability" or ground.sure is None:
        found = _depth(ground.mask, scale)
        if smooth:
            _smooth(found, sigma)
    else:
        found = ground.mask.astype(np.float32)
    if kind != "distance" and ground.sure is not None:
        found = found * ndimage.gaussian_filter(ground.sure, sigma)
    if ground.border is not None:
        found = found * (1 - WALL * ndimage.gaussian_filter(ground.border, [BLUR / one for one in scale]))
    made = np.zeros(found.shape, np.float32)

    def keep_inside(half: slice) -> None:
        np.copyto(made[half], found[half], where=ground.mask[half])

    by_halves(keep_inside, len(made), made.size)
    return made


def _smooth(values: NDArray[np.float32], sigma: Sequence[float]) -> None:
    """Smooth in place as ``ndimage.gaussian_filter`` does, axis by axis, each in two halves along another one.

    What is endless, where nothing is outside, becomes large.
    """
    from scipy import ndimage

    by_halves(lambda half: np.minimum(values[half], np.float32(1e6), out=values[half]), len(values), values.size)
    for axis, width in enumerate(sigma):
        across = 1 if axis == 0 else 0
        parts = [values[(slice(None),) * across + (half,)] for half in two_parts(values.shape[across])]
        shared([partial(ndimage.gaussian_filter1d, part, width, axis, output=part) for part in parts], values.size)


def _depth(mask: NDArray[np.bool_], scale: tuple[float, ...]) -> NDArray[np.float32]:
    """Return the distance of each pixel to what is outside of a mask; the border of the array is none."""
    import edt

    # rows of 2048 pixels and the like lie in the same lines of the processor's cache, and columns of them take three
    # times as long; what is beside them is inside, so that no distance changes
    beside = 16 if mask.shape[-1] % 512 == 0 else 0
    wide = np.ones((*mask.shape[:-1], mask.shape[-1] + beside), bool)
    wide[..., : mask.shape[-1]] = mask
    threads = min(2, available_cores())
    found: NDArray[np.float32] = edt.edt(wide, anisotropy=scale, order="C", black_border=False, parallel=threads)
    return found[..., : mask.shape[-1]]
