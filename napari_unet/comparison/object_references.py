"""True objects out of references: object numbers as they are, shapes of other programs, labels. Scores nothing."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.classes import ClassTable
from ..core.errors import InputWarning, UserError
from ..core.image import Image
from ..inputs import as_labels
from ..io import LoadedObjects, load_objects, open_contents, shape_format
from ..objects.object_map import ObjectMap
from .label_survey import BACKGROUND
from .reference_values import Values, painted_classes, read_references, reading_of

Painted = NDArray[np.uint8]


def references_and_objects(
    given: Sequence[Any], images: Sequence[Image], code: Values, witnesses: Sequence[Painted | None],
    classes: ClassTable | None = None,
) -> tuple[list[Painted | None], tuple[ObjectMap | None, ...], ClassTable | None]:
    """Read references, and the objects in those that number objects.

    Parameters
    ----------
    given : sequence of array, path, LoadedObjects or None
        By image. Files of ROIs, GeoJSON and objects that were saved here are objects whatever the code.
    images : sequence of Image
    code : {"auto", "mask", "painted", "objects"}
        Of the others, as for :func:`.read_references`.
    witnesses : sequence of ndarray or None
        The strokes of each image.
    classes : ClassTable, optional
        Of the strokes.

    Returns
    -------
    references : list of ndarray of uint8 or None
        Painted ids.
    objects : tuple of ObjectMap or None
    classes : ClassTable or None
        With the classes of objects that the strokes do not have.

    Raises
    ------
    UserError
        As :func:`.read_references`, and for files of objects that do not suit.
    """
    if len(given) != len(images):
        raise UserError(f"There are {len(images)} images but {len(given)} references. Give one (or none) per image.")
    loaded = [_objects_in(one, image, classes) for one, image in zip(given, images, strict=True)]
    loaded = _of_the_one_class(loaded, painted_classes(witnesses), classes)
    labels = [None if one is None or there is not None else as_labels(one)[0]
              for one, there in zip(given, loaded, strict=True)]
    truths = read_references(labels, code, witnesses)
    objects: list[ObjectMap | None] = []
    for number, (there, array) in enumerate(zip(loaded, labels, strict=True)):
        if there is not None:
            truths[number] = painted_objects(there.found)
            classes = there.classes if classes is None else classes.including(there.classes.ids)
            objects.append(there.found)
        else:
            objects.append(_numbered(array, truths[number], labels, code, witnesses))
    return truths, tuple(objects), classes


def _of_the_one_class(
    loaded: list[LoadedObjects | None], painted: Sequence[int], classes: ClassTable | None
) -> list[LoadedObjects | None]:
    """Take objects of one class for those of the one class that is painted, whatever its name there."""
    theirs = {int(number) for one in loaded if one is not None for number in one.found.classes if number}
    if len(theirs) != 1 or len(painted) != 1 or classes is None:
        return loaded
    mine = np.uint8(painted[0])
    return [one if one is None else dataclasses.replace(one, classes=classes, found=dataclasses.replace(
        one.found, classes=np.where(one.found.classes > 0, mine, np.uint8(0)))) for one in loaded]


def painted_objects(found: ObjectMap) -> Painted:
    """Return the class of each pixel as painted ids, background where there is no object."""
    ids: Painted = np.maximum(found.classes, BACKGROUND)[found.numbers]
    return ids


def _objects_in(given: Any, image: Image, classes: ClassTable | None) -> LoadedObjects | None:
    """Return the objects of a file that holds nothing else; None for all other references."""
    if isinstance(given, LoadedObjects):
        return given
    if not isinstance(given, (str, os.PathLike)):
        return None
    path = Path(given)
    if shape_format(path) is None and open_contents(path, labels=True).role != "objects":
        return None
    made = load_objects(path, image.shape, image.label_axes, classes)
    if made.note:
        warnings.warn(made.note, InputWarning, stacklevel=3)
    return made


def _numbered(
    array: NDArray[Any] | None, truth: Painted | None, labels: Sequence[NDArray[Any] | None], code: Values,
    witnesses: Sequence[Painted | None],
) -> ObjectMap | None:
    """Return the objects of labels that number them; None of classes."""
    if array is None or truth is None:
        return None
    told = code if code != "auto" else reading_of(labels, witnesses).code
    several = np.unique(array[array != 0]).size > 1 if array.size else False
    if told != "objects" or not several:  # one value alone, 255 say, is a class
        return None
    known = painted_classes([truth])
    return ObjectMap.of(array.astype(np.int64), known[0] if known else BACKGROUND + 1)
