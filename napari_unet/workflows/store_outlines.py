"""Outlines of the objects of a store larger than memory, into ROIs or GeoJSON: block by block. Finds no object.

A block writes the objects that begin in it, for which it reads as far as they reach. What is in memory at once is a
block, what its objects reach beyond it, and a box for each object of a plane.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.provenance import Provenance
from napari_unet.core.work import work
from napari_unet.io._drawn_objects import PutObject, plane_places, put_outlines
from napari_unet.io.shape_files import writing_shapes
from napari_unet.objects.block_grid import BlockGrid, Part
from napari_unet.objects.outlines import Outline

from .block_search import SIDE
from .store_measures import NumberedStore

MOST_PIXELS = 2**25
"""Pixels of the box around one object on one plane, at most: its outline is made of all of them at once."""


@work
def outlines_of_store(
    given: NumberedStore, path: Path, *, overwrite: bool = False, provenance: Provenance | None = None, **options: Any
) -> Generator[float, None, str]:
    """Write the outline of each object on each plane.

    Parameters
    ----------
    given : NumberedStore
    path : Path
        ``.zip`` or ``.geojson``.
    overwrite : bool
    provenance : Provenance, optional
    **options
        Parameters of the format.

    Yields
    ------
    float
        The share that is done.

    Returns
    -------
    str
        What people should know; empty if there is nothing.

    Raises
    ------
    UserError
        If the store cannot be read, or the file not be written.
    """
    planes, left_out = list(plane_places(given.shape, given.geometry.axes, path)), 0
    with writing_shapes(path, given.classes, overwrite=overwrite, provenance=provenance, **options) as put:
        for done, (index, place) in enumerate(planes):
            plane = _Plane(given, index)
            for share in plane.look():
                yield (done + 0.4 * share) / len(planes)
            for share in plane.write(put, place):
                yield (done + 0.4 + 0.6 * share) / len(planes)
            left_out += plane.left_out
    return (f"{left_out} outlines reach over more than {MOST_PIXELS} pixels and are not in {path.name}; labels (.zarr, "
            ".tif) hold these objects, too." if left_out else "")


class _Plane:
    """The objects of one plane."""

    def __init__(self, given: NumberedStore, index: tuple[int, ...]) -> None:
        self._given, self._index = given, index
        size = given.shape[-2:]
        self._grid = BlockGrid(size, (SIDE, SIDE), (1, 1))
        self._numbers: NDArray[np.int64] = np.zeros(0, np.int64)
        self._boxes: NDArray[np.int64] = np.zeros((0, 4), np.int64)  # top, left, bottom, right
        self.left_out = 0

    def look(self) -> Iterator[float]:
        """Find the box around each object."""
        numbers, boxes = [self._numbers], [self._boxes]
        for done, window in enumerate(self._grid, 1):
            found, places = _boxes_of(self._given.read((*self._index, *window.core)))
            numbers.append(found)
            boxes.append(places + np.array([part.start for part in window.core] * 2))
            yield done / len(self._grid)
        self._numbers, of = np.unique(np.concatenate(numbers), return_inverse=True)
        ends = np.concatenate(boxes)
        self._boxes = np.empty((len(self._numbers), 4), np.int64)
        self._boxes[:, :2], self._boxes[:, 2:] = np.iinfo(np.int64).max, 0
        np.minimum.at(self._boxes[:, :2], of, ends[:, :2])
        np.maximum.at(self._boxes[:, 2:], of, ends[:, 2:])

    def write(self, put: PutObject, place: dict[str, int]) -> Iterator[float]:
        """Write the objects that begin in each block."""
        # large ones by themselves: a block with all that one of them reaches over would be as large
        extent = self._boxes[:, 2:] - self._boxes[:, :2]
        large, most = (extent > SIDE).any(axis=1), extent.prod(axis=1) > MOST_PIXELS
        self.left_out = int(np.count_nonzero(most))
        home = [tuple(row) for row in (self._boxes[:, :2] // SIDE).tolist()]
        of_block: dict[tuple[int, ...], list[int]] = {}
        for row in np.flatnonzero(~large).tolist():
            of_block.setdefault(home[row], []).append(row)
        groups = [*of_block.values(), *([row] for row in np.flatnonzero(large & ~most).tolist())]
        for done, rows in enumerate(groups, 1):
            self._write(put, rows, place)
            yield done / len(groups)

    def _write(self, put: PutObject, rows: list[int], place: dict[str, int]) -> None:
        boxes, mine = self._boxes[rows], self._numbers[rows]
        (top, left), (bottom, right) = boxes[:, :2].min(axis=0).tolist(), boxes[:, 2:].max(axis=0).tolist()
        part: Part = (slice(top, bottom), slice(left, right))
        numbers = self._given.read((*self._index, *part))
        at = np.searchsorted(mine, numbers).clip(max=len(mine) - 1)
        local = np.where(mine[at] == numbers, at + 1, 0).astype(np.uint32)
        classes = np.append(np.zeros(1, np.uint8), self._given.classes_of(mine))

        def moved(parts: list[Outline], class_id: int, where: Mapping[str, int]) -> None:
            put([one.moved((left, top), int(mine[one.number - 1])) for one in parts], class_id, where)

        put_outlines(moved, local, classes, place)


def _boxes_of(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers there are, and the box around each: top, left, bottom, right."""
    from scipy import ndimage

    there, at = np.unique(numbers, return_inverse=True)
    first = int(there[0] == 0) if len(there) else 0
    found = ndimage.find_objects(at.reshape(numbers.shape).astype(np.int32) + (1 - first))
    boxes = [(one[0].start, one[1].start, one[0].stop, one[1].stop) for one in found]
    return there[first:], np.array(boxes, np.int64).reshape(-1, 4)
