"""Images that have no file are saved as OME-Zarr, plane by plane. Knows neither classes nor strokes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.image import Image

from ..core.in_memory import in_memory
from ._mask_info import MaskInfo
from ._ngff_writing import check_axes, described_axes, stored_axes
from ._output import appearing, check_place
from ._pyramid import Level, PyramidSink, picked_until
from ._zarr_settling import settle_zarr

_BLOCK = 512
_VERSION = "0.4"


def stored_order(axes: str) -> str:
    """Return the letters of an image in the order in which :func:`save_image` stores them."""
    return stored_axes(axes) if _storable(axes) else axes


def save_image(path: str | Path, image: Image) -> Path:
    """Save an image with its step sizes and axes: OME-Zarr 0.4, or a plain zarr array where that has too many axes.

    Returns
    -------
    Path
        Where it is now.

    Raises
    ------
    UserError
        If something is there already, or it cannot be written.
    """
    path = check_place(Path(path), False, lambda _path: "")
    with appearing(path, False) as partial:
        try:
            sink = _pyramid(partial, image) if _storable(image.axes) else _plain_array(partial, image)
            for index in np.ndindex(*(size for letter, size in zip(image.axes, image.data.shape, strict=True)
                                      if letter not in "YX")):
                numbers = iter(index)
                where = tuple(slice(None) if letter in "YX" else next(numbers) for letter in image.axes)
                sink[where] = in_memory(image.data[where])
            sink.close()
        finally:
            settle_zarr()
    return path


def _storable(axes: str) -> bool:
    """Say whether OME-Zarr has room for these axes."""
    try:
        check_axes(axes)
    except UserError:
        return False
    return True


def _pyramid(path: Path, image: Image) -> PyramidSink:
    steps, offsets = (dict(zip(image.label_axes, numbers, strict=True)) for numbers in (image.scale, image.translate))
    shape = tuple(map(int, image.data.shape))
    sizes, stored = dict(zip(image.axes, shape, strict=True)), stored_axes(image.axes)
    letters = "".join(letter for letter in image.axes if letter not in "YX") + "YX"
    geometry = Geometry(letters, tuple(steps.get(letter, 1.0) for letter in letters), image.unit,
                        tuple(offsets.get(letter, 0.0) for letter in letters), image.time_unit)
    order = [letters.index(letter) for letter in stored]
    level = Level.along(order, [sizes[letter] for letter in letters], geometry.scale, geometry.translate)
    levels = picked_until(level, _BLOCK)
    axes = described_axes(stored, MaskInfo(ClassTable(()), geometry, "objects", image.name))
    attributes = {"multiscales": [{
        "version": _VERSION, "name": image.name, "axes": axes, "type": "nearest",
        "datasets": [{"path": str(number), "coordinateTransformations": one.transformations}
                     for number, one in enumerate(levels)],
    }]}
    return PyramidSink(path, image.axes, shape, stored, [axis["name"] for axis in axes], levels, lambda: attributes,
                       _VERSION, _BLOCK, np.dtype(image.data.dtype))


class _PlainArray:
    """A zarr array without smaller copies."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __setitem__(self, where: Any, values: Any) -> None:
        self._array[where] = values

    def close(self) -> None:
        """Nothing is left to be done."""


def _plain_array(path: Path, image: Image) -> _PlainArray:
    import zarr

    shape = tuple(map(int, image.data.shape))
    chunks = tuple(min(size, _BLOCK) if letter in "YX" else 1 for letter, size in zip(image.axes, shape, strict=True))
    array = zarr.create_array(str(path), shape=shape, chunks=chunks, dtype=image.data.dtype, zarr_format=2,
                              attributes={"_ARRAY_DIMENSIONS": list(image.axes.lower())})
    return _PlainArray(array)
