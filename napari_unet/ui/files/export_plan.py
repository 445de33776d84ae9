"""What is saved of a labels layer, where and how; and the saving itself, plane by plane. Has no widgets."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Labels

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.method import Progress
from napari_unet.core.scribbles import checked_ids
from napari_unet.io import SavedCode, create_mask, keep_objects, shape_format

from ..large_images import is_field
from ..layer_axes import finest_level, layer_shape
from ..layer_geometry import exported_shape, layer_geometry
from ..layer_metadata import class_table, role_of
from ..layer_origin import origin_of
from .object_export import goes_as_objects, objects_of_layer

TICK = 0.1
"""Seconds between two reports of progress."""

FORMATS = {
    "TIFF": (".tif", "0.4", "In Fiji: File > Open, or drag the file onto its window; the voxel size comes along."),
    "OME-Zarr 0.4": (".ome.zarr", "0.4", "In Fiji: File > Import > HDF5/N5/Zarr/OME-NGFF Viewer, then choose the "
                                         "folder."),
    "OME-Zarr 0.5": (".ome.zarr", "0.5", "In a recent Fiji: File > Import > HDF5/N5/Zarr/OME-NGFF Viewer, then choose "
                                         "the folder."),
    "In the image's OME-Zarr": ("", "0.4", "It lies in the image's folder as labels/NAME: programs that show the image "
                                           "show its labels too. Nothing of the image is changed."),
    "ImageJ ROIs": (".zip", "0.4", "Outlines of single objects. In Fiji: Analyze > Tools > ROI Manager, then More > "
                                   "Open."),
    "GeoJSON": (".geojson", "0.4", "Polygons of single objects. In QuPath: drag the file onto the image."),
}
"""By name: ending, OME-Zarr version, and how to open the result."""


@dataclasses.dataclass(frozen=True)
class Saved:
    """Where a mask is now, and what people should know about it."""

    path: Path
    note: str = ""


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
    known : ClassTable, optional
        Classes of the session: those that objects are of have their ids and colours.
    """

    layer: Labels
    path: Path
    version: str = "0.4"
    painted_ids: bool = False
    preview: bool = False
    overwrite: bool = False
    known: ClassTable | None = None

    @property
    def classes(self) -> ClassTable | None:
        """The class table of the layer; None for a layer that was not made here."""
        return class_table(self.layer)

    def write(self) -> Generator[Progress, None, Saved]:
        """Save; yields progress, returns where it is now.

        Raises
        ------
        UserError
            If the place cannot be written or is taken, or the values are no class ids.
        """
        _check_whole(self.layer)
        if goes_as_objects(self.layer, self.path):
            return (yield from self._write_objects())
        data, shape = finest_level(self.layer), layer_shape(self.layer)
        table, kept = self.classes, exported_shape(self.layer)
        code: SavedCode = "objects" if table is None else "painted" if self.painted_ids else "mask"
        told, count = 0.0, int(np.prod(shape[:-2], dtype=int))
        planes: list[tuple[Any, ...]] = [tuple(map(int, where)) for where in np.ndindex(*shape[:-2])]
        if table is None:
            largest = 0
            for where in planes:
                largest = max(largest, checked_objects(data[where], self.layer.name))
                if time.monotonic() - told > TICK:
                    told = time.monotonic()
                    yield Progress("Looking at the values", 0.0)
            dtype = np.min_scalar_type(largest).name
        else:
            dtype = "uint8"
        role = role_of(self.layer)
        output = create_mask(
            self.path, kept, classes=ClassTable(()) if table is None else table, geometry=layer_geometry(self.layer),
            code=code, role=role if role in ("strokes", "prediction", "result") else "", dtype=dtype,
            preview=self.preview, overwrite=self.overwrite, version=self.version,
            provenance=origin_of(self.layer, (np.asarray(data[where]) for where in planes)),
        )
        with output:
            for number, where in enumerate(planes):
                plane = np.asarray(data[where])
                # axes that are left out have size 1, so that planes are counted alike
                at = tuple(map(int, np.unravel_index(number, kept[:-2]))) if kept[:-2] else ()
                output[at] = plane if table is None else checked_ids(plane, self.layer.name)
                if time.monotonic() - told > TICK:
                    told = time.monotonic()
                    yield Progress(f"Saving plane {number + 1} of {count}", number / count)
            yield Progress("Finishing the file", 1.0)
        return Saved(output.path, output.note)

    def _write_objects(self) -> Generator[Progress, None, Saved]:
        """Save object by object, each with its class."""
        found, table = yield from objects_of_layer(self.layer, self.known)
        yield Progress("Writing the objects", 1.0)
        data = finest_level(self.layer)
        planes = (np.asarray(data[where]) for where in np.ndindex(*layer_shape(self.layer)[:-2]))
        options = {} if shape_format(self.path) is not None else {"version": self.version}
        path, note = keep_objects(self.path, found, classes=table, geometry=layer_geometry(self.layer),
                                  overwrite=self.overwrite, provenance=origin_of(self.layer, planes), **options)
        return Saved(path, note)

    def save(self) -> Saved:
        """Save at once; errors as :meth:`write`."""
        work = self.write()
        while True:
            try:
                next(work)
            except StopIteration as end:
                saved: Saved = end.value
                return saved


def _check_whole(layer: Labels) -> None:
    if is_field(layer):
        raise UserError(f"{layer.name!r} shows a part of a large image at a time. To save all of it, press Whole image "
                        "to a store; strokes are in the project.")


def checked_objects(plane: Any, name: str) -> int:
    """Return the largest of the values of a plane of any labels.

    Raises
    ------
    UserError
        If a value is negative or too large for a file.
    """
    values = np.asarray(plane)
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    if low < 0 or high >= 2**32:
        raise UserError(
            f"{name!r} holds values from {low} to {high}. Allowed: 0 (nothing) to 4294967295. Number the labels anew."
        )
    return high
