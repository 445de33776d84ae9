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
``mesh_surface_area``), counted for all objects at once by :mod:`.pixel_sums`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry

from .hull_areas import hull_areas
from .measure_table import NO_OBJECT, PIXEL_ENDING, MeasureTable
from .neighbours import nearest_centers, neighbour_counts, touching_pairs
from .object_map import ObjectMap
from .pixel_sums import Extents, extents, intensities, perimeters
from .volume_shapes import volume_shapes

MOST_SHAPES = 1000
"""Objects of a volume whose hulls and surfaces are measured without being asked for: ten seconds for small ones."""


@dataclasses.dataclass(frozen=True)
class _Steps:
    """Size of a pixel along each axis, and the unit; 1 and pixels where it is not known."""

    sizes: tuple[float, ...]
    unit: str
    note: str = ""

    @property
    def known(self) -> bool:
        return self.unit != "pixel"

    @property
    def square(self) -> bool:
        return math.isclose(min(self.sizes), max(self.sizes), rel_tol=1e-6)

    def power(self, power: int) -> str:
        return f"{self.unit}^{power}"


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
    names = _channel_names(channels, len(image))
    steps = _steps(found, unit)
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
    notes: tuple[str, ...] = ()
    columns: dict[str, NDArray[Any]] = {"object": there, "class": _class_words(small, classes)}
    units: dict[str, str] = {}
    _add_sizes(columns, units, extent, steps)
    if numbers.ndim == 2:
        rim = yield from _last(perimeters(numbers, size), 0.2, 0.3)
        if not steps.known or steps.square:
            columns["perimeter"], units["perimeter"] = rim[1:] * steps.sizes[0], steps.unit
    _add_places(columns, units, extent, steps, place)
    _add_shape(columns, units, extent, steps)
    if numbers.ndim == 2:
        columns["solidity"] = extent.area[1:] / (yield from _last(hull_areas(numbers, extent), 0.3, 0.5))[1:]
    elif solidity or (solidity is None and len(there) <= MOST_SHAPES):
        shapes = yield from _within(volume_shapes(numbers, extent, steps.sizes), 0.2, 0.5)
        columns["solidity"], columns["surface"] = extent.area[1:] / shapes[0][1:], shapes[1][1:]
        units["surface"] = steps.power(2)
    else:
        notes = (f"No solidity and no surface: {len(there)} objects would take long.",)
    for at, channel in enumerate(image):
        start, end = (0.5 + 0.4 * (at + more) / len(image) for more in (0, 1))
        seen = yield from _last(intensities(numbers, channel, size), start, end)
        ending = f" {names[at]}" if names[at] else ""
        columns.update({f"mean{ending}": seen.mean[1:], f"std{ending}": seen.spread[1:],
                        f"min{ending}": seen.low[1:], f"max{ending}": seen.high[1:]})
    yield 0.9
    columns["border"] = extent.touching(numbers.shape)[1:]
    columns["neighbours"] = neighbour_counts(touching_pairs(numbers, size), size)[1:]
    columns["nearest"] = nearest_centers(extent.center[1:] * steps.sizes)
    units["nearest"] = steps.unit
    yield MeasureTable(columns, units, (*_notes(small, steps), *notes))


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


def _notes(found: ObjectMap, steps: _Steps) -> tuple[str, ...]:
    """Say what the table lacks, and why."""
    notes = [] if found.count else [NO_OBJECT]
    if steps.note:
        notes.append(steps.note)
    if steps.known and not steps.square and found.numbers.ndim == 2:
        notes.append("No perimeter: the pixels are not square.")
    return tuple(notes)


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


def _channel_names(channels: Sequence[str], count: int) -> list[str]:
    """Return a name for each channel, no two the same; nothing for a single one without a name."""
    if channels and len(channels) != count:
        raise UserError(f"{len(channels)} names do not fit {count} channels: {list(channels)}.")
    names = [str(one).strip() for one in channels] or [""] * count
    if count > 1:
        names = [one or str(at) for at, one in enumerate(names, 1)]
        names = [one if names.count(one) == 1 else f"{one} {at}" for at, one in enumerate(names, 1)]
    return names


