"""What the numbers of a TIFF mean as a picture: palettes, inks, and files in which white is zero. Opens no file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tifffile import TiffPage, TiffPageSeries

_MINISWHITE, _PALETTE, INKS = 0, 3, 5
_OTHER_INKS = 2
"""As the tag ``InkSet`` says: not those of CMYK."""
_PLAIN_BOOLEANS = "tifffile.py"
"""As tifffile signs what it writes."""
_MOST_TABLES = 5000
"""Pages that are asked for a table of their own."""
_SMOOTH = 48
"""Largest step (of 255) from colour to colour of a table made for intensities; those of reduced pictures leap."""


def as_mask(page: TiffPage, data: Any) -> Any:
    """Return class numbers as they are; of a 1-bit mask white is 1, whichever way round the file stores it.

    Not so where tifffile wrote it: that stores booleans as they are, and calls 0 white whatever they mean.
    """
    turned = page.photometric == _MINISWHITE and page.bitspersample == 1 and page.software != _PLAIN_BOOLEANS
    return ~np.asarray(data, bool) if turned else data


def as_picture(series: TiffPageSeries, data: Any, axes: str, imagej: bool) -> tuple[Any, str, str]:
    """Return (data, axes, what to say): the picture that any viewer shows.

    Palettes whose colours are a plain ramp (grey, or black to green) only colour what was measured: the numbers stay.
    So do those of ImageJ that run smoothly from colour to colour, and its inverted look-up table.

    Parameters
    ----------
    series : tifffile.TiffPageSeries
        Of an open file.
    data : ndarray, with ``axes``
        Of a palette image, indices; of a printed one, amounts of ink.
    imagej : bool
        ImageJ wrote the file.

    Returns
    -------
    data : ndarray
        Grey, or with colours (axis ``S``) last.
    axes : str
    said : str
        Nothing if the numbers stayed.
    """
    page = series.keyframe
    if page.photometric == _PALETTE and page.colormap is not None and np.dtype(data.dtype).kind in "bu":
        return _coloured(_tables(series), data, axes, imagej)
    if page.photometric == _MINISWHITE and np.dtype(data.dtype).kind in "bu" and "S" not in axes:
        return _turned(page, data, axes, imagej)
    if page.photometric == INKS and np.dtype(data.dtype).kind == "u" and "S" in axes:
        return _printed(page, data, axes)
    return data, axes, ""


def no_data_as_shown(
    series: TiffPageSeries, stored: Any, shown: Any, no_data: tuple[float, ...]
) -> tuple[Any, tuple[float, ...]]:
    """Return (data, no_data) of a picture whose numbers are no longer those in the file.

    Parameters
    ----------
    series : tifffile.TiffPageSeries
    stored, shown : ndarray
        Before and after :func:`as_picture`.
    no_data : tuple of float
        Of the numbers in the file, as it says itself.
    """
    if shown is stored or not no_data:
        return shown, no_data
    if series.keyframe.photometric == _MINISWHITE:
        return shown, tuple(_white(series.keyframe, stored.dtype) - value for value in no_data)
    # a colour may be that of other pixels too
    empty = np.isin(np.asarray(stored), no_data)
    if series.keyframe.photometric == INKS:
        samples = next(at for at, (had, has) in enumerate(zip(stored.shape, shown.shape, strict=True)) if had != has)
        empty = np.broadcast_to(empty.all(samples, keepdims=True), shown.shape)
    if not empty.any():
        return shown, ()
    shown = shown.astype(np.float32)
    shown[empty] = np.nan
    return shown, ()


def _white(page: TiffPage, dtype: Any) -> int:
    """Return the largest number a page can hold."""
    return int(2 ** min(int(page.bitspersample), np.dtype(dtype).itemsize * 8) - 1)


def _turned(page: TiffPage, data: Any, axes: str, imagej: bool) -> tuple[Any, str, str]:
    if imagej and page.bitspersample > 1:
        return data, axes, ""  # a way to look at it: ImageJ measures the numbers as they are
    if np.dtype(data.dtype).kind == "b":
        return ~np.asarray(data), axes, ""  # of two values there is nothing to say
    array = np.asarray(data)
    said = "0 is white in this file: dark and bright are turned round, as in any viewer"
    return array.dtype.type(_white(page, array.dtype)) - array, axes, said


def _printed(page: TiffPage, data: Any, axes: str) -> tuple[Any, str, str]:
    """Turn cyan, magenta, yellow and black ink on white paper into red, green and blue light."""
    inks = page.tags.get("InkSet")
    at = axes.index("S")
    if data.shape[at] != 4 or (inks is not None and inks.value == _OTHER_INKS):
        return data, axes, ""
    array = np.asarray(data)
    white = array.dtype.type(_white(page, array.dtype))
    light = (white - array).astype(np.float32)
    shown = np.take(light, range(3), at) * (np.take(light, [3], at) / np.float32(white))
    said = "its inks (CMYK) are read as colours (RGB), as any viewer shows them"
    return np.rint(shown).astype(array.dtype), axes, said


def _tables(series: TiffPageSeries) -> NDArray[np.uint8]:
    """Read the tables of all pages, (pages, entries, 3), or the one that all of them share, (1, entries, 3)."""
    from tifffile import TiffPage

    first = _eight_bits(np.asarray(series.keyframe.colormap).T)
    pages = [page for page in series.pages if page is not None]
    if not 1 < len(pages) <= _MOST_TABLES or series.is_multifile:
        return first[None]
    tables = []
    for page in pages:
        handle = page.parent.filehandle
        handle.seek(page.offset)  # pages alike are read without their tags
        found = TiffPage(page.parent, page.index).colormap
        tables.append(first if found is None or found.T.shape != first.shape else _eight_bits(found.T))
    same = all((table == first).all() for table in tables)
    return first[None] if same else np.stack(tables)


def _coloured(tables: NDArray[np.uint8], data: Any, axes: str, imagej: bool) -> tuple[Any, str, str]:
    planes = np.asarray(data).astype(np.intp).reshape(len(tables), -1)
    used = [np.unique(plane) for plane in planes]
    if not planes.size or max(one[-1] for one in used) >= tables.shape[1]:
        return data, axes, ""
    colours = [table[one] for table, one in zip(tables, used, strict=True)]
    if all(is_ramp(one) or (imagej and _is_smooth(one)) for one in colours):
        return data, axes, ""
    said = "its palette was applied: the numbers in the file are no brightness, but places in a table of colours"
    shown = np.stack([table[plane] for table, plane in zip(tables, planes, strict=True)]).reshape(*data.shape, 3)
    if all((one == one[:, :1]).all() for one in colours):
        return shown[..., 0].copy(), axes, f"{said} (greys)"
    return shown, f"{axes}S", said


def is_ramp(colours: NDArray[np.uint8]) -> bool:
    """Say whether colours follow each other on a straight way, all up or all down: one hue from dark to bright.

    Parameters
    ----------
    colours : ndarray of uint8, shape (entries, 3)
        In the order of the numbers that stand for them.
    """
    steps = np.diff(colours.astype(np.int16), axis=0)
    rising, falling = (steps >= 0).all(), (steps <= 0).all()
    if not (rising or falling):
        return False
    away = (colours - colours[:1].astype(np.float64)) * (1 if rising else -1)
    end = away[-1]
    if not end.any():
        return True
    # off the straight line from first to last colour by rounding, or by the gamma of one channel against another
    off = away - np.outer(away @ end / (end @ end), end)
    return bool(np.abs(off).max() <= 0.1 * np.abs(end).max() + 1)


def _is_smooth(colours: NDArray[np.uint8]) -> bool:
    steps = np.abs(np.diff(colours.astype(np.int16), axis=0)).max(axis=1, initial=0)
    return bool(np.percentile(steps, 95) <= _SMOOTH) if steps.size else True


def _eight_bits(table: NDArray[Any]) -> NDArray[np.uint8]:
    """Bring a table of 16 bits to 8; some programs wrote 8 bits into it."""
    return (table >> 8 if table.max(initial=0) > 255 else table).astype(np.uint8)
