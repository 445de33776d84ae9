"""Image layers whose planes are too large to be painted on as a whole: their levels, and layers that show a part.

Changes no layer. Levels that do not fit the finest one are left out, and that is said.
"""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Layer

from napari_unet.core.image import Image
from napari_unet.core.level_field import Factor
from napari_unet.core.made_levels import image_at_level
from napari_unet.core.scribbles import Scribbles
from napari_unet.core.window_stack import SampledPixels, window_stack

from .channel_layers import ChannelStack, channels_of
from .layer_axes import axes_of, finest_level, image_of, layer_shape
from .layer_metadata import MADE_LEVELS, NO_DATA, note, notes_of
from .seen_levels import exact_level

LARGEST_LAZY, LARGEST_IN_MEMORY = 2**24, 2**28
"""Pixels of a plane that is painted on as a whole: of an image that is read piece by piece, and of one in memory."""

_FIELD = "field"


@dataclasses.dataclass(frozen=True, eq=False)
class ImageLevel:
    """One resolution of an image.

    Parameters
    ----------
    number : int
        Of the level in its layer, the finest first.
    image : Image
        All of it; never read as a whole.
    factor : (int, int)
        Rows and columns of the finest level that one of this level stands for.
    """

    number: int
    image: Image
    factor: Factor

    @cached_property
    def windows(self) -> Image:
        """The same as a stack of windows."""
        return window_stack(self.image)


@dataclasses.dataclass(frozen=True, eq=False)
class ImageLevels:
    """The levels of an image layer that can be used, the finest first.

    Parameters
    ----------
    levels : tuple of ImageLevel
    left_out : str
        Which were left out and why, a sentence; ``""`` where all can be used.
    are_made : bool
        The file has none that is small: they were made for looking.
    """

    levels: tuple[ImageLevel, ...]
    left_out: str = ""
    are_made: bool = False

    def seen_at(self, pixels: float) -> ImageLevel:
        """Return the level for so many pixels of the finest one to a pixel of the screen: the coarsest as fine."""
        good = [one for one in self.levels if max(one.factor) <= pixels * 1.001]
        return good[-1] if good else self.levels[0]


def is_painted_in_fields(layer: Layer) -> bool:
    """Say whether an image layer is so large that a part of it is painted on at a time."""
    if not isinstance(layer, ImageLayer):
        return False
    return needs_fields(finest_level(layer), *_plane_shape(layer))


def needs_fields(data: Any, rows: int, columns: int) -> bool:
    """Say whether planes of so many rows and columns are too large to be painted on, and shown, as a whole."""
    in_memory = isinstance(data, np.ndarray) and not _is_mapped(data)
    return rows * columns > (LARGEST_IN_MEMORY if in_memory else LARGEST_LAZY)


def is_field(layer: Layer) -> bool:
    """Say whether a layer of ours shows a part of a large image at a time."""
    return bool(notes_of(layer).get(_FIELD))


def mark_field(layer: Layer) -> None:
    """Note that a layer shows a part of a large image at a time."""
    note(layer, **{_FIELD: True})


def levels_of(layer: ImageLayer) -> ImageLevels:
    """Return the levels of a large image, the same ones as long as the layer is read in the same way.

    Raises
    ------
    UserError
        As :func:`.layer_axes.image_of`.
    """
    members = channels_of(layer)
    known_by = (axes_of(layer), tuple(map(float, layer.scale)), tuple(map(float, layer.translate)), layer.name,
                tuple(id(finest_level(one)) for one in members), str(layer.metadata.get(NO_DATA)))
    known = _levels.get(layer)
    if known is None or known[0] != known_by:
        known = _levels[layer] = known_by, _found(layer, members)
    return known[1]


def _found(layer: ImageLayer, members: Sequence[Layer]) -> ImageLevels:
    finest = image_of(layer)
    made = [ImageLevel(0, dataclasses.replace(finest, data=SampledPixels(finest.data, _file_of(members))), (1, 1))]
    count = min(len(one.data) if one.multiscale else 1 for one in members)
    wrong = 0
    for number in range(1, count):
        level = _level(finest, members, number)
        if level is None or max(level.factor) <= max(made[-1].factor):
            wrong += 1
        else:
            made.append(level)
    return ImageLevels(tuple(made), "" if not wrong else (
        f"{wrong} of {count} levels of {layer.name!r} {'is' if wrong == 1 else 'are'} not used: their sizes are no "
        "whole fraction of the finest level, or their pixels are of another type. Make the pyramid anew to use them."),
        any(bool(one.metadata.get(MADE_LEVELS)) for one in members))


def _level(finest: Image, members: Sequence[Layer], number: int) -> ImageLevel | None:
    """Return a coarser level; None where it does not fit the finest one."""
    parts = [exact_level(one.data[number]) for one in members]
    if any(one.shape != parts[0].shape or np.dtype(one.dtype) != np.dtype(finest_level(member).dtype)
           for one, member in zip(parts, members, strict=True)):
        return None
    data: Any = parts[0] if len(parts) == 1 else ChannelStack(parts)
    factor = _factor(finest, data)
    if factor is None:
        return None
    return ImageLevel(number, image_at_level(finest, SampledPixels(data, _file_of(members)), factor), factor)


def _file_of(members: Sequence[Layer]) -> str | None:
    """Return the one file that layers come from: who goes on with a run asks whether it was written since."""
    files = {one.source.path for one in members}
    return next(iter(files)) if len(files) == 1 else None


def _factor(finest: Image, data: Any) -> Factor | None:
    """Return how many rows and columns one of a level stands for; None where it does not fit."""
    shape = tuple(map(int, data.shape))
    if len(shape) != len(finest.axes):
        return None
    found = []
    for letter, size, whole in zip(finest.axes, shape, finest.data.shape, strict=True):
        if letter not in "YX":
            if size != whole:
                return None
            continue
        by = max(1, round(whole / size)) if size else 0
        if not by or abs(whole - size * by) >= by:
            return None
        found.append(by)
    return found[0], found[1]


def expect_strokes(layer: Layer, scribbles: Scribbles | None) -> None:
    """Remember strokes that a layer is to show once it is linked to its large image."""
    if scribbles is not None:
        _expected[layer] = scribbles


def expected_strokes(layer: Layer) -> Scribbles | None:
    """Return what :func:`expect_strokes` was told, once."""
    return _expected.pop(layer, None)


def _plane_shape(layer: ImageLayer) -> tuple[int, int]:
    shape = layer_shape(layer)
    plain = shape[:-1] if layer.rgb else shape
    return (int(plain[-2]), int(plain[-1])) if len(plain) > 1 else (1, int(plain[-1]))


def _is_mapped(array: Any) -> bool:
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False


_levels: weakref.WeakKeyDictionary[Layer, tuple[Any, ImageLevels]] = weakref.WeakKeyDictionary()
_expected: weakref.WeakKeyDictionary[Layer, Scribbles] = weakref.WeakKeyDictionary()