def _steps(found: ObjectMap, unit: str) -> _Steps:
    sizes = tuple(map(float, found.spacing))
    if len(sizes) != found.numbers.ndim:
        raise UserError(f"{len(sizes)} pixel sizes do not fit the {found.numbers.ndim} axes of the objects.")
    plain = (1.0,) * len(sizes)
    if unit in ("", "pixel"):
        return _Steps(plain, "pixel", "The size of a pixel is not known: lengths and areas are in pixels.")
    if not all(math.isfinite(one) and one > 0 for one in sizes):
        return _Steps(plain, "pixel",
                      f"The size of a pixel is given as {sizes}, which is none: lengths and areas are in pixels.")
    return _Steps(sizes, unit)


def _class_words(found: ObjectMap, classes: ClassTable | None) -> NDArray[Any]:
    table = classes or ClassTable.default()
    words = np.array([table.name(number) if number else "" for number in range(256)], object)
    return np.asarray(words[found.classes[1:]])


def _add_sizes(columns: dict[str, NDArray[Any]], units: dict[str, str], extent: Extents, steps: _Steps) -> None:
    axes = len(steps.sizes)
    word, pixels = ("area", "pixel") if axes == 2 else ("volume", "voxel")
    columns[word + PIXEL_ENDING], units[word + PIXEL_ENDING] = extent.area[1:], pixels
    if steps.known:
        columns[word], units[word] = extent.area[1:] * math.prod(steps.sizes), steps.power(axes)


def _add_places(
    columns: dict[str, NDArray[Any]], units: dict[str, str], extent: Extents, steps: _Steps, place: Geometry | None
) -> None:
    center = extent.center[1:]
    letters = "zyx"[-center.shape[1]:]
    for axis, letter in enumerate(letters):
        columns[letter + PIXEL_ENDING], units[letter + PIXEL_ENDING] = center[:, axis], "pixel"
    if not steps.known:
        return
    world = center * steps.sizes
    if place is not None:
        if len(place.axes) != center.shape[1]:
            raise UserError(f"The place has axes {place.axes}, the objects have {center.shape[1]}.")
        world = (center * place.scale) @ place.matrix.T + place.translate
    for axis, letter in enumerate(letters):
        columns[letter], units[letter] = world[:, axis], steps.unit


def _add_shape(columns: dict[str, NDArray[Any]], units: dict[str, str], extent: Extents, steps: _Steps) -> None:
    """Add diameter, ellipse, eccentricity and extent, as scikit-image defines them."""
    axes, area = len(steps.sizes), extent.area[1:] * math.prod(steps.sizes)
    values = np.linalg.eigvalsh(extent.moments[1:] * np.outer(steps.sizes, steps.sizes)).clip(0)
    if axes == 2:
        # of the tensor of inertia, whose eigenvalues in a plane are those of the second moments, and of a volume not
        large, small = values[:, 1], values[:, 0]
        major, minor = 4 * np.sqrt(large), 4 * np.sqrt(small)
    else:
        major, minor = np.sqrt(20 * values[:, 2]), np.sqrt(20 * values[:, 0])
    columns["diameter"] = (2 * axes * area / np.pi) ** (1 / axes)
    columns["major"], columns["minor"] = major, minor
    units.update(dict.fromkeys(("diameter", "major", "minor"), steps.unit))
    if axes == 2:
        with np.errstate(invalid="ignore", divide="ignore"):
            columns["eccentricity"] = np.where(large > 0, np.sqrt(1 - small / np.where(large > 0, large, 1)), 0.0)
    box = (extent.high - extent.low)[1:].prod(axis=1)
    columns["extent"] = extent.area[1:] / box
