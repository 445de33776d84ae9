"""A layer of object numbers as objects with classes, ready for a file. Writes nothing, has no widgets."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from napari.layers import Labels

from napari_unet.core.classes import MAX_CLASS_ID, ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.method import Progress
from napari_unet.io import shape_format
from napari_unet.objects.object_map import ObjectMap

from ..layer_axes import finest_level, layer_shape
from ..layer_geometry import exported_shape
from ..layer_metadata import class_table, role_of

_INDEX, _CLASS = "index", "class"
"""Columns of a layer's features: the number of an object, and the name of its class."""

HOLDS_CLASSES = ("This layer holds classes, not single objects. Find its objects first (Plugins > napari-unet > "
                 "Objects), or save it as TIFF or OME-Zarr.")


def goes_as_objects(layer: Labels, path: Any) -> bool:
    """Say whether a layer is saved object by object: it is one of ours, or the file holds shapes.

    Raises
    ------
    UserError
        If the file holds shapes, and the layer classes.
    """
    if class_table(layer) is not None:
        if shape_format(path) is not None:
            raise UserError(HOLDS_CLASSES)
        return False
    return role_of(layer) == "objects" or shape_format(path) is not None


def objects_of_layer(
    layer: Labels, classes: ClassTable | None = None
) -> Generator[Progress, None, tuple[ObjectMap, ClassTable]]:
    """Read all planes of a layer; the class of each object is that which the layer's features tell.

    Parameters
    ----------
    layer : Labels
    classes : ClassTable, optional
        Known classes, for ids and colours of the names.

    Raises
    ------
    UserError
        If its values are no object numbers.
    """
    data, shape = finest_level(layer), layer_shape(layer)
    numbers = np.zeros(shape, np.uint32)
    count = max(1, int(np.prod(shape[:-2], dtype=int)))
    for done, where in enumerate(np.ndindex(*shape[:-2])):
        plane = np.asarray(data[where])
        if plane.size and (plane.min() < 0 or plane.max() >= 2**32):
            raise UserError(f"{layer.name!r} holds values from {plane.min()} to {plane.max()}. Allowed: 0 (nothing) to "
                            "4294967295. Number the objects anew.")
        numbers[where] = plane
        yield Progress("Looking at the objects", done / count)
    table, of_number = _told_classes(layer, classes)
    present = np.unique(numbers)
    first = min((one for one in table.ids if one > 1), default=2)
    found = ObjectMap.of(numbers.reshape(exported_shape(layer)),
                         {int(one): of_number.get(int(one), first) for one in present})
    return found, table.including([1, first])


def _told_classes(layer: Labels, classes: ClassTable | None) -> tuple[ClassTable, dict[int, int]]:
    """Return the classes that the features name, and the class of each object."""
    features = layer.features
    if _INDEX not in features or _CLASS not in features:
        return classes or ClassTable.named({1: "background", 2: "object"}), {}
    words = [str(word).strip() for word in features[_CLASS]]
    table = classes or ClassTable.named({1: "background"})
    ids = {one.name: one.id for one in table.classes}
    free = iter(sorted(set(range(2, MAX_CLASS_ID + 1)) - set(table.ids)))
    new = {word: next(free) for word in dict.fromkeys(words) if word and word not in ids}
    made = ClassTable.named({number: word for word, number in new.items()})
    whole = ClassTable(tuple(sorted((*table.classes, *made.classes), key=lambda one: one.id)))
    of_word = {**ids, **new}
    return whole, {int(number): of_word[word] for number, word in zip(features[_INDEX], words, strict=True)
                   if of_word.get(word, 0) > 1}
