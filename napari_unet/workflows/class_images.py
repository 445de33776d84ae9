"""What objects are found in: masks and class probabilities out of files and arrays, however they are coded.

Numbers are recognised as those of references are: classes, painted ids, or single objects, which are taken as they are.
What is not plain is said, what cannot be known is asked. Finds no object.
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

from napari_unet.comparison.code_rules import Reading, recognise
from napari_unet.comparison.label_survey import LabelSurvey
from napari_unet.comparison.reference_values import UnclearReferenceError, Values
from napari_unet.core.addresses import is_url
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import InputWarning, UserError
from napari_unet.core.geometry import Geometry
from napari_unet.inputs import ArrayLike, as_painted
from napari_unet.io import Contents, label_array, load_objects, open_contents, read_contents
from napari_unet.objects.object_map import ObjectMap

from .soft_numbers import ROUNDING, are_probabilities, of_whole_numbers, tell_whole_numbers


@dataclasses.dataclass(frozen=True, eq=False)
class ClassImage:
    """What objects are found in.

    Parameters
    ----------
    labels : ndarray of uint8, shape (..., Y, X)
        Painted ids.
    classes : ClassTable
    geometry : Geometry
    probabilities : ndarray of float, shape (C, ..., Y, X), optional
        Of the classes in their order.
    numbered : ObjectMap, optional
        The objects, if single objects came in place of classes: they are taken as they are.
    """

    labels: NDArray[np.uint8]
    classes: ClassTable
    geometry: Geometry
    probabilities: NDArray[np.floating[Any]] | None = None
    numbered: ObjectMap | None = None


def as_class_image(
    given: ArrayLike | ClassImage, axes: str | None = None, values: Values = "auto",
    classes: ClassTable | None = None, scale: Sequence[float] = (),
) -> ClassImage:
    """Return a mask, probabilities or objects, out of a file or an array, as what objects are found in.

    Parameters
    ----------
    given : path, array or ClassImage
        A file that was saved as probabilities is taken as such; of arrays, those of decimal numbers.
        Their classes lie along an axis before rows and columns (C).
    axes : str, optional
        One letter for each axis.
    values : {"auto", "mask", "painted", "objects"}
        Code of an array, and of a file that does not say; ``"auto"`` recognises it.
    classes : ClassTable, optional
    scale : sequence of float, optional
        Size of a voxel along the last axes, in place of that of the file.

    Raises
    ------
    UserError
        If it is none of these, or it cannot be known what its numbers are.
    """
    if isinstance(given, ClassImage):
        return given
    if isinstance(given, (str, os.PathLike)):
        made = _of_file(str(given) if is_url(given) else Path(given), axes, values, classes)
    else:
        array = np.asarray(given)
        if array.dtype.kind in "ui" and "C" in (axes or ""):
            array = of_whole_numbers(array, axes or "", "the array")
            tell_whole_numbers("the array")
        if are_probabilities(array, axes):
            letters = axes or ("NTPQ"[: array.ndim - 3] + "CYX"[-min(array.ndim, 3):])
            made = of_probabilities(array, letters, classes, Geometry(letters.replace("C", "")), "the array")
        else:
            letters = axes or ("NTPQ"[: array.ndim - 2] + "YX")
            made = _of_labels(array, values, classes, Geometry(letters), "the array")
    if scale:
        sizes = (*made.geometry.scale[: -len(scale)], *scale)[-len(made.geometry.scale):]
        made = dataclasses.replace(made, geometry=dataclasses.replace(made.geometry, scale=sizes))
    return made


def _of_file(path: Path | str, axes: str | None, values: Values, classes: ClassTable | None) -> ClassImage:
    """Read a mask, objects, or probabilities: decimal numbers with an axis of classes, or fractions."""
    contents, _ = read_contents(path, axes)
    if contents.data.dtype.kind == "f" or has_whole_channels(contents, axes):
        soft = _soft(contents, classes, str(path))
        if soft is not None:
            return soft
    contents = read_grey_labels(path, axes)
    if contents.role == "objects":
        made = load_objects(path, axes=axes or "", classes=classes)
        place = made.geometry or Geometry("NTPQ"[: made.found.numbers.ndim - 2] + "YX")
        return _of_objects(made.found, made.classes, place)
    array, wanted = label_array(contents)
    return _of_labels(array, contents.code or values, classes or contents.classes, contents.geometry(wanted), str(path))


def _soft(contents: Contents, classes: ClassTable | None, name: str) -> ClassImage | None:
    """Return what a file says of probabilities; None if it holds none."""
    letters = "".join(one for one in contents.letters if one not in "CYX") + (
        "CYX" if "C" in contents.letters else "YX")
    array = np.asarray(contents.data).transpose([contents.letters.index(one) for one in letters])
    if array.dtype.kind != "f":
        array = of_whole_numbers(array, letters, name)
        tell_whole_numbers(name)
    if not are_probabilities(array, letters):
        return None
    return of_probabilities(array, letters, classes or contents.classes, contents.geometry(letters.replace("C", "")),
                            name)


def read_grey_labels(path: str | Path, axes: str | None) -> Contents:
    """Read labels; a colour picture whose channels are all the same is the labels that it shows.

    Raises
    ------
    UserError
        If it cannot be read, or is a picture in colours.
    """
    try:
        return read_contents(path, axes, labels=True)[0]
    except UserError:
        seen = open_contents(path)
        if (grey := _grey_of_colours(seen.data)) is None:
            raise
    warnings.warn(f"{path} is a colour picture whose channels are all the same: one of them is taken.", InputWarning,
                  stacklevel=3)
    return dataclasses.replace(seen, data=grey, letters="YX", scale=seen.scale[:2],
                               translate=seen.translate[:2], fallback="", order="")


def _grey_of_colours(data: Any) -> NDArray[Any] | None:
    """Return one channel of a colour picture whose channels are all the same; None of anything else."""
    if len(data.shape) != 3 or data.shape[-1] not in (3, 4):
        return None
    picture = np.asarray(data)
    return picture[..., 0] if (picture[..., :3] == picture[..., :1]).all() else None


def has_whole_channels(contents: Contents, axes: str | None) -> bool:
    """Say whether axes that were given make classes of channels of whole numbers; those of a grey picture are none."""
    return "C" in (axes or "").upper() and contents.data.dtype.kind != "f" and _grey_of_colours(contents.data) is None


def _of_labels(
    array: NDArray[Any], values: Values, classes: ClassTable | None, geometry: Geometry, name: str
) -> ClassImage:
    reading = read_code(array, values, classes, name)
    several = np.unique(array[array != 0]).size > 1 if reading.code == "objects" else False
    if several:
        return _of_objects(ObjectMap.of(_whole(array, name)), classes or ClassTable.default(), geometry)
    painted = as_painted(array, reading.code or "mask", name)
    table = (classes or ClassTable.default()).including(one for one in np.unique(painted).tolist() if one)
    return ClassImage(painted, table, geometry)


def read_code(array: NDArray[Any], values: Values, classes: ClassTable | None, name: str) -> Reading:
    """Return how the numbers of labels are to be read; says what was recognised.

    Raises
    ------
    UnclearReferenceError
        If it cannot be known.
    """
    if values != "auto":
        return Reading(values, "as told")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise UserError(f"{name} holds NaN or infinite numbers; allowed are whole numbers, 0 where there is nothing, "
                        "or probabilities.")
    known = () if classes is None else tuple(one for one in classes.ids if one > 1)
    if known and set(np.unique(array).tolist()) <= {0, *(one - 1 for one in known)}:
        return Reading("mask", "its numbers are those of its classes")
    found = recognise(LabelSurvey.of([array]))
    if found.code is None and (array % 1 != 0).any():
        raise UserError(f"{name} holds fractions, but classes and objects have whole numbers. If these are "
                        "probabilities, say which axis holds the classes: --axes CYX, or YXC.")
    if found.code is None:
        raise UnclearReferenceError(f"{name} {found.why}", "values")
    if found.said:
        word = f"{name} {found.why}".replace("used as single objects of one class", "taken for single objects")
        warnings.warn(f"{word} If that is wrong, say so with --values.", InputWarning, stacklevel=3)
    return found


def _whole(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return numbers of objects as whole ones."""
    if array.dtype.kind == "f":
        if not (np.isfinite(array).all() and (array == np.floor(array)).all()):
            raise UserError(f"{name} holds fractions or NaN, which number no objects. Give whole numbers.")
        return array.astype(np.int64)
    return array


def _of_objects(found: ObjectMap, classes: ClassTable, geometry: Geometry) -> ClassImage:
    """Return objects as they are, and the class of each pixel."""
    painted = np.maximum(found.classes, np.uint8(1))[found.numbers]
    return ClassImage(painted, classes.including([1, *np.unique(found.classes[found.present]).tolist()]), geometry,
                      numbered=found)


def of_probabilities(
    array: NDArray[Any], letters: str, classes: ClassTable | None, geometry: Geometry, name: str
) -> ClassImage:
    """Return the likeliest class of each pixel, and the probabilities; parameters as :func:`as_class_image`.

    Parameters
    ----------
    array : ndarray of float
        With an axis C of classes, or without: then of the one class there is.
    letters : str
        One for each axis.
    classes : ClassTable, optional
    geometry : Geometry
        Without C.
    name : str
        What messages call it.
    """
    soft = np.moveaxis(array, letters.index("C"), 0) if "C" in letters else array[None]
    there = soft[~np.isnan(soft)]
    low, high = (float(there.min()), float(there.max())) if there.size else (0.0, 0.0)
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise UserError(f"{name} holds decimal numbers from {low:g} to {high:g}, no probabilities. Allowed: 0 to 1, "
                        "one channel for each class, or a mask of whole numbers.")
    if len(soft) == 1:
        soft = np.concatenate([1 - soft, soft])  # of the one class there is
    table = classes or ClassTable.default(range(1, len(soft) + 1))
    if len(table.classes) != len(soft):
        raise UserError(f"{name} has {len(soft)} channels of probabilities, but there are {len(table.classes)} classes "
                        "(the background is one of them). Give one channel for each class.")
    # where nothing is known there is no class
    known = np.isfinite(soft).all(axis=0)
    labels = np.array(table.ids, np.uint8)[np.argmax(np.nan_to_num(soft), axis=0)]
    return ClassImage(np.where(known, labels, 0).astype(np.uint8), table, geometry, np.nan_to_num(soft))


def hint_of_objects(array: NDArray[Any], name: str) -> str:
    """Return a sentence for labels that are taken for classes but look like single objects; empty where they do not.

    Parameters
    ----------
    array : ndarray of int, shape (..., Y, X)
        Labels, or some of them.
    name : str
        What the sentence calls them.
    """
    found = recognise(LabelSurvey.of([array]))
    if found.code not in (None, "objects") or np.unique(array[array != 0]).size < 2:
        return ""
    return (f"{name} holds many values that are each mostly one connected part. If these are single objects, count and "
            f"measure them: napari-unet objects {name} --values objects -o OBJECTS.tif --table TABLE.csv.")
