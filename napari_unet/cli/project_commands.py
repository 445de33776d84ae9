"""Projects (``NAME.unet``) on the command line: train and predict as the docks do."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.method import Patch
from napari_unet.core.readable import readable
from napari_unet.io import clear_of_inputs
from napari_unet.io.model_file import load_model, save_model
from napari_unet.project.mask_names import PATTERNS, mask_places
from napari_unet.project.project_contents import ProjectContents, method_of_project, open_project
from napari_unet.project.project_home import SUFFIX
from napari_unet.project.records import ImageRecord
from napari_unet.project.sources import files_of
from napari_unet.project.verbs import keep_model, predict_image, train_project, write_project_state
from napari_unet.workflows.batch import BatchPiece, run_batch

from .project_objects import check_project_objects, find_in_project
from .terminal import check_writable, make_folder, say, show
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


def _writable(contents: ProjectContents, output: object, what: str) -> bool:
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


# -- train ------------------------------------------------------------------------------------------------------------


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
        into_project = _writable(contents, arguments.output, "the model")
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


# -- predict ----------------------------------------------------------------------------------------------------------


def predict_project(arguments: argparse.Namespace, watch: Any) -> None:
    """Segment all images of a project, into its results or into a folder.

    Parameters
    ----------
    arguments : Namespace
    watch : callable
        Runs a batch with a bar for each image.
    """
    _refuse_other_flags(arguments)
    with opened(arguments, arguments.images[0], read_only=arguments.output is not None) as contents:
        _writable(contents, arguments.output, "results")
        records = contents.folder.state.images
        if not records:
            raise UserError(f"{contents.folder.path.name} has no images yet. Open it in napari and add some.")
        targets = _targets(arguments, contents)
        check_project_objects(arguments, contents, image_files(contents), targets)
        model = load_model(arguments.model, arguments.device) if arguments.model else contents.model(arguments.device)
        if arguments.output is not None:  # only now: a refused command leaves no folder behind
            make_folder(arguments.output)
        pieces = [BatchPiece(record.name, partial(_predicted, contents, record, model, targets.get(record.id),
                                                  arguments)) for record in records]
        summary = watch(run_batch(pieces))
        if arguments.objects is not None:
            done = [records[one.number] for one in summary.done]
            find_in_project(contents, done, targets, arguments, watch)
        raise_failures(summary)


def _refuse_other_flags(arguments: argparse.Namespace) -> None:
    """Refuse what makes sense for files alone."""
    flags = ("axes", "index", "tta", "probabilities", "painted_ids", "countable", "panoptic", "by_plane", "halo")
    wrong = [f"--{flag.replace('_', '-')}" for flag in flags if getattr(arguments, flag)]
    if len(arguments.images) > 1:
        raise UsageError("Give one project, or images.")
    if wrong:
        raise UsageError(f"A project is predicted as the window does it, without {', '.join(wrong)}. Leave that out, "
                         "or predict the images themselves with --model.")


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


def _targets(arguments: argparse.Namespace, contents: ProjectContents) -> dict[str, Path]:
    """Return the files by image id if results go into a folder; each is checked before any work is done."""
    if arguments.output is None:
        return {}
    outside(arguments.output, contents.folder.path)
    places = mask_places(contents.folder.state.images, arguments.output, arguments.pattern or PATTERNS[0])
    for place in places:
        clear_of_inputs(place.path, [*image_files(contents), contents.folder.path])
    taken = [place.path for place in places if place.taken]
    if taken and not arguments.overwrite:
        raise UserError(f"{taken[0]} exists already. Add --overwrite to replace such files, or choose another folder.")
    return {place.record.id: place.path for place in places}


def _predicted(
    contents: ProjectContents, record: ImageRecord, model: Any, target: Path | None,
    arguments: argparse.Namespace,
) -> Generator[Patch, None, tuple[Path, ...]]:
    return (yield from predict_image(contents, record, model, target, overwrite=arguments.overwrite,
                                     version=arguments.zarr_version))


def raise_failures(summary: Any) -> None:
    """Raise what a batch says of pieces that could not be done, if there are any."""
    if summary.failed:
        raise (UsageError if summary.wrong_use else UserError)(summary.sentence) from summary.failed[0].error
