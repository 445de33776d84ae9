"""Predictions that a project holds, read as painted ids part by part; and where they come from. Segments nothing."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import to_painted
from napari_unet.core.errors import UserError
from napari_unet.core.provenance import Provenance
from napari_unet.io import provenance_path, read_contents
from napari_unet.io.provenance_file import read_provenance

from .lazy_pixels import Reordered


class PaintedResult:
    """A mask on disk as painted ids; only what is asked for is read.

    Parameters
    ----------
    data : array-like
        As the file has it.
    order : list of int
        Axis of the file that each axis of this one is.
    is_mask : bool
        Whether the file counts from 0 = background.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, data: Any, order: list[int], is_mask: bool) -> None:
        self._data, self._is_mask = Reordered(data, order), is_mask
        self.shape, self.ndim, self.size = self._data.shape, self._data.ndim, self._data.size
        chunks = getattr(data, "chunks", data.shape)
        self.chunks = tuple(chunks[axis] for axis in order)

    def __getitem__(self, where: Any) -> NDArray[np.uint8]:
        values = np.asarray(self._data[where])
        return to_painted(values) if self._is_mask else values.astype(np.uint8)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self[...], dtype=dtype, copy=None if copy is None else copy)


def open_result(path: Path, axes: str, shape: tuple[int, ...]) -> PaintedResult | None:
    """Open the prediction of an image; None if it has another shape than the image.

    Parameters
    ----------
    path : Path
    axes : str
        Letters of the image without channels.
    shape : tuple of int
        Along these.

    Raises
    ------
    UserError
        If it cannot be read.
    """
    contents, _ = read_contents(path, axes, labels=True)
    order = [contents.letters.index(letter) for letter in axes if letter in contents.letters]
    if len(order) != len(shape) or tuple(int(contents.data.shape[axis]) for axis in order) != shape:
        return None
    return PaintedResult(contents.data, order, contents.code != "painted")


def result_origin(path: Path) -> Provenance | None:
    """Return where a prediction comes from, None if that was not noted."""
    with contextlib.suppress(UserError, OSError):
        return read_provenance(provenance_path(path))
    return None
