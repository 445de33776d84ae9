"""The way that chooses its parameters: from the answer itself and from what a person has shown."""

from __future__ import annotations

import dataclasses

import numpy as np

from . import register
from .class_field import ClassField
from .height_watershed import HeightWatershed
from .hints import Hints
from .object_map import ObjectMap


@register("auto", "Automatic")
@dataclasses.dataclass(frozen=True)
class Auto:
    """Automatic: touching objects are parted at their necks; what is much smaller than the others is left out."""

    def find(self, field: ClassField, hints: Hints) -> ObjectMap:
        """Number the objects of each class."""
        plain = HeightWatershed(fill=True).find(field, hints)
        sizes = np.sort(np.bincount(plain.numbers.ravel(), minlength=len(plain.classes))[1:])
        typical = float(sizes[np.searchsorted(np.cumsum(sizes), sizes.sum() / 2)]) if len(sizes) else 0
        return HeightWatershed(fill=True, smallest=round(typical / 10)).find(field, hints)
