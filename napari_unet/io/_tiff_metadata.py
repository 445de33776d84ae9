"""What a TIFF says about its pixels: axes, voxel size, classes, as OME, ImageJ or we wrote it. Reads no pixels."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ._contents import RECORD, UNKNOWN, Contents, read_record
from ._imagej import imagej_slots
from ._resolution import tagged_size
from ._tiff_colours import INKS
from ._tiff_geometry import placed
from ._units import in_unit, unit_name

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPageSeries

_GUESSES = {"S": "C", "I": "N", "Q": UNKNOWN}
"""What tifffile's letters for samples, images and unknown axes mean here."""


_NAMELESS = ("generic", "uniform")
"""Kinds of files whose metadata name no axes."""
_NO_DATA = 42113
_MAYBE_COLOUR = (1, 3, 4)
"""Samples of a pixel that tifffile chose by itself, where nobody said what they are."""


def tiff_contents(tiff: TiffFile, series: TiffPageSeries, number: int, data: Any, axes: str) -> Contents:
    """Say what a series holds: axes, voxel size, classes and how sure that is.

    Parameters
    ----------
    tiff : tifffile.TiffFile
    series : tifffile.TiffPageSeries
        The picture, without planes that do not exist.
    number : int
        Which of the file it is.
    data : array-like
        Its pixels as they are meant.
    axes : str
        Letters of ``data`` as tifffile has them.
    """
    data, raw = _one_channel_axis(data, axes)
    letters, fallback, source = _letters(tiff, series, number, raw)
    sizes, unit, guess = _voxel_size(tiff, series, number)
    record = _record(tiff, number)
    classes, code, order = read_record(record)
    if tiff.shaped_metadata and sorted(order) == sorted(raw):
        letters = raw  # our own plain file: tifffile's letters are those we gave it
    if (tiff.is_imagej or tiff.is_ome) and order:
        data, raw, letters = _as_recorded(data, record.get("shape"), order, raw, letters)
    scale = tuple(sizes.get(letter, 1.0) for letter in raw)
    levels = len(tiff.series[number].levels)
    notes = (*((f"full resolution of {levels} levels",) if levels > 1 else ()), *((guess,) if guess else ()))
    contents = Contents(
        data, letters, scale, unit, classes, code, order, fallback, notes,
        source=source,
    )
    return placed(contents, tiff, record)


def _letters(tiff: TiffFile, series: TiffPageSeries, number: int, raw: str) -> tuple[str, str, str]:
    """Return our letters of axes, those to fall back on, and where they come from."""
    letters, keyframe = "".join(_GUESSES.get(letter, letter) for letter in raw), series.keyframe
    unnamed = series.kind == "shaped" and "axes" not in _shaped(tiff, number)
    source = "from the pages and samples of the file" if unnamed or series.kind in _NAMELESS else Contents.source
    if not unnamed or keyframe.photometric == INKS or keyframe.samplesperpixel not in _MAYBE_COLOUR:
        return letters, "", source
    # tifffile's own files without axes: it takes a first or last axis of 3 or 4 for colour and a stack of three planes
    # with it, so its letters are only a guess; other numbers of samples were asked for
    fallback = letters.replace(UNKNOWN, "N") if letters.count(UNKNOWN) < 2 else ""
    return UNKNOWN * len(raw), fallback, source


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


def _shaped(tiff: TiffFile, number: int) -> dict[str, Any]:
    """What tifffile noted of a picture when it wrote it."""
    shaped = tiff.shaped_metadata or ()
    return shaped[number] if number < len(shaped) else {}


def _record(tiff: TiffFile, number: int) -> Any:
    if tiff.shaped_metadata:
        return _shaped(tiff, number).get(RECORD)
    if tiff.is_ome:
        return _ome_record(tiff.ome_metadata or "")
    for line in str((tiff.imagej_metadata or {}).get("Info", "")).splitlines():
        if line.startswith(f"{RECORD} = "):
            try:
                return json.loads(line.partition(" = ")[2])
            except ValueError:
                return None
    return None


def _ome_record(xml: str) -> Any:
    """Read what our own OME-TIFF files note in a map annotation."""
    import tifffile

    noted = tifffile.xml2dict(xml).get("OME", {}).get("StructuredAnnotations", {})
    noted = noted.get("MapAnnotation", {}) if isinstance(noted, dict) else {}
    for one in noted if isinstance(noted, list) else [noted]:
        value = one.get("Value", {}) if isinstance(one, dict) else {}
        entries = value.get("M", []) if isinstance(value, dict) else []
        for entry in entries if isinstance(entries, list) else [entries]:
            if isinstance(entry, dict) and entry.get("K") == RECORD:
                try:
                    return json.loads(str(entry.get("value")))
                except ValueError:
                    return None
    return None


def declared_no_data(series: TiffPageSeries) -> tuple[float, ...]:
    """Read GDAL's tag: the number that stands for no data, as text."""
    try:
        return (float(str(series.keyframe.tags.valueof(_NO_DATA)).strip().strip("\0")),)
    except ValueError:
        return ()


def _voxel_size(tiff: TiffFile, series: TiffPageSeries, number: int) -> tuple[dict[str, float], str, str]:
    """Step sizes by the letters of the file, their unit, and what of it is guessed."""
    if tiff.is_ome:
        found = _ome_size(tiff.ome_metadata or "", number)
        if found[0]:
            return found
    record = _record(tiff, number) if tiff.is_ome else _shaped(tiff, number).get(RECORD)
    if tiff.is_ome and not isinstance(record, dict):
        return {}, "pixel", ""
    if isinstance(record, dict) and isinstance(record.get("scale"), dict):
        unit = unit_name(record.get("unit"))
        return {letter: in_unit(step, unit, unit) for letter, step in record["scale"].items()}, unit, ""
    return *tagged_size(series.keyframe.tags, (tiff.imagej_metadata or {}) if tiff.is_imagej else None), ""


def _ome_size(xml: str, number: int) -> tuple[dict[str, float], str, str]:
    """Read the physical size of a pixel of one image of OME-XML; a size along X or Y alone is that along both."""
    import tifffile

    images = tifffile.xml2dict(xml).get("OME", {}).get("Image", {})
    if isinstance(images, list):
        images = images[min(number, len(images) - 1)]
    pixels = images.get("Pixels", {})
    units = {letter: unit_name(pixels.get(f"PhysicalSize{letter}Unit", "um")) for letter in "XYZ"}
    sizes = {letter: pixels.get(f"PhysicalSize{letter}") for letter in "XYZ"}
    guess = ""
    for letter, other in ("XY", "YX"):
        if _is_size(sizes[letter]) and not _is_size(sizes[other]):
            sizes[other], units[other] = sizes[letter], units[letter]
            guess = f"the size of a pixel along {other} is guessed to be that along {letter}"
    if not _is_size(sizes["X"]) or units["X"] == "pixel":
        return {}, "pixel", ""
    return {letter: in_unit(sizes[letter], units[letter], units["X"]) for letter in "XYZ"}, units["X"], guess


def _is_size(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and value > 0
