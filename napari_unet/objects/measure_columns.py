"""The columns of a table of measures, out of what was added up of objects. Looks at no pixel.

See :mod:`.measures` for what they are.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry

from .brightness_sums import Intensities
from .measure_table import NO_OBJECT, PIXEL_ENDING, MeasureTable
from .neighbours import nearest_centers, neighbour_counts
from .pixel_sums import Extents


@dataclasses.dataclass(frozen=True)
class PixelSteps:
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


@dataclasses.dataclass(frozen=True, eq=False)
class ObjectSums:
    """What was added up of all objects of a plane or a volume; arrays by number have a first row for none.

    Parameters
    ----------
    numbers : ndarray of int64, shape (n,)
        What the objects are called, in the order of their rows.
    classes : ndarray of uint8, shape (n,)
        Painted ids.
    shape : tuple of int
        Of the plane or volume.
    extent : Extents
    pairs : ndarray of int64
        Rows of objects that touch.
    perimeter : ndarray of float64, optional
        In pixels.
    solidity, surface : ndarray of float64, shape (n,), optional
        The surface in the unit of the steps.
    channels : tuple of Intensities
    """

    numbers: NDArray[np.int64]
    classes: NDArray[np.uint8]
    shape: tuple[int, ...]
    extent: Extents
    pairs: NDArray[np.int64]
    perimeter: NDArray[np.float64] | None = None
    solidity: NDArray[np.float64] | None = None
    surface: NDArray[np.float64] | None = None
    channels: tuple[Intensities, ...] = ()

    def table(
        self, steps: PixelSteps, names: Sequence[str], classes: ClassTable | None = None,
        place: Geometry | None = None, notes: Sequence[str] = (),
    ) -> MeasureTable:
        """Return the table.

        Parameters
        ----------
        steps : PixelSteps
        names : sequence of str
            Of the channels, see :func:`channel_names`.
        classes : ClassTable, optional
        place : Geometry, optional
        notes : sequence of str
            What else the table lacks, and why.
        """
        table, extent = classes or ClassTable.default(), self.extent
        words = np.array([table.name(number) if number else "" for number in range(256)], object)
        columns: dict[str, NDArray[Any]] = {"object": self.numbers, "class": np.asarray(words[self.classes])}
        units: dict[str, str] = {}
        _add_sizes(columns, units, extent, steps)
        if self.perimeter is not None and (not steps.known or steps.square):
            columns["perimeter"], units["perimeter"] = self.perimeter[1:] * steps.sizes[0], steps.unit
        _add_places(columns, units, extent, steps, place)
        _add_shape(columns, units, extent, steps)
        if self.solidity is not None:
            columns["solidity"] = self.solidity
        if self.surface is not None:
            columns["surface"], units["surface"] = self.surface, steps.power(2)
        for name, seen in zip(names, self.channels, strict=True):
            ending = f" {name}" if name else ""
            columns.update({f"mean{ending}": seen.mean[1:], f"std{ending}": seen.spread[1:],
                            f"min{ending}": seen.low[1:], f"max{ending}": seen.high[1:]})
        columns["border"] = extent.touching(self.shape)[1:]
        columns["neighbours"] = neighbour_counts(self.pairs, len(self.numbers) + 1)[1:]
        columns["nearest"] = nearest_centers(extent.center[1:] * steps.sizes)
        units["nearest"] = steps.unit
        return MeasureTable(columns, units, (*self._notes(steps), *notes))

    def _notes(self, steps: PixelSteps) -> tuple[str, ...]:
        """Say what the table lacks, and why."""
        notes = [] if len(self.numbers) else [NO_OBJECT]
        if steps.note:
            notes.append(steps.note)
        if steps.known and not steps.square and len(self.shape) == 2:
            notes.append("No perimeter: the pixels are not square.")
        return tuple(notes)


def channel_names(channels: Sequence[str], count: int) -> list[str]:
    """Return a name for each channel, no two the same; nothing for a single one without a name."""
    if channels and len(channels) != count:
        raise UserError(f"{len(channels)} names do not fit {count} channels: {list(channels)}.")
    names = [str(one).strip() for one in channels] or [""] * count
    if count > 1:
        names = [one or str(at) for at, one in enumerate(names, 1)]
        names = [one if names.count(one) == 1 else f"{one} {at}" for at, one in enumerate(names, 1)]
    return names


def pixel_steps(spacing: Sequence[float], axes: int, unit: str) -> PixelSteps:
    """Return the size of a pixel along so many axes; of what is none, pixels, and why.

    Raises
    ------
    UserError
        If there are more or fewer sizes.
    """
    sizes = tuple(map(float, spacing))
    if len(sizes) != axes:
        raise UserError(f"{len(sizes)} pixel sizes do not fit the {axes} axes of the objects.")
    plain = (1.0,) * len(sizes)
    if unit in ("", "pixel"):
        lacks = "size of a pixel" if sizes == plain else f"unit of the size of a pixel, {sizes},"
        return PixelSteps(plain, "pixel", f"The {lacks} is not known: lengths and areas are in pixels.")
    if not all(math.isfinite(one) and one > 0 for one in sizes):
        return PixelSteps(plain, "pixel",
                      f"The size of a pixel is given as {sizes}, which is none: lengths and areas are in pixels.")
    return PixelSteps(sizes, unit)


def _add_sizes(columns: dict[str, NDArray[Any]], units: dict[str, str], extent: Extents, steps: PixelSteps) -> None:
    axes = len(steps.sizes)
    word, pixels = ("area", "pixel") if axes == 2 else ("volume", "voxel")
    columns[word + PIXEL_ENDING], units[word + PIXEL_ENDING] = extent.area[1:], pixels
    if steps.known:
        columns[word], units[word] = extent.area[1:] * math.prod(steps.sizes), steps.power(axes)


def _add_places(
    columns: dict[str, NDArray[Any]], units: dict[str, str], extent: Extents, steps: PixelSteps, place: Geometry | None
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


def _add_shape(columns: dict[str, NDArray[Any]], units: dict[str, str], extent: Extents, steps: PixelSteps) -> None:
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
