"""Pixels of an image as they are, for measuring: no scaling, no float32. What stands for no data becomes NaN."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.image import Image
from napari_unet.core.in_memory import in_memory
from napari_unet.core.no_data import empty_pixels


def raw_values(image: Image, where: tuple[int | slice, ...]) -> NDArray[Any]:
    """Read a plane or a volume.

    Parameters
    ----------
    image : Image
    where : tuple of int or slice
        Index into an array of ``image.shape``: numbers, and slices for the axes that are wanted.

    Returns
    -------
    ndarray, shape (C, ...)
        In the type of the image; float64 if pixels hold no data.
    """
    by_letter = dict(zip(image.label_axes, where, strict=True))
    index = tuple(by_letter.get(letter, slice(None)) for letter in image.axes)
    left = [letter for letter, at in zip(image.axes, index, strict=True) if isinstance(at, slice)]
    array = in_memory(image.data[index])
    array = np.moveaxis(array, left.index("C"), 0) if "C" in left else array[None]
    empty, _ = empty_pixels(array, image.no_data)
    return array if empty is None else np.where(empty, np.nan, array.astype(np.float64))
