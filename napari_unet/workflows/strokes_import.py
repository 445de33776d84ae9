"""Strokes or a mask from a file, as paint for an image; what its numbers stand for is recognised. Paints nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_unet.comparison.reference_values import Values, painted_classes, read_reference, reading_of
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.scribbles import Pair
from napari_unet.io import load_objects, open_contents, read_labels, shape_format
from napari_unet.objects.interiors import interiors


@dataclasses.dataclass(frozen=True, eq=False)
class ImportedStrokes:
    """What a file holds, as paint.

    Parameters
    ----------
    painted : ndarray of uint8, of the image's shape
        Painted ids (1 = background, 2, ... = classes), 0 where nothing is.
    classes : ClassTable or None
        Names and colours, if the file has them.
    code : str
        How its numbers were read: ``"mask"``, ``"painted"`` or ``"objects"``.
    """

    painted: NDArray[np.uint8]
    classes: ClassTable | None
    code: str


def strokes_from_file(path: Path, pair: Pair, values: Values = "auto") -> ImportedStrokes:
    """Read strokes or a mask for an image that may have strokes already.

    Of ROIs, GeoJSON and objects that were saved here the insides of the objects are painted, their rims are not.

    Parameters
    ----------
    path : Path
    pair : Pair
        The image, and its strokes: they tell what the numbers stand for.
    values : {"auto", "mask", "painted", "objects"}
        What the numbers stand for; ``auto``: as the file says, or as is recognised.

    Raises
    ------
    UnclearReferenceError
        If nothing tells what the numbers stand for.
    UserError
        If the file cannot be read, or does not fit the image.
    """
    image = pair.image
    if shape_format(path) is not None or open_contents(path, labels=True).role == "objects":
        return _inside_objects(path, pair)
    labels, classes = read_labels(path)
    if [size for size in labels.shape if size > 1] != [size for size in image.shape if size > 1]:
        raise UserError(f"{path.name} has shape {labels.shape}, but strokes on {image.name!r} need {image.shape} (axes "
                        f"{image.label_axes}). Choose the file that belongs to this image.")
    labels = labels.reshape(image.shape)
    witness = pair.scribbles.to_array()
    said = open_contents(path, labels=True).code
    if values == "auto" and said in ("mask", "painted"):
        values = "mask" if said == "mask" else "painted"
    reading = reading_of([labels], [witness]) if values == "auto" else None
    painted = read_reference(labels, values, path.name, classes=painted_classes([witness]), reading=reading)
    code = values if reading is None or reading.code is None else reading.code
    return ImportedStrokes(painted, None if code == "objects" else classes, code)


def _inside_objects(path: Path, pair: Pair) -> ImportedStrokes:
    """Read objects as paint: those of one class are of the one class that is painted, if there is one."""
    loaded = load_objects(path, pair.image.shape, pair.image.label_axes)
    painted, known = interiors(loaded.found), painted_classes([pair.scribbles.to_array()])
    several = np.unique(painted[painted > 1]).size > 1
    if several or (loaded.told and not known):
        return ImportedStrokes(painted, loaded.classes, "objects")
    painted[painted > 1] = known[0] if len(known) == 1 else 2
    return ImportedStrokes(painted, None, "objects")
