"""Make images, strokes and label arrays of whatever a caller has: arrays, paths or our own objects. Trains nothing."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .core.classes import MAX_CLASS_ID, ClassTable, to_painted
from .core.components import count_components
from .core.errors import InputWarning, UsageError, UserError
from .core.image import Image, resolve_axes
from .core.method import checked_planes
from .core.readable import readable
from .core.scribbles import Pair, Scribbles, TrainingSet, checked_ids

Code = Literal["mask", "painted", "objects"]
"""Code of a label image: ``mask`` has background 0, ``painted`` has background 1 and 0 = unknown, ``objects`` has
background 0 and any other number is of one class.
"""

_MANY_CLASSES, _PARTS_OF_OBJECTS = 10, 1.25
"""So many numbers in strokes, at least, with so few parts of a number in the mean, are rather single objects."""
_NO_CLASS = 30
"""Strokes whose least number is larger are rather grey values, 128 and 255, say."""
_GREY_VALUES, _PARTS_OF_GREY = 32, 4
"""So many numbers, at least, with more parts than this of a number in the mean, are rather grey values."""

ArrayLike = Any
"""A numpy, zarr or dask array, an :class:`Image`, or the path of an image file."""


def as_images(images: ArrayLike | Sequence[ArrayLike], axes: str | None = None) -> tuple[Image, ...]:
    """Make images of arrays, paths or images, one or several.

    Raises
    ------
    UserError
        If there is none, or axes cannot be told.
    """
    several = isinstance(images, (list, tuple))
    given = list(images) if several else [images]
    if not given:
        raise UserError("No image was given. Give at least one.")
    made = []
    for number, one in enumerate(given):
        if isinstance(one, Image):
            made.append(one)
        elif isinstance(one, (str, os.PathLike)):
            from .io import read_image

            made.append(read_image(one if isinstance(one, str) else Path(one), axes))
        else:
            array = one if hasattr(one, "shape") else np.asarray(one)
            name = f"image {number}" if several else "image"
            made.append(Image(array, resolve_axes(array.shape, axes).letters, name))
    return tuple(made)


def as_training_set(
    images: ArrayLike | Sequence[ArrayLike],
    scribbles: ArrayLike | Sequence[ArrayLike | None] | None,
    *,
    axes: str | None = None,
    index: Sequence[int] | None = None,
    classes: ClassTable | None = None,
) -> TrainingSet:
    """Pair images with their strokes.

    Raises
    ------
    UserError
        If their numbers or shapes differ, or the strokes are no ids.
    """
    pictures = as_images(images, axes)
    given = list(scribbles) if isinstance(scribbles, (list, tuple)) else [scribbles]
    if len(given) != len(pictures):
        raise UserError(f"There are {len(pictures)} images but {len(given)} stroke images. Give one for each.")
    pairs, table = [], classes
    for image, one in zip(pictures, given, strict=True):
        strokes, its_classes = _as_scribbles(one, image)
        table = table or its_classes
        if index is not None:
            wanted = set(checked_planes(image, index))
            strokes = Scribbles(strokes.shape, {k: v for k, v in strokes.planes.items() if k in wanted})
        pairs.append(Pair(image, strokes))
    painted = {number for pair in pairs for number in pair.scribbles.counts()}
    return TrainingSet(tuple(pairs), table or ClassTable.default({1} | painted if painted else (1, 2)))


def _as_scribbles(given: Any, image: Image) -> tuple[Scribbles, ClassTable | None]:
    """Return the strokes of an image, and their class table if they come from a file that carries one."""
    if given is None:
        return Scribbles.empty(image.shape), None
    if isinstance(given, Scribbles):
        return given, None
    labels, classes = _read_strokes(given, image)
    if labels.shape != image.shape and labels.size == np.prod(image.shape):
        labels = _squeezed_to(labels, image.shape)
    strokes = Scribbles.from_array(labels, f"strokes of {image.name}")
    if classes is None and (doubt := _no_strokes(strokes)):
        warnings.warn(f"The strokes of {image.name!r} {doubt}", InputWarning, stacklevel=3)
    return strokes, classes


def _read_strokes(given: Any, image: Image) -> tuple[NDArray[Any], ClassTable | None]:
    """Return labels as painted ids, and their class table; a file that says it is a mask, or objects, is believed."""
    if not isinstance(given, (str, os.PathLike)):
        return as_labels(given)
    from .io import label_array, read_contents

    contents, _ = read_contents(os.fspath(given), labels=True)
    labels = label_array(contents)[0]
    if contents.code == "mask":
        warnings.warn(f"The strokes of {image.name!r} are a mask: 0 is learnt as background, and every pixel is learnt "
                      "from.", InputWarning, stacklevel=4)
        return to_painted(labels), contents.classes
    if contents.role == "objects":
        raise UserError(f"{readable(given)} holds single objects, not strokes. Give strokes: 0 = not painted, 1 = "
                        "background, 2, 3, ... = classes.")
    return labels, contents.classes


def _no_strokes(strokes: Scribbles) -> str:
    """Say what labels are likely to be if they are no strokes: the rest of a sentence; empty if nothing speaks for it.
    """
    counts = strokes.counts()
    if len(counts) >= _MANY_CLASSES and (doubt := _no_classes(strokes, len(counts))):
        return doubt
    if counts and min(counts) > _NO_CLASS:
        named = ", ".join(map(str, sorted(counts)[:4]))
        return (f"hold {named}{', ...' if len(counts) > 4 else ''}: are these grey values? Each is learnt as a class, "
                "and none as background. In strokes 1 is background, and 2, 3, ... are classes.")
    return ""


def _no_classes(strokes: Scribbles, count: int) -> str:
    """Do as :func:`_no_strokes`, of many numbers."""
    plane = max(strokes.planes.values(), key=lambda one: len(np.unique(one)))
    numbers, parts = len(np.unique(plane[plane > 0])), count_components(plane)
    if numbers >= _MANY_CLASSES and parts <= _PARTS_OF_OBJECTS * numbers:
        return (f"hold {count} numbers, nearly each of them one connected part: are these single objects? In "
                "strokes 1 is background, and what is alike has one number (2, say, for all objects).")
    if numbers >= _GREY_VALUES and parts > _PARTS_OF_GREY * numbers:
        return f"hold {count} numbers in many small parts: is it an image? Images come first, then their strokes."
    return ""


def as_labels(labels: ArrayLike) -> tuple[NDArray[Any], ClassTable | None]:
    """Return a label array, and its class table if it comes from a file that carries one."""
    if isinstance(labels, (str, os.PathLike)):
        from .io import read_labels

        return read_labels(Path(labels))
    return np.asarray(labels), None


def pixel_size_of(labels: ArrayLike) -> tuple[tuple[float, ...], str]:
    """Return the size of a step along the axes of a label array, and its unit; nothing and ``"pixel"`` if not known."""
    if isinstance(labels, Image):
        return labels.scale, labels.unit
    if not isinstance(labels, (str, os.PathLike)):
        return (), "pixel"
    from .io import read_contents

    contents, _ = read_contents(Path(labels), labels=True)
    steps = dict(zip(contents.letters, contents.scale, strict=True))
    others = tuple(size for letter, size in steps.items() if letter not in "CYX")
    return (*others, steps["Y"], steps["X"]), contents.unit


def _squeezed_to(labels: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Drop or add axes of length 1, if that is all the difference."""
    same = [size for size in labels.shape if size > 1] == [size for size in shape if size > 1]
    return labels.reshape(shape) if same else labels


