"""Score found objects against true ones, one row per plane (or volume), class and metric. Finds no object."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.rows import Row
from napari_unet.objects.image_objects import Box, ObjectSearch, box_spacing
from napari_unet.objects.object_map import ObjectMap

from . import REGISTRY, ClassComparison, NoValue, Options, about, chosen_metrics

OBJECT_METRICS = ("average_precision", "average_precision_50", "object_f1", "panoptic_quality", "object_count",
                  "object_splits", "object_merges", "objects_missed", "objects_invented")
"""Measured of objects unless others are asked for."""


def object_metrics(metrics: Sequence[str] | None) -> tuple[str, ...]:
    """Return the metrics of objects among those that are asked for; a set of ours if none of them is."""
    asked = [name for name in chosen_metrics(metrics) if about(name).family == "objects"] if metrics else []
    return tuple(asked) or tuple(name for name in chosen_metrics(OBJECT_METRICS))


@dataclasses.dataclass(frozen=True, eq=False)
class ObjectPair:
    """What was found in an image, and what is true there.

    Parameters
    ----------
    found, true : ObjectMap
        Of the same image (..., Y, X).
    boxes : tuple of (Box, int or None)
        The planes or volumes to score, and the number of each plane; None for a volume.
    known : ndarray of bool, optional
        Where the truth is known.
    labels : (ndarray, ndarray), optional
        Painted ids of both, for the areas of the classes that are not counted.
    """

    found: ObjectMap
    true: ObjectMap
    boxes: tuple[tuple[Box, int | None], ...]
    known: NDArray[np.bool_] | None = None
    labels: tuple[NDArray[Any], NDArray[Any]] | None = None

    def __post_init__(self) -> None:
        if self.found.numbers.shape != self.true.numbers.shape:
            raise UserError(
                f"The objects found have shape {self.found.numbers.shape}, the true ones {self.true.numbers.shape}. "
                "They must be of the same image. Choose the reference that belongs to it.")


def score_objects(
    pair: ObjectPair,
    classes: ClassTable,
    *,
    method: str,
    image_name: str,
    way: str = "",
    search: ObjectSearch | None = None,
    metrics: Sequence[str] | None = None,
    scale: Sequence[float] = (),
    unit: str = "pixel",
    options: Options | None = None,
) -> Iterator[Row]:
    """Score the objects of an image.

    Parameters
    ----------
    pair : ObjectPair
    classes : ClassTable
        All but the background have rows.
    method, image_name, way : str
        Go into the rows.
    search : ObjectSearch, optional
        Which classes are counted; the others have a panoptic quality by their area.
    metrics : sequence of str, optional
        See :func:`object_metrics`.
    scale : sequence of float, optional
        Size of a step along the axes of the image.
    unit : str
    options : Options, optional

    Yields
    ------
    Row
    """
    names, search = object_metrics(metrics), search or ObjectSearch()
    for box, plane in pair.boxes:
        for one in classes.classes:
            if one.id < 2:
                continue
            compared = _compared(pair, box, one.id, search.counts(one.id), scale, unit, options or Options())
            for name in names:
                if compared.reference.ndim not in about(name).dimensions:
                    continue
                result = REGISTRY[name](compared)
                value, why = (None, result.why) if isinstance(result, NoValue) else (float(result), "")
                yield Row(method, image_name, plane, one.id, one.name, name, value, about(name).unit, why, way)


def unscored_rows(
    why: str, classes: ClassTable, *, method: str, image_name: str, way: str, metrics: Sequence[str] | None = None,
    plane: int | None = 0,
) -> Iterator[Row]:
    """Say in rows why a way could not find the objects of a result."""
    for one in classes.classes:
        if one.id > 1:
            for name in object_metrics(metrics):
                yield Row(method, image_name, plane, one.id, one.name, name, None, about(name).unit, why, way)


def _compared(
    pair: ObjectPair, box: Box, class_id: int, counted: bool, scale: Sequence[float], unit: str, options: Options
) -> ClassComparison:
    """Return one class of one plane or volume."""
    valid = None if pair.known is None else pair.known[box]
    if counted:
        numbers = tuple(_of_class(one, box, class_id) for one in (pair.found, pair.true))
    else:
        areas = pair.labels or tuple(one.classes[one.numbers] for one in (pair.found, pair.true))
        numbers = tuple((np.asarray(labels[box]) == class_id).astype(np.uint8) for labels in areas)
    return ClassComparison(numbers[0] > 0, numbers[1] > 0, valid, box_spacing(scale, box), unit, options,
                           (numbers[0], numbers[1]), counted)


def _of_class(found: ObjectMap, box: Box, class_id: int) -> NDArray[Any]:
    """Return the numbers of the objects of a class, 0 elsewhere."""
    numbers = found.numbers[box]
    chosen = found.classes == class_id
    return numbers if chosen[1:].all() else np.where(chosen[numbers], numbers, 0)
