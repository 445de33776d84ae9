"""Objects out of and into files: TIFF, OME-Zarr, ROIs of ImageJ, GeoJSON for QuPath. Finds no object.

Labels of other programs are read as they are; what is said of how they were read is in :attr:`LoadedObjects.note`.
"""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import MAX_CLASS_ID, ClassTable, PaintedClass, default_color
from napari_unet.core.errors import InputWarning, UsageError, UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.provenance import Provenance
from napari_unet.objects.object_map import ObjectMap

from ._contents import Contents
from ._drawn_objects import LARGEST_NUMBER, LoadedObjects, objects_of_shapes, plane_places, put_outlines
from ._label_place import label_place
from ._mask_info import runs_of
from ._output import check_place, replace_file
from ._reading import label_array, read_contents
from ._registry import REGISTRY
from ._saving import check_output, create_mask, geometry_for, output_suffixes
from .shape_files import shape_format, writing_shapes

MOST_IN_16_BITS = 65535


def object_suffixes() -> tuple[str, ...]:
    """Return the endings that objects are saved under."""
    return (*output_suffixes(), *(suffix for entry in REGISTRY for suffix in entry.extras.get("object_suffixes", ())))


def check_object_output(path: str | Path, *, overwrite: bool = False) -> None:
    """Check early, before long work, that objects can be saved at a path.

    Raises
    ------
    UserError
        If the ending is unknown, the place cannot be written, or something is there and may not be replaced.
    """
    path = Path(path)
    known = object_suffixes()
    if path.name.lower().endswith((".zip", ".geojson")):
        check_place(path, overwrite, replace_file)
    elif label_place(path) is not None or path.name.lower().endswith(known):
        check_output(path, overwrite=overwrite)
    else:
        raise UserError(f"{path} has an ending that objects are not saved under. Allowed: {', '.join(sorted(known))}.")


def save_objects(path: str | Path, found: ObjectMap, *, classes: ClassTable, **options: Any) -> Path:
    """Save objects in the format of an ending; parameters and errors as :func:`keep_objects`.

    Returns
    -------
    Path
        Where they are now.

    Warns
    -----
    InputWarning
        If there is something to know about what was saved.
    """
    place, note = keep_objects(path, found, classes=classes, **options)
    if note:
        warnings.warn(note, InputWarning, stacklevel=2)
    return place


def keep_objects(
    path: str | Path,
    found: ObjectMap,
    *,
    classes: ClassTable,
    geometry: Geometry | None = None,
    overwrite: bool = False,
    provenance: Provenance | None = None,
    version: str = "0.4",
    **options: Any,
) -> tuple[Path, str]:
    """Save objects; return where they are, and what people should know.

    Parameters
    ----------
    path : path
        ``.tif``, ``.zarr`` or ``IMAGE.ome.zarr/labels/NAME`` for numbers of pixels (uint16, or uint32 where there are
        more than 65 535), ``.zip`` for ImageJ ROIs, ``.geojson`` for QuPath.
    found : ObjectMap
        Numbers of a plane, a volume, or of a whole image (..., Y, X), in which each number is one object.
    classes : ClassTable
        Names and colours of their classes.
    geometry : Geometry, optional
        Axes and where they lie. Default: letters of our own and the spacing of the map.
    overwrite : bool
        Replace what is there.
    provenance : Provenance, optional
        Where they come from; written beside them.
    version : {"0.4", "0.5"}
        Of OME-Zarr.
    **options
        Parameters of the format.

    Raises
    ------
    UserError
        If the place cannot be written or is taken, or the axes do not fit.
    """
    path = Path(path)
    check_object_output(path, overwrite=overwrite)
    geometry = geometry or geometry_for(found.numbers.shape, "", found.spacing, "pixel")
    if path.name.lower().endswith((".zip", ".geojson")):
        return _keep_shapes(path, found, classes, geometry, overwrite, provenance, options), ""
    largest = int(found.numbers.max(initial=0))
    dtype = "uint16" if largest <= MOST_IN_16_BITS else "uint32"
    output = create_mask(
        path, found.numbers.shape, classes=classes, geometry=geometry, code="objects", dtype=dtype,
        objects=runs_of(found.classes), overwrite=overwrite, version=version, provenance=provenance, **options,
    )
    with output:
        output[...] = found.numbers
    note = output.note
    if dtype == "uint32":
        wide = (f"There are objects with numbers up to {largest}, more than 16 bits can hold: {path.name} has 32 bits"
                + (", which Fiji shows as decimal numbers." if path.suffix.lower().startswith(".tif") else "."))
        note = f"{note} {wide}".strip()
    return output.path, note


def _keep_shapes(
    path: Path, found: ObjectMap, classes: ClassTable, geometry: Geometry, overwrite: bool,
    provenance: Provenance | None, options: dict[str, Any],
) -> Path:
    """Write ROIs or polygons, and where they come from beside them."""
    planes = list(plane_places(found.numbers.shape, geometry.axes, path))
    with writing_shapes(path, classes, overwrite=overwrite, provenance=provenance, **options) as put:
        for index, place in planes:
            put_outlines(put, found.numbers[index], found.classes, place)
    return Path(os.path.realpath(path.expanduser()))


