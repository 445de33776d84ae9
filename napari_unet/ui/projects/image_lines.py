"""What there is of an image, in words. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from napari_unet.session.open_images import KnownImage

from ..image_ties import ImageTies
from .image_list import ImageLine

_SHARED = 8
"""Names that begin with at least so many equal letters are shortened."""

_MEANING = {
    "painted": "it has strokes",
    "predicted": "it has a prediction",
    "predicted earlier": "its prediction is older than strokes or model; Predict all or Export all does it again",
    "seen": "it was shown since it was added",
    "exported": "its mask was saved",
    "not in the project": "it is open, and forgotten when napari ends",
}


def short_names(names: Sequence[str]) -> list[str]:
    """Return names for a narrow list: what they all begin with is left out where it would hide what they differ in."""
    shared = ""
    if len(names) > 2:
        alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
        shared = "".join(letters[0] for letters in alike)
    shared = shared[: max(shared.rfind(one) for one in " _-.") + 1]
    if len(shared) < _SHARED:
        return list(names)
    return [f"\N{HORIZONTAL ELLIPSIS}{name[len(shared):]}" for name in names]


def line_of(
    known: KnownImage, listed: bool, painted: bool, ties: ImageTies, shown: str = "", outdated: bool = False
) -> ImageLine:
    """Return the line of an image of a list.

    Parameters
    ----------
    known : KnownImage
    listed : bool
        Whether it belongs to the project.
    painted : bool
        Whether it has strokes.
    ties : ImageTies
    shown : str
        A shorter name, if there is no room for the whole.
    outdated : bool
        Whether its prediction is by a model from before.
    """
    key = known.key
    layer: Any = ties.image(key)
    predicted = known.predicted or (not listed and layer is not None and bool(ties.layers_of(layer, "result")))
    marks = [mark for mark, so in (
        ("painted", painted), ("predicted earlier" if outdated else "predicted", predicted),
        ("exported", bool(known.exported)), ("seen", known.looked_at and not painted),
        ("not in the project", not listed),
    ) if so]
    name = known.name or str(key)
    lines = [name, *(f"{mark}: {_MEANING[mark]}" for mark in marks)]
    if known.source:
        lines.append("from " + ", ".join(known.source))
    if known.axes:
        lines.append(f"axes {known.axes}")
    if known.exported:
        lines.append(f"mask in {known.exported}")
    return ImageLine(key, shown or name, tuple(marks), "\n".join(lines))
