"""The way that chooses its parameters: from the answer itself and from what a person has shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Annotated

import numpy as np

from napari_unet.core import parameters
from napari_unet.core.parameters import Parameter

from . import register
from .basins import Basins, find_basins, merged_basins
from .class_field import ClassField
from .class_objects import Foreground, joined_classes, typical_size
from .height_watershed import heights
from .hints import Hints
from .neck_choice import NECKS, chosen_neck, violations
from .object_map import ObjectMap

SMOOTH = 1.0
"""Pixels over which the answer is smoothed: single pixels are noise."""

DIRT = 0.1
"""What has less than this share of the typical size is no object."""


@register("auto", "Automatic")
@dataclasses.dataclass(frozen=True)
class Auto:
    """Automatic: touching objects are parted at their necks; what is much smaller than the others is left out.

    What is None is chosen: how narrow a neck is cut, from the cuts and joins drawn; what is too small, from the size
    that objects typically have in the answer.

    Raises
    ------
    UsageError
        If a parameter is out of its bounds.
    """

    neck: Annotated[float | None, Parameter("How narrow a neck may be beside the smaller of its two sides before it "
                                            "is cut: 1 cuts every waist, 0 none", min=0, max=1, step=0.05,
                                            auto=NECKS)] = None
    smooth: Annotated[float | None, Parameter("Width of what is no object and no waist but a rough answer", min=0,
                                              max=50, step=0.5, unit="px", advanced=True, auto=(SMOOTH,))] = None
    smallest: Annotated[float | None, Parameter("Objects of fewer pixels are left out, or joined to the one they touch",
                                                min=0, max=1e9, step=1, unit="px")] = None
    fill: Annotated[bool, Parameter("Fill holes inside objects")] = True

    def __post_init__(self) -> None:
        parameters.check(self)

    def find(self, field: ClassField, hints: Hints) -> ObjectMap:
        """Number the objects of each class."""
        neck = taught([(field, hints)], self).neck
        found, words = [], []
        for class_id in field.countable:
            basins = self._basins(field, class_id, hints)
            plain = merged_basins(basins, _or(neck, chosen_neck([])))
            typical = typical_size(np.bincount(plain, basins.sizes))
            least = _or(self.smallest, round(DIRT * typical))
            own = merged_basins(basins, _or(neck, chosen_neck([])), least)[basins.numbers]
            found.append((class_id, own, least))
            words.append(f"class {class_id}: typically {typical:.0f} px, at least {least:.0f}")
        note = f"Parted at necks narrower than {_or(neck, chosen_neck([])):.2f} of the smaller side"
        return joined_classes(field, found, hints.strokes, f"{note}; {'; '.join(words)}." if words else f"{note}.")

    def _basins(self, field: ClassField, class_id: int, hints: Hints) -> Basins:
        smooth = _or(self.smooth, SMOOTH)
        ground = Foreground.of(field, class_id, smooth, hints.strokes).filled(self.fill)
        return find_basins(heights(ground, "distance", smooth), ground.mask)


def taught(examples: Iterable[tuple[ClassField, Hints]], way: Auto | None = None) -> Auto:
    """Return the automatic way with what cuts and joins on any planes say of its parameters.

    Parameters
    ----------
    examples : iterable of (ClassField, Hints)
        Planes and the lines on each.
    way : Auto, optional
        Its parameters that are not None stay.
    """
    way = way or Auto()
    if way.neck is not None:
        return way
    wrong = []
    for field, hints in examples:
        if hints.lines:
            wrong += [violations(way._basins(field, class_id, hints), hints.lines) for class_id in field.countable]
    return dataclasses.replace(way, neck=chosen_neck(wrong)) if wrong else way


def _or(value: float | None, instead: float) -> float:
    return instead if value is None else value
