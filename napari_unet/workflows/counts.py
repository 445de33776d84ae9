"""What is in masks, counted: parts, holes and areas of each class. One row for each plane, and for each z-stack.

:data:`COLUMNS` says what the columns are. Judges nothing and writes no file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.scribbles import checked_ids
from napari_unet.metrics.topology import betti_numbers

COLUMNS = ("image", "plane", "value", "class", "parts", "holes", "pixels", "percent", "size", "unit")
"""Columns of a table of counts, in order.

``image`` is its name; ``plane`` which part of it (``T=3 Z=0``, ``T=3 volume`` for all of Z, empty for a single plane);
``value`` is the number in the mask and ``class`` its name; ``parts`` counts connected pieces (pixels that touch by a
corner are one piece); ``holes`` counts holes, in a volume tunnels; ``pixels`` is the area or volume in pixels,
``percent`` the same as a share of the plane or volume, ``size`` in ``unit`` (``micrometer^2``, ``micrometer^3``; empty
where the size of a pixel is not known).
"""

CountRow = dict[str, object]
"""One value for each of :data:`COLUMNS`."""


def count_mask(
    painted: NDArray[np.integer], classes: ClassTable, geometry: Geometry | None = None, name: str = "mask"
) -> Iterator[CountRow]:
    """Count the parts, holes and pixels of each class of one image, plane by plane.

    Parameters
    ----------
    painted : ndarray of int, shape (..., Y, X)
        Painted ids (1 = background, 2, ... = classes), read plane by plane. Of a mask give ``to_painted(mask)``.
    classes : ClassTable
        Every class but the background has rows, in the picture or not; ids that are not in it have some too.
    geometry : Geometry, optional
        Axes and size of a pixel. Where there is an axis Z of several planes, every volume has a row as well.
    name : str
        Of the image.

    Yields
    ------
    dict of str to object
        A row: the values of :data:`COLUMNS`.

    Raises
    ------
    UserError
        If the labels are no class ids, or do not fit the axes.
    """
    shape = tuple(map(int, painted.shape))
    axes = ("NTPQRUVW"[: len(shape) - 2] if len(shape) > 2 else "") + "YX" if geometry is None else geometry.axes
    if len(axes) != len(shape):
        raise UserError(f"The labels of {name!r} have shape {shape}, which does not fit their axes {axes}.")
    z = axes.index("Z") if "Z" in axes[:-2] and shape[axes.index("Z")] > 1 else None

    def label(where: tuple[int, ...], without: int | None = None) -> str:
        return " ".join(f"{axes[axis]}={number}" for axis, number in enumerate(where)
                        if shape[axis] > 1 and axis != without)

    for where in np.ndindex(*shape[:-2]):
        plane = checked_ids(painted[where], name)
        yield from _rows(plane, classes, name, label(where), *pixel_size_along(geometry, axes, "YX"))
        if z is not None and where[z] == shape[z] - 1:
            index = tuple(slice(None) if axis == z else number for axis, number in enumerate(where))
            volume = checked_ids(np.asarray(painted[index]), name)
            yield from _rows(volume, classes, name, f"{label(where, z)} volume".strip(),
                             *pixel_size_along(geometry, axes, "ZYX"))


def count_masks(
    masks: Sequence[Any], classes: ClassTable, geometries: Sequence[Geometry | None] | None = None,
    names: Sequence[str] | None = None,
) -> list[CountRow]:
    """Count all images, one after the other; parameters and errors as :func:`count_mask`, one for each image."""
    shapes = geometries if geometries is not None else [None] * len(masks)
    words = names if names is not None else [f"image {number}" for number in range(len(masks))]
    return [row for mask, geometry, name in zip(masks, shapes, words, strict=True)
            for row in count_mask(mask, classes, geometry, name)]


def _rows(
    labels: NDArray[np.uint8], classes: ClassTable, name: str, label: str, size: float | None, unit: str
) -> Iterator[CountRow]:
    """Count one plane (Y, X) or volume (Z, Y, X)."""
    found = np.bincount(labels.ravel(), minlength=256)
    ids = sorted({*classes.ids, *map(int, np.flatnonzero(found))} - {0, 1})
    for number in ids:
        pixels = int(found[number])
        betti = betti_numbers(labels == number) if pixels else None
        yield {
            "image": name, "plane": label, "value": number - 1, "class": classes.name(number),
            "parts": betti.b0 if betti else 0, "holes": betti.b1 if betti else 0, "pixels": pixels,
            "percent": round(100 * pixels / labels.size, 4),
            "size": None if size is None else float(f"{pixels * size:.6g}"), "unit": unit,
        }


def pixel_size_along(geometry: Geometry | None, axes: str, counted: str) -> tuple[float | None, str]:
    """Return the size of a pixel or voxel and its unit; nothing where it is not known."""
    if geometry is None or geometry.unit in ("", "pixel"):
        return None, ""
    steps = dict(zip(axes, geometry.scale, strict=True))
    return float(np.prod([abs(steps[letter]) for letter in counted])), f"{geometry.unit}^{len(counted)}"
