"""What cuts and joins say of borders, as strokes to learn a border from. Learns nothing.

A cut is no background: its pixels stay with the objects. But what lies under it looks like a border, and what lies
inside the objects does not. A method fitted to these strokes tells the two apart on any image, and its probability of
:data:`BORDER` is the ``border`` of a :class:`~.class_field.ClassField`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable

from .hints import Hints
from .object_map import ObjectMap

INSIDE = 1
"""Stroke of what lies inside objects."""

BORDER = 2
"""Stroke of what parts objects."""

DEEP = 0.6
"""Inside is what is deeper than this share of the deepest of its object."""


def border_classes() -> ClassTable:
    """Return the two classes of border strokes."""
    return ClassTable.named({INSIDE: "inside", BORDER: "border"})


def border_strokes(found: ObjectMap, hints: Hints) -> NDArray[np.uint8] | None:
    """Return strokes (:data:`INSIDE`, :data:`BORDER`) of a plane or volume; None where nothing was cut.

    Parameters
    ----------
    found : ObjectMap
        With all lines kept, as :func:`~.finding.find_objects` returns it.
    hints : Hints
    """
    import edt

    shape = found.numbers.shape
    strokes = np.zeros(shape, np.uint8)
    touched: list[NDArray[Any]] = []
    for line in hints.lines:
        under = line.pixels(shape)
        here = found.numbers[under] > 0
        touched.append(found.numbers[under][here])
        strokes[tuple(axis[here] for axis in under)] = BORDER if line.kind == "cut" else INSIDE
    if not (strokes == BORDER).any():
        return None
    about = np.isin(found.numbers, np.concatenate(touched))
    depth = edt.edt(np.where(about, found.numbers, 0), anisotropy=found.spacing, order="C", black_border=False)
    deepest = np.zeros(len(found.classes), np.float32)
    np.maximum.at(deepest, found.numbers[about], depth[about])
    strokes[about & (strokes == 0) & (depth > DEEP * deepest[found.numbers])] = INSIDE
    return strokes
