"""What is in a mask larger than memory, counted block by block: the rows of :mod:`.counts`. Writes no file."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import InputWarning, UserError, sentence_of
from napari_unet.core.geometry import Geometry
from napari_unet.core.in_memory import in_memory
from napari_unet.io import file_stem, read_contents
from napari_unet.metrics._block_counts import BlockCount, count_by_blocks

from .block_search import block_words
from .class_images import hint_of_objects
from .counts import CountRow, pixel_size_along

SIDE = 2048
"""Rows and columns of a block."""
DEPTH = 16
"""Planes of a block of a volume."""


def count_store(path: str | Path, classes: ClassTable | None = None, name: str = "") -> Iterator[CountRow]:
    """Count the parts, holes and pixels of each class of a mask file, as :func:`.counts.count_mask` does in memory.

    Parameters
    ----------
    path : path
        An OME-Zarr mask or a TIFF; background 0, unless it says that its ids are as painted.
    classes : ClassTable, optional
        Names; by default those in the file.
    name : str
        Of the image; the name of the file by default.

    Yields
    ------
    dict of str to object
        A row: the values of :data:`.counts.COLUMNS`. Of each plane, and of each volume where there is an axis Z.

    Raises
    ------
    UserError
        If it cannot be read, or holds no classes.
    """
    contents, _ = read_contents(path, labels=True)
    if contents.role == "objects":
        raise UserError(f"{path} holds single objects, not classes. Give the mask in which they were found, or measure "
                        f"them: napari-unet objects {path} -o OUT.tif --table TABLE.csv.")
    letters = contents.letters
    if letters[-2:] != "YX":
        raise UserError(f"The axes of {path} are {letters}; rows and columns have to be last. Save it again.")
    geometry = contents.geometry(letters)
    found = classes or contents.classes or ClassTable.default((1, 2))
    offset = int(contents.code != "painted")  # from a number in the file to a painted id
    if contents.code is None and (hint := hint_of_objects(_some_of(contents.data), str(path))):
        warnings.warn(hint, InputWarning, stacklevel=2)
    stored = StoredMask(contents.data, letters, name or file_stem(path))
    yield from stored.rows(found, geometry, offset)


def _some_of(data: Any) -> NDArray[Any]:
    """Read the first rows and columns of the first plane."""
    return np.asarray(data[(*(0,) * (data.ndim - 2), slice(0, SIDE), slice(0, SIDE))])


class StoredMask:
    """A mask that is read block by block.

    Parameters
    ----------
    data : array-like
        Whole numbers, shape (..., Y, X).
    axes : str
    name : str
    """

    def __init__(self, data: Any, axes: str, name: str) -> None:
        self._data, self._axes, self._name = data, axes, name
        self._shape = tuple(map(int, data.shape))

    def rows(self, classes: ClassTable, geometry: Geometry | None, offset: int) -> Iterator[CountRow]:
        """Yield the rows of every plane, and after the last plane of a volume those of the volume."""
        z = self._axes.index("Z") if "Z" in self._axes[:-2] and self._shape[self._axes.index("Z")] > 1 else None
        for where in np.ndindex(*self._shape[:-2]):
            counts = count_by_blocks(self._reader(where), self._shape[-2:], (SIDE, SIDE), (0, 1)[: 2 - offset])
            yield from self._rows(counts, classes, self._label(where), offset, self._shape[-2:],
                                  pixel_size_along(geometry, self._axes, "YX"))
            if z is not None and where[z] == self._shape[z] - 1:
                shape = (self._shape[z], *self._shape[-2:])
                counts = count_by_blocks(self._reader(where, z), shape, (DEPTH, SIDE, SIDE), (0, 1)[: 2 - offset])
                yield from self._rows(counts, classes, f"{self._label(where, z)} volume".strip(), offset, shape,
                                      pixel_size_along(geometry, self._axes, "ZYX"))

    def _reader(self, where: tuple[int, ...], z: int | None = None) -> Any:
        def read(box: tuple[slice, ...]) -> NDArray[Any]:
            leading = [box[0] if axis == z else number for axis, number in enumerate(where)]
            index = (*leading, *box[-2:])
            try:
                found = in_memory(self._data[index])
            except Exception as error:
                raise UserError(f"The block at {block_words(self._axes, index)} of {self._name!r} could not be "
                                f"counted: {sentence_of(error)}") from error
            if found.dtype.kind not in "bui" or found.max(initial=0) > 254 or found.min(initial=0) < 0:
                raise UserError(f"{self._name!r} holds other numbers than classes (0 to 254). Give a mask; of single "
                                "objects: napari-unet objects FILE --values objects -o OUT.tif --table TABLE.csv.")
            return found

        return read

    def _label(self, where: tuple[int, ...], without: int | None = None) -> str:
        return " ".join(f"{self._axes[axis]}={number}" for axis, number in enumerate(where)
                        if self._shape[axis] > 1 and axis != without)

    def _rows(
        self, counts: dict[int, BlockCount], classes: ClassTable, label: str, offset: int, shape: tuple[int, ...],
        size: tuple[float | None, str],
    ) -> Iterator[CountRow]:
        by_id = {value + offset: count for value, count in counts.items()}
        for number in sorted({*classes.ids, *by_id} - {0, 1}):
            count = by_id.get(number)
            pixels = count.pixels if count else 0
            yield {
                "image": self._name, "plane": label, "value": number - 1, "class": classes.name(number),
                "parts": count.betti.b0 if count else 0, "holes": count.betti.b1 if count else 0, "pixels": pixels,
                "percent": round(100 * pixels / int(np.prod(shape, dtype=np.int64)), 4),
                "size": None if size[0] is None else float(f"{pixels * size[0]:.6g}"), "unit": size[1],
            }
