"""What there is of an image, in words. Changes nothing."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from napari_unet.session.open_images import KnownImage

from ..image_ties import ImageTies
from .image_list import ImageLine

_MEANING = {
    "painted": "it has strokes",
    "predicted": "it has a prediction",
    "looked at": "it was shown since it was added",
    "exported": "its mask was saved",
    "not in the project": "it is open, and forgotten when napari ends",
}


def line_of(known: KnownImage, listed: bool, painted: bool, ties: ImageTies, key: Hashable) -> ImageLine:
    """Return the line of an image of a list.

    Parameters
    ----------
    known : KnownImage
    listed : bool
        Whether it belongs to the project.
    painted : bool
        Whether it has strokes.
    ties : ImageTies
    key : hashable
    """
    layer: Any = ties.image(key)
    predicted = known.predicted or (not listed and layer is not None and bool(ties.layers_of(layer, "result")))
    marks = [mark for mark, so in (
        ("painted", painted), ("predicted", predicted), ("looked at", known.looked_at and not painted),
        ("exported", bool(known.exported)), ("not in the project", not listed),
    ) if so]
    name = known.name or str(key)
    lines = [name, *(f"{mark}: {_MEANING[mark]}" for mark in marks)]
    if known.source:
        lines.append("from " + ", ".join(known.source))
    if known.axes:
        lines.append(f"axes {known.axes}")
    if known.exported:
        lines.append(f"mask in {known.exported}")
    return ImageLine(key, name, tuple(marks), "\n".join(lines))
