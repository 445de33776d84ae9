"""What a TIFF says about its pixels: axes, voxel size, classes, as OME, ImageJ or we wrote it. Reads no pixels."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ._contents import RECORD, UNKNOWN, Contents, read_record
from ._imagej import imagej_slots
from ._tiff_geometry import placed
from ._units import in_unit, unit_name

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPageSeries

_GUESSES = {"S": "C", "I": "N", "Q": UNKNOWN}
"""What tifffile's letters for samples, images and unknown axes mean here."""


def tiff_contents(tiff: TiffFile, series: TiffPageSeries, data: Any) -> Contents:
    """Say what a series holds: axes, voxel size, classes and how sure that is."""
    data, raw = _one_channel_axis(data, series.axes)
    letters = "".join(_GUESSES.get(letter, letter) for letter in raw)
    fallback = ""
    shaped = tiff.shaped_metadata
    if series.kind == "shaped" and not (shaped and "axes" in shaped[0]):
        # tifffile's own files without axes: it takes a first or last axis of 3 for colour and a stack of three
        # planes with it, so its letters are only a guess
        fallback = letters.replace(UNKNOWN, "N") if letters.count(UNKNOWN) < 2 else ""
        letters = UNKNOWN * len(raw)
    sizes, unit = _voxel_size(tiff)
    record = _record(tiff)
    classes, code, order = read_record(record)
    if tiff.shaped_metadata and sorted(order) == sorted(raw):
        letters = raw  # our own plain file: tifffile's letters are those we gave it
    if tiff.is_imagej and order:
        data, raw, letters = _as_recorded(data, record.get("shape"), order, raw, letters)
    scale = tuple(sizes.get(letter, 1.0) for letter in raw)
    notes = [f"first of {len(tiff.series)} series"] if len(tiff.series) > 1 else []
    if len(series.levels) > 1:
        notes.append(f"full resolution of {len(series.levels)} levels")
    contents = Contents(data, letters, scale, unit, classes, code, order, fallback, tuple(notes))
    return placed(contents, tiff, record)


def _one_channel_axis(data: Any, raw: str) -> tuple[Any, str]:
    """Make one axis of samples and channels: of colour pictures, one for each channel, all are channels."""
    if not {"S", "C"} <= set(raw):
        return data, raw
    sizes = dict(zip(raw, data.shape, strict=False))
    if sizes["S"] == 1 or sizes["C"] == 1:
        drop = raw.index("S" if sizes["S"] == 1 else "C")
        return data.squeeze(axis=drop), raw[:drop] + raw[drop + 1 :]
    data = np.moveaxis(data, raw.index("S"), raw.index("C") + int(raw.index("S") > raw.index("C")))
    raw = raw.replace("S", "")
    at = raw.index("C")
    return data.reshape(*data.shape[:at], -1, *data.shape[at + 2 :]), raw


def _as_recorded(data: Any, shape: Any, order: str, raw: str, letters: str) -> tuple[Any, str, str]:
    """Put back the axes of size 1 that ImageJ does not note, and call the others by our letters."""
    slots = imagej_slots(order)
    if not slots or not isinstance(shape, list) or len(shape) != len(order):
        return data, raw, letters
    sizes = [shape[order.index(ours)] for _, ours in slots]
    if math.prod(sizes) != data.size:
        return data, raw, letters
    return data.reshape(sizes), "".join(theirs for theirs, _ in slots), "".join(ours for _, ours in slots)


def _record(tiff: TiffFile) -> Any:
    if tiff.shaped_metadata:
        return tiff.shaped_metadata[0].get(RECORD)
    for line in str((tiff.imagej_metadata or {}).get("Info", "")).splitlines():
        if line.startswith(f"{RECORD} = "):
            try:
                return json.loads(line.partition(" = ")[2])
            except ValueError:
                return None
    return None


def _voxel_size(tiff: TiffFile) -> tuple[dict[str, float], str]:
    """Step sizes by the letters of the file, and their unit."""
    if tiff.is_ome:
        return _ome_size(tiff.ome_metadata or "")
    record = tiff.shaped_metadata[0].get(RECORD) if tiff.shaped_metadata else None
    if isinstance(record, dict) and isinstance(record.get("scale"), dict):
        unit = unit_name(record.get("unit"))
        return {letter: in_unit(step, unit, unit) for letter, step in record["scale"].items()}, unit
    return _tagged_size(tiff)


def _ome_size(xml: str) -> tuple[dict[str, float], str]:
    """Read the physical size of a pixel of the first image of OME-XML."""
    import tifffile

    images = tifffile.xml2dict(xml).get("OME", {}).get("Image", {})
    pixels = (images[0] if isinstance(images, list) else images).get("Pixels", {})
    units = {letter: unit_name(pixels.get(f"PhysicalSize{letter}Unit", "um")) for letter in "XYZ"}
    sizes = {letter: pixels.get(f"PhysicalSize{letter}") for letter in "XYZ"}
    if sizes["X"] is None or units["X"] == "pixel":
        return {}, "pixel"
    return {letter: in_unit(sizes[letter], units[letter], units["X"]) for letter in "XYZ"}, units["X"]


def _tagged_size(tiff: TiffFile) -> tuple[dict[str, float], str]:
    """Read resolution tags, as ImageJ and microscopes write them."""
    tags = tiff.pages.first.tags
    steps = {
        letter: 1 / in_unit(_ratio(tags.valueof(name)), "", "")
        for letter, name in (("X", "XResolution"), ("Y", "YResolution"))
    }
    if tiff.is_imagej:
        metadata = tiff.imagej_metadata or {}
        unit = unit_name(metadata.get("unit", "pixel"))
        return {**steps, "Z": in_unit(abs(_number(metadata.get("spacing"))), unit, unit)}, unit
    # dots per inch are a hint for printers; pixels per centimetre are written by microscopes
    if tags.valueof("ResolutionUnit") == 3 and tags.valueof("XResolution"):
        return {letter: in_unit(step, "centimeter", "micrometer") for letter, step in steps.items()}, "micrometer"
    return {}, "pixel"


def _ratio(value: Any) -> float | None:
    return value[0] / value[1] if isinstance(value, tuple) and len(value) == 2 and value[1] else None


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan
