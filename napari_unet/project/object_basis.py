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


class ObjectBasis:
    """What objects depend on, image by image; what is noted of all images is looked at once.

    Parameters
    ----------
    folder : ProjectFolder
    """

    def __init__(self, folder: ProjectFolder) -> None:
        self._folder, self._noted = folder, hashlib.blake2b(digest_size=16)
        for one in folder.state.images:  # the lines on one image teach all others
            if (notes := folder.read_objects(one.id)) is not None:
                self._noted.update(one.id.encode() + notes_to_bytes(notes))

    def of(self, record: ImageRecord) -> dict[str, Any]:
        """Return the way, its parameters, the classes that are areas, and a name of what a person has shown of objects.

        Returns
        -------
        dict
            Ready for JSON. Equal ones, with equal masks, give equal objects.
        """
        shown = self._noted.copy()
        if (strokes := self._folder.read_strokes(record.id)) is not None:
            shown.update(stroke_hash(strokes).encode())
        way = ObjectWay.of_settings(self._folder.state.settings)
        return {"way": way.way, **way.parameters, "areas": list(way.areas), SHOWN: shown.hexdigest()}
