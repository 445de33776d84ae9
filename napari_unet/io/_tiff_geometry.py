"""Where the pixels of a TIFF lie: origin and time step, as ImageJ, OME or we wrote them. Reads no pixels."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from napari_unet.core.geometry import Geometry

from ._contents import UNKNOWN, Contents, recorded_role
from ._mask_info import recorded_runs
from ._units import in_unit, offset_in_unit, time_unit_name, unit_ratio

if TYPE_CHECKING:
    from tifffile import TiffFile

_CLOSE = 1e-5
"""Relative difference up to which a tag and our own note of the same size are the same: tags are ratios."""


def placed(contents: Contents, tiff: TiffFile, record: Any) -> Contents:
    """Add origin, time step, rotation and role to what is known of a TIFF.

    Our own note is more exact than the tags and knows more, but holds only as long as the tags agree with it: another
    program may have changed the voxel size.
    """
    # an axis that the file says nothing about keeps its step
    known = [letter for letter in contents.letters if letter != UNKNOWN]
    sizes = {letter: contents.scale[contents.letters.index(letter)] for letter in known}
    offsets = dict.fromkeys(known, 0.0)
    time_unit = "pixel"
    if tiff.is_ome:
        sizes["T"], time_unit = _ome_time_step(tiff.ome_metadata or "")
    elif tiff.is_imagej:
        step, time_unit = _frame_interval(tiff.imagej_metadata or {}, known)
        sizes.update(step)
        offsets.update(_origins(tiff.imagej_metadata or {}, sizes))
    ours = Geometry.of_record(record, contents.order)
    linear: tuple[tuple[float, ...], ...] = ()
    if ours is not None and (not tiff.is_imagej or _agrees(ours, contents.unit, sizes, offsets, time_unit)):
        sizes = {**sizes, **dict(zip(ours.axes, ours.scale, strict=True))}
        offsets = {**offsets, **dict(zip(ours.axes, ours.translate, strict=True))}
        time_unit, linear = ours.time_unit, ours.linear
    steps = zip(contents.letters, contents.scale, strict=True)
    return dataclasses.replace(
        contents, scale=tuple(sizes.get(letter, step) for letter, step in steps),
        translate=tuple(offsets.get(letter, 0.0) for letter in contents.letters), time_unit=time_unit, linear=linear,
        role=recorded_role(record), objects=recorded_runs(record),
    )


def _frame_interval(told: dict[str, Any], known: list[str]) -> tuple[dict[str, float], str]:
    """Return the time step that ImageJ notes, if there is a time axis, and its unit."""
    step = offset_in_unit(told.get("finterval"), "", "")
    unit = time_unit_name(told.get("tunit", "second"))  # noted where it is not seconds
    return ({"T": step}, unit) if step > 0 and "T" in known else ({}, "pixel")


def _origins(told: dict[str, Any], sizes: dict[str, float]) -> dict[str, float]:
    """Return where the first element lies: ImageJ notes which element lies at the origin."""
    return {
        letter: -offset_in_unit(told.get(f"{letter.lower()}origin"), "", "") * sizes.get(letter, 1.0)
        for letter in "XYZ"
    }


def _agrees(ours: Geometry, unit: str, sizes: dict[str, float], offsets: dict[str, float], time_unit: str) -> bool:
    """Whether our note of an ImageJ file says what its tags say, as far as these go."""
    for letter, step, offset in zip(ours.axes, ours.scale, ours.translate, strict=True):
        if letter in "XYZ":
            near = math.isclose(step, sizes[letter], rel_tol=_CLOSE)
            if not near or not math.isclose(offset, offsets[letter], rel_tol=_CLOSE, abs_tol=_CLOSE * step):
                return False
    seconds = unit_ratio(ours.time_unit, time_unit)
    known = "T" in ours.axes and time_unit != "pixel"
    if known and not math.isclose(ours.scale[ours.axes.index("T")] * seconds, sizes["T"], rel_tol=_CLOSE):
        return False
    return ours.unit == unit


def _ome_time_step(xml: str) -> tuple[float, str]:
    """Read the time step of the first image of OME-XML, and its unit."""
    import tifffile

    images = tifffile.xml2dict(xml).get("OME", {}).get("Image", {})
    pixels = (images[0] if isinstance(images, list) else images).get("Pixels", {})
    step = pixels.get("TimeIncrement")
    return (1.0, "pixel") if step is None else (in_unit(step, "", ""), time_unit_name(
        pixels.get("TimeIncrementUnit", "s")))
