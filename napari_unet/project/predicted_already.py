"""Masks of images of a project that are there, and whether a model would make the same now. Predicts nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_unet.core.errors import UserError
from napari_unet.core.fingerprints import hash_if_whole
from napari_unet.core.image import Image
from napari_unet.predicting.mask_origin import MODEL_HASH, known_hash

from .prediction_basis import basis_of_model
from .predictions import open_result, result_origin
from .project_contents import ProjectContents
from .records import ImageRecord
from .verbs import write_project_state


@dataclasses.dataclass(frozen=True)
class StandingMask:
    """A mask that is there.

    Parameters
    ----------
    image : str
        Id of the image.
    path : Path
    otherwise : str
        In what it is not what would be made now; empty if it is the same.
    is_untold : bool
        Whether nothing says how it was made.
    """

    image: str
    path: Path
    otherwise: str = ""
    is_untold: bool = False


def standing_mask(
    contents: ProjectContents, record: ImageRecord, model: Any, target: Path | None = None
) -> StandingMask | None:
    """Return the mask of an image that is there already, None if there is none.

    Parameters
    ----------
    contents : ProjectContents
    record : ImageRecord
    model : Model
        That would make it.
    target : Path, optional
        Where it is; by default among the project's own results, of which one that says nothing is made anew.
    """
    path = contents.folder.result_path(record.id) if target is None else target
    if not path.exists():
        return None
    told = result_origin(path)
    if told is None:
        return StandingMask(record.id, path, "nothing says how it was made" if target is None else "", True)
    wrong = []
    if told.settings.get(MODEL_HASH) != known_hash(model):
        wrong.append("another model")
    try:
        image = contents.read(record)
    except UserError:  # an image that is not there any more makes its mask no worse
        return StandingMask(record.id, path, ", ".join(wrong))
    known = hash_if_whole(image)
    if not known:  # whoever makes the mask anew says what is wrong with it
        wrong.append("another image (it cannot be read as it was)")
    elif [one.hash for one in told.images] != [known]:
        wrong.append("another image (its pixels or axes have changed)")
    elif reason := _unlike(path, image):
        wrong.append(reason)
    return StandingMask(record.id, path, ", ".join(wrong))


def _unlike(path: Path, image: Image) -> str:
    """Say what keeps a mask from being one of an image; empty if nothing does."""
    try:
        return "" if open_result(path, image.label_axes, image.shape) is not None else "another shape"
    except UserError:
        return "damaged, it cannot be read"


def keep_standing(contents: ProjectContents, masks: Sequence[StandingMask], model: Any) -> None:
    """Note in a project the results that are there, of which a run that was killed had not got so far."""
    missing = [one.image for one in masks if (known := contents.folder.state.result(one.image)) is None
               or known.basis != basis_of_model(model)]
    for image in missing:
        contents.folder.put_result(image, model, basis_of_model(model))
    if missing:
        write_project_state(contents.folder)
