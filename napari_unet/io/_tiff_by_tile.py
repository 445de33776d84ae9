"""Large compressed TIFF files, read tile by tile (or strip by strip) where they are looked at. Decodes nothing."""

from __future__ import annotations

import contextlib
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._lazy import LazyArray
from ._tiff_planes import choose_series, opened_tiff

if TYPE_CHECKING:
    from tifffile import TiffPageSeries

LARGE = 2**27
"""Bytes. What is smaller is decoded at once, which is faster."""

_PHOTOMETRICS = (1, 2, 6)
"""Grey, colour, and colour as JPEG keeps it: the others stand for something else than their numbers."""


def tiff_by_tile(path: Path, series: TiffPageSeries, number: int) -> LazyArray | None:
    """Return a series as an array that is read tile by tile; None where it has to be decoded whole.

    Parameters
    ----------
    path : Path
    series : tifffile.TiffPageSeries
    number : int
        Of the series in the file.
    """
    simple = series.keyframe.photometric in _PHOTOMETRICS and not {"S", "C"} <= set(series.axes)
    tiff = series.keyframe.parent
    if series.nbytes < LARGE or not simple or tiff.is_imagej or series.is_multifile:
        return None
    with contextlib.suppress(Exception):  # a tifffile for older zarr, say; who decodes all at once tells of damage
        return _opened(path, number)
    return None


def tiff_levels(path: Path) -> list[LazyArray]:
    """Return the smaller resolutions of a large TIFF file that is read tile by tile; none where it has none."""
    try:
        with opened_tiff(path) as tiff:
            number, _ = choose_series(tiff)
            count = len(tiff.series[number].levels)
        return [_opened(path, number, level) for level in range(1, count)]
    except Exception:  # whoever reads the full resolution has told of damage
        return []


def _opened(path: Path, number: int, level: int = 0) -> LazyArray:
    import zarr

    tiff = opened_tiff(path)
    try:
        store: Any = tiff.series[number].aszarr(level=level)
        array = zarr.open_array(store, mode="r")
    except BaseException:
        tiff.close()
        raise
    weakref.finalize(array, tiff.close)  # it is open as long as anybody may read from it
    return LazyArray(array, str(path))
