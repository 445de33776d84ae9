"""Which picture of a TIFF is meant, and which of its planes exist. Decodes no pixels."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError

from ._tiff_structure import HELP

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPageSeries

_TIMES = 4
"""A picture with so many times the pixels of the first one is the image, and the first its preview."""
_SMALL = 16
"""Below so many columns any picture is about half of another."""
_MOST_PLANES = 10_000_000
_REDUCED = 1
"""Bit of tag 254: a smaller version of another picture of the file."""


def check_named_planes(path: Path, xml: str) -> None:
    """Hold what OME-XML names against reason, before lists of that length are made.

    Raises
    ------
    UserError
        If it names more planes than any file has, or another file that is a device.
    """
    for tag in re.findall(r"<(?:\w+:)?(?:Pixels|TiffData|Along\w)\b[^>]*>", xml):
        told = dict(re.findall(r"""(\w+)\s*=\s*["']([^"']*)["']""", tag))
        sizes = [_whole(told.get(f"Size{letter}")) for letter in "ZCT"]
        single = [_whole(told.get(name)) for name in ("PlaneCount", "NumPlanes", "IFD", "FirstZ", "FirstC", "FirstT")]
        if max(math.prod(sizes), *single, _steps(told)) > _MOST_PLANES:
            raise UserError(
                f"{path} is damaged: its OME metadata name more than {_MOST_PLANES} planes. {HELP}"
            )
    for name in _named_files(xml):
        other = path.parent / name
        if other.exists() and not other.is_file():
            raise UserError(f"The OME metadata of {path} name {name!r} as a part of it, which is no file. Remove that.")


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 20 else 10**20 if text else 1


def _steps(told: dict[str, str]) -> float:
    """How many steps an axis inside an axis (Modulo annotation) has."""
    try:
        return (float(told["End"]) - float(told["Start"])) / float(told.get("Step", 1))
    except (KeyError, ValueError, ZeroDivisionError):
        return 0


def _named_files(xml: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"""\bFileName\s*=\s*["']([^"']+)["']""", xml)))


def opened_tiff(file: Any, **options: Any) -> TiffFile:
    """Open a TIFF, pages that tifffile wrote one by one as the planes of one picture.

    ``writer.write(plane)`` in a loop notes each page as a picture of its own. Other programs show a stack of them, and
    whoever wrote them meant one.

    Parameters
    ----------
    file : path or open file
    **options
        Of :class:`tifffile.TiffFile`.
    """
    import tifffile

    tiff = tifffile.TiffFile(file, **options)
    try:
        alike = _are_planes(tiff)
    except BaseException:
        tiff.close()
        raise
    if not alike:
        return tiff
    if isinstance(file, Path):
        tiff.close()
    return tifffile.TiffFile(file, is_shaped=False, **options)


def _are_planes(tiff: TiffFile) -> bool:
    """Whether there are several pictures, each one nameless page, and all alike."""
    if not tiff.is_shaped or len(tiff.series) < 2:
        return False
    noted = tiff.shaped_metadata or ()
    return (
        len(noted) == len(tiff.series) and all(set(one) <= {"shape", "axes"} for one in noted)
        and all(len(one) == 1 and one.keyframe.hash == tiff.series[0].keyframe.hash for one in tiff.series)
    )


def choose_series(tiff: TiffFile) -> tuple[int, str]:
    """Return the number of the picture that is meant, and what to say of the choice.

    The first, unless it is marked as a smaller version or is a preview of a much larger one. Smaller versions of the
    chosen one are its levels, whether or not the file says so.
    """
    areas = [series.keyframe.imagewidth * series.keyframe.imagelength for series in tiff.series]
    count, largest = len(areas), max(areas)
    reduced = int(tiff.series[0].keyframe.subfiletype or 0) & _REDUCED
    if largest < (areas[0] + 1 if reduced else areas[0] * _TIMES):
        levels = sum(_is_level(one, tiff.series[0]) for one in tiff.series)
        notes = [f"first of {count - levels} series"] if count > levels + 1 else []
        return 0, "; ".join([*notes, f"full resolution of {levels + 1} levels"] if levels else notes)
    chosen, small = areas.index(largest), tiff.series[0].keyframe
    return chosen, (
        f"series {chosen + 1} of {count}, the largest; the first is a preview of {small.imagewidth} x "
        f"{small.imagelength} pixels"
    )


def _is_level(one: TiffPageSeries, whole: TiffPageSeries) -> bool:
    """Whether a picture is a smaller version of another: marked so, or half its sides, a quarter, and so on."""
    small, large = one.keyframe, whole.keyframe
    if int(small.subfiletype or 0) & _REDUCED:
        return bool(small.imagewidth < large.imagewidth)
    if len(one) != len(whole) or one.dtype != whole.dtype or small.samplesperpixel != large.samplesperpixel:
        return False
    steps = range(1, max(1, large.imagewidth).bit_length())
    return any(
        abs(small.imagewidth - large.imagewidth / 2**step) <= 1
        and abs(small.imagelength - large.imagelength / 2**step) <= 1
        for step in steps if small.imagewidth >= _SMALL
    )


def existing_planes(path: Path, tiff: TiffFile, series: TiffPageSeries) -> tuple[TiffPageSeries, str]:
    """Leave out the planes that the metadata name but no file holds; return what to say about them.

    What is left has to be a regular block: planes are left out along the one axis where that keeps most of them.

    Raises
    ------
    UserError
        If no block is left.
    """
    pages = list(series.pages)
    missing = [page is None for page in pages]
    if not any(missing):
        return series, ""
    leading = series.shape[: len(series.shape) - len(series.keyframe.shape)]
    lost = f"{path} names {len(pages)} planes, of which {sum(missing)} are missing{_lost_files(path, tiff)}"
    if math.prod(leading) != len(pages):
        raise UserError(f"{lost}. What is left is no regular image. {HELP}")
    present = ~np.array(missing).reshape(leading)
    kept = max(_blocks(present), key=lambda block: math.prod(block[1].shape) if block[1].size else 0)
    axis, numbers = kept[0], kept[1]
    if not numbers.size:
        raise UserError(f"{lost}. What is left is no regular image. {HELP}")
    shape = list(series.shape)
    shape[axis] = len(_along(present, axis))
    return _part(tiff, series, [pages[number] for number in numbers.ravel()], tuple(shape)), (
        f"{lost}; {numbers.size} that exist are read ({series.axes[axis]} {_span(_along(present, axis))})."
    )


def _blocks(present: NDArray[np.bool_]) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """For each axis, the numbers of the planes that are left when incomplete places along it are left out."""
    numbers = np.arange(present.size).reshape(present.shape)
    for axis in range(present.ndim):
        yield axis, np.take(numbers, _along(present, axis), axis)


def _along(present: NDArray[np.bool_], axis: int) -> NDArray[np.intp]:
    return np.flatnonzero(present.all(axis=tuple(one for one in range(present.ndim) if one != axis)))


def _span(places: NDArray[np.intp]) -> str:
    listed = ", ".join(map(str, places[:20])) + (", ..." if len(places) > 20 else "")
    together = len(places) > 2 and places[-1] - places[0] == len(places) - 1
    return f"{places[0]} to {places[-1]}" if together else listed


def _lost_files(path: Path, tiff: TiffFile) -> str:
    """Name the files of a series that are gone."""
    gone = [name for name in _named_files(tiff.ome_metadata or "") if not (path.parent / name).exists()]
    names = [name for name in gone if name.lower() != path.name.lower()]
    if not names:
        return ""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f" (there is no {', '.join(names[:3])}{more})"


def _part(tiff: TiffFile, series: TiffPageSeries, pages: list[Any], shape: tuple[int, ...]) -> TiffPageSeries:
    from tifffile import TiffPageSeries

    return TiffPageSeries(
        pages, shape, series.dtype, series.axes, parent=tiff, name=series.name, multifile=series.is_multifile,
        kind=series.kind, squeeze=False,
    )
