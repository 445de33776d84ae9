"""Which files the pixels of an image layer can be read from again, checked by reading them. Copies and stores nothing.

A file is referred to only where reading it gives what is in the window: other plugins read what we cannot, open parts
of files, or change pixels. All else has to be stored.
"""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Layer
from numpy.typing import NDArray

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.project.image_records import ImageRecord, ImageSource
from napari_unet.project.sources import image_record, path_text, read_source, record_without_file

from ..channel_layers import channels_of
from ..image_ties import ImageTies
from ..layer_metadata import identity

_LOOK = 128
"""Pixels to each side of the middle of a plane that are compared."""


def layer_files(image_layer: Layer) -> tuple[Path, ...]:
    """Return the files of an image layer and of its other channels, each once; none if one of them has no file."""
    paths = [one.source.path for one in channels_of(image_layer)]
    if not all(isinstance(one, str) and os.path.exists(one) for one in paths):
        return ()
    return tuple(dict.fromkeys(Path(str(one)).absolute() for one in paths))


def open_keys(ties: ImageTies, image_layer: Layer) -> tuple[str, str]:
    """Return the keys of an image that is open, and of its pair."""
    strokes = ties.strokes_of(image_layer)
    return identity(image_layer), identity(image_layer if strokes is None else strokes)


def unchecked_record(
    image: Image, image_id: str, strokes_id: str, files: Sequence[Path], project: Path
) -> ImageRecord:
    """Return a record of an image as the methods see it, without a look at its files (:func:`checked_record` has one).

    Parameters
    ----------
    image : Image
    image_id, strokes_id : str
        By which the session knows the image, and the image with its strokes.
    files : sequence of Path
        Where it comes from; none: it is to be stored in the project.
    project : Path
    """
    source = (ImageSource(tuple(path_text(one, project) for one in files)) if files
              else stored_source(image_id, image.axes))
    return dataclasses.replace(
        record_without_file(image, source, image_id=image_id, strokes_id=strokes_id), looked_at=True)


def stored_source(image_id: str, axes: str) -> ImageSource:
    """Return where a project stores an image that has no file, and with which axes."""
    return ImageSource((f"images/{image_id}.ome.zarr",), stored=True, axes=axes)


def lacks_pixels(record: ImageRecord) -> bool:
    """Whether an image has no file and is not stored in the project either: what is in the window is all there is."""
    return record.source.stored and not record.size


def checked_record(record: ImageRecord, image: Image, files: Sequence[Path], project: Path) -> ImageRecord | None:
    """Return the record with size and hash if its files give the image that is in the window, None if they do not.

    Reads files: not for the GUI thread.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = read_source(record, project)
            if found.shape != image.shape or found.n_channels != image.n_channels or not _same_pixels(found, image):
                return None
        known = image_record(image, files, project)
        return dataclasses.replace(record, size=known.size, hash=known.hash)
    except (UserError, OSError, ValueError, LookupError, TypeError):
        return None


def _same_pixels(one: Image, other: Image) -> bool:
    """Whether the middles of the first and of the last plane hold the same."""
    for number in {0, one.n_planes - 1}:
        mine, theirs = _middle(one, number), _middle(other, number)
        if not np.array_equal(mine, theirs, equal_nan=mine.dtype.kind == theirs.dtype.kind == "f"):
            return False
    return True


def _middle(image: Image, number: int) -> NDArray[Any]:
    row, column = (size // 2 for size in image.plane_shape)
    return image.window(number, slice(max(0, row - _LOOK), row + _LOOK), slice(max(0, column - _LOOK), column + _LOOK))


def stored_bytes(image: Image) -> int:
    """Return how large the pixels of an image are, uncompressed."""
    return int(np.prod(image.data.shape, dtype=np.int64)) * np.dtype(image.data.dtype).itemsize
