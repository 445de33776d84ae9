"""Measures of the objects of whole images: one table of all planes and volumes. Finds no object, writes no file."""

from __future__ import annotations

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.image import Image
from napari_unet.inputs import ArrayLike, as_images
from napari_unet.objects.image_objects import Box, object_boxes
from napari_unet.objects.measure_table import MeasureTable, joined_tables
from napari_unet.objects.measures import measure
from napari_unet.objects.object_map import ObjectMap
from napari_unet.objects.raw_values import raw_values

from .object_finding import ImageObjects


def measure_objects(objects: ImageObjects, image: ArrayLike = None, name: str = "") -> MeasureTable:
    """Measure the objects of an image.

    Parameters
    ----------
    objects : ImageObjects
    image : Image, array or path, optional
        Whose channels are measured, as they are. Where the objects do not know the size of a pixel, it is the image's.
    name : str
        Of the image: with one, the table begins with it.

    Returns
    -------
    MeasureTable
        One row an object, in the order of their numbers; ``plane`` says where it is if there are several.

    Raises
    ------
    UserError
        If the image has another shape than the objects.
    """
    found = objects.found
    if image is not None and not isinstance(image, Image):
        (image,) = as_images(image)
    if image is not None and image.shape != found.numbers.shape:
        raise UserError(f"The image {image.name!r} has shape {image.shape} without channels, the objects have "
                        f"{found.numbers.shape}. Measure objects on the image they were found in.")
    place = objects.geometry if image is None else objects.geometry.known_by(image.geometry)
    boxes = object_boxes(place.axes, found.numbers.shape, objects.search.by_plane)
    tables = []
    for box in boxes:
        where = (*box, slice(None), slice(None))
        spot, numbers = spot_of(place, box), found.numbers[box]
        here = np.zeros_like(found.classes)
        there = np.unique(numbers)
        here[there] = found.classes[there]
        values = None if image is None else raw_values(image, where)
        table = measure(ObjectMap(numbers, here, spot.scale), values, (), objects.classes, spot.unit, spot)
        words = {"image": name} if name else {}
        if len(boxes) > 1:
            words["plane"] = plane_words(place.axes, box, found.numbers.shape)
        tables.append(table.with_words(**words))
    return joined_tables(tables)


def spot_of(place: Geometry, box: Box) -> Geometry:
    """Return where a plane or a volume lies."""
    return place.dropping("".join(letter for letter, at in zip(place.axes, box, strict=False) if isinstance(at, int)))


def plane_words(axes: str, box: Box, shape: tuple[int, ...]) -> str:
    """Return which plane a box is: ``T=3 Z=0``."""
    return " ".join(f"{letter}={at}" for letter, at, size in zip(axes, box, shape, strict=False)
                    if isinstance(at, int) and size > 1)
