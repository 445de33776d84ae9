"""What a class image takes along into its file: classes, geometry, what its numbers mean. Writes nothing."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import MAX_CLASS_ID, ClassTable, to_mask
from napari_unet.core.geometry import Geometry
from napari_unet.core.scribbles import checked_ids

Code = Literal["mask", "painted"]
"""``mask``: 0 = background, 1, 2, ... = classes; ``painted``: 1 = background, 2, 3, ... = classes."""

SavedCode = Literal["mask", "painted", "objects", "probabilities"]
"""Codes of files: also ``objects`` (any whole numbers, 0 = none) and ``probabilities`` of the painted classes."""

MOST_LISTED = 100_000
"""Objects that a file lists one by one, with class and colour; of more, a list would be larger than their pixels."""

Runs = tuple[tuple[int, int, int], ...]
"""Classes of objects, in short: (first number, last number, painted id of their class)."""

_SHADES = (0.0, 0.35, -0.25, 0.55, 0.18, -0.4)
"""How far the colour of a class goes towards white or black for objects one after the other: those that touch mostly
differ."""


@dataclasses.dataclass(frozen=True)
class MaskInfo:
    """What a class image takes along into its file.

    Parameters
    ----------
    classes : ClassTable
        Names and colours by painted id.
    geometry : Geometry
        Axes of the label array, and where it lies.
    code : {"mask", "painted", "objects", "probabilities"}
        Which code the values are written in; ``objects`` are any whole numbers, saved as they are.
    name : str
        What the image is called inside the file.
    role : str
        What the layer was (``"strokes"``), so that it is that again when it is opened.
    dtype : str
        Of the values in the file: ``uint8`` but for ``objects`` and ``probabilities``.
    objects : tuple of (int, int, int)
        Of ``objects``, the class of each; empty where classes are not known.
    """

    classes: ClassTable
    geometry: Geometry
    code: SavedCode = "mask"
    name: str = "mask"
    role: str = ""
    dtype: str = "uint8"
    objects: Runs = ()

    @property
    def values(self) -> tuple[tuple[int, str, str], ...]:
        """(value in the file, name, colour) of every class, or object; a mask's background, 0, has no entry.

        Of more than :data:`MOST_LISTED` objects none has: their classes are noted in short (:meth:`record`).
        """
        if self.code == "objects":
            if sum(last - first + 1 for first, last, _ in self.objects) > MOST_LISTED:
                return ()
            return tuple((number, self.classes.name(one), object_colour(self.classes.color(one), number))
                         for first, last, one in self.objects for number in range(first, last + 1))
        offset = int(self.code == "mask")
        return tuple((one.id - offset, one.name, one.color) for one in self.classes.classes if one.id > offset)

    def encode(self, painted: Any) -> NDArray[Any]:
        """Turn painted ids into the values of the file."""
        if self.code not in ("mask", "painted"):
            return np.asarray(painted, self.dtype)
        ids = checked_ids(painted, "labels")
        return to_mask(ids) if self.code == "mask" else ids

    def record(self) -> dict[str, Any]:
        """Return what the format has no words for, ready for JSON."""
        return {
            "code": self.code,
            "axes": self.geometry.axes,
            **self.geometry.record(),
            **({"role": self.role} if self.role else {}),
            **({"objects": [list(run) for run in self.objects]} if self.objects else {}),
            "classes": [dataclasses.asdict(one) for one in self.classes.classes],
        }


def runs_of(classes: NDArray[np.integer[Any]]) -> Runs:
    """Return the classes of objects in short.

    Parameters
    ----------
    classes : ndarray of int, shape (n + 1,)
        Painted id by number, 0 for numbers without an object.
    """
    edges = np.concatenate([[0], np.flatnonzero(np.diff(classes)) + 1, [len(classes)]]).tolist()
    return tuple((start, stop - 1, int(classes[start])) for start, stop in itertools.pairwise(edges)
                 if start < stop and classes[start])


def recorded_runs(record: Any) -> Runs:
    """Return the classes of objects that a file of ours notes; empty if it has none, or they make no sense."""
    listed = record.get("objects") if isinstance(record, Mapping) else None
    made = []
    for run in listed if isinstance(listed, list) else ():
        good = isinstance(run, list) and len(run) == 3 and all(type(one) is int for one in run)
        if not good or not 0 < run[0] <= run[1] < 2**32 or not 1 < run[2] <= MAX_CLASS_ID:
            return ()
        made.append((run[0], run[1], run[2]))
    return tuple(made)


def object_colour(colour: str, number: int) -> str:
    """Return the colour of an object: that of its class, lighter or darker by its number."""
    shade = _SHADES[number % len(_SHADES)]
    parts = bytes.fromhex(colour.lstrip("#")[:6])
    return "#" + "".join(f"{round(one + shade * ((255 - one) if shade > 0 else one)):02x}" for one in parts)
