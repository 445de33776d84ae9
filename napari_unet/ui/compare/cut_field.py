"""What is in view of a large image, cut out at the level looked at, as an image that can be compared. Compares nothing.

The cut is frozen: the view may move on. Its layers are in no viewer; what is made for them lies where the field lies.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels
from numpy.typing import NDArray

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.in_memory import in_memory
from napari_unet.core.level_field import LevelField
from napari_unet.session.annotation_session import Session

from ..field_image import cut_image
from ..large_images import ImageLevel, is_field, levels_of
from ..layer_axes import axes_of, finest_level, layer_shape
from ..layer_metadata import forget, identity, note
from ..layers import same_shape
from ..sessions import session_of
from ..train.field_view import LARGEST_FIELD, SeenBox, field_place, seen_box

MOST_READ = 2**26
"""Pixels of a finer level that are read at most to see a reference at the level looked at."""

Kept = dict[tuple[Any, ...], NDArray[Any]]
"""Labels that were read piece by piece, by what they are and where."""


class UnreadLabelsError(UserError):
    """Labels have to be read first, which takes too long for the thread of the window.

    Parameters
    ----------
    name : str
        Of the layer.
    key : tuple
        By which they are kept.
    read : callable
    """

    def __init__(self, name: str, key: tuple[Any, ...], read: Callable[[], NDArray[Any]]) -> None:
        super().__init__(f"{name!r} is being read...")
        self._key, self._read = key, read

    def reading(self, kept: Kept) -> Iterator[None]:
        """Read and keep them; to be iterated in another thread."""
        kept[self._key] = self._read()
        yield


@dataclasses.dataclass(frozen=True, eq=False)
class CutField:
    """A field of a large image, as it was when it was cut.

    Parameters
    ----------
    layer : napari Image layer
        Lies where the field lies; known by the identity of the layer of the whole image. Shows nothing.
    image : Image
        Read when it is asked for. Its name says what part of what it is.
    strokes, reference : Labels or None
        What is painted there, and what is true there.
    """

    layer: ImageLayer
    image: Image
    strokes: Labels | None
    reference: Labels | None


def cut_field(
    viewer: Any, layer: ImageLayer, strokes: Labels | None, reference: Labels | None, kept: Kept
) -> CutField:
    """Cut out what is in view of a large image.

    Parameters
    ----------
    viewer : napari Viewer
    layer : napari Image layer
    strokes, reference : Labels, optional
        Strokes shown in fields, or labels of the whole image.
    kept : dict
        What was read of labels that lie on disk.

    Raises
    ------
    UnreadLabelsError
        If they have to be read first.
    UserError
        If nothing of the image is in view, or strokes or reference do not lie on it.
    """
    levels = levels_of(layer)
    finest = levels.levels[0].image
    seen = seen_box(viewer, layer, finest)
    if seen is None:
        raise UserError(f"Nothing of {layer.name!r} is in view as a plane. It is too large to be compared as a whole: "
                        "move the view to the part that is to be compared.")
    level = levels.seen_at(seen.pixels)
    field = _seen_field(seen, level)
    made = _stand_in(layer, finest, field)
    return CutField(
        made, cut_image(finest, level, field),
        None if strokes is None else _cut_labels(strokes, made, _strokes_in(strokes, finest, level, field,
                                                                            session_of(viewer), kept)),
        None if reference is None else _cut_labels(reference, made, _labels_in(reference, finest, level, field, kept)),
    )


def _seen_field(seen: SeenBox, level: ImageLevel) -> LevelField:
    """Return what is seen, in pixels of a level; the middle of it where that is very much."""
    parts = []
    for part, by, size in zip((seen.rows, seen.columns), level.factor, level.image.plane_shape, strict=True):
        low, high = min(part.start // by, size - 1), min(size, -(-part.stop // by))
        if high - low > LARGEST_FIELD:
            low = (low + high - LARGEST_FIELD) // 2
            high = low + LARGEST_FIELD
        parts.append(slice(low, high))
    return LevelField(seen.plane, parts[0], parts[1], level.factor)


def _stand_in(layer: ImageLayer, finest: Image, field: LevelField) -> ImageLayer:
    """Return a layer that lies where the field lies, and is taken for that of the whole image."""
    letters = axes_of(layer).letters
    letters = letters.removesuffix("C") if layer.rgb else letters.removeprefix("C")
    sizes = dict(zip("YX", field.shape, strict=True))
    nothing = np.broadcast_to(np.zeros((), np.uint8), tuple(sizes.get(letter, 1) for letter in letters))
    made = ImageLayer(nothing, name=layer.name, contrast_limits=(0, 1), **field_place(layer, finest, field))
    note(made, id=identity(layer), axes=letters)
    return made


def _cut_labels(layer: Labels, made: ImageLayer, values: NDArray[Any]) -> Labels:
    """Return labels (Y, X) of the field as a layer with the name and the notes of that of the whole."""
    cut = Labels(values.reshape(made.data.shape), name=layer.name)
    cut.metadata = dict(layer.metadata)
    if is_field(layer):
        forget(cut, "field")
    return cut


def _strokes_in(
    layer: Labels, finest: Image, level: ImageLevel, field: LevelField, session: Session, kept: Kept
) -> NDArray[Any]:
    """Return what is painted in a field, (Y, X)."""
    if not is_field(layer):
        return _labels_in(layer, finest, level, field, kept)
    key = identity(layer)
    if key not in session.keys:
        raise UserError(f"The strokes {layer.name!r} are not in use. Choose them in the Train U-Net dock first.")
    return field.painted(session.pair(key).scribbles)


def _labels_in(layer: Labels, finest: Image, level: ImageLevel, field: LevelField, kept: Kept) -> NDArray[Any]:
    """Return labels of the whole image as they are seen in a field, (Y, X): of each pixel the one in its middle."""
    if is_field(layer) or not same_shape(layer, finest):
        raise UserError(f"{layer.name!r} has shape {layer_shape(layer)} and is no layer of all of {finest.name!r}, "
                        f"which has {finest.shape}. Choose labels of the whole image.")
    shape = layer_shape(layer)
    at = _leading(shape, finest, field.plane)
    for one in layer.data if layer.multiscale else ():
        if tuple(one.shape) == (*shape[:-2], *level.image.plane_shape):  # of all planes: some have fewer at a level
            return _read(layer, one, (*at, field.rows, field.columns), kept)
    spans = [slice(min(part.start * by + (by - 1) // 2, size - 1), min(part.stop * by, size), by)
             for part, by, size in zip((field.rows, field.columns), field.factor, finest.plane_shape, strict=True)]
    whole = finest_level(layer)
    if not isinstance(whole, np.ndarray) and math.prod(one.stop - one.start for one in spans) > MOST_READ:
        raise UserError(f"{layer.name!r} has no level of the size that is looked at, and so much of its finest one "
                        "cannot be read at once. Zoom in, and compare a smaller part.")
    found = _read(layer, whole, (*at, *spans), kept)
    return np.pad(found, [(0, size - have) for size, have in zip(field.shape, found.shape, strict=True)], mode="edge")


def _read(layer: Labels, data: Any, index: tuple[int | slice, ...], kept: Kept) -> NDArray[Any]:
    """Return a part of labels: of those on disk, what was read before."""
    if isinstance(data, np.ndarray) and not isinstance(data, np.memmap):
        return data[index]
    key = identity(layer), id(data), str(index)
    if key not in kept:
        raise UnreadLabelsError(layer.name, key, lambda: in_memory(data[index]))
    return kept[key]


def _leading(shape: tuple[int, ...], finest: Image, plane: int) -> tuple[int, ...]:
    """Return a plane of an image as numbers along the leading axes of labels, of which those of one element may differ.
    """
    place = np.unravel_index(plane, finest.shape[:-2]) if finest.shape[:-2] else ()
    long = iter(int(one) for one, size in zip(place, finest.shape, strict=False) if size > 1)
    return tuple(next(long, 0) if size > 1 else 0 for size in shape[:-2])
