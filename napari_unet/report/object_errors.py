"""Which objects of a plane are split, merged, missed or invented, as marks to point at. Finds no object."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.objects.matching import match

SPLIT, MERGED, MISSING, INVENTED = "split", "merged", "missed object", "invented object"

OBJECT_COLOURS = {SPLIT: "#f0e442", MERGED: "#009e73", MISSING: "#d55e00", INVENTED: "#56b4e9"}
"""Colours of the rings, told apart with every common colour blindness (Okabe & Ito)."""

_PLURALS = {MISSING: "missed objects", INVENTED: "invented objects"}


@dataclasses.dataclass(frozen=True)
class Mark:
    """Something to point at: its middle and how far it reaches from there, in pixels."""

    y: float
    x: float
    radius: float

    @classmethod
    def of(cls, box: tuple[slice, slice]) -> Mark:
        """Return a mark around a box."""
        (top, bottom), (left, right) = ((part.start, part.stop) for part in box)
        radius = 0.5 * float(np.hypot(bottom - top, right - left))
        return cls((top + bottom - 1) / 2, (left + right - 1) / 2, radius)


@dataclasses.dataclass(frozen=True)
class ObjectErrors:
    """What is wrong with the objects of a plane.

    Parameters
    ----------
    marks : tuple of (str, Mark)
        What it is (:data:`OBJECT_COLOURS`) and where; of each kind the largest first.
    """

    marks: tuple[tuple[str, Mark], ...] = ()

    @property
    def words(self) -> str:
        """How many there are of each kind."""
        kinds = [kind for kind, _ in self.marks]
        return ", ".join(f"{kinds.count(kind)} {_PLURALS.get(kind, kind)}" for kind in OBJECT_COLOURS)


def object_errors(found: NDArray[np.integer[Any]], true: NDArray[np.integer[Any]]) -> ObjectErrors:
    """Compare the objects of a plane with the true ones.

    Parameters
    ----------
    found, true : ndarray of int, shape (Y, X)
        Numbers, 0 = none or not known.
    """
    one = match(true, found)
    marks = []
    for kind, numbers, plane in ((SPLIT, one.split, true), (MERGED, one.merging, found), (MISSING, one.missed, true),
                                 (INVENTED, one.invented, found)):
        marks += [(kind, mark) for mark in sorted(_marks(plane, numbers), key=lambda mark: -mark.radius)]
    return ObjectErrors(tuple(marks))


def _marks(plane: NDArray[np.integer[Any]], numbers: NDArray[np.int64]) -> Iterator[Mark]:
    """Yield a mark around each of some objects."""
    if not numbers.size:
        return
    place = np.zeros(int(plane.max()) + 1, np.int32)
    place[numbers] = np.arange(1, len(numbers) + 1)
    for box in ndimage.find_objects(place[plane]):
        if box is not None:
            yield Mark.of(box)
