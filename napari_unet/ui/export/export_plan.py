"""What is saved of a labels layer, where and how; and the saving itself, plane by plane. Has no widgets."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Labels

from napari_unet.core.classes import ClassTable, to_painted
from napari_unet.core.method import Progress
from napari_unet.core.scribbles import checked_ids
from napari_unet.io import Code, create_mask

from ..layer_axes import finest_level, layer_shape
from ..layer_metadata import class_table

TICK = 0.1
"""Seconds between two reports of progress."""

FORMATS = {
    "TIFF": (".tif", "0.4", "In Fiji: File > Open, or drag the file onto its window; the voxel size comes along."),
    "OME-Zarr 0.4": (".ome.zarr", "0.4", "In Fiji: File > Import > HDF5/N5/Zarr/OME-NGFF Viewer, then choose the "
                                         "folder."),
    "OME-Zarr 0.5": (".ome.zarr", "0.5", "In a recent Fiji: File > Import > HDF5/N5/Zarr/OME-NGFF Viewer, then choose "
                                         "the folder."),
}
"""By name: ending, OME-Zarr version, and how to open the result."""


@dataclasses.dataclass(frozen=True, eq=False)
class ExportPlan:
    """One labels layer on its way into a file.

    Parameters
    ----------
    layer : Labels
    path : Path
    version : str
        Of OME-Zarr.
    painted_ids : bool
        Save ids as painted (1 = background). A layer without a class table of ours is always saved as it is.
    preview : bool
        Also save a picture in which the classes can be told apart.
    overwrite : bool
    """

    layer: Labels
    path: Path
    version: str = "0.4"
    painted_ids: bool = False
    preview: bool = False
    overwrite: bool = False

    @property
    def classes(self) -> ClassTable | None:
        """The class table of the layer; None for a layer that was not made here."""
        return class_table(self.layer)

    def axes(self) -> str:
        """Return one letter for each axis of the layer."""
        count = len(layer_shape(self.layer)) - 2
        letters = [label[:1].upper() for label in self.layer.axis_labels[:count]]
        if len(set(letters) - set("CYX")) < count or not all(one.isalpha() and one.isascii() for one in letters):
            letters = list("NTZABDEFGH"[:count]) if count != 2 else ["T", "Z"]
        return "".join(letters) + "YX"

    def write(self) -> Generator[Progress, None, Path]:
        """Save; yields progress, returns where it is now.

        Raises
        ------
        UserError
            If the place cannot be written or is taken, or the values are no class ids.
        """
        data, shape = finest_level(self.layer), layer_shape(self.layer)
        table, foreign = self.classes, self.classes is None
        code: Code = "painted" if self.painted_ids and not foreign else "mask"
        units = {str(unit) for unit in self.layer.units[-2:]}
        unit = units.pop() if len(units) == 1 else "pixel"
        output = create_mask(
            self.path, shape, classes=table or ClassTable.default(), axes=self.axes(),
            scale=tuple(abs(float(step)) for step in self.layer.scale), unit=unit, code=code,
            preview=self.preview, overwrite=self.overwrite, version=self.version,
        )
        told, planes = 0.0, int(np.prod(shape[:-2], dtype=int))
        with output:
            for number in range(planes):
                where: tuple[Any, ...] = np.unravel_index(number, shape[:-2]) if shape[:-2] else ()
                where = tuple(map(int, where))
                ids = checked_ids(data[where], self.layer.name)
                output[where] = to_painted(ids) if foreign else ids
                if time.monotonic() - told > TICK:
                    told = time.monotonic()
                    yield Progress(f"Saving plane {number + 1} of {planes}", number / planes)
            yield Progress("Finishing the file", 1.0)
        return output.path
