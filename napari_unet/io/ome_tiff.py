"""OME-TIFF: masks are saved as its schema has it, with names of classes as annotations. It is read as any TIFF is."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.errors import UserError

from ._contents import RECORD
from ._imagej import imagej_slots
from ._mask_info import MaskInfo
from ._output import replace_file
from ._registry import register
from ._units import unit_ratio
from .tiff import TiffSink

NAMESPACE = "napari-unet/classes"
"""Of the annotation that holds the names of the classes."""

_UNITS = {"angstrom": "Å", "picometer": "pm", "nanometer": "nm", "micrometer": "µm", "millimeter": "mm",
          "centimeter": "cm", "meter": "m", "kilometer": "km", "inch": "in"}
"""How the schema spells units of length; others are given in micrometers."""


@register("ome_tiff", "OME-TIFF", suffixes=(".ome.tif", ".ome.tiff"))
@dataclasses.dataclass(frozen=True)
class OmeTiff:
    """OME-TIFF: one file with its description in XML, for programs that go by the OME schema.

    Names and colours of classes lie in a map annotation. Planes along an axis that OME has no name for (N) become
    slices, times or channels, whatever is free.
    """

    def create(self, path: Path, shape: tuple[int, ...], info: MaskInfo) -> OmeTiffSink:
        """Begin to write a mask; it is kept in memory until it is closed.

        Raises
        ------
        UserError
            If there are more than three axes of planes.
        """
        if not imagej_slots(info.geometry.axes):
            raise UserError(f"OME-TIFF holds three axes of planes (Z, T, C), not those of {info.geometry.axes}. Save "
                            "as .tif or .zarr.")
        return OmeTiffSink(path, np.zeros(shape, info.dtype), info, "zlib")

    def may_replace(self, path: Path) -> str:
        """Any file may be replaced when asked to, a folder never."""
        return replace_file(path)


@dataclasses.dataclass(eq=False)
class OmeTiffSink(TiffSink):
    """A mask in memory that becomes an OME-TIFF when it is closed."""

    def close(self) -> None:
        """Write the file."""
        import tifffile

        slots, axes = imagej_slots(self.info.geometry.axes), self.info.geometry.axes
        values = self.array.transpose([axes.index(ours) for _, ours in slots])
        metadata = {"axes": "".join(theirs for theirs, _ in slots), **_metadata(self.info, self.array.shape)}
        tifffile.imwrite(self.path, values, ome=True, photometric="minisblack", compression=self.compression,
                         metadata=metadata, bigtiff=values.nbytes > 2**32 - 2**25)


def _metadata(info: MaskInfo, shape: tuple[int, ...]) -> dict[str, Any]:
    """Return what is told of a mask in XML."""
    geometry = info.geometry
    steps = dict(zip(geometry.axes, geometry.scale, strict=True))
    found: dict[str, Any] = {"Name": info.name}
    if geometry.unit != "pixel":
        known = geometry.unit in _UNITS
        factor = 1.0 if known else unit_ratio(geometry.unit, "micrometer")
        for letter in "XYZ":
            if steps.get(letter, 0.0) * factor > 0:
                found |= {f"PhysicalSize{letter}": steps[letter] * factor,
                          f"PhysicalSize{letter}Unit": _UNITS[geometry.unit if known else "micrometer"]}
    seconds = steps.get("T", 0.0) * unit_ratio(geometry.time_unit, "second")
    if seconds > 0 and geometry.time_unit != "pixel":
        found |= {"TimeIncrement": seconds, "TimeIncrementUnit": "s"}
    classes = {str(value): f"{name} ({colour})" for value, name, colour in info.values}
    record = json.dumps({**info.record(), "shape": list(shape)})
    found["MapAnnotation"] = {"Namespace": NAMESPACE, **classes, RECORD: record}
    return found
