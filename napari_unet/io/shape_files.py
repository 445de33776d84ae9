"""Files of shapes (ROIs, GeoJSON), written object by object; of what is larger than memory too. Finds no object."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from napari_unet.core.classes import ClassTable
from napari_unet.core.provenance import Provenance, now
from napari_unet.core.registry import Entry

from ._drawn_objects import PutObject
from ._output import appearing, check_place, replace_file
from ._registry import REGISTRY
from ._saving import provenance_path
from .provenance_file import is_provenance, provenance_text


def shape_format(path: str | os.PathLike[str]) -> Entry[Any] | None:
    """Return the format of a file that holds shapes (ROIs, polygons) by its ending; None for labels."""
    name = str(path).lower()
    name += {".roi": ".zip", ".json": ".geojson"}.get(Path(name).suffix, "")
    return next((entry for entry in REGISTRY if name.endswith(entry.extras.get("object_suffixes", ("\0",)))), None)


@contextlib.contextmanager
def writing_shapes(
    path: Path, classes: ClassTable, *, overwrite: bool = False, provenance: Provenance | None = None, **options: Any
) -> Iterator[PutObject]:
    """Return what writes one object on one plane after the other; the file appears whole at the end, or not at all.

    Parameters
    ----------
    path : Path
        ``.zip`` or ``.geojson``.
    classes : ClassTable
    overwrite : bool
    provenance : Provenance, optional
        Where they come from; written beside them.
    **options
        Parameters of the format.

    Raises
    ------
    UserError
        If the place cannot be written or is taken.
    """
    entry = shape_format(path)
    assert entry is not None  # its ending was checked
    place = check_place(path, overwrite, replace_file)
    origin = provenance_path(place)
    if provenance is not None:
        check_place(origin, overwrite or is_provenance(origin), replace_file)
    with appearing(place, overwrite) as unfinished, entry.item(**options).writer(unfinished, classes) as put:
        yield put
    if provenance is not None:
        with appearing(origin, True) as unfinished:
            whole = dataclasses.replace(provenance, ended=provenance.ended or now())
            unfinished.write_text(provenance_text(whole), encoding="utf-8")
    elif is_provenance(origin):
        origin.unlink()  # it tells of the objects that were replaced
