"""File > Open for TIFF and OME-Zarr: layers with voxel size, units and axis names, masks and strokes as Labels.

Stands on :mod:`napari_unet.io`; napari calls :func:`get_reader`. Makes no layers and touches no viewer. An image that
is too large to be shown as a whole, and has no small copy of itself, is given copies that are made for looking.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.classes import ClassTable, to_painted
from napari_unet.core.errors import UserError
from napari_unet.core.made_levels import MadeLevel, made_levels
from napari_unet.core.scribbles import checked_ids
from napari_unet.io import Contents, ImageFolder, file_stem, image_folder, open_contents
from napari_unet.io._tiff_by_tile import tiff_levels

from ..large_images import LARGEST_LAZY, needs_fields
from ..layer_geometry import placement
from ..layer_metadata import KEY, MADE_LEVELS, NO_DATA, colormap
from ..plain_errors import PLAIN_ERRORS
from ..seen_levels import guessed_contrast, seen_levels

LayerData = tuple[Any, dict[str, Any], str]

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_UNKNOWN = "?"

_PLACES = "PQRUVW"
"""Letters of axes that nobody has named."""

_PLACEMENT = ("scale", "translate", "affine", "units", "axis_labels")

LARGEST_LABELS = 2**26
"""Pixels of labels that are read at once when they are opened; of more, what is looked at."""


def get_reader(path: str | list[str]) -> Callable[[Any], list[LayerData]] | None:
    """Return a function that reads a path as layers; None for what is no TIFF file and no OME-Zarr image.

    Several files that are to become one stack are left to others.
    """
    if not isinstance(path, str):
        return None
    place = Path(path)
    if place.is_dir():
        return read_layers if image_folder(place) is not None or _is_large_array(place) else None
    try:
        with place.open("rb") as file:
            is_tiff = place.suffix.lower() in (".tif", ".tiff") and file.read(4) in _MAGIC
    except OSError:
        return None
    return read_layers if is_tiff else None


def read_layers(path: str) -> list[LayerData]:
    """Read a TIFF file, or an OME-Zarr image with all labels that lie in it.

    Raises
    ------
    UserError
        If it is damaged.
    """
    PLAIN_ERRORS.listen()  # what cannot be read is told when it is drawn
    place = Path(path)
    folder = image_folder(place) if place.is_dir() else None
    if not place.is_dir() or (folder is None and _is_large_array(place)):
        contents = open_contents(place)
        small = isinstance(contents.data, np.ndarray) and math.prod(contents.data.shape) <= LARGEST_LAZY
        levels = tiff_levels(place) if place.is_file() and not small else []
        return [_layer(contents, file_stem(place), smaller=[dataclasses.replace(contents, data=one) for one in levels
                                                            if one.ndim == contents.data.ndim])]
    if folder is None:
        raise UserError(f"{path} is no OME-Zarr image. Choose the folder of one.")
    name = file_stem(place)
    inside = [
        _layer(open_contents(one), file_stem(one), found, name, is_label=True)
        for one in folder.labels if (found := image_folder(one)) is not None
    ]
    return [_layer(open_contents(folder.path), name, folder), *inside]


def _is_large_array(place: Path) -> bool:
    """Say whether a folder is a bare zarr array that is too large to be shown as a whole."""
    try:
        contents = open_contents(place)
    except UserError:
        return False
    settled = _settled(contents, False)
    return _unnamed(contents) is not None if settled is None else _is_too_large(settled)


def _unnamed(contents: Contents) -> Contents | None:
    """Return an array without names with letters for its places, rows and columns last; None for what is not large."""
    shape = contents.data.shape
    last = "YXC" if shape[-1] in (3, 4) else "YX"
    if len(shape) - len(last) > len(_PLACES):
        return None
    made = dataclasses.replace(contents, letters=_PLACES[: len(shape) - len(last)] + last)
    return made if _is_too_large(made) else None


def _is_too_large(contents: Contents) -> bool:
    """Say whether planes of an image are larger than what is shown as a whole; its axes are settled."""
    sizes = dict(zip(contents.letters, contents.data.shape, strict=True))
    return needs_fields(contents.data, sizes["Y"], sizes["X"])


def _made(levels: Sequence[Contents], mean: bool) -> list[MadeLevel]:
    """Return copies for looking, made of the smallest level that there is; none where that is small enough."""
    last = levels[-1]
    return made_levels(last.data, last.letters, mean) if _is_too_large(last) else []


def _layer(
    contents: Contents, name: str, folder: ImageFolder | None = None, image: str = "", is_label: bool = False,
    smaller: Sequence[Contents] = (),
) -> LayerData:
    """Make a layer of what a file holds: of labels a Labels layer, of anything else an Image layer."""
    whole = np.dtype(contents.data.dtype).kind in "bui"
    told = contents.code is not None or contents.role == "objects" or (folder is not None and folder.is_label)
    is_label = whole and (is_label or told)
    settled = _settled(contents, is_label)
    if settled is None:
        return _of_unknown_axes(contents, name, is_label)
    return _labels(settled, name, image, folder) if is_label else _image(
        settled, name, [*_smaller(settled, folder), *(found for one in smaller
                                                      if (found := _settled(one, False)) is not None
                                                      and found.letters == settled.letters)])


def _of_unknown_axes(contents: Contents, name: str, is_label: bool) -> LayerData:
    """Make a layer as napari would show it, where nobody knows the axes; a large image gets smaller levels."""
    plain = None if is_label else _unnamed(contents)
    if plain is None:
        return _arrayed(contents), {"name": name}, "labels" if is_label else "image"
    data, options, kind = _image(plain, name, ())
    return data, {key: one for key, one in options.items() if key not in _PLACEMENT}, kind


def _image(contents: Contents, name: str, smaller: Sequence[Contents]) -> LayerData:
    """Make an Image layer, rows and columns last; colour stays colour, other channels are an axis named c."""
    letters = contents.letters
    colour = (letters.endswith("C") and contents.data.shape[-1] in (3, 4)
              and contents.data.dtype in (np.uint8, np.uint16))
    leading = [letter for letter in letters if letter not in ("YXC" if colour else "YX")]
    axes = "".join(leading) + "YX"
    order = [letters.index(letter) for letter in axes + ("C" if colour else "")]
    made = _made((contents, *smaller), mean=not contents.no_data)
    seen = seen_levels(made, order, name)
    levels = [*(_arrayed(one).transpose(order) for one in (contents, *smaller)), *seen]
    options = {"name": name, **placement(contents.geometry(axes))}
    options.update(guessed_contrast(seen, contents.data, letters, contents.no_data))
    told = {**({NO_DATA: list(contents.no_data)} if contents.no_data else {}), **({MADE_LEVELS: True} if made else {})}
    if told:
        options["metadata"] = told
    if colour:
        options["rgb"] = True
    if len(levels) == 1:
        return levels[0], options, "image"
    return levels, {**options, "multiscale": True}, "image"


def _settled(contents: Contents, is_label: bool) -> Contents | None:
    """Return the same with one letter for each axis; None if they cannot be told."""
    try:
        found, axes = contents.resolved(None, is_label)
    except UserError:
        return None
    return dataclasses.replace(found, letters=axes.letters)


def _labels_last(contents: Contents) -> str:
    """Return the axes of labels, rows and columns last, in the order of the layer that was saved or of the file."""
    saved = "".join(letter for letter in contents.order if letter in contents.letters)
    if sorted(saved) == sorted(contents.letters):
        return saved
    return "".join(letter for letter in contents.letters if letter not in "YX") + "YX"


def _large_labels(
    contents: Contents, axes: str, name: str, image: str, folder: ImageFolder | None
) -> LayerData:
    """Make a Labels layer whose pixels are read where they are looked at."""
    order = [contents.letters.index(letter) for letter in axes]
    stored = (contents, *_smaller(contents, folder))
    levels = [_arrayed(one).transpose(order) for one in stored]
    options: dict[str, Any] = {"name": name, **placement(contents.geometry(axes))}
    if contents.code == "mask":
        levels = [one.map_blocks(to_painted, dtype=np.uint8, meta=np.empty((0,) * one.ndim, np.uint8))
                  for one in levels]
    levels += seen_levels(_made(stored, mean=False), order, name, to_painted if contents.code == "mask" else None)
    if contents.code is not None:
        role = contents.role or "result"
        classes = contents.classes or ClassTable.default((1,))
        options["metadata"] = {KEY: layer_notes(classes, role, image)}
        options["colormap"] = colormap(classes, background=role == "strokes")
        options["opacity"] = 0.5
    if len(levels) == 1:
        return levels[0], options, "labels"
    return levels, {**options, "multiscale": True}, "labels"


def _labels(contents: Contents, name: str, image: str, folder: ImageFolder | None = None) -> LayerData:
    """Make a Labels layer; ours gets painted ids, class names and colours, and what it is."""
    axes = _labels_last(contents)
    if math.prod(contents.data.shape) > LARGEST_LABELS and not isinstance(contents.data, np.ndarray):
        return _large_labels(contents, axes, name, image, folder)
    values = np.asarray(contents.data).transpose([contents.letters.index(letter) for letter in axes])
    values = np.ascontiguousarray(values)
    options: dict[str, Any] = {"name": name, **placement(contents.geometry(axes))}
    if contents.code is None:
        if contents.classes is not None:  # of a label image of another program: names and colours by value
            colors: dict[int | None, str] = {one.id - 1: one.color for one in contents.classes.classes if one.id > 1}
            options["colormap"] = {**colors, 0: "transparent", None: "gray"}
        return values.astype(np.uint8) if values.dtype == bool else values, options, "labels"
    ids = checked_ids(values, name)
    painted = to_painted(ids) if contents.code == "mask" else ids
    # strokes leave most of an image unpainted, a result nothing
    role = contents.role or ("strokes" if contents.code == "painted" and not painted.all() else "result")
    classes = (contents.classes or ClassTable.default((1,))).including(set(np.unique(painted).tolist()) - {0})
    options["metadata"] = {KEY: layer_notes(classes, role, image)}
    options["colormap"] = colormap(classes, background=role == "strokes")
    options["opacity"] = 0.9 if role == "strokes" else 0.5
    return painted, options, "labels"


def layer_notes(classes: ClassTable, role: str, image: str) -> dict[str, Any]:
    """Return what the metadata of a layer of ours hold: classes, what it is, and the name of its image (or "")."""
    return {"classes": [[one.id, one.name, one.color] for one in classes.classes], "role": role, "image": image}


def _smaller(settled: Contents, folder: ImageFolder | None) -> list[Contents]:
    """Return the smaller resolutions of an OME-Zarr image, with the axes of the full one."""
    if folder is None:
        return []
    found = []
    for path in folder.levels[1:]:
        level = open_contents(path)
        if _UNKNOWN in level.letters or not set(settled.letters) <= set(level.letters):
            return []
        level = level.without(tuple(axis for axis, one in enumerate(level.letters) if one not in settled.letters))
        if level.letters != settled.letters:
            return []
        found.append(level)
    return found


def _arrayed(contents: Contents) -> Any:
    """Return data that napari can cut and turn; what lies on disk in pieces stays there."""
    if isinstance(contents.data, np.ndarray):
        return contents.data
    import dask.array

    lazy = contents.data
    return dask.array.from_array(
        lazy, chunks=lazy.chunks, name=False, meta=np.empty((0,) * lazy.ndim, dtype=lazy.dtype)
    )
