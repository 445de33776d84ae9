"""Names of units of length and time, as files of all kinds spell them. Converts numbers, reads no files."""

from __future__ import annotations

import math
from typing import Any

_PREFIXES = {
    "atto": 1e-18, "femto": 1e-15, "pico": 1e-12, "nano": 1e-9, "micro": 1e-6, "milli": 1e-3, "centi": 1e-2,
    "deci": 1e-1, "": 1.0, "hecto": 1e2, "kilo": 1e3, "mega": 1e6, "giga": 1e9,
}
_METRES = {
    **{f"{prefix}meter": factor for prefix, factor in _PREFIXES.items()},
    "angstrom": 1e-10, "inch": 0.0254, "foot": 0.3048, "yard": 0.9144, "mile": 1609.344,
}
_SECONDS = {
    **{f"{prefix}second": factor for prefix, factor in _PREFIXES.items()}, "minute": 60.0, "hour": 3600.0,
    "day": 86400.0,
}
_SHORT = {
    "angstrom": "angstrom", "picometer": "pm", "nanometer": "nm", "micrometer": "um", "millimeter": "mm",
    "centimeter": "cm", "inch": "inch", "meter": "m", "kilometer": "km",
}
"""How ImageJ spells a unit of length."""

_LENGTH_SPELLINGS = {
    "angstrom": ("å", "angstroms", "ångström"),
    # both the micro sign and the Greek letter, the latter also as an escape that ImageJ writes
    "micrometer": ("µm", "μm", "micron", "microns", "\\u00b5m"),
    "inch": ("in", "inches"),
}
_TIME_SPELLINGS = {
    "nanosecond": ("ns", "nsec"),
    "microsecond": ("us", "µs", "μs", "usec"),
    "millisecond": ("ms", "msec"),
    "second": ("s", "sec", "secs"),
    "minute": ("min", "mins"),
    "hour": ("h", "hr", "hrs"),
    "day": ("d",),
}


def _names(sizes: dict[str, float], spellings: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Return the name by every spelling of it: plural, British and short forms."""
    found = {}
    for name in sizes:
        british = name.replace("meter", "metre")
        found.update(dict.fromkeys((name, f"{name}s", british, f"{british}s", *spellings.get(name, ())), name))
    return found


_LENGTHS = {**_names(_METRES, _LENGTH_SPELLINGS), **{short: name for name, short in _SHORT.items()}}
_TIMES = _names(_SECONDS, _TIME_SPELLINGS)


def unit_name(text: Any) -> str:
    """Return the OME-Zarr (UDUNITS-2) name of a length unit, ``"pixel"`` if it is none."""
    return _LENGTHS.get(_plain(text), "pixel")


def time_unit_name(text: Any) -> str:
    """Return the OME-Zarr (UDUNITS-2) name of a unit of time, ``"pixel"`` if it is none."""
    return _TIMES.get(_plain(text), "pixel")


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
        Names from :func:`unit_name` or :func:`time_unit_name`.
    """
    value, ratio = _number(size), unit_ratio(unit, wanted)
    return value * ratio if value > 0 and ratio else 1.0


def offset_in_unit(offset: Any, unit: str, wanted: str) -> float:
    """Convert an offset between units; 0 if it is no number or the units cannot be compared."""
    return _number(offset) * unit_ratio(unit, wanted)


def unit_ratio(unit: str, wanted: str) -> float:
    """Return how many ``wanted`` one ``unit`` is; 0 if the two cannot be compared."""
    if unit == wanted:
        return 1.0
    for sizes in (_METRES, _SECONDS):
        if unit in sizes and wanted in sizes:
            return sizes[unit] / sizes[wanted]
    return 0.0


def _plain(text: Any) -> str:
    return str(text).strip().strip("\x00").casefold()


def _number(value: Any) -> float:
    """Return a finite number, 0 for anything else."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return number if math.isfinite(number) else 0.0
