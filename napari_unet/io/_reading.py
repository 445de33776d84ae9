"""The verbs that read: any format, one way. Decides about axes only through the core's rules."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.addresses import is_url
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.saying import say_once

from ._contents import Contents, Format, ManyPictures
from ._far_file import is_far_file, read_far_file
from ._lazy import LazyArray
from ._registry import REGISTRY
from ._remote import read_far


def read_contents(
    path: str | Path, axes: str | None = None, labels: bool = False, series: int = 0
) -> tuple[Contents, str]:
    """Read a file and settle its axes; for what :func:`read_image` and :func:`read_labels` leave out.

    ``series`` is that of :func:`read_image`.

    Returns
    -------
    contents : Contents
        ``letters`` are settled, axes of size 1 dropped unless ``axes`` names them.
    note : str
        The axes and why, and what was chosen among several things.

    Warns
    -----
    InputWarning
        If planes are missing, or a palette was applied.
    """
    contents = open_contents(path, labels, series)
    try:
        contents, found = contents.resolved(axes, labels)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    note = "; ".join([f"axes {found.letters} ({found.reason})", *contents.notes])
    data = contents.data.lettered(found.letters) if isinstance(contents.data, LazyArray) else contents.data
    return dataclasses.replace(contents, data=data, letters=found.letters), note


def open_contents(path: str | Path, labels: bool = False, series: int = 0) -> Contents:
    """Read a file, its axes as they are told there; errors and warnings as :func:`read_contents`, but for axes."""
    if is_url(path):
        return read_far_file(str(path), labels) if is_far_file(str(path)) else read_far(str(path), labels)
    path = Path(path).expanduser()
    reader = format_of(path)
    if series == 0:
        contents = reader.read(path, labels=labels)
    elif isinstance(reader, ManyPictures):
        contents = reader.read_series(path, series)
    else:
        raise UserError(f"Of several pictures in {path}, only the first is read; number {series + 1} is asked for. "
                        "Save that one as a file of its own.")
    if contents.data.dtype.names or contents.data.dtype.kind in "OSUV":
        raise UserError(f"The pixels of {path} are {contents.data.dtype}. Allowed: bool, integer or real numbers.")
    if math.prod(contents.data.shape) == 0:
        raise UserError(f"{path} is empty (shape {tuple(contents.data.shape)}). Choose a file with pixels.")
    for text in contents.warnings:
        say_once(contents.data, text)
    return dataclasses.replace(contents, no_data=contents.no_data or tuple(getattr(contents.data, "no_data", ())))


def read_image(path: str | Path, axes: str | None = None, series: int = 0) -> Image:
    """Read an image; zarr arrays stay on disk, uncompressed TIFF files are mapped.

    Parameters
    ----------
    path : path or str
        A TIFF file, or the folder of an OME-Zarr image or a zarr array, or its address (``s3://``, ``https://``, ...).
    axes : str, optional
        One letter per axis; by default what the metadata say, else a last axis of 3 or 4 is C, else the first of
        three is N. Axes of size 1 are dropped unless they are named here.
    series : int
        Which of several pictures in a TIFF file, counted from 0; 0 is the first that is no preview.

    Returns
    -------
    Image
        Its ``note`` says which axes were taken and why. Scale and unit are the file's; where it has none that makes
        sense, they are 1 and ``"pixel"``.

    Raises
    ------
    UserError
        If the path is missing, damaged, foreign or empty, or the axes do not fit or cannot be guessed.
    """
    contents, note = read_contents(path, axes, series=series)
    place = contents.geometry("".join(letter for letter in contents.letters if letter not in "CYX") + "YX")
    return Image(
        contents.data, contents.letters, file_stem(path), place.scale, place.unit, note, place.translate,
        place.time_unit, contents.no_data,
    )


def read_labels(path: str | Path, axes: str | None = None) -> tuple[NDArray[Any], ClassTable | None]:
    """Read strokes, a mask or a reference.

    Parameters
    ----------
    path : path
    axes : str, optional
        Axes of the labels or of their image (a C is left out).

    Returns
    -------
    labels : ndarray, shape (..., Y, X), of the type of the file
        Rows and columns last, the other axes in the file's order, or in that of the labels when they were saved here.
    classes : ClassTable or None
        By painted id (1 = background), if the file carries names.

    Raises
    ------
    UserError
        As :func:`read_image`, and for colour pictures.
    """
    contents, _ = read_contents(path, axes, labels=True)
    return label_array(contents)[0], contents.classes


def label_array(contents: Contents) -> tuple[NDArray[Any], str]:
    """Return labels as an array with rows and columns last, and the letters of its axes."""
    letters = contents.letters
    wanted = "".join(letter for letter in contents.order if letter in letters)
    if sorted(wanted) != sorted(letters):
        wanted = "".join(letter for letter in letters if letter not in "YX") + "YX"
    labels = np.asarray(contents.data).transpose([letters.index(letter) for letter in wanted])
    return np.ascontiguousarray(labels), wanted


def file_stem(path: str | Path) -> str:
    """Return the name of a file without folder and ending (``cells`` for ``cells.ome.tif``)."""
    name = Path(path).name
    for ending in (".zarr", ".tiff", ".tif", ".png", ".jpg", ".jpeg", ".npy", ".czi", ".lif", ".nd2", ".ome"):
        if name.lower().endswith(ending) and len(name) > len(ending):
            name = name[: -len(ending)]
    return name


def result_stem(path: str | Path) -> str:
    """Return what the results of an image are named after: its :func:`file_stem`, of one inside an OME-Zarr its place.

    So each field of a plate has a name of its own: ``plate_A_1_0`` for ``plate.zarr/A/1/0``. Labels inside an image are
    named after themselves, and after their place if the image is a field.
    """
    parts = [one for one in str(path).replace("\\", "/").split("/") if one]
    stores = [at for at, part in enumerate(parts[:-1]) if part.lower().endswith(".zarr")]
    if not stores:
        return file_stem(path)
    inside = parts[stores[-1] + 1 :]
    is_label = inside[-2:-1] == ["labels"]
    place = inside[:-2] if is_label else inside
    if not place:
        return file_stem(path)
    return "_".join([file_stem(parts[stores[-1]]), *place, *(inside[-1:] if is_label else ())])


def format_of(path: Path) -> Format:
    """Return what reads a file or folder; :class:`UserError` if nothing does."""
    if not path.exists():
        raise UserError(f"There is no file or folder {path}. Check the name.")
    try:
        formats = [entry.item() for entry in REGISTRY if hasattr(entry.item, "recognises")]
        found = next((one for one in formats if one.recognises(path)), None)
    except OSError as error:
        raise UserError(f"{path} could not be opened ({error.strerror or error}). May you read it?") from error
    if found is None:
        what = "a folder without zarr metadata" if path.is_dir() else "of a kind that is not read"
        raise UserError(f"{path} is {what}. Allowed: TIFF, PNG, JPEG, NPY, CZI, LIF and ND2 files, and OME-Zarr "
                        "folders; convert others, e.g. with Fiji.")
    return found
