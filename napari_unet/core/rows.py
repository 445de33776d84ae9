"""One number of a comparison, in tidy form. Computes nothing."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    """One measured value.

    Parameters
    ----------
    method : str
        What was judged, e.g. ``"unet"``.
    image : str
        Name of the image.
    plane : int or None
        Plane number, None for a value of a whole image or method (seconds).
    class_id : int or None
        Painted id (2, 3, ...); the background has no rows. None for a value without a class.
    class_name : str
    metric : str
        Name in the metrics registry, e.g. ``"dice"``, or ``"seconds"``.
    value : float or None
        None where the value cannot be had; ``note`` says why.
    unit : str
        ``""`` for a ratio, ``"count"``, ``"s"``, ``"px"``, ...
    note : str
        Why there is no value.
    way : str
        By which way objects were found (``"auto"``); empty for what is no score of objects.
    sees : str
        What the method looked at in this image: ``"planes"`` or ``"volumes"``; empty for what is no image.
    """

    method: str
    image: str
    plane: int | None
    class_id: int | None
    class_name: str
    metric: str
    value: float | None
    unit: str = ""
    note: str = ""
    way: str = ""
    sees: str = ""


COLUMNS = ("method", "image", "plane", "class_id", "class_name", "metric", "value", "unit", "way", "sees")
"""Columns of ``table.csv``, in order."""
