"""The one function that finds objects, by any way, with every line of a person kept. Draws nothing."""

from __future__ import annotations

from typing import Any

from napari_unet.core import parameters
from napari_unet.core.errors import UserError

from . import REGISTRY
from .class_field import ClassField
from .drawn_lines import with_lines
from .hints import Hints
from .object_map import ObjectMap


def find_objects(field: ClassField, hints: Hints | None = None, way: str = "auto", **values: Any) -> ObjectMap:
    """Find the objects of a plane or a volume; numbers go from 1 without gaps.

    Parameters
    ----------
    field : ClassField
    hints : Hints, optional
        What a person has shown; every cut and join holds in the result, whatever the way.
    way : str
        Name of a way in :data:`napari_unet.objects.REGISTRY`.
    **values
        Parameters of the way.

    Raises
    ------
    UserError
        If there is no such way or parameter, a line or the strokes do not fit the field, or as the way says.
    """
    hints = hints or Hints()
    cls: Any = REGISTRY[way]
    known = [one.name for one in parameters.fields(cls)]
    for name in values:
        if name not in known:
            raise UserError(parameters.no_parameter(way, name, known))
    if hints.strokes is not None and hints.strokes.shape != field.labels.shape:
        raise UserError(f"Strokes of shape {hints.strokes.shape} do not fit a prediction of {field.labels.shape}.")
    wrong = next((one for one in hints.lines if len(one.points[0]) != field.labels.ndim), None)
    if wrong is not None:
        raise UserError(f"A {wrong.kind} with points of {len(wrong.points[0])} numbers does not fit objects of "
                        f"{field.labels.ndim} axes. Draw it again in this image.")
    return with_lines(cls(**values).find(field, hints), hints)
