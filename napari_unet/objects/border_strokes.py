"""What cuts and joins say of borders, as strokes to learn a border from. Learns nothing.

A cut is no background: its pixels stay with the objects. But what lies under it looks like a border, and what lies
inside the objects does not. A method fitted to these strokes tells the two apart on any image, and its probability of
:data:`BORDER` is the ``border`` of a :class:`~.class_field.ClassField`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.image import Image
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.learning.border_lesson import BORDER, INSIDE, BorderLesson, border_classes

from .drawn_lines import beside
from .hints import Hints, Line
from .object_map import ObjectMap

REACH = 2.0
"""Inside is looked for so many times the length of a cut around it: who drew it looked there, and not everywhere."""

DEEP = 0.6
"""Inside is what is deeper than this share of the deepest of its object."""


def border_strokes(found: ObjectMap, hints: Hints) -> NDArray[np.uint8]:
    """Return strokes (:data:`INSIDE`, :data:`BORDER`) of a plane or volume.

    Parameters
    ----------
    found : ObjectMap
        With all lines kept, as :func:`~.finding.find_objects` returns it.
    hints : Hints
    """
    import edt

    shape = found.numbers.shape
    strokes = np.zeros(shape, np.uint8)
    if hints.strokes is not None:
        strokes[(hints.strokes > 1) & (found.numbers > 0)] = INSIDE
    touched: list[NDArray[Any]] = []
    near = np.zeros(shape, bool)
    for line in hints.lines:
        under = line.pixels(shape)
        here = found.numbers[under] > 0
        sides = [found.numbers[one] for one in beside(line, shape)] if line.kind == "cut" else []
        if sides and np.setdiff1d(np.concatenate(sides), 0).size < 2:
            continue  # it parts nothing, or what it parted was joined again
        touched += [found.numbers[under], *sides]
        strokes[tuple(axis[here] for axis in under)] = BORDER if line.kind == "cut" else INSIDE
        near[_around_line(line)] = True
    if not (strokes == BORDER).any():
        return strokes
    about = np.isin(found.numbers, np.concatenate(touched)) & (found.numbers > 0)
    depth = edt.edt(np.where(about, found.numbers, 0), anisotropy=found.spacing, order="C", black_border=False)
    deepest = np.zeros(len(found.classes), np.float32)
    np.maximum.at(deepest, found.numbers[about], depth[about])
    strokes[near & about & (strokes == 0) & (depth > DEEP * deepest[found.numbers])] = INSIDE
    return strokes


def _around_line(line: Line) -> tuple[slice, ...]:
    """Return the box around a line that reaches :data:`REACH` times its length beyond it."""
    corners = np.array(line.points)
    low, high = corners.min(axis=0), corners.max(axis=0)
    reach = REACH * float(np.linalg.norm(high - low))
    return tuple(slice(max(0, math.floor(start - reach)), max(0, math.ceil(stop + reach) + 1))
                 for start, stop in zip(low, high, strict=True))


def border_lesson(
    strokes: Iterable[tuple[Image, Mapping[int, NDArray[np.uint8]]]], cuts: int
) -> BorderLesson | None:
    """Return what border strokes teach; None where nothing was cut, or nothing is known of insides.

    Parameters
    ----------
    strokes : iterable of (Image, mapping of int to ndarray)
        Images, and by plane what :func:`border_strokes` says.
    cuts : int
        How many cuts they stand on.
    """
    pairs = tuple(Pair(image, Scribbles(image.shape, planes)) for image, planes in strokes)
    seen = {int(one) for pair in pairs for plane in pair.scribbles.planes.values() for one in np.unique(plane)}
    return BorderLesson(TrainingSet(pairs, border_classes()), cuts) if {INSIDE, BORDER} <= seen else None
