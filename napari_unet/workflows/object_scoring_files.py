"""Object numbers against true object numbers, whatever files or arrays they come in. Registers no metric."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.components import count_components
from napari_unet.core.errors import InputWarning, UsageError, UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.method import Progress
from napari_unet.core.rows import Row
from napari_unet.core.work import work
from napari_unet.inputs import ArrayLike
from napari_unet.io import LoadedObjects, load_objects, shape_format
from napari_unet.metrics import Options, chosen_metrics
from napari_unet.metrics.object_scoring import ObjectPair, object_metrics, score_objects
from napari_unet.objects.image_objects import Box, object_boxes
from napari_unet.objects.object_map import ObjectMap

from .object_finding import ImageObjects

_FEW_NUMBERS, _MANY_PARTS = 5, 4
"""So few numbers, at most, in so many parts of a number in the mean, at least, are rather classes than objects."""


@work
def score_object_numbers(
    prediction: ArrayLike | ImageObjects,
    reference: ArrayLike | ImageObjects,
    *,
    index: Sequence[int] | None = None,
    axes: str | None = None,
    volume: bool = False,
    name: str = "prediction",
    metrics: Sequence[str] | None = None,
    scale: Sequence[float] | None = None,
    unit: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Generator[Progress, None, list[Row]]:
    """Score object numbers against true object numbers, as they are: nothing is taken apart or joined.

    Parameters
    ----------
    prediction, reference : array, path or ImageObjects
        Numbers (..., Y, X), 0 = none; of one of both also ROIs or GeoJSON.
    index : sequence of int, optional
        Planes to score.
    axes : str, optional
        One letter for each axis. A z axis makes volumes that are scored as such; default what the files say, else
        planes.
    volume : bool
        Take the axis before rows and columns for z.
    name, metrics, scale, unit, settings
        As for :func:`napari_unet.workflows.score`; metrics are those of the family ``objects``.

    Returns
    -------
    list of Row

    Raises
    ------
    UserError
        If the shapes do not fit, or what is given holds no objects.
    UsageError
        If metrics are asked for, but none of objects.
    """
    if metrics and not set(chosen_metrics(metrics)) & set(object_metrics(metrics)):
        raise UsageError(f"{', '.join(metrics)}: none of these is about objects. Allowed: "
                         f"{', '.join(chosen_metrics(['objects']))}, or the family, objects.")
    options = Options(**(settings or {}))
    found, true = _both(prediction, reference, axes or "")
    for what, one in (("The prediction", found), ("The reference", true)):
        if not one.told and (doubt := _no_objects(one.found.numbers)):
            warnings.warn(f"{what} {doubt}", InputWarning, stacklevel=3)
    found, true = _same_classes(found, true)
    letters = _scored_axes(found, axes, volume)
    boxes = _scored_boxes(letters, found.found.numbers.shape, index)
    yield Progress(f"scoring {len(boxes)} planes or volumes")
    place = found.geometry or true.geometry
    steps, its_unit = _steps(place, scale, found.found.numbers.ndim)
    pair = ObjectPair(found.found, true.found, boxes)
    return list(score_objects(pair, found.classes, method=name, image_name="", metrics=metrics, scale=steps,
                              unit=unit or its_unit, options=options))


def _no_objects(numbers: NDArray[np.integer[Any]]) -> str:
    """Say that numbers are rather those of classes: the rest of a sentence; empty if nothing speaks for it."""
    planes = numbers.reshape(-1, *numbers.shape[-2:])
    present = np.unique(numbers[numbers > 0])
    if not 0 < present.size <= _FEW_NUMBERS:
        return ""
    parts = max(count_components(plane) for plane in planes)
    if parts < _MANY_PARTS * present.size:
        return ""
    return (f"has {parts} separate parts in a plane, but no more object numbers than {present.size}: each number is "
            "judged as one object. If it is a mask of classes, find its objects first: napari-unet objects MASK -o "
            "OBJECTS.tif.")


def _scored_axes(found: LoadedObjects, axes: str | None, volume: bool) -> str:
    """Return the axes by which planes or volumes are scored."""
    letters = axes or _letters(found, found.found.numbers.ndim)
    if not volume or len(letters) < 3 or letters[-3] == "Z":
        return letters
    return f"{letters[:-3].replace('Z', 'N')}ZYX"


def _scored_boxes(axes: str, shape: tuple[int, ...], index: Sequence[int] | None) -> tuple[tuple[Box, int | None], ...]:
    """Return what is scored: the planes of an index, else all planes or volumes."""
    boxes = object_boxes(axes, shape, by_plane=index is not None)
    by_plane = index is not None or "Z" not in axes[:-2]
    chosen = tuple((box, number if by_plane else None) for number, box in enumerate(boxes)
                   if index is None or number in index)
    if not chosen or (index is not None and len(chosen) < len(index)):
        raise UserError(f"There is no such plane; there are planes 0 to {len(boxes) - 1}.")
    return chosen


def _steps(
    place: Geometry | None, scale: Sequence[float] | None, count: int
) -> tuple[tuple[float, ...], str]:
    """Return the size of a step along so many axes, and its unit: as told, else as the files say."""
    if scale:
        return ((1.0,) * count + tuple(scale))[-count:], "pixel" if place is None else place.unit
    if place is None or len(place.scale) != count:
        return (), "pixel"
    return place.scale, place.unit


def _both(prediction: Any, reference: Any, axes: str) -> tuple[LoadedObjects, LoadedObjects]:
    """Read both; the one that holds shapes gets the size of the other."""
    shapes = [isinstance(one, (str, os.PathLike)) and shape_format(one) is not None for one in (prediction, reference)]
    if all(shapes):
        raise UserError("Both hold shapes, which have no size of an image. Give one of them as TIFF or OME-Zarr.")
    if shapes[0]:
        true = _loaded(reference, None, axes, None)
        return _loaded(prediction, true.found.numbers.shape, axes or _letters(true, 0), true.classes), true
    found = _loaded(prediction, None, axes, None)
    wanted = found.found.numbers.shape if shapes[1] else None
    return found, _loaded(reference, wanted, axes or (_letters(found, 0) if shapes[1] else ""), found.classes)


def _loaded(given: Any, shape: tuple[int, ...] | None, axes: str, classes: ClassTable | None) -> LoadedObjects:
    if isinstance(given, ImageObjects):
        return LoadedObjects(given.found, given.classes, given.geometry)
    if isinstance(given, (str, os.PathLike)):
        made = load_objects(Path(given), shape, axes, classes)
        if made.note:
            warnings.warn(made.note, InputWarning, stacklevel=2)
        return made
    numbers = np.asarray(given)
    first = next((one for one in (classes.ids if classes else ()) if one > 1), 2)
    return LoadedObjects(ObjectMap.of(numbers, first), (classes or ClassTable.default()).including([1, first]),
                         told=False)


def _letters(one: LoadedObjects, count: int) -> str:
    """Return the axes that are known; letters of our own for so many."""
    if one.geometry is not None:
        return one.geometry.axes
    return ("NTPQ"[: count - 2] + "YX") if count else ""


def _same_classes(found: LoadedObjects, true: LoadedObjects) -> tuple[LoadedObjects, LoadedObjects]:
    """Return both with the same classes, as names tell them; all of one class where one of both tells none."""
    mine, theirs = ({int(number) for number in one.found.classes if number} for one in (found, true))
    if not (found.told and true.told) or (len(mine) <= 1 and len(theirs) <= 1):
        told = found if found.told else true
        if len(mine | theirs) > 1 and max(len(mine), len(theirs)) > 1:
            warnings.warn("One of both does not say of which class its objects are: objects of all classes are judged "
                          "together.", InputWarning, stacklevel=4)
            table = ClassTable.named({1: "background", 2: "object"})
        else:
            present = min(mine if told is found else theirs, default=2)
            name = told.classes.name(present)
            table = ClassTable.named({1: "background" if name != "background" else "none", 2: name})
        return _all_of_one(found, table), _all_of_one(true, table)
    names = {one.name: one.id for one in found.classes.classes}
    lookup = np.arange(256, dtype=np.uint8)
    for one in true.classes.classes:
        lookup[one.id] = names.get(one.name, one.id)
    table = found.classes.including(lookup[list(theirs)].tolist())
    moved = dataclasses.replace(true.found, classes=lookup[true.found.classes])
    return dataclasses.replace(found, classes=table), dataclasses.replace(true, found=moved, classes=table)


def _all_of_one(one: LoadedObjects, table: ClassTable) -> LoadedObjects:
    classes = np.where(one.found.classes > 0, np.uint8(2), np.uint8(0))
    return dataclasses.replace(one, found=dataclasses.replace(one.found, classes=classes), classes=table)
