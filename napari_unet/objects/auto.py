"""The way that chooses its parameters: from the answer itself and from what a person has shown."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import numpy as np

from napari_unet.core import parameters
from napari_unet.core.parameters import Parameter

from . import register
from .class_field import ClassField
from .height_watershed import HeightWatershed
from .hints import Hints
from .object_map import ObjectMap


@register("auto", "Automatic")
@dataclasses.dataclass(frozen=True)
class Auto:
    """Automatic: touching objects are parted at their necks; what is much smaller than the others is left out."""

    neck: Annotated[float | None, Parameter("How narrow a neck may be beside the smaller of its two sides before it "
                                            "is cut: 1 cuts every waist, 0 none", min=0, max=1, step=0.05,
                                            auto=(0.75,))] = None

    def __post_init__(self) -> None:
        parameters.check(self)

    def find(self, field: ClassField, hints: Hints) -> ObjectMap:
        """Number the objects of each class."""
        plain = HeightWatershed(fill=True).find(field, hints)
        sizes = np.sort(np.bincount(plain.numbers.ravel(), minlength=len(plain.classes))[1:])
        typical = float(sizes[np.searchsorted(np.cumsum(sizes), sizes.sum() / 2)]) if len(sizes) else 0
        return HeightWatershed(fill=True, smallest=round(typical / 10)).find(field, hints)