def load_objects(
    path: str | Path, shape: Sequence[int] | None = None, axes: str = "", classes: ClassTable | None = None
) -> LoadedObjects:
    """Read objects: numbers of pixels from TIFF or OME-Zarr, shapes from ROIs or GeoJSON.

    Parameters
    ----------
    path : path
    shape : sequence of int, optional
        Of the image they belong to, without channels; needed for ROIs and GeoJSON, checked for all.
    axes : str
        One letter for each axis of ``shape``.
    classes : ClassTable, optional
        Classes that are known: those of the file that have a name of one of these are these. What has no class in the
        file is of the first of them.

    Raises
    ------
    UserError
        If the file is damaged or holds no objects, or does not fit the image.
    """
    path, wanted = Path(path).expanduser(), None if shape is None else tuple(map(int, shape))
    entry = shape_format(path)
    if entry is None:
        return _labelled(path, wanted, axes, classes)
    if wanted is None:
        raise UsageError(f"{path} holds shapes, which have no size of an image. Say for which image they are.")
    if not path.exists():
        raise UserError(f"There is no file {path}. Check the name.")
    drawn, notes = entry.item().shapes(path)
    return objects_of_shapes(drawn, wanted, axes, path, classes, notes)


def _labelled(path: Path, wanted: tuple[int, ...] | None, axes: str, classes: ClassTable | None) -> LoadedObjects:
    """Read objects that are numbers of pixels."""
    contents, _ = read_contents(path, axes or None, labels=True)
    if contents.code is not None:
        raise UserError(f"{path} holds classes ({contents.code} code), not single objects. Find its objects first: "
                        "napari-unet objects MASK -o OBJECTS.tif.")
    labels, letters = label_array(contents)
    if wanted is not None and labels.shape != wanted:
        if [size for size in labels.shape if size > 1] != [size for size in wanted if size > 1]:
            raise UserError(f"{path} has shape {labels.shape}, but the image without channels has {wanted}. Choose the "
                            "objects that belong to this image.")
        labels, letters = labels.reshape(wanted), axes
    numbers, note = _small_numbers(_whole_numbers(labels, path), path)
    if note:  # what the file says of numbers does not hold for the new ones
        contents = dataclasses.replace(contents, objects=(), named={})
    found, table = _with_classes(numbers, contents, classes)
    place = contents.geometry(letters) if sorted(letters) == sorted(contents.letters) else None
    if place is not None:
        found = dataclasses.replace(found, spacing=place.scale)
    return LoadedObjects(found, table, place, note, bool(contents.objects or contents.named))


def _small_numbers(numbers: NDArray[np.uint32], path: Path) -> tuple[NDArray[np.uint32], str]:
    """Number objects anew if their numbers are so large that they would take much memory; say so."""
    largest = int(numbers.max(initial=0))
    if largest <= LARGEST_NUMBER:
        return numbers, ""
    present, place = np.unique(numbers, return_inverse=True)
    anew = (place.reshape(numbers.shape) + int(present[0] > 0)).astype(np.uint32)
    return anew, f"The objects of {path} have numbers up to {largest}; they are numbered anew, from 1 on."


def _whole_numbers(labels: NDArray[Any], path: Path) -> NDArray[np.uint32]:
    """Return labels of any type as object numbers.

    Raises
    ------
    UserError
        If they are none.
    """
    low, high = (labels.min(), labels.max()) if labels.size else (0, 0)
    good = low >= 0 and high < 2**32  # not so for NaN
    if not good or (labels.dtype.kind == "f" and not (np.floor(labels) == labels).all()):
        raise UserError(f"{path} holds values from {low} to {high}, no object numbers. Allowed: whole numbers from 0 "
                        "(nothing) to 4294967295.")
    return labels.astype(np.uint32, copy=False)


def _with_classes(
    numbers: NDArray[np.uint32], contents: Contents, known: ClassTable | None
) -> tuple[ObjectMap, ClassTable]:
    """Give every object the class that the file notes, or names; else the first class that is known."""
    there = np.flatnonzero(np.bincount(numbers.ravel(), minlength=1)) if numbers.size else np.zeros(0, int)
    there = there[there > 0]
    of_number = np.zeros(int(there.max(initial=0)) + 1, np.uint8)
    table = contents.classes if contents.objects else None
    for first, last, class_id in contents.objects:
        of_number[first:last + 1] = class_id
    if not contents.objects and contents.named:
        table = _named_classes(of_number, contents, there, known)
    base = table or known or ClassTable.default()
    first_class = next((number for number in base.ids if number > 1), 2)
    classes = np.zeros_like(of_number)
    classes[there] = np.where(of_number[there] > 1, of_number[there], first_class)
    present = np.unique(classes[there]).tolist()
    return ObjectMap(numbers, classes), base.including([1, *present])


def _named_classes(
    of_number: NDArray[np.uint8], contents: Contents, there: NDArray[np.int64], known: ClassTable | None
) -> ClassTable | None:
    """Take over the classes that OME-Zarr names object by object, if it does; nothing where every object has its own.
    """
    named = {number: contents.named[number][0].strip() for number in there.tolist() if number in contents.named}
    words = sorted(set(named.values()) - {""})
    each_its_own = 1 < len(words) == len(named)
    if not words or len(words) > MAX_CLASS_ID - 2 or each_its_own:
        return None
    ids = {one.name: one.id for one in (known.classes if known else ())}
    free = iter(sorted(set(range(2, MAX_CLASS_ID + 1)) - set(ids.values())))
    new = {word: next(free) for word in words if word not in ids}
    for number, word in named.items():
        of_number[number] = {**ids, **new}.get(word, 0)
    made = (*(known.classes if known else ()),
            *(PaintedClass(number, word, default_color(number)) for word, number in new.items()))
    return ClassTable(tuple(sorted(made, key=lambda one: one.id)))