def as_painted(labels: NDArray[Any], code: Code, name: str, one_class: int = 2) -> NDArray[np.uint8]:
    """Return labels as painted ids, whichever code they are in; messages call them by ``name``.

    Parameters
    ----------
    labels : ndarray of numbers or bool, any shape
    code : {"mask", "painted", "objects"}
    name : str
    one_class : int
        Painted id of all that is not 0, if they are objects. Also of the one value of a mask that holds 0 and a value
        that no class can have (255, say).

    Raises
    ------
    UserError
        If they are no class ids.
    """
    if code not in ("mask", "painted", "objects"):
        raise UsageError(f"Values cannot be {code!r}. Allowed: mask (0 = background), painted (1 = background), "
                         "objects (0 = background, all else is of one class).")
    if code == "objects" or (code == "mask" and _is_mask_of_one(labels)):
        if labels.dtype.kind == "f" and np.isnan(labels).any():
            raise UserError(f"{name!r} holds NaN; allowed are numbers, 0 where there is nothing.")
        return np.where(labels != 0, np.uint8(one_class), np.uint8(1))
    ids = checked_ids(labels, name)
    if code == "mask" and ids.size and ids.min() == 1:
        warnings.warn(
            f"{name} holds no 0. Is 1 its background? Then say that its values are painted.", InputWarning, stacklevel=2
        )
    return ids if code == "painted" else to_painted(ids)


def _is_mask_of_one(labels: NDArray[Any]) -> bool:
    """Say whether labels hold 0 and one other value, which is too large for the number of a class."""
    if labels.dtype.kind not in "uif" or not labels.size:
        return False
    top = labels.max()
    return bool(top >= MAX_CLASS_ID and ((labels == 0) | (labels == top)).all())
