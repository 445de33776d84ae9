"""Makes a new project where one may be, named after the image that is painted on. Takes nothing up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from napari_unet.core.errors import UserError
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.session.annotation_session import Session

from ..image_ties import ImageTies
from ..layer_metadata import identity
from .image_references import layer_files
from .place import new_places
from .preferences import read_preferences


def wanted_places(session: Session, ties: ImageTies, layers: Iterable[Any]) -> Iterator[Path]:
    """Yield where a project may be made: named after the first image that was painted on, else the first there is."""
    painted = [ties.image_of(one) for one in layers if _is_painted(session, identity(one))]
    image = next((one for one in (*painted, *ties.images) if one is not None), None)
    files = layer_files(image) if image is not None else ()
    yield from new_places(image.name if image is not None else "project", files[0] if files else None,
                          read_preferences())


def _is_painted(session: Session, key: str) -> bool:
    return key in session.keys and bool(session.pair(key).scribbles.planes)


def make_project(places: Iterable[Path]) -> ProjectFolder:
    """Make a project in the first place where that can be.

    Raises
    ------
    UserError
        If it can be made nowhere; says why of the last place.
    """
    why = UserError("There is no place for a project. Choose a folder for new projects.")
    for path in places:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return ProjectFolder.create(path)
        except OSError as error:
            why = UserError(f"{path} could not be made ({error.strerror or error}).")
        except UserError as error:
            why = error
    raise why
