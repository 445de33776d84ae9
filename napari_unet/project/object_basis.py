"""What the objects of an image of a project depend on beside its mask. Finds no objects."""

from __future__ import annotations

import hashlib
from typing import Any

from napari_unet.core.fingerprints import stroke_hash
from napari_unet.session.object_search import ObjectWay

from .noted_objects import notes_to_bytes
from .project_folder import ProjectFolder
from .records import ImageRecord

SHOWN = "shown"
"""The part that names what a person has shown."""


def object_basis(folder: ProjectFolder, record: ImageRecord) -> dict[str, Any]:
    """Return the way, its parameters, the classes that are areas, and a name of what a person has shown of objects.

    Parameters
    ----------
    folder : ProjectFolder
    record : ImageRecord

    Returns
    -------
    dict
        Ready for JSON. Equal ones, with equal masks, give equal objects.
    """
    shown = hashlib.blake2b(digest_size=16)
    for one in folder.state.images:  # the lines on one image teach all others
        if (notes := folder.read_objects(one.id)) is not None:
            shown.update(one.id.encode() + notes_to_bytes(notes))
    if (strokes := folder.read_strokes(record.id)) is not None:
        shown.update(stroke_hash(strokes).encode())
    way = ObjectWay.of_settings(folder.state.settings)
    return {"way": way.way, **way.parameters, "areas": list(way.areas), SHOWN: shown.hexdigest()}
