"""Measures of the objects of a store larger than memory: added up block by block, those of the whole. Writes no file.

Areas, centers, boxes, axes, perimeters, neighbours and, of whole numbers of up to 16 bits, brightness are exactly those
of :func:`.object_measuring.measure_objects`; of numbers with fractions mean and spread are, but for rounding. What
needs an object as a whole (solidity) is left out, which a note says.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.image import Image
from napari_unet.core.method import Progress
from napari_unet.core.work import work
from napari_unet.io import read_contents
from napari_unet.io._mask_info import Runs
from napari_unet.objects.block_grid import BlockGrid, BlockWindow, Part, wider, within
from napari_unet.objects.brightness_sums import IntensitySums
from napari_unet.objects.image_objects import Box, box_spacing, object_boxes
from napari_unet.objects.measure_columns import ObjectSums, channel_names, pixel_steps
from napari_unet.objects.measure_table import MeasureTable, joined_tables
from napari_unet.objects.neighbours import touching_pairs
from napari_unet.objects.pixel_sums import RIM, ExtentSums, RimSums
from napari_unet.objects.raw_values import raw_values

from .block_search import SIDE, VOLUME_SIDES
from .object_measuring import plane_words, spot_of

LEFT_OUT = "No solidity and no surface: objects were measured block by block."


class NumberedStore:
    """Numbers of objects on disk, read piece by piece.

    Parameters
    ----------
    path : path
        As :func:`napari_unet.io.save_objects` writes them, or labels of another program.
    axes : str, optional
        One letter for each axis.

    Raises
    ------
    UserError
        If it cannot be read, or holds classes.
    """

    def __init__(self, path: str | Path, axes: str | None = None) -> None:
        contents, _ = read_contents(path, axes, labels=True)
        if contents.code is not None:
            raise UserError(f"{path} holds classes ({contents.code} code), not single objects. Find its objects first: "
                            "napari-unet objects MASK -o OBJECTS.zarr.")
        if contents.letters[-2:] != "YX":
            raise UserError(f"The axes of {path} are {contents.letters}; rows and columns have to be last. Save it "
                            "again.")
        self.name, self._data = str(path), contents.data
        self.geometry: Geometry = contents.geometry(contents.letters)
        self.shape = tuple(map(int, contents.data.shape))
        known = contents.classes if contents.objects else None
        self.classes: ClassTable = (known or ClassTable.default()).including({1, 2, *(run[2] for run in
                                                                                     contents.objects)})
        self._runs: Runs = contents.objects

    def read(self, where: tuple[int | slice, ...]) -> NDArray[np.int64]:
        """Return the numbers at an index.

        Raises
        ------
        UserError
            If they are none.
        """
        found = np.asarray(self._data[where])
        whole = found.dtype.kind in "bui" or bool((found == np.floor(found)).all())
        if not whole or (found.size and (found.min() < 0 or found.max() >= 2**32)):
            raise UserError(f"{self.name} holds values that number no objects. Allowed: whole numbers from 0 (nothing) "
                            "to 4294967295.")
        return found.astype(np.int64)

    @property
    def class_of_number(self) -> NDArray[np.uint8]:
        """Painted id of the class by number, as far as it is told; 0 of 0, which is no object."""
        last = max((run[1] for run in self._runs), default=0)
        return np.append(np.zeros(1, np.uint8), self.classes_of(np.arange(1, last + 1)))

    def classes_of(self, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the painted id of the class of each number; the first class where it is not told."""
        found = np.full(len(numbers), 2, np.uint8)
        for first, last, class_id in self._runs:
            found[(numbers >= first) & (numbers <= last)] = class_id
        return found


@work
def measure_store(
    given: NumberedStore, image: Image | None = None, name: str = "", by_plane: bool = False
) -> Generator[Progress, None, MeasureTable]:
    """Measure the objects of a store, block by block.

    Parameters
    ----------
    given : NumberedStore
    image : Image, optional
        Whose channels are measured, as they are.
    name : str
        Of the image: with one, the table begins with it.
    by_plane : bool
        Each plane of a z-stack by itself.

    Yields
    ------
    Progress

    Returns
    -------
    MeasureTable
        See :mod:`napari_unet.objects.measures`.

    Raises
    ------
    UserError
        If the image has another shape than the objects, or one of both cannot be read.
    """
    if image is not None and image.shape != given.shape:
        raise UserError(f"The image {image.name!r} has shape {image.shape} without channels, the objects have "
                        f"{given.shape}. Measure objects on the image they were found in.")
    boxes = object_boxes(given.geometry.axes, given.shape, by_plane)
    tables = []
    for at, box in enumerate(boxes):
        region = _Measured(given, image, box)
        for share in region.sum():
            yield Progress("measuring objects", (at + share) / len(boxes))
        words = {"image": name} if name else {}
        if len(boxes) > 1:
            words["plane"] = plane_words(given.geometry.axes, box, given.shape)
        tables.append(region.table().with_words(**words))
    return joined_tables(tables)


