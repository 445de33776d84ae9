"""What is read of an image of a project before its layers are made, mostly in a thread. Makes no layer."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.provenance import Provenance
from napari_unet.core.scribbles import Scribbles
from napari_unet.project.predictions import open_result, result_origin
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.records import ImageRecord, ProjectState
from napari_unet.project.sources import read_source

from ..layer_origin import sum_of

Result = tuple[Any, Provenance | None, int | None]
"""A prediction in painted ids, where it comes from, and what :func:`.layer_origin.sum_of` says of it."""

WHOLE = 2**27
"""Pixels of a prediction that are taken into memory; of a larger one, parts are read when they are shown."""


LARGEST = 2**24
"""Pixels of a plane that is read to find its contrast; of larger ones, napari looks at the coarsest level."""


@dataclasses.dataclass(frozen=True, eq=False)
class PreparedImage:
    """An image of a project, ready to be shown.

    Parameters
    ----------
    record : ImageRecord
    image : Image
        Read when needed; what is seen first is in memory.
    limits : tuple of (float, float), one for each channel
        Contrast; empty where the type of the pixels says it.
    scribbles : Scribbles or None
        Its strokes on disk, None where there are none.
    result : Result or None
        Its prediction, of ``image.shape``.
    told : str
        What could not be read, ``""`` if all could.
    """

    record: ImageRecord
    image: Image
    limits: tuple[tuple[float, float], ...] = ()
    scribbles: Scribbles | None = None
    result: Result | None = None
    told: str = ""


def prepare_image(
    folder: ProjectFolder, state: ProjectState, record: ImageRecord, in_use: Image | None = None
) -> PreparedImage:
    """Read what is needed to show an image.

    Parameters
    ----------
    folder : ProjectFolder
    state : ProjectState
    record : ImageRecord
    in_use : Image, optional
        The same image as it is learnt from already; its strokes are then known and not read.

    Raises
    ------
    UserError
        If the image is missing or cannot be read. A prediction that cannot be read is left out and said.
    """
    image = in_use or read_source(record, folder.path)
    limits = _limits(image)
    scribbles = folder.read_strokes(record.id) if in_use is None else None
    try:
        result, told = _result(folder, state, record, image), ""
    except (UserError, OSError) as error:
        result, told = None, f"The prediction of {record.name!r} could not be read ({error}). Predict it again."
    return PreparedImage(record, image, limits, scribbles, result, told)


def _limits(image: Image) -> tuple[tuple[float, float], ...]:
    """Read the planes that are seen first, and return the range of each channel in them."""
    if math.prod(image.plane_shape) > LARGEST:
        return ()
    data_type = np.dtype(image.data.dtype)
    planes = sorted({0, image.n_planes // 2}) if image.n_planes > 1 else [0]
    ranges = [[_range(one) for one in image.window(number)] for number in planes]
    if data_type.kind == "b" or data_type == np.uint8:
        return ()
    low, high = np.min(ranges, axis=0)[:, 0], np.max(ranges, axis=0)[:, 1]
    return tuple((float(a), float(b) if b > a else float(a) + 1) for a, b in zip(low, high, strict=True))


def _range(pixels: Any) -> tuple[float, float]:
    seen = pixels[np.isfinite(pixels)] if pixels.dtype.kind == "f" else pixels
    return (float(seen.min()), float(seen.max())) if seen.size else (0.0, 1.0)


def _result(folder: ProjectFolder, state: ProjectState, record: ImageRecord, image: Image) -> Result | None:
    """Open the prediction of an image, None where there is none or it fits no longer."""
    found = state.result(record.id)
    return None if found is None else result_with_origin(folder.path / found.file, image)


def result_with_origin(path: Path, image: Image) -> Result | None:
    """Open a prediction as :func:`read_result` does, and look up where it comes from."""
    labels = read_result(path, image)
    if labels is None:
        return None
    whole = isinstance(labels, np.ndarray)  # parts that are read when they are shown cannot be painted on
    known_by = sum_of(labels[image.where(number)] for number in range(image.n_planes)) if whole else None
    return labels, result_origin(path), known_by


def read_result(path: Path, image: Image) -> Any:
    """Open a mask as painted ids of an image's shape; None if it has another shape.

    Raises
    ------
    UserError
        If it cannot be read.
    """
    found = open_result(path, image.label_axes, image.shape)
    if found is None or found.size <= WHOLE:
        return found if found is None else np.ascontiguousarray(found[...])
    import dask.array

    return dask.array.from_array(found, chunks=found.chunks, name=False, meta=np.empty((0,) * found.ndim, found.dtype))
