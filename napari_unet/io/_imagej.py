"""How labels and probabilities are described in a TIFF: as ImageJ does it, or plainly. Writes nothing itself.

Source: ImageJ's own description of a TIFF, written by ``ij.io.FileSaver`` and read by ``ij.io.Opener``.
"""

from __future__ import annotations

import json
from typing import Any

from ._contents import RECORD
from ._mask_info import MaskInfo
from ._units import unit_ratio, unit_short

_CLASSIC_LIMIT = 2**32 - 2**20
"""Bytes of a TIFF that ImageJ understands: it addresses 4 GB."""

_MOST_LINES = 200
"""Lines about the classes of objects; the note that we read ourselves has them all."""

_SMALLEST, _LARGEST = 2.0**-31, 2.0**31
"""Between these lie the steps that a tag, a ratio of two numbers of 32 bits, expresses to nine digits."""


def imagej_slots(axes: str) -> list[tuple[str, str]]:
    """Give every axis of a mask a place in ImageJ's order: (ImageJ's letter, ours), T, Z, C, Y, X.

    T, Z and C keep their own; other axes take what is free, slices first. More than three: an empty list.
    """
    free = [letter for letter in "ZTC" if letter not in axes]
    named = {letter: letter for letter in axes if letter in "TZCYX"}
    others = [letter for letter in axes if letter not in "TZCYX"]
    if len(others) > len(free):
        return []
    named.update(zip(free, others, strict=False))
    return [(letter, named[letter]) for letter in "TZCYX" if letter in named]


def hyperstack_options(info: MaskInfo, shape: tuple[int, ...], top: float) -> dict[str, Any]:
    """Return what ``tifffile.imwrite`` needs for an ImageJ hyperstack of an array in the order of its slots.

    Parameters
    ----------
    info : MaskInfo
    shape : tuple of int
        In the order of ``info.geometry.axes``.
    top : float
        What ImageJ shows as white.
    """
    geometry = info.geometry
    slots = dict(imagej_slots(geometry.axes))
    steps = dict(zip(geometry.axes, geometry.scale, strict=True))
    offsets = dict(zip(geometry.axes, geometry.translate, strict=True))
    record = {**info.record(), "shape": list(shape)}
    metadata: dict[str, Any] = {
        "axes": "".join(slots),
        "unit": unit_short(geometry.unit),
        "min": 0.0,
        "max": float(top),
        "Info": "\n".join([*_legend(info), f"{RECORD} = {json.dumps(record)}"]),
    }
    if slots.get("Z") == "Z":
        metadata["spacing"] = steps["Z"]
    seconds = steps.get("T", 0.0) * unit_ratio(geometry.time_unit, "second")
    if slots.get("T") == "T" and seconds:
        metadata["finterval"] = seconds
    for letter in "XYZ":
        if offsets.get(letter):  # ImageJ notes which element, counted from 0, lies at the origin
            metadata[f"{letter.lower()}origin"] = -offsets[letter] / steps[letter]
    return {
        "imagej": True, "resolution": (1 / steps["X"], 1 / steps["Y"]), "resolutionunit": "none", "metadata": metadata,
    }


def plain_options(info: MaskInfo) -> dict[str, Any]:
    """Return what ``tifffile.imwrite`` needs for a BigTIFF whose description is JSON."""
    options: dict[str, Any] = {"bigtiff": True, "metadata": {"axes": info.geometry.axes, RECORD: info.record()}}
    sizes = [step * unit_ratio(info.geometry.unit, "centimeter") for step in info.geometry.scale[-2:]]
    if all(_SMALLEST < size < _LARGEST for size in sizes):
        options |= {"resolution": (1 / sizes[1], 1 / sizes[0]), "resolutionunit": "centimeter"}
    return options


def suits_imagej(info: MaskInfo, nbytes: int) -> bool:
    """Say whether an ImageJ hyperstack can hold an array: its size, its axes, and steps that a tag can express."""
    fits = nbytes <= _CLASSIC_LIMIT and bool(imagej_slots(info.geometry.axes))
    return fits and all(_SMALLEST < step < _LARGEST for step in info.geometry.scale[-2:])


def _legend(info: MaskInfo) -> list[str]:
    """Return lines that say what the numbers mean, for people who read them in ImageJ."""
    if info.code == "objects":
        return ["values: 0 = none, others = single objects", *(
            f"{first} to {last}: {info.classes.name(one)}" for first, last, one in info.objects[:_MOST_LINES])]
    if info.code == "probabilities":
        return ["channels: probabilities of the classes", *(
            f"{number}: {one.name} ({one.color})" for number, one in enumerate(info.classes.classes, start=1))]
    first = "values: " + ("0 = background" if info.code == "mask" else "0 = not painted")
    return [first, *(f"{value}: {name} ({color})" for value, name, color in info.values)]
