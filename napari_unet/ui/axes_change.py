"""Saying what the axes of an image are, with all that follows for its strokes. Shows nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels
from numpy.typing import NDArray

from napari_unet.core.classes import MAX_CLASS_ID

from .image_ties import ImageTies
from .layer_axes import channel_axis, layer_shape, set_axes
from .layers import follow


def change_axes(ties: ImageTies, image: ImageLayer, letters: str, shown: tuple[int, ...]) -> str:
    """Say what the axes of an image are; its strokes keep their paint where it still has a place.

    Parameters
    ----------
    ties : ImageTies
    image : napari Image layer
    letters : str
    shown : tuple of int
        Where the sliders stand, by axis of the image's data.

    Returns
    -------
    str
        What people should know of it.

    Raises
    ------
    UserError
        If the letters do not fit the image.
    """
    strokes = [one for one in ties.layers_of(image, "strokes") if isinstance(one, Labels)]
    before, shape_before = channel_axis(image), layer_shape(image)
    told = set_axes(image, letters)
    moved = layer_shape(image) != shape_before
    lost = False
    for layer in strokes:
        painted, now = bool(np.any(layer.data)), channel_axis(image)
        data = None if moved else refitted(np.asarray(layer.data), layer_shape(image), before, now, shown)
        if data is None:
            lost = lost or painted
            continue
        layer.data = data
        layer._reset_history()  # what could be undone was noted by the axes of before
        follow(layer, image)
    for layer in ties.layers_of(image, "prediction"):
        ties.remove(layer)  # it shows the image as it was read before
    ties.changed.emit()
    if lost:
        told += " The strokes that are there do not fit any more; they stay as a layer. Press + strokes for new ones."
    return told.strip()


def refitted(
    data: NDArray[Any], shape: tuple[int, ...], before: int | None, now: int | None, shown: tuple[int, ...]
) -> NDArray[np.uint8] | None:
    """Return strokes as they are to be when another axis of the image holds channels.

    Paint on planes that become channels is laid together; paint on all channels becomes paint on the one shown.

    Parameters
    ----------
    data : ndarray of int
        Strokes without the channel axis if that was the first, with one element there otherwise.
    shape : tuple of int
        Of the image's data.
    before, now : int or None
        The axis of the image's data that held channels, and the one that does now.
    shown : tuple of int
        Where the sliders stand, by axis of the image's data.

    Returns
    -------
    ndarray of uint8 or None
        None if the strokes do not belong to such an image.
    """
    full = np.asarray(data)
    if before is not None and full.ndim == len(shape) - 1:
        full = np.expand_dims(full, before)
    expected = tuple(1 if axis == before else size for axis, size in enumerate(shape))
    if full.shape != expected or full.min(initial=0) < 0 or full.max(initial=0) > MAX_CLASS_ID:
        return None
    if before != now:
        if now is not None:
            full = full.max(axis=now, keepdims=True)
        if before is not None:
            sizes = [size if axis == before else full.shape[axis] for axis, size in enumerate(shape)]
            wide = np.zeros(sizes, full.dtype)
            place = [slice(None)] * len(shape)
            at = min(max(0, shown[before]), shape[before] - 1)
            place[before] = slice(at, at + 1)
            wide[tuple(place)] = full
            full = wide
    return np.ascontiguousarray(full[0] if now == 0 else full).astype(np.uint8, copy=False)
