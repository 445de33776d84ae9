"""An open project with what can be learnt from it, for work without a window. Changes nothing in the project."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Scribbles, TrainingSet
from napari_unet.io.recipe import Recipe
from napari_unet.session.annotation_session import Session

from .project_folder import ProjectFolder
from .records import ImageRecord, ModelRecord, ProjectState
from .sitting import restore
from .sources import file_of, path_text, read_source

METHOD = "method"
"""Setting of a project: ``{"name": "unet", "parameters": {...}}``, what its strokes are learnt by."""

_OF_THE_RUN = ("seconds", "steps", "device", "threads", "deterministic")
"""Parameters that belong to a run and a machine, not to a project."""


@dataclasses.dataclass(frozen=True, eq=False)
class ProjectContents:
    """An open project and what can be learnt from it.

    Parameters
    ----------
    folder : ProjectFolder
    training : TrainingSet
        Images with strokes that are learnt from, as the window would have it.
    painted : tuple of str
        Ids of these images, in the same order.
    missing : tuple of ImageRecord
        Painted images whose files are not where they were.
    moved : mapping of str to str
        New folder by old folder of images that were moved.
    told : tuple of str
        What people should know.
    """

    folder: ProjectFolder
    training: TrainingSet
    painted: tuple[str, ...] = ()
    missing: tuple[ImageRecord, ...] = ()
    moved: Mapping[str, str] = dataclasses.field(default_factory=dict)
    told: tuple[str, ...] = ()

    @property
    def images(self) -> list[Image]:
        """The painted images, read when pixels are asked for."""
        return [pair.image for pair in self.training.pairs]

    @property
    def scribbles(self) -> list[Scribbles]:
        """Their strokes."""
        return [pair.scribbles for pair in self.training.pairs]

    @property
    def classes(self) -> ClassTable:
        """Names and colours of the classes."""
        return self.training.classes

    def check_painted(self) -> None:
        """Make sure that there is enough to learn from.

        Raises
        ------
        UserError
            If not; with how many images are missing.
        """
        if missing := self.training.missing():
            name, count = self.folder.path.name, len(self.missing)
            raise UserError(f"{name}: {missing}" if not count else (
                f"{name}: of the images that are painted on, {count} {'is' if count == 1 else 'are'} not where "
                f"{'it was' if count == 1 else 'they were'}, and the others do not suffice. {missing}"))

    def read(self, record: ImageRecord) -> Image:
        """Return an image of the project; errors as :func:`napari_unet.project.sources.read_source`."""
        return read_source(record, self.folder.path, self.moved)

    @property
    def shown(self) -> ModelRecord | None:
        """The model that is shown, else the newest; None if there is none."""
        models = self.folder.state.models
        return next((one for one in models if one.shown), models[0] if models else None)

    def model(self, device: str = "auto") -> Any:
        """Load the model that is shown.

        Raises
        ------
        UserError
            If there is none, or its file cannot be used.
        """
        if self.shown is None:
            raise UserError(f"{self.folder.path.name} has no model yet. Train one first: napari-unet train "
                            f"{self.folder.path.name}.")
        return self.folder.load_model(self.shown, device)


def open_project(
    path: str | Path, *, moved: Mapping[str, str] | None = None, read_only: bool = True
) -> ProjectContents:
    """Open a project (``NAME.unet``) to work with it in a script.

    Parameters
    ----------
    path : path
    moved : mapping of str to str, optional
        New folder by old folder, for images that are not where they were.
    read_only : bool
        Whether to leave it to others to write; a project that a window has open is opened so in any case.

    Returns
    -------
    ProjectContents
        Its ``images``, ``scribbles``, ``classes`` and ``model()`` go into train, predict and compare.

    Raises
    ------
    UserError
        If it is none, is of a newer version, or cannot be read.
    """
    folder = ProjectFolder.open(Path(path), read_only=read_only)
    try:
        session, places = Session(), _both_ways({_absolute(old): _absolute(new) for old, new in (moved or {}).items()},
                                                folder)
        found = restore(folder, session, moved=places, model=False)
        painted = tuple(record.id for key in session.keys
                        if session.enabled(key) and (record := folder.state.pair_image(key)) is not None)
        return ProjectContents(folder, session.training_set(), painted, found.missing, places, found.told)
    except BaseException:
        folder.close()
        raise


def _absolute(place: str) -> str:
    return str(file_of(str(Path(place).expanduser()), Path.cwd()))


def _both_ways(moved: dict[str, str], folder: ProjectFolder) -> dict[str, str]:
    """Add to old folders of images how a project says it that has moved itself: as seen from where it is now."""
    seen = {file_of(path_text(Path(old), folder.seen_from), folder.path): new for old, new in moved.items()}
    return {**{str(old): new for old, new in seen.items()}, **moved}


def method_of_project(state: ProjectState) -> tuple[str, dict[str, Any]]:
    """Return the name and the parameters of the method that a project is learnt by: its setting, else the U-Net.

    Raises
    ------
    UserError
        If the setting names no method that there is, or parameters that it does not have.
    """
    given = state.settings.get(METHOD)
    if not isinstance(given, Mapping):
        return "unet", {}
    name, values = given.get("name"), given.get("parameters", {})
    if not isinstance(name, str) or not isinstance(values, Mapping):
        raise UserError(f"The setting {METHOD!r} of the project makes no sense. Allowed: a name with parameters.")
    kept = {key: value for key, value in values.items() if key not in _OF_THE_RUN}
    Recipe(name, kept)  # checks both
    return name, kept
