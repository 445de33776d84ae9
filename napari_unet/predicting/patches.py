"""Put a model's patches where they belong, in an array or in a file being written. Opens no file itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..core.errors import UserError
from ..core.image import Image
from ..core.method import Model, Patch, checked_planes


def prediction_shape(image: Image, index: Sequence[int] | None = None) -> tuple[int, ...]:
    """Return the shape of a prediction: the image's without channels, or (planes, Y, X) of the planes picked."""
    return image.shape if index is None else (len(checked_planes(image, index)), *image.plane_shape)


def probability_shape(image: Image, model: Model, index: Sequence[int] | None = None) -> tuple[int, int, int, int]:
    """Return (planes, C, Y, X) of class probabilities."""
    return len(checked_planes(image, index)), len(model.classes.ids), *image.plane_shape


def segment_into(
    image: Image, model: Model, labels: Any, maps: Any = None, *, index: Sequence[int] | None = None
) -> Iterator[Patch]:
    """Segment an image into anything that takes values at an index (an array, a file being written).

    Parameters
    ----------
    image : Image
    model : Model
    labels : array-like
        Takes painted ids; of :func:`prediction_shape`.
    maps : array-like, optional
        Takes class probabilities; of :func:`probability_shape`.
    index : sequence of int, optional
        Only these planes, in this order.

    Yields
    ------
    Patch
        Each one after it was put.

    Raises
    ------
    UserError
        If the image does not suit the model, or planes are missing, repeated or not named at all.
    """
    planes = checked_planes(image, index)
    if not planes or len(set(planes)) < len(planes):
        raise UserError(f"The planes {list(planes)} are none, or one is named twice. Name each once.")
    position = {plane: at for at, plane in enumerate(planes)}
    for patch in model.segment(image, planes, probabilities=maps is not None):
        at, box = position[image.plane_of(patch.where)], patch.where[-2:]
        labels[patch.where if index is None else (at, *box)] = patch.labels
        if maps is not None:
            maps[(at, slice(None), *box)] = patch.probabilities
        yield patch
