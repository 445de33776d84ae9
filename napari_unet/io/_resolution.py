"""The size of a pixel out of TIFF's resolution tags, where these are more than a hint for printers. Reads no pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ._units import in_unit, unit_name

_INCH, _CENTIMETRE = 2, 3
_PRINTED = (72, 75, 90, 96, 100, 120, 144, 150, 180, 192, 200, 220, 240, 300, 350, 360, 400, 600, 720, 1200)
"""Dots per inch that programs write when they know no size of a pixel."""
_SLACK = 2e-3
"""Relative rounding of such a resolution when it is written per centimetre with a few digits."""
_LEAST = 1.0
"""Pixels per centimetre: nobody images pixels of a centimetre, but 0/1 and 1/1 are written for "not known"."""


def tagged_size(tags: Any, imagej: Mapping[str, Any] | None) -> tuple[dict[str, float], str]:
    """Read the resolution tags, as ImageJ and microscopes write them.

    Dots per inch are a hint for printers, unless ImageJ gives its own unit; pixels per centimetre are written by
    microscopes, and by programs that convert 72 dots per inch.

    Parameters
    ----------
    tags : tifffile.TiffTags
    imagej : mapping, optional
        ImageJ's own metadata, if it wrote the file.

    Returns
    -------
    sizes : dict of str to float
        Step by letter; empty where not known.
    unit : str
        ``"pixel"`` where not known.
    """
    found = {letter: _ratio(tags.valueof(name)) for letter, name in (("X", "XResolution"), ("Y", "YResolution"))}
    kind = int(tags.valueof("ResolutionUnit") or 0)
    if imagej is not None:
        return _imagej_size(imagej, found, kind)
    per_cm = [value for value in found.values() if value is not None]
    if kind != _CENTIMETRE or len(per_cm) < 2 or any(_is_printed(value) for value in per_cm):
        return {}, "pixel"
    return {letter: in_unit(1 / value, "centimeter", "micrometer") for letter, value in found.items() if value}, (
        "micrometer"
    )


def _imagej_size(imagej: Mapping[str, Any], found: dict[str, float | None], kind: int) -> tuple[dict[str, float], str]:
    """ImageJ's unit is in its description; where it is an inch or a centimetre, that may come from a printer's hint."""
    unit = unit_name(imagej.get("unit", "pixel"))
    depth = in_unit(abs(_number(imagej.get("spacing"))), unit, unit)
    per_inch = {"inch": 1.0, "centimeter": 2.54}.get(unit) or (1.0 if kind == _INCH and unit == "pixel" else 0.0)
    known = [value for value in found.values() if value is not None]
    if len(known) < 2 or (per_inch and any(_printer_dots(value * per_inch) for value in known)):
        return {"Z": depth} if unit == "pixel" else {}, "pixel"
    return {**{letter: 1 / value for letter, value in found.items() if value}, "Z": depth}, unit


def _is_printed(per_cm: float) -> bool:
    # some programs convert to centimetres and others only say that they did
    return per_cm <= _LEAST or _printer_dots(per_cm * 2.54) or per_cm in (72, 96)


def _printer_dots(per_inch: float) -> bool:
    """Whether a number of dots per inch is one for printers and screens, exact or rounded to whole dots per cm."""
    whole = round(per_inch / 2.54)
    is_whole = math.isclose(per_inch / 2.54, whole, rel_tol=1e-9)
    near = any(math.isclose(per_inch, dots, rel_tol=_SLACK) for dots in _PRINTED)
    return near or (is_whole and whole in {math.floor(dots / 2.54) for dots in (72, 96, 300)} | {
        round(dots / 2.54) for dots in (72, 96, 300)
    })


def _ratio(value: Any) -> float | None:
    """A rational that is a positive number, else None."""
    if not (isinstance(value, tuple) and len(value) == 2 and value[1]):
        return None
    found = value[0] / value[1]
    return found if found > 0 else None


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan
