"""Which axes a file says its picture has, read without its pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_unet.core.errors import UserError

from ._contents import UNKNOWN, Contents
from ._reading import format_of
from ._tiff_checks import checked
from ._tiff_metadata import tiff_contents
from ._tiff_planes import choose_series, opened_tiff
from .tiff import Tiff


def axes_of_file(path: str | Path) -> tuple[str, tuple[int, ...]] | None:
    """Return the letters that a file's metadata give to the axes of its (first) picture, and the shape of that.

    Parameters
    ----------
    path : path
        A TIFF file, or the folder of an OME-Zarr image.

    Returns
    -------
    (letters, shape) or None
        Axes of size 1 are left out. None where the file cannot be read or does not say what its axes are.
    """
    path = Path(path).expanduser()
    try:
        reader = format_of(path)
        contents = _tiff_header(path) if isinstance(reader, Tiff) else reader.read(path)
        contents, _ = contents.resolved(None, False)
    except (UserError, OSError):
        return None
    letters = contents.letters
    if UNKNOWN in letters or "Y" not in letters or "X" not in letters:
        return None
    return letters, tuple(contents.data.shape)


def _tiff_header(path: Path) -> Contents:
    with checked(path), opened_tiff(path) as tiff:
        if not tiff.series:
            raise ValueError("it holds no picture")  # checked() says the rest
        number, _ = choose_series(tiff)
        series = tiff.series[number]
        no_pixels = np.broadcast_to(np.zeros((), series.dtype), series.shape)
        return tiff_contents(tiff, series, number, no_pixels, series.axes)
