"""The way that chooses its parameters: from the answer itself and from what a person has shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core import parameters
from napari_unet.core.parameters import Parameter

from . import register
from .basins import Basins, find_basins, merged_basins
from .class_field import ClassField
from .class_objects import Foreground, joined_classes, typical_size
from .growing import grown, sure_ones
from .halves import looked_up
from .height_watershed import heights
from .hints import Hints
from .hole_filling import holes_of, without_holes, without_own_holes
from .neck_choice import NECKS, USUAL, chosen_neck, rough_below, violations
from .object_map import ObjectMap

SMOOTH = 0.05
"""Bumps of the border are smoothed over this share of the typical radius, at least over one pixel."""

DIRT = 0.316
"""What is less wide than this share of the typical width is no object; that is a tenth of the area."""

HOLE = 0.03
"""A hole of more than this share of the typical size may be the gap between objects."""

UNSURE = 0.65
"""An object of which the answer is on average less sure is none."""

SUREST = 0.7
"""An object of which the answer is nowhere surer than this is none."""


@register("auto", "Automatic")
@dataclasses.dataclass(frozen=True)
class Auto:
    """Automatic: touching objects are parted at their necks; what is much smaller than the others is left out.

    Strands and shells (filaments, hollow objects) are parted only at waists that are more than a rough border.

    What is None is chosen: how narrow a neck is cut, from the cuts and joins drawn here and on other planes; what is
    too small, from the size that objects typically have in the answer.

    Raises
    ------
    UsageError
        If a parameter is out of its bounds.
    """

    neck: Annotated[float | None, Parameter("How narrow a neck may be beside the smaller of its two sides before it "
                                            "is cut: 1 cuts every waist, 0 none", min=0, max=1, step=0.05,
                                            auto=NECKS)] = None
    smooth: Annotated[float | None, Parameter("Width of what is no waist but a rough border", min=0, max=50, step=0.5,
                                              unit="px", advanced=True, auto=(1.0,))] = None
    smallest: Annotated[float | None, Parameter("Objects of fewer pixels are left out, or joined to the one they touch",
                                                min=0, max=1e9, step=1, unit="px")] = None
    fill: Annotated[bool, Parameter("Fill holes inside objects")] = True
    grow: Annotated[bool, Parameter("Let faint objects reach as far beyond the answer as it fades, and leave out what "
                                    "it is unsure of; only where probabilities are known")] = True

    def __post_init__(self) -> None:
        parameters.check(self)

    def find(self, field: ClassField, hints: Hints) -> ObjectMap:
        """Number the objects of each class."""
        classes = [self.parted(field, class_id, hints) for class_id in field.countable]
        neck, said = self.neck, np.zeros((0, len(NECKS)))
        if neck is None:
            if hints.lines and classes:
                said = np.sum([violations(one.basins, one.typical, hints.lines, one.pixel) for one in classes], axis=0)
            neck = chosen_neck([said, hints.elsewhere])
        found, words = [], []
        for one in classes:
            own = looked_up(merged_basins(one.basins, neck, one.smallest, one.typical, rough_below(neck), one.pixel),
                            one.basins.numbers)
            number = one.ground.number
            found.append((number, self._sure_ones(own, one, hints), one.smallest))
            typical, least = (size * field.stands_for for size in (one.typical, one.smallest))
            words.append(f"{field.name(number)}: typically {typical:.0f} px, at least {least:.0f}")
        note = f"Parted at necks narrower than {neck:.2f} of the smaller side"
        made = joined_classes(field, found, hints.strokes, f"{note}; {'; '.join(words)}." if words else f"{note}.")
        return dataclasses.replace(made, said=tuple(map(tuple, said.tolist())))

    def parted(self, field: ClassField, class_id: int, hints: Hints) -> Parted:
        """Return the basins of a class, and how large its objects are by what the usual neck would part."""
        bare = Foreground.of(field, class_id, hints.strokes)
        smooth = 1.0 if self.smooth is None else self.smooth
        ground = bare
        sizes: NDArray[Any] = np.zeros(0)
        pixel = float(np.prod(field.spacing)) / min(field.spacing) ** len(field.spacing)
        basins: Basins | None = None
        typical = known = hints.typical.get(class_id, 0.0)
        holes = holes_of(bare.mask) if self.fill else None
        # twice: what is a gap between objects, and no hole in one, is known only from the size of the objects
        for share in (0, HOLE) if self.fill and not known else (HOLE,):
            mask = without_holes(bare.mask, bare.free, share * typical, bare.sure, holes) if self.fill else bare.mask
            if basins is not None and np.array_equal(mask, ground.mask):
                break
            ground = dataclasses.replace(bare, mask=mask)
            basins = find_basins(heights(ground, "distance", smooth), mask)
            sizes = np.bincount(merged_basins(basins, USUAL, rough=rough_below(USUAL), pixel=pixel), basins.sizes)
            typical = known or typical_size(sizes)
        assert basins is not None
        if self.smooth is None and SMOOTH * radius_of(typical, field) > 1:
            basins = find_basins(heights(ground, "distance", SMOOTH * radius_of(typical, field)), ground.mask)
        least = round(DIRT ** field.labels.ndim * typical) if self.smallest is None else self.smallest
        return Parted(ground, basins, typical, least, sizes, pixel)

    def _sure_ones(self, numbers: NDArray[Any], parted: Parted, hints: Hints) -> NDArray[Any]:
        """Return the objects that the answer is sure of, with what fades around them."""
        ground = parted.ground
        if ground.sure is None or not self.grow:
            return without_own_holes(numbers, ground.free) if self.fill else numbers
        kept, means = sure_ones(numbers, ground.sure, UNSURE, SUREST, parted.smallest)
        if hints.strokes is not None:
            kept[np.unique(numbers[hints.strokes == ground.number])] = True
        kept[0] = False
        left = np.where(kept, np.arange(len(kept)), 0).astype(numbers.dtype)
        means = np.where(kept, means, 0)[: int(left.max()) + 1]
        found = grown(looked_up(left, numbers), ground.sure, ground.free, means)
        return without_own_holes(found, ground.free) if self.fill else found


@dataclasses.dataclass(frozen=True, eq=False)
class Parted:
    """One class before its basins are merged: where it is, its basins, and the pixels of its objects.

    ``sizes`` are those of the objects that the usual neck would part, ``pixel`` is as :func:`.basins.merged_basins` has
    it.
    """

    ground: Foreground
    basins: Basins
    typical: float
    smallest: float
    sizes: NDArray[Any]
    pixel: float


def radius_of(size: float, field: ClassField) -> float:
    """Return the radius, in pixels of the finest axis, of a disc or a ball of so many pixels."""
    step = min(field.spacing)
    size *= float(np.prod(field.spacing)) / step ** len(field.spacing)
    return float(np.sqrt(size / np.pi) if len(field.spacing) == 2 else np.cbrt(0.75 * size / np.pi))


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
            for class_id in field.countable:
                parted = way.parted(field, class_id, hints)
                wrong.append(violations(parted.basins, parted.typical, hints.lines, parted.pixel))
    return dataclasses.replace(way, neck=chosen_neck(wrong)) if wrong else way
