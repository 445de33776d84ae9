"""Several image layers that are the channels of one image. Copies no pixels and changes no layer."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Layer
from numpy.typing import NDArray

from napari_unet.core.errors import UserError
from napari_unet.core.in_memory import in_memory

_groups: weakref.WeakKeyDictionary[Layer, tuple[weakref.ref[Layer], ...]] = weakref.WeakKeyDictionary()
"""By the first layer of an image, the layers of its other channels, in order."""


class ChannelStack:
    """Arrays of one shape, seen as one array with the channels first; read part by part.

    Parameters
    ----------
    parts : sequence of array-like, all of the same shape
    """

    def __init__(self, parts: Sequence[Any]) -> None:
        self._parts = tuple(parts)
        self.shape = (len(self._parts), *map(int, self._parts[0].shape))
        self.dtype = np.result_type(*(np.dtype(part.dtype) for part in self._parts))
        self.ndim = len(self.shape)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        index = index if isinstance(index, tuple) else (index,)
        chosen = np.arange(len(self._parts))[index[0]]
        if np.ndim(chosen) == 0:
            return in_memory(self._parts[int(chosen)][index[1:]])
        return np.stack([in_memory(self._parts[int(number)][index[1:]]) for number in chosen])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self[:], dtype=dtype, copy=None if copy is None else copy)


def join_channels(first: ImageLayer, others: Iterable[ImageLayer]) -> None:
    """Make layers the channels of one image; it goes by the name of the first. No others: each is an image again.

    Raises
    ------
    UserError
        If a layer has another shape, is a colour picture, or belongs to another image already.
    """
    others = [one for one in others if one is not first]
    for one in others:
        if one.rgb or first.rgb:
            raise UserError("A colour picture has its channels already. Choose plain layers as channels.")
        if _shape(one) != _shape(first):
            raise UserError(
                f"{one.name!r} has shape {_shape(one)}, but {first.name!r} has {_shape(first)}. "
                "Channels of one image need the same shape."
            )
        if not _lie_alike(one, first):
            raise UserError(
                f"{one.name!r} does not lie where {first.name!r} lies (scale, translation, rotation or affine differ). "
                "Channels of one image lie on each other."
            )
        if first_channel(one) not in (one, first) or len(channels_of(one)) > 1:
            raise UserError(f"{one.name!r} belongs to another image already. Untick it there first.")
    if first_channel(first) is not first:
        raise UserError(f"{first.name!r} is a channel of {first_channel(first).name!r} already.")
    if others:
        _groups[first] = tuple(weakref.ref(one) for one in others)
    else:
        _groups.pop(first, None)


def channels_of(first: Layer) -> list[Layer]:
    """Return the layers that are the channels of an image, the first one being the image's own."""
    others = (one() for one in _groups.get(first, ()))
    return [first, *(one for one in others if one is not None)]


def first_channel(layer: Layer) -> Layer:
    """Return the layer that stands for the image of which a layer is a channel (itself, if it is an image alone)."""
    for first in tuple(_groups.keys()):
        if any(one is layer for one in channels_of(first)[1:]):
            return first
    return layer


def part_channels(gone: Layer) -> bool:
    """Take a layer that was removed out of the image of which it was a channel; say whether it was one."""
    first = first_channel(gone)
    grouped = _groups.pop(gone, None) is not None or first is not gone
    if first is not gone:
        kept = [one for one in channels_of(first)[1:] if one is not gone]
        if kept:
            _groups[first] = tuple(weakref.ref(one) for one in kept)
        else:
            _groups.pop(first, None)
    return grouped


def possible_channels(first: ImageLayer, images: Iterable[Layer]) -> list[ImageLayer]:
    """Return the layers that may become further channels of an image: same shape, plain, of no other image."""
    if first.rgb:
        return []
    return [
        one for one in images
        if isinstance(one, ImageLayer) and one is not first and not one.rgb and _shape(one) == _shape(first)
        and _lie_alike(one, first) and first_channel(one) in (one, first) and len(channels_of(one)) == 1
    ]


def _lie_alike(one: ImageLayer, other: ImageLayer) -> bool:
    corners = np.vstack([np.zeros(one.ndim), np.eye(one.ndim)])
    return all(np.allclose(one.data_to_world(tuple(at)), other.data_to_world(tuple(at))) for at in corners)


def _shape(layer: ImageLayer) -> tuple[int, ...]:
    return tuple((layer.data[0] if layer.multiscale else layer.data).shape)