class _Measured:
    """One plane or volume."""

    def __init__(self, given: NumberedStore, image: Image | None, box: Box) -> None:
        self._given, self._image, self._box = given, image, box
        whole = (*box, slice(None), slice(None))
        self._shape = tuple(size for size, at in zip(given.shape, whole, strict=True) if isinstance(at, slice))
        sides = VOLUME_SIDES if len(self._shape) == 3 else (SIDE, SIDE)
        self._grid = BlockGrid(self._shape, sides, (RIM,) * len(self._shape))
        self._there = np.zeros(0, np.int64)
        self._sums: ObjectSums | None = None

    def _where(self, part: Part) -> tuple[int | slice, ...]:
        ahead = iter(part)
        return tuple(next(ahead) if isinstance(at, slice) else at for at in (*self._box, slice(None), slice(None)))

    def _rows(self, part: Part) -> NDArray[np.int64]:
        """Read numbers as rows of the table, from 1; 0 stays."""
        numbers = self._given.read(self._where(part))
        return np.where(numbers > 0, np.searchsorted(self._there, numbers) + 1, 0)

    def sum(self) -> Iterator[float]:
        """Go through the blocks: which numbers there are, then what is added up, then fractions once more."""
        count = len(self._grid)
        for done, window in enumerate(self._grid, 1):
            found = np.unique(self._given.read(self._where(window.core)))
            self._there = np.union1d(self._there, found[found > 0])
            yield 0.3 * done / count
        size = len(self._there) + 1
        extent, rim = ExtentSums(size, self._shape), RimSums(size) if len(self._shape) == 2 else None
        channels = [IntensitySums(size) for _ in range(0 if self._image is None else self._image.n_channels)]
        pairs: NDArray[np.int64] = np.zeros((0, 2), np.int64)
        for done, window in enumerate(self._grid, 1):
            around = self._rows(window.outer)
            own = around[window.inner]
            extent.add(own, [part.start for part in window.core])
            if rim is not None:
                rim.add(np.pad(around, self._missing(window)))
            near = wider(window.core, (1,) * own.ndim, self._shape)
            pairs = np.unique(np.concatenate([pairs, touching_pairs(around[within(near, window.outer)].astype(
                np.uint32), size)]), axis=0)
            self._each(channels, window, own, again=False)
            yield 0.3 + 0.4 * done / count
        fractions = [one for one in channels if one.needs_second]
        for done, window in enumerate(self._grid if fractions else (), 1):
            self._each(channels, window, self._rows(window.core), again=True)
            yield 0.7 + 0.3 * done / count
        self._sums = ObjectSums(
            self._there, self._given.classes_of(self._there), self._shape, extent.result(), pairs,
            None if rim is None else rim.result(), channels=tuple(one.result() for one in channels))

    def _missing(self, window: BlockWindow) -> list[tuple[int, int]]:
        """Return how many rows and columns there are fewer around a block at the border."""
        return [(RIM - (inside.start - around.start), RIM - (around.stop - inside.stop))
                for inside, around in zip(window.core, window.outer, strict=True)]

    def _each(
        self, channels: Sequence[IntensitySums], window: BlockWindow, rows: NDArray[np.int64], again: bool
    ) -> None:
        if self._image is None:
            return
        values: Any = raw_values(self._image, self._where(window.core))
        for sums, channel in zip(channels, values, strict=True):
            if not again:
                sums.add(rows, channel)
            elif sums.needs_second:
                sums.add_again(rows, channel)

    def table(self) -> MeasureTable:
        """Return the table of what was added up."""
        assert self._sums is not None
        place = spot_of(self._given.geometry, self._box)
        steps = pixel_steps(box_spacing(self._given.geometry.scale, self._box), len(self._shape), place.unit)
        names = channel_names((), len(self._sums.channels))
        return self._sums.table(steps, names, self._given.classes, place, (LEFT_OUT,))

