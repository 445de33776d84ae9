"""From masks or probabilities to objects, from Python and for the command line. Writes no file."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core import parameters
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.method import Progress
from napari_unet.core.work import Work, work
from napari_unet.inputs import ArrayLike, as_painted
from napari_unet.io import label_array, read_contents
from napari_unet.objects import REGISTRY as WAYS
from napari_unet.objects.image_objects import ObjectSearch, find_in_image, with_areas
from napari_unet.objects.object_map import ObjectMap

_ROUNDING = 1e-3
"""How far the sum of probabilities may be from 1: files hold float32, or less."""


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
    """

    labels: NDArray[np.uint8]
    classes: ClassTable
    geometry: Geometry
    probabilities: NDArray[np.floating[Any]] | None = None


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


def as_class_image(
    given: ArrayLike | ClassImage, axes: str | None = None, values: str = "mask", classes: ClassTable | None = None,
    scale: Sequence[float] = (),
) -> ClassImage:
    """Return a mask or probabilities, out of a file or an array, as what objects are found in.

    Parameters
    ----------
    given : path, array or ClassImage
        A file that was saved as probabilities is taken as such; of arrays, those of decimal numbers.
        Their classes lie along an axis before rows and columns (C).
    axes : str, optional
        One letter for each axis.
    values : {"mask", "painted"}
        Code of an array, and of a file that does not say.
    classes : ClassTable, optional
    scale : sequence of float, optional
        Size of a voxel along the last axes, in place of that of the file.

    Raises
    ------
    UserError
        If it is neither.
    """
    if isinstance(given, ClassImage):
        return given
    if isinstance(given, (str, os.PathLike)):
        made = _of_file(Path(given), axes, values, classes)
    else:
        array = np.asarray(given)
        if array.dtype.kind == "f" and array.ndim > 2:
            letters = axes or ("NTPQ"[: array.ndim - 3] + "CYX")
            made = _of_probabilities(array, letters, classes, Geometry(letters.replace("C", "")), "the array")
        else:
            letters = axes or ("NTPQ"[: array.ndim - 2] + "YX")
            made = _of_labels(array, values, classes, Geometry(letters), "the array")
    if scale:
        sizes = (*made.geometry.scale[: -len(scale)], *scale)[-len(made.geometry.scale):]
        made = dataclasses.replace(made, geometry=dataclasses.replace(made.geometry, scale=sizes))
    return made


def _of_file(path: Path, axes: str | None, values: str, classes: ClassTable | None) -> ClassImage:
    """Read a mask, or probabilities: decimal numbers with an axis of classes."""
    contents, _ = read_contents(path, axes)
    if contents.data.dtype.kind == "f" and "C" in contents.letters:
        letters = "".join(one for one in contents.letters if one not in "CYX") + "CYX"
        order = [contents.letters.index(one) for one in letters]
        array = np.asarray(contents.data).transpose(order)
        return _of_probabilities(array, letters, classes or contents.classes,
                                 contents.geometry(letters.replace("C", "")), str(path))
    contents, _ = read_contents(path, axes, labels=True)
    array, wanted = label_array(contents)
    if contents.role == "objects":
        raise UserError(f"{path} holds single objects already. Give a mask of classes, or probabilities.")
    return _of_labels(array, contents.code or values, classes or contents.classes, contents.geometry(wanted), str(path))


def _of_labels(
    array: NDArray[Any], values: str, classes: ClassTable | None, geometry: Geometry, name: str
) -> ClassImage:
    painted = as_painted(array, values, name)  # type: ignore[arg-type]  # an unknown code is refused there
    table = (classes or ClassTable.default()).including(one for one in np.unique(painted).tolist() if one)
    return ClassImage(painted, table, geometry)


def _of_probabilities(
    array: NDArray[Any], letters: str, classes: ClassTable | None, geometry: Geometry, name: str
) -> ClassImage:
    """Return the likeliest class of each pixel, and the probabilities."""
    at = letters.index("C")
    soft = np.moveaxis(array, at, 0)
    there = soft[~np.isnan(soft)]
    low, high = (float(there.min()), float(there.max())) if there.size else (0.0, 0.0)
    if low < -_ROUNDING or high > 1 + _ROUNDING:
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
    code: str = "mask",
    classes: ClassTable | None = None,
    scale: Sequence[float] = (),
) -> Generator[Progress, None, ImageObjects]:
    """Find the objects of a mask or of class probabilities.

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
    finding = Work(find_in_image(image.labels, image.geometry.axes, search, scale=image.geometry.scale,
                                 probabilities=image.probabilities, ids=image.classes.ids))
    for share in finding:
        yield Progress("finding objects", share)
    found = finding.result()
    if panoptic:
        found = with_areas(found, image.labels, image.geometry.axes, search)
    return ImageObjects(found, image.classes, image.geometry, search)
