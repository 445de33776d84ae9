"""Copies of a whole project: made beside their place, named once they are whole. Opens no project."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path

from napari_unet.core.errors import UserError, shortened
from napari_unet.io import Unfinished

from .disk import PARTIAL, settle_folder
from .project_file import BEFORE, NAME, ProjectFile, write_project
from .project_home import LOCK
from .records import new_id
from .sources import moved_with


def copy_project(source: Path, target: Path, file: ProjectFile, seen_from: Path) -> Path:
    """Copy a project to a folder that is not there yet; images that lie elsewhere stay where they are.

    Parameters
    ----------
    source, target : Path
    file : ProjectFile
        What its project.json is to say, as in the old folder.
    seen_from : Path
        See :attr:`KeptState.seen_from`.

    Returns
    -------
    Path
        The new folder.

    Raises
    ------
    UserError
        If something is there already, or it cannot be written.
    """
    if os.path.lexists(target):
        raise UserError(f"{target} exists already and is left as it is. Choose another name.")
    if not target.parent.is_dir():
        raise UserError(f"There is no folder {target.parent} to save {target.name} in. Make it, or choose another.")
    if target.is_relative_to(source):
        raise UserError(f"{target} lies in the project itself. Choose a place outside of it.")
    try:
        unfinished = Unfinished(target)
        try:
            shutil.copytree(source, unfinished.path, ignore=_left_out)
            copy = dataclasses.replace(file, id=new_id(), place=str(target), told=(),
                                       state=moved_with(file.state, source, target, seen_from))
            write_project(unfinished.path, copy.to_bytes(), None)
            unfinished.take_name(overwrite=False)
            settle_folder(target.parent)
        finally:
            unfinished.discard()
    except (OSError, shutil.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else shortened(str(error))
        raise UserError(
            f"{target} could not be written ({reason}). {source} is untouched. Choose a folder you may write to, with "
            "enough space."
        ) from error
    return target


def _left_out(_folder: str, names: list[str]) -> set[str]:
    """Leave out the lock, project.json (written anew) and what is not whole."""
    return {name for name in names if name in (LOCK, NAME, BEFORE) or name.endswith((PARTIAL, ".lock", ".old"))}
