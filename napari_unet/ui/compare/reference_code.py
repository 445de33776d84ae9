"""References of the window: recognises in which code their layers are, and copies them as painted ids. Knows no widget.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from napari_unet.comparison.code_rules import Reading
from napari_unet.comparison.reference_values import (
    UnclearReferenceError,
    Values,
    painted_classes,
    read_reference,
    reading_of,
)
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.objects.object_map import ObjectMap

from ..layer_metadata import class_table, role_of
from ..layers import label_view, same_shape, scribbles_of
from .image_rows import ChosenImage


def guess_code(chosen: Sequence[ChosenImage]) -> Reading:
    """Recognise the code of the references of all images together, by their values and the strokes on them.

    Layers that carry our class table hold painted ids. References of another shape than their image are left out.
    """
    fitting = [one for one in chosen if one.reference is not None and same_shape(one.reference, one.image)]
    layers = [one.reference for one in fitting if one.reference is not None]
    if layers and all(role_of(layer) == "objects" for layer in layers):
        return Reading("objects", "numbers single objects.", one_class=next(iter(painted_classes(
            [_witness(one) for one in fitting])), 2))
    if layers and all(class_table(layer) is not None for layer in layers):
        return Reading("painted", "was made here, so 1 is background.")
    views = [label_view(layer, one.image) for layer, one in zip(layers, fitting, strict=True)]
    return reading_of(views, [_witness(one) for one in fitting])


def references_of(chosen: Sequence[ChosenImage], code: Values) -> tuple[NDArray[np.uint8] | None, ...]:
    """Return copies of the references of all images as painted ids, None where there is none.

    Raises
    ------
    UserError
        If a reference has another shape than its image, holds no labels, or its code cannot be known; the message names
        the layer.
    """
    reading = guess_code(chosen) if code == "auto" else None
    classes = painted_classes([_witness(one) for one in chosen])
    return tuple(None if one.reference is None else _copy(one.reference, one.image, code, classes, reading)
                 for one in chosen)


def numbered_references(
    chosen: Sequence[ChosenImage], code: Values, references: Sequence[NDArray[np.uint8] | None]
) -> tuple[ObjectMap | None, ...]:
    """Return the objects of the references that number them; None where they hold classes.

    Parameters
    ----------
    chosen : sequence of ChosenImage
    code : {"auto", "mask", "painted", "objects"}
    references : sequence of ndarray or None
        The same as painted ids.
    """
    told = guess_code(chosen).code if code == "auto" else code
    return tuple(_numbered(one, painted) if told == "objects" else None
                 for one, painted in zip(chosen, references, strict=True))


def _numbered(one: ChosenImage, painted: NDArray[np.uint8] | None) -> ObjectMap | None:
    if one.reference is None or painted is None:
        return None
    numbers = np.asarray(label_view(one.reference, one.image))
    several = np.unique(numbers[numbers > 0]).size > 1  # one value alone, 255 say, is a class
    class_id = int(painted.max(initial=2))
    return ObjectMap.of(numbers.astype(np.int64), class_id) if several else None


def _copy(
    layer: Labels, image: Image, code: Values, classes: Sequence[int], reading: Reading | None
) -> NDArray[np.uint8]:
    try:
        return np.array(read_reference(label_view(layer, image), code, repr(layer.name), classes=classes,
                                       reading=reading), np.uint8)
    except UnclearReferenceError as error:
        raise UserError(f"Reference {error.question} Choose under \"Its values\".") from None
    except UserError as error:
        raise UserError(f"Reference {layer.name!r}: {error}") from None


def _witness(one: ChosenImage) -> NDArray[np.uint8] | None:
    """Return the strokes of an image as painted ids; None without."""
    if one.strokes is None or not same_shape(one.strokes, one.image):
        return None
    return scribbles_of(one.strokes, one.image).to_array()
