"""The objects of a whole image: plane by plane, or volume by volume where there is a z axis, numbered through.

An image may have any axes before rows and columns. Of times and planes that were merely counted each is found by
itself; numbers run on, so that in the whole image a number is one object. Reads no file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.components import label_components
from napari_unet.core.errors import UserError

from .class_field import ClassField
from .finding import find_objects
from .hints import Hints
from .object_map import ObjectMap

Box = tuple[Any, ...]
"""An index into an array (..., Y, X) that leaves a plane or a volume."""


@dataclasses.dataclass(frozen=True, eq=False)
class ObjectSearch:
    """How objects of an image are found.

    Parameters
    ----------
    way : str
        Name of a way in :data:`napari_unet.objects.REGISTRY`.
    values : mapping of str to Any
        Parameters of the way; what is not named is ``auto``.
    countable : tuple of int
        Painted ids of the classes whose objects are counted; empty means all but background.
    by_plane : bool
        Find objects in each plane of a z-stack by itself.
    """

    way: str = "auto"
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    countable: tuple[int, ...] = ()
    by_plane: bool = False

    def counts(self, class_id: int) -> bool:
        """Say whether objects of a class are counted."""
        return class_id > 1 and (not self.countable or class_id in self.countable)


def object_boxes(axes: str, shape: Sequence[int], by_plane: bool = False) -> tuple[Box, ...]:
    """Return the planes, or volumes, in which objects are found one by one.

    Parameters
    ----------
    axes : str
        One letter for each axis, ``YX`` last.
    shape : sequence of int
    by_plane : bool
        Planes, also where there is a z axis.
    """
    deep = None if by_plane or "Z" not in axes[:-2] or shape[axes.index("Z")] < 2 else axes.index("Z")
    sizes = [1 if axis == deep else size for axis, size in enumerate(shape[:-2])]
    return tuple(tuple(slice(None) if axis == deep else at for axis, at in enumerate(index))
                 for index in np.ndindex(*sizes))


def box_spacing(scale: Sequence[float], box: Box) -> tuple[float, ...]:
    """Return the size of a voxel in a plane or volume."""
    if not scale:
        return ()
    return (*(float(scale[axis]) for axis, at in enumerate(box) if isinstance(at, slice)), *map(float, scale[-2:]))


def find_in_image(
    labels: NDArray[np.integer[Any]],
    axes: str,
    search: ObjectSearch,
    *,
    scale: Sequence[float] = (),
    probabilities: NDArray[np.floating[Any]] | None = None,
    ids: tuple[int, ...] = (),
    boxes: Sequence[Box] | None = None,
    names: Mapping[int, str] | None = None,
) -> Generator[float, None, ObjectMap]:
    """Find the objects of an image.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
        Painted ids.
    axes : str
        One letter for each axis.
    search : ObjectSearch
    scale : sequence of float, optional
        Size of a step along each axis.
    probabilities : ndarray of float, shape (C, ..., Y, X), optional
        Of the classes ``ids``.
    ids : tuple of int
        Painted ids in the order of ``probabilities``.
    boxes : sequence of tuple, optional
        Only these planes or volumes; default: all of :func:`object_boxes`.
    names : mapping of int to str, optional
        What people call the classes.

    Yields
    ------
    float
        The share that is done.

    Returns
    -------
    ObjectMap
        Of the whole image.

    Raises
    ------
    UserError
        As the way says.
    """
    if len(axes) != labels.ndim:
        raise UserError(f"Labels of shape {labels.shape} do not fit the axes {axes}.")
    boxes = object_boxes(axes, labels.shape, search.by_plane) if boxes is None else boxes
    numbers = np.zeros(labels.shape, np.uint32)
    classes: list[NDArray[np.uint8]] = [np.zeros(1, np.uint8)]
    last, notes = 0, []
    for done, box in enumerate(boxes):
        soft = None if probabilities is None else probabilities[(slice(None), *box)]
        found = objects_here(np.asarray(labels[box]), search, box_spacing(scale, box), soft, ids, names)
        if found.count:
            numbers[box] = np.where(found.numbers > 0, found.numbers + np.uint32(last), 0)
            classes.append(found.classes[1:])
            last += found.count
        notes += [found.note] if found.note else []
        yield (done + 1) / len(boxes)
    note = notes[0] if len(set(notes)) == 1 else ""
    return ObjectMap(numbers, np.concatenate(classes), tuple(scale) or (1.0,) * labels.ndim, note)


def objects_here(
    labels: NDArray[np.integer[Any]], search: ObjectSearch, spacing: tuple[float, ...] = (),
    probabilities: NDArray[np.floating[Any]] | None = None, ids: tuple[int, ...] = (),
    names: Mapping[int, str] | None = None, hints: Hints | None = None,
) -> ObjectMap:
    """Find the objects of one plane or volume, or of a part of it; none, without a note, where no class is counted.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X) or (Z, Y, X)
        Painted ids.
    search : ObjectSearch
    spacing : tuple of float
    probabilities : ndarray of float, shape (C, ...), optional
        Of the classes ``ids``.
    ids : tuple of int
    names : mapping of int to str, optional
        What people call the classes.
    hints : Hints, optional

    Returns
    -------
    ObjectMap
        Numbers from 1 without gaps.
    """
    countable = tuple(one for one in np.unique(labels).tolist() if search.counts(one))
    if not countable:
        return ObjectMap(np.zeros(labels.shape, np.uint32), np.zeros(1, np.uint8), spacing)
    field = ClassField(labels.astype(np.uint8, copy=False), countable, probabilities,
                       ids if probabilities is not None else (), spacing, names=names or {})
    return find_objects(field, hints, search.way, **search.values).renumbered()


def parts_of_image(
    labels: NDArray[np.integer[Any]], axes: str, search: ObjectSearch, boxes: Sequence[Box] | None = None
) -> ObjectMap:
    """Return the connected parts of each counted class as objects; parameters as :func:`find_in_image`."""
    numbers = np.zeros(labels.shape, np.uint32)
    classes: list[NDArray[np.integer[Any]]] = [np.zeros(1, np.uint8)]
    last = 0
    for box in object_boxes(axes, labels.shape, search.by_plane) if boxes is None else boxes:
        here = np.asarray(labels[box])
        counted = np.where(np.isin(here, [one for one in np.unique(here).tolist() if search.counts(one)]), here, 0)
        parts = label_components(counted.astype(np.uint8))
        count = int(parts.max(initial=0))
        of_part = np.zeros(count + 1, np.uint8)
        of_part[parts] = counted
        numbers[box] = np.where(parts > 0, parts.astype(np.uint32) + np.uint32(last), 0)
        classes.append(of_part[1:])
        last += count
    return ObjectMap(numbers, np.concatenate(classes).astype(np.uint8))


def with_areas(found: ObjectMap, labels: NDArray[np.integer[Any]], axes: str, search: ObjectSearch) -> ObjectMap:
    """Return a panoptic result: the objects, and of every other class its area in each plane or volume as one more.

    Pixels that an object has stay its own. The background is no area.

    Parameters
    ----------
    found : ObjectMap
        Of the counted classes.
    labels : ndarray of int, the shape of ``found.numbers``
        Painted ids.
    axes : str
    search : ObjectSearch
        Which classes are counted.
    """
    numbers, classes = found.numbers.copy(), list(found.classes)
    for box in object_boxes(axes, labels.shape, search.by_plane):
        here, mine = np.asarray(labels[box]), numbers[box]
        for class_id in np.unique(here).tolist():
            where = (here == class_id) & (mine == 0)
            if class_id > 1 and not search.counts(class_id) and where.any():
                mine[where] = len(classes)
                classes.append(np.uint8(class_id))
        numbers[box] = mine
    return dataclasses.replace(found, numbers=numbers, classes=np.array(classes, np.uint8))
