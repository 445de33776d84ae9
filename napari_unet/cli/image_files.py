"""Many files at once: which images folders and patterns mean, which of them are done, and what is counted in all."""

from __future__ import annotations

import glob
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from napari_unet.core.addresses import is_url
from napari_unet.core.classes import ClassTable, to_painted
from napari_unet.core.errors import UserError
from napari_unet.core.readable import readable
from napari_unet.io import provenance_path, read_contents, result_stem
from napari_unet.io._far_store import far_matches
from napari_unet.report.counts_table import write_counts
from napari_unet.workflows.counts import COLUMNS, CountRow, count_mask
from napari_unet.workflows.store_counts import count_store

from .terminal import say, some_named

ENDINGS = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".npy", ".czi", ".lif", ".nd2", ".zarr")
"""Of a folder, what ends so is taken for an image."""

WHOLE = 2**26
"""Pixels of a mask that is read as a whole to be counted, at most."""

_STORE = (".zgroup", ".zarray", "zarr.json")


def expanded_images(names: Sequence[str]) -> list[str]:
    """Replace folders by the images in them, and patterns by what they match, by name.

    Raises
    ------
    UserError
        If a folder holds no image, or nothing matches a pattern.
    """
    found: list[str] = []
    for name in names:
        meant = _meant(name)  # what is named itself twice is no image less: its results would have one name
        found += meant if meant == [name] else [one for one in meant if one not in found]
    return found


def images_alone(names: Sequence[str]) -> list[str]:
    """Do as :func:`expanded_images`, and leave out what was made here: it lies in a folder, but is no image.

    Masks, objects and probabilities are known by the note beside them. What is named itself stays.

    Raises
    ------
    UserError
        As there, and if nothing else is left.
    """
    found = expanded_images(names)
    made = [one for one in found if one not in names and not is_url(one) and provenance_path(one).is_file()]
    if not made:
        return found
    if len(made) == len(found):
        raise UserError(f"There is no image, only results that were made here ({some_named(made)}). Choose the folder "
                        "of the images, or name such a file itself.")
    say(f"Left out, because they were made here: {some_named(made)}.")
    return [one for one in found if one not in made]


def _meant(name: str) -> list[str]:
    """Return the images that a name stands for."""
    path = Path(name)
    if is_url(name):
        matching = far_matches(name)
        if not matching:
            raise UserError(f"Nothing matches {readable(name)}. Check the address and the ending.")
        return matching
    if path.is_dir() and not _is_store(path):
        inside = [str(one) for one in sorted(path.iterdir()) if one.name.lower().endswith(ENDINGS)]
        if not inside:
            raise UserError(f"The folder {readable(name)} holds no image ({', '.join(ENDINGS)}). Choose another, or "
                            "give a pattern in quotation marks, 'folder/**/*.tif'.")
        return inside
    if not path.exists() and glob.has_magic(name):
        matching = sorted(glob.glob(name, recursive=True))
        if not matching:
            raise UserError(f"No file matches {readable(name)}. Check the folder and the ending.")
        return matching
    return [name]


def refuse_same_places(places: Iterable[tuple[str, Iterable[Path | str]]]) -> None:
    """Refuse results, of one image or of two, that would have the same place.

    Parameters
    ----------
    places : iterable of (str, iterable of Path or str)
        Name of an image, or what else is written, and where its results go; text is an address.

    Raises
    ------
    UserError
        Naming them.
    """
    taken: dict[Path | str, str] = {}
    for name, paths in places:
        for path in paths:
            where = path if is_url(path) else Path(path).resolve()
            if where in taken:
                if taken[where] == name:
                    raise UserError(f"Two results of {readable(name)} would have the same file name, "
                                    f"{readable(path)}. Choose another for one of them.")
                raise UserError(f"The results of {readable(taken[where])} and {readable(name)} would have the same "
                                f"file name, {readable(path)}. Rename one of them, or do them one by one.")
            taken[where] = name


def save_counts(path: Path, masks: Iterable[tuple[str, Path | str]], overwrite: bool) -> None:
    """Count parts, holes and areas in the masks of images, one by one, and write one table.

    Parameters
    ----------
    path : Path
        Of the CSV file.
    masks : iterable of (str, Path or str)
        Name of an image, and its mask, or the address of that. Large ones are counted block by block.
    overwrite : bool

    Raises
    ------
    UserError
        If a mask is not there or none, or the table cannot be written.
    """
    write_counts(path, _rows(masks), COLUMNS, overwrite)


def _rows(masks: Iterable[tuple[str, Path | str]]) -> Iterator[CountRow]:
    for name, path in masks:
        contents, _ = read_contents(path, labels=True)
        if contents.letters.endswith("YX") and (is_url(path) or math.prod(contents.data.shape) > WHOLE):
            yield from count_store(path, name=result_stem(name))
            continue
        order = [letter for letter in contents.letters if letter not in "YX"]
        axes = "".join(order) + "YX"
        values = np.asarray(contents.data).transpose([contents.letters.index(letter) for letter in axes])
        painted = values if contents.code == "painted" else to_painted(values)
        classes = contents.classes or ClassTable.default(np.unique(painted))
        yield from count_mask(painted, classes, contents.geometry(axes), result_stem(name))


def _is_store(path: Path) -> bool:
    return path.suffix.lower() == ".zarr" or any((path / one).exists() for one in _STORE)
