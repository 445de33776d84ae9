"""Large images of a project, learnt from at one of their levels. Reads descriptions, no pixels."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.window_stack import LevelledPixels, SampledPixels
from napari_unet.io import image_folder, read_image

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
    store = image_folder(files[0]) if len(files) == 1 and files[0].is_dir() else None
    for path in () if store is None else store.levels[1:]:
        try:
            found = read_image(path, record.axes)
        except UserError:  # another one may be the right one
            continue
        if all(abs(whole - size * by) < by for whole, size, by in
               zip(image.plane_shape, found.plane_shape, factor, strict=True)):
            return dataclasses.replace(found, data=SampledPixels(found.data), name=record.name,
                                       no_data=record.no_data)
    raise UserError(
        f"{record.name!r} was learnt from at a coarser level (1 : {max(factor)}), and {files[0]} has no such level any "
        "more. Put the pyramid back, or open the image and look at it closely."
    )


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
            "another size and does not go into the project. Open it and press Whole image to a store, or predict that "
            "level of the OME-Zarr: napari-unet predict IMAGE/LEVEL."
        )
