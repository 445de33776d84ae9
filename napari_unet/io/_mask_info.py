"""What a class image takes along into its file: classes, geometry, what its numbers mean. Writes nothing."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable, to_mask
from napari_unet.core.geometry import Geometry
from napari_unet.core.scribbles import checked_ids

Code = Literal["mask", "painted"]
"""``mask``: 0 = background, 1, 2, ... = classes; ``painted``: 1 = background, 2, 3, ... = classes."""

SavedCode = Literal["mask", "painted", "objects", "probabilities"]
"""Codes of files: also ``objects`` (any whole numbers, 0 = none) and ``probabilities`` of the painted classes."""


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
    """

    classes: ClassTable
    geometry: Geometry
    code: SavedCode = "mask"
    name: str = "mask"
    role: str = ""
    dtype: str = "uint8"

    @property
    def values(self) -> tuple[tuple[int, str, str], ...]:
        """(value in the file, name, colour) of every class; a mask's background, 0, has no entry."""
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
            "classes": [dataclasses.asdict(one) for one in self.classes.classes],
        }
