"""Names of length units, as files of all kinds spell them. Converts numbers, reads no files."""

from __future__ import annotations

import math
from typing import Any

_METRES = {
    "angstrom": 1e-10,
    "nanometer": 1e-9,
    "micrometer": 1e-6,
    "millimeter": 1e-3,
    "centimeter": 1e-2,
    "inch": 0.0254,
    "meter": 1.0,
}
_SPELLINGS = {
    "angstrom": ("å", "angstroms", "ångström"),
    "nanometer": ("nm", "nanometre", "nanometers", "nanometres"),
    # both the micro sign and the Greek letter, the latter also as an escape that ImageJ writes
    "micrometer": ("um", "µm", "μm", "micron", "microns", "micrometre", "micrometers", "micrometres", "\\u00b5m"),
    "millimeter": ("mm", "millimetre", "millimeters", "millimetres"),
    "centimeter": ("cm", "centimetre", "centimeters", "centimetres"),
    "inch": ("in", "inches"),
    "meter": ("m", "metre", "meters", "metres"),
}
_NAMES = {spelling: name for name, spellings in _SPELLINGS.items() for spelling in (name, *spellings)}
_SHORT = {name: spellings[0] for name, spellings in _SPELLINGS.items()} | {"angstrom": "angstrom", "inch": "inch"}


def unit_name(text: Any) -> str:
    """Return the OME-Zarr (UDUNITS-2) name of a length unit, ``"pixel"`` if it is none."""
    return _NAMES.get(str(text).strip().strip("\x00").casefold(), "pixel")


def unit_short(name: str) -> str:
    """Return the short spelling that ImageJ knows (``um``); other words stay as they are."""
    return _SHORT.get(unit_name(name), name)


def in_unit(size: Any, unit: str, wanted: str) -> float:
    """Convert a step size between units; 1 if it is no size or the units cannot be compared.

    Parameters
    ----------
    size : object
        What the file has; anything that is no positive finite number counts as unknown.
    unit, wanted : str
        Names from :func:`unit_name`.
    """
    try:
        value = float(size)
    except (TypeError, ValueError, OverflowError):  # the last: hundreds of digits
        return 1.0
    if not (math.isfinite(value) and value > 0):
        return 1.0
    if unit == wanted:
        return value
    if unit in _METRES and wanted in _METRES:
        return value * _METRES[unit] / _METRES[wanted]
    return 1.0
