"""Large images of a project, learnt from at one of their levels. Reads descriptions, no pixels."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.made_levels import image_at_level, made_levels
from napari_unet.core.window_stack import LevelledPixels, SampledPixels
from napari_unet.io import image_folder, read_image
from napari_unet.io._tiff_by_tile import tiff_levels

from .image_records import ImageRecord


def at_level(image: Image, record: ImageRecord, files: Sequence[Path]) -> Image:
    """Return an image that knows at which of its levels it is learnt from; as it is where its record names none.

    Raises
    ------
    UserError
        If its file has no such level any more.
    """
    if not record.level:
        return image
    factor = record.level[0], record.level[1]
    if factor == (1, 1):
        level = dataclasses.replace(image, data=SampledPixels(image.data))
    else:
        level = _level(image, record, factor, files)
    return dataclasses.replace(image, data=LevelledPixels(image.data, level, factor))


def _level(image: Image, record: ImageRecord, factor: tuple[int, int], files: Sequence[Path]) -> Image:
    stored = list(_stored_levels(image, record, files))
    last = stored[-1] if stored else image.data
    for data in (*stored, *made_levels(last, image.axes, mean=not record.no_data)):
        sizes = dict(zip(image.axes, data.shape, strict=True))
        if all(abs(whole - sizes[letter] * by) < by for whole, letter, by in
               zip(image.plane_shape, "YX", factor, strict=True)):
            return image_at_level(image, SampledPixels(data), factor)
    raise UserError(
        f"{record.name!r} was learnt from at a coarser level (1 : {max(factor)}), and {files[0]} has no such level any "
        "more. Put the pyramid back, or open the image and look at it closely."
    )


def _stored_levels(image: Image, record: ImageRecord, files: Sequence[Path]) -> Iterator[Any]:
    """Yield the smaller levels that lie in the file or folder of an image, with the axes of the image."""
    if len(files) > 1 or record.source.series:
        return
    store = image_folder(files[0]) if files[0].is_dir() else None
    for path in () if store is None else store.levels[1:]:
        with contextlib.suppress(UserError):  # another one may be the right one
            yield read_image(path, record.axes).data
    if files[0].is_file():
        yield from (one for one in tiff_levels(files[0]) if one.ndim == len(image.axes))


def check_predictable(record: ImageRecord) -> None:
    """Make sure that the prediction of an image can lie in its project.

    Raises
    ------
    UserError
        If it is learnt from at a coarser level: then the prediction has not the size of the image.
    """
    if record.level and max(record.level) > 1:
        raise UserError(
            f"{record.name!r} is learnt from at a coarser level (1 : {max(record.level)}), so its prediction has "
            "another size and does not go into the project. Open it and press Whole image to a store, or, of an "
            "OME-Zarr with that level, napari-unet predict IMAGE/LEVEL."
        )
