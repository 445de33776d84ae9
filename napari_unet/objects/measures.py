"""Measure objects: how large, of which shape, how bright, where, beside whom. Finds no object and changes no pixel.

Columns, in order (``_px`` in pixels; lengths, areas and volumes in a physical unit where the size of a pixel is known):

=====================================  ===============================================================================
object, class                          its number, and the name of its class
area_px, area; volume_px, volume       how many pixels (3-D: voxels) it has, and that times the size of one
perimeter                              of a plane; left out where pixels are not square
z_px, y_px, x_px; z, y, x              its center: mean index, and where that is in the world
diameter                               of the disc (ball) of the same area (volume)
major, minor                           axes of the ellipse with the same second moments; pixels where no size is known
eccentricity                           of that ellipse, 0 (a disc) to 1; only of planes
extent                                 share of its box that it fills
solidity                               share of its convex hull that it fills
surface                                of a volume
mean, std, min, max of each channel    of the pixels as they are; what is no number is left out
border                                 whether it touches the border of the array
neighbours                             how many other objects it touches, by a corner too
nearest                                distance of its center to the nearest other one
=====================================  ===============================================================================

Solidity and surface of a volume are measured object by object: of more than :data:`MOST_SHAPES` only if asked for.

They are those of scikit-image's ``regionprops`` (``area``, ``perimeter``, ``centroid``, ``equivalent_diameter_area``,
``axis_major_length``, ``axis_minor_length``, ``eccentricity``, ``extent``, ``solidity``, ``intensity_*``, of a surface
``mesh_surface_area``), counted for all objects at once by :mod:`.pixel_sums` and :mod:`.brightness_sums`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry

from .brightness_sums import intensities
from .hull_areas import hull_areas
from .measure_columns import ObjectSums, channel_names, pixel_steps
from .measure_table import MeasureTable
from .neighbours import touching_pairs
from .object_map import ObjectMap
from .pixel_sums import extents, perimeters
from .volume_shapes import volume_shapes

MOST_SHAPES = 1000
"""Objects of a volume whose hulls and surfaces are measured without being asked for: ten seconds for small ones."""


def measure(
    found: ObjectMap, image: NDArray[Any] | None = None, channels: Sequence[str] = (),
    classes: ClassTable | None = None, unit: str = "", place: Geometry | None = None, solidity: bool | None = None,
) -> MeasureTable:
    """Measure objects; see :func:`measuring`, of which this is the result."""
    result: MeasureTable | None = None
    for item in measuring(found, image, channels, classes, unit, place, solidity):
        result = item if isinstance(item, MeasureTable) else result
    assert result is not None
    return result


def measuring(
    found: ObjectMap, image: NDArray[Any] | None = None, channels: Sequence[str] = (),
    classes: ClassTable | None = None, unit: str = "", place: Geometry | None = None, solidity: bool | None = None,
) -> Iterator[float | MeasureTable]:
    """Measure the objects of a plane or a volume.

    Parameters
    ----------
    found : ObjectMap
        Objects with any numbers; ``found.spacing`` is the size of a pixel.
    image : ndarray of bool, integers or real numbers, shape (C, ...), optional
        Channels of the same plane or volume, never changed; NaN where there is no data.
    channels : sequence of str
        Their names; default ``1``, ``2``, ... if there are several.
    classes : ClassTable, optional
        Names of the classes.
    unit : str
        Of ``found.spacing`` (``"micrometer"``); empty or ``"pixel"`` where it is not known: then lengths and areas are
        in pixels only.
    place : Geometry, optional
        Where the plane or volume lies, for the centers; by default at the origin. Its axes are those of
        ``found.numbers``, its unit is ``unit``.
    solidity : bool, optional
        Whether to measure solidity and surface of the objects of a volume too; None: of at most :data:`MOST_SHAPES`.

    Yields
    ------
    float or MeasureTable
        The share that is done, 0 to 1, and in the end the table, rows in the order of the numbers.

    Raises
    ------
    UserError
        If the image, its names or the place do not fit the objects.
    """
    image = _checked_image(found, image)
    names = channel_names(channels, len(image))
    steps = pixel_steps(found.spacing, found.numbers.ndim, unit)
    there, small = found.present, found.renumbered()
    size, numbers = len(there) + 1, small.numbers
    yield 0.0
    extent = yield from _last(extents(numbers, size), 0.0, 0.2)
    if not extent.area[1:].all():  # a number that has a class and no pixel is no object
        classes_left = found.classes.copy()
        classes_left[there[extent.area[1:] == 0]] = 0
        left = dataclasses.replace(found, classes=classes_left)
        yield from measuring(left, image, channels, classes, unit, place, solidity)
        return
    rim = full = surface = None
    notes: tuple[str, ...] = ()
    if numbers.ndim == 2:
        rim = yield from _last(perimeters(numbers, size), 0.2, 0.3)
        full = extent.area[1:] / (yield from _last(hull_areas(numbers, extent), 0.3, 0.5))[1:]
    elif solidity or (solidity is None and len(there) <= MOST_SHAPES):
        shapes = yield from _within(volume_shapes(numbers, extent, steps.sizes), 0.2, 0.5)
        full, surface = extent.area[1:] / shapes[0][1:], shapes[1][1:]
    else:
        notes = (f"No solidity and no surface: {len(there)} objects would take long.",)
    seen = []
    for at, channel in enumerate(image):
        start, end = (0.5 + 0.4 * (at + more) / len(image) for more in (0, 1))
        seen.append((yield from _last(intensities(numbers, channel, size), start, end)))
    yield 0.9
    sums = ObjectSums(there, small.classes[1:], numbers.shape, extent, touching_pairs(numbers, size), rim, full,
                      surface, tuple(seen))
    yield sums.table(steps, names, classes, place, notes)


def _last(work: Iterator[Any], start: float, end: float) -> Generator[float, None, Any]:
    """Return the last item of work, and meanwhile say how far it is, from one share to another."""
    items = []
    for item in work:
        items = [item]
        start += (end - start) / 4  # nobody knows how many are to come: ever nearer to the end
        yield start
    return items[0]


def _within(work: Iterator[Any], start: float, end: float) -> Generator[float, None, Any]:
    """Return the last item of work that says its share itself, told from one share to another."""
    item: Any = None
    for item in work:
        if isinstance(item, float):
            yield start + (end - start) * item
    return item


def _checked_image(found: ObjectMap, image: NDArray[Any] | None) -> NDArray[Any]:
    if image is None:
        return np.zeros((0, *found.numbers.shape), np.uint8)
    if image.shape[1:] != found.numbers.shape:
        raise UserError(
            f"The image has {image.shape[1:]} pixels, the objects have {found.numbers.shape}. Measure objects on the "
            "image they were found in, channels first.")
    if image.dtype.kind not in "buif":
        raise UserError(f"The pixels of the image are {image.dtype}. Allowed: bool, integer or real numbers.")
    return image
