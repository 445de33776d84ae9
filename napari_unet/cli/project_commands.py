"""Projects (``NAME.unet``) on the command line: opened, and trained as the docks do."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.readable import readable
from napari_unet.io.model_file import save_model
from napari_unet.project.project_contents import ProjectContents, method_of_project, open_project
from napari_unet.project.project_home import SUFFIX
from napari_unet.project.sources import files_of
from napari_unet.project.verbs import keep_model, train_project, write_project_state

from .terminal import check_writable, say, show
from .watched_training import watch_training


def names_project(path: object) -> bool:
    """Say whether what was given in place of an image is a project."""
    return path is not None and str(path).rstrip("/\\").lower().endswith(SUFFIX)


@contextlib.contextmanager
def opened(arguments: argparse.Namespace, path: str | Path, read_only: bool = True) -> Iterator[ProjectContents]:
    """Open a project, say what is to be known about it, and close it in the end.

    Raises
    ------
    UserError
        If it cannot be opened.
    """
    contents = open_project(path, moved=moved_folders(getattr(arguments, "moved", ())), read_only=read_only)
    try:
        for text in contents.told:
            say(text)
        if contents.missing:
            say("Say where images are now with --moved OLD_FOLDER=NEW_FOLDER; the project itself stays as it is.")
        yield contents
        if not contents.folder.read_only:
            write_project_state(contents.folder)
    finally:
        with contextlib.suppress(OSError):  # what could not be written has been told
            contents.folder.close()


def moved_folders(given: Any) -> dict[str, str]:
    """Read ``OLD=NEW`` of --moved.

    Raises
    ------
    UsageError
        If a new folder is none.
    """
    found = dict(given or ())
    for new in found.values():
        if not Path(new).expanduser().is_dir():
            raise UsageError(f"--moved: {new} is no folder. Give OLD_FOLDER=NEW_FOLDER, the new one being there.")
    return found


def writable(contents: ProjectContents, output: object, what: str) -> bool:
    """Say whether results go into the project too; it need not be written if they go elsewhere.

    Raises
    ------
    UserError
        If there is no place for them.
    """
    if not contents.folder.read_only:
        return True
    if output is None:
        raise UserError(f"{contents.folder.path.name} can only be read now, so {what} cannot go into it. Say with -o "
                        "where else, or close whatever has the project open.")
    return False


def train_in_project(arguments: argparse.Namespace, read_options: Any) -> None:
    """Train on the strokes of a project; the model goes into it, and to -o if that is given.

    Parameters
    ----------
    arguments : Namespace
    read_options : callable
        Reads the flags that are parameters of the method.
    """
    if arguments.scribbles is not None or arguments.pair:
        raise UsageError("A project has its own strokes. Give it alone, or images with strokes.")
    if arguments.axes or arguments.index:
        raise UsageError("A project has its own axes, and learns from all its strokes. Leave --axes and --index out.")
    outside(arguments.output, arguments.images)
    replace = arguments.output is not None and check_writable(arguments.output, arguments.overwrite, [arguments.images])
    with opened(arguments, arguments.images, read_only=False) as contents:
        into_project = writable(contents, arguments.output, "the model")
        base: dict[str, Any] = {}
        if arguments.network is None:
            arguments.network, base = method_of_project(contents.folder.state)
        asked = {*dict(arguments.set), *(("seed",) if arguments.seed is not None else ())}
        options = {**read_options(arguments), **{name: base[name] for name in base if name not in asked}}
        work = train_project(contents, arguments.network, go_on=arguments.go_on, **options)
        watch_training(work, lambda model: _keep(contents, model, arguments.output, replace, into_project))


def _keep(contents: ProjectContents, model: Any, output: Path | None, replace: bool, into_project: bool) -> None:
    """Save a model in the project, in a file, or both."""
    if output is not None:
        save_model(output, model, overwrite=replace)
        show(readable(output))
    if into_project:
        record = keep_model(contents, model)
        show(readable(contents.folder.path / record.file))
    else:
        say(f"{contents.folder.path.name} can only be read now; the model is in {output} alone.")


def outside(output: Path | None, project: Path) -> None:
    """Make sure that a place for results is none of the project's own.

    Raises
    ------
    UsageError
        If it is.
    """
    if output is not None and Path(output).resolve().is_relative_to(Path(project).resolve()):
        raise UsageError(f"{output} lies in the project itself, which has an order of its own. Choose a place outside "
                         "of it.")


def image_files(contents: ProjectContents) -> list[Path]:
    """Return the files of the images of a project, which nothing may replace."""
    found = [files_of(record, contents.folder.path, contents.moved) for record in contents.folder.state.images]
    return [file for files in found for file in files or ()]


def raise_failures(summary: Any) -> None:
    """Raise what a batch says of pieces that could not be done, if there are any."""
    if summary.failed:
        raise (UsageError if summary.wrong_use else UserError)(summary.sentence) from summary.failed[0].error
