"""Names of the masks of many images by one pattern, and what is there already. Writes nothing."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from napari_unet.core.errors import UserError
from napari_unet.io import is_output, output_suffixes

from .records import ImageRecord

PATTERNS = ("{name}_mask.tif", "{name}.ome.zarr", "{number}_{name}_mask.tif")
"""Patterns that are offered; the first one opens everywhere."""

Collision = Literal["skip", "replace", "number"]


@dataclasses.dataclass(frozen=True)
class MaskPlace:
    """Where the mask of an image goes.

    Parameters
    ----------
    record : ImageRecord
    path : Path
    taken : bool
        Whether something is there already.
    """

    record: ImageRecord
    path: Path
    taken: bool = False


def mask_places(records: Sequence[ImageRecord], folder: Path, pattern: str) -> tuple[MaskPlace, ...]:
    """Name the masks of images; two images of one name get a number.

    Parameters
    ----------
    records : sequence of ImageRecord
    folder : Path
    pattern : str
        ``{name}`` is the name of the image, ``{number}`` its place in the list, with leading zeros.

    Raises
    ------
    UserError
        If the pattern cannot be used.
    """
    pattern = pattern.strip()
    if not is_output(pattern) or "/" in pattern or "\\" in pattern:
        raise UserError(
            f"{pattern or 'nothing'!r} is no name for masks. It ends with one of "
            f"{', '.join(sorted(output_suffixes()))} and has no folder in it, e.g. {{name}}_mask.tif."
        )
    unknown = sorted(set(re.findall(r"\{([^{}]*)\}", pattern)) - {"name", "number"})
    if unknown or re.sub(r"\{(name|number)\}", "", pattern).count("{"):
        raise UserError("A name for masks may hold {name} and {number}, nothing else in {}.")
    if len(records) > 1 and not re.search(r"\{(name|number)\}", pattern):
        raise UserError("All masks would get one name. Put {name} or {number} into it.")
    width = len(str(len(records)))
    used: set[str] = set()
    places = []
    for number, record in enumerate(records, 1):
        name = re.sub(r"[^\w.+-]+", "_", record.name).strip("_. ") or record.id
        made = pattern.replace("{name}", name).replace("{number}", f"{number:0{width}d}")
        path = _free(folder / made, used)
        used.add(path.name.casefold())
        places.append(MaskPlace(record, path, os.path.lexists(path)))
    return tuple(places)


def settled(places: Sequence[MaskPlace], choice: Collision) -> tuple[MaskPlace, ...]:
    """Do with masks whose places are taken what a person has chosen: leave them out, replace, or number them."""
    if choice == "replace":
        return tuple(places)
    if choice == "skip":
        return tuple(one for one in places if not one.taken)
    used = {one.path.name.casefold() for one in places if not one.taken}
    made = []
    for one in places:
        path = one.path
        if one.taken:
            path = _free(one.path, used, on_disk=True)
            used.add(path.name.casefold())
        made.append(dataclasses.replace(one, path=path, taken=False))
    return tuple(made)


def _free(path: Path, used: set[str], on_disk: bool = False) -> Path:
    """Return a path with a number in its name, if that is needed."""
    ending = max((one for one in output_suffixes() if path.name.lower().endswith(one)), key=len)
    stem, number, made = path.name[: -len(ending)], 1, path
    while made.name.casefold() in used or (on_disk and os.path.lexists(made)):
        number += 1
        made = path.with_name(f"{stem}_{number}{path.name[-len(ending):]}")
    return made
