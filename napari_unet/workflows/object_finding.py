"""From masks or probabilities to objects, from Python and for the command line. Writes no file."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import numpy as np

from napari_unet.comparison.reference_values import Values
from napari_unet.core import parameters
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.method import Progress
from napari_unet.core.work import Work, work
from napari_unet.inputs import ArrayLike
from napari_unet.objects import REGISTRY as WAYS
from napari_unet.objects.image_objects import ObjectSearch, find_in_image, object_boxes, with_areas
from napari_unet.objects.object_map import ObjectMap

from .class_images import ClassImage, as_class_image

AS_THEY_ARE = "Single objects already; taken as they are."


@dataclasses.dataclass(frozen=True, eq=False)
class ImageObjects:
    """The objects of an image.

    Parameters
    ----------
    found : ObjectMap
        Numbers (..., Y, X), each number one object.
    classes : ClassTable
    geometry : Geometry
    search : ObjectSearch
        How they were found.
    """

    found: ObjectMap
    classes: ClassTable
    geometry: Geometry
    search: ObjectSearch


def make_search(
    way: str = "auto", values: Mapping[str, Any] | None = None, countable: Sequence[int] = (), by_plane: bool = False
) -> ObjectSearch:
    """Return how objects are to be found, after checking the way and its parameters.

    Raises
    ------
    UsageError
        For an unknown way, or a parameter that it does not have or allow.
    """
    cls: Any = WAYS[way]
    known = [field.name for field in parameters.fields(cls)]
    for name in values or ():
        if name not in known:
            raise UserError(parameters.no_parameter(way, name, known))
    cls(**(values or {}))
    return ObjectSearch(way, dict(values or {}), tuple(countable), by_plane)


def object_searches(ways: Sequence[str | ObjectSearch], countable: Sequence[int] = ()) -> tuple[ObjectSearch, ...]:
    """Return several ways as they are asked for, by name or as they are; errors as :func:`make_search`."""
    return tuple(one if isinstance(one, ObjectSearch) else make_search(one, countable=countable) for one in ways)


@work
def objects_of(
    given: ArrayLike | ClassImage,
    *,
    way: str = "auto",
    values: Mapping[str, Any] | None = None,
    countable: Sequence[int | str] = (),
    by_plane: bool = False,
    panoptic: bool = False,
    axes: str | None = None,
    code: Values = "auto",
    classes: ClassTable | None = None,
    scale: Sequence[float] = (),
) -> Generator[Progress, None, ImageObjects]:
    """Find the objects of a mask or of class probabilities; single objects are taken as they are.

    Parameters
    ----------
    given : array, path or ClassImage
        See :func:`as_class_image`.
    way : str
        Name in the registry of ways (``napari-unet methods``).
    values : mapping of str to Any, optional
        Parameters of the way; what is not named is ``auto``.
    countable : sequence of int or str
        Classes whose objects are counted, by painted ids or names; default all but background.
    by_plane : bool
        Each plane of a z-stack by itself.
    panoptic : bool
        Add the areas of the classes that are not counted, each as one more number.
    axes, code, classes, scale
        As for :func:`as_class_image` (``code`` is its ``values``).

    Yields
    ------
    Progress

    Returns
    -------
    ImageObjects

    Raises
    ------
    UserError
        If there is nothing that objects could be found in.
    UsageError
        For an unknown way or parameter.
    """
    search = make_search(way, values, (), by_plane)
    image = as_class_image(given, axes, code, classes, scale)
    search = dataclasses.replace(search, countable=image.classes.ids_of(countable))
    if image.numbered is not None:
        found = _counted(image.numbered, search, image.geometry)
        if panoptic:
            found = with_areas(found, image.numbered.classes[image.numbered.numbers], image.geometry.axes, search)
        return ImageObjects(found, image.classes, image.geometry, search)
    finding = Work(find_in_image(image.labels, image.geometry.axes, search, scale=image.geometry.scale,
                                 probabilities=image.probabilities, ids=image.classes.ids,
                                 names={one.id: one.name for one in image.classes.classes}))
    for share in finding:
        yield Progress("finding objects", share)
    found = finding.result()
    if panoptic:
        found = with_areas(found, image.labels, image.geometry.axes, search)
    return ImageObjects(found, image.classes, image.geometry, search)


def _counted(given: ObjectMap, search: ObjectSearch, place: Geometry) -> ObjectMap:
    """Return objects as they are, but for those of classes that are not counted."""
    kept = np.array([search.counts(one) for one in range(256)])[given.classes]
    numbers = given.numbers if kept[given.present].all() else np.where(kept[given.numbers], given.numbers, 0)
    found = ObjectMap(numbers.astype(np.uint32, copy=False), np.where(kept, given.classes, 0).astype(np.uint8),
                      place.scale, AS_THEY_ARE)
    boxes = object_boxes(place.axes, found.numbers.shape, search.by_plane)
    if len(boxes) == 1:
        return found
    lines = sum(int(np.count_nonzero(np.unique(found.numbers[box]))) for box in boxes)
    recurring = f" Numbers recur: {found.count} of them, {lines} objects if each plane or volume is counted by itself."
    return dataclasses.replace(found, note=AS_THEY_ARE + recurring) if lines > found.count else found
