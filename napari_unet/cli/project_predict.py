"""``napari-unet predict NAME.unet``: all images of a project, as the window does it; goes on with what is there."""

from __future__ import annotations

import argparse
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.method import Patch
from napari_unet.core.readable import readable
from napari_unet.io import clear_of_inputs
from napari_unet.io.model_file import load_model
from napari_unet.project.mask_names import PATTERNS, mask_places
from napari_unet.project.predicted_already import keep_standing, standing_mask
from napari_unet.project.project_contents import ProjectContents
from napari_unet.project.records import ImageRecord
from napari_unet.project.verbs import predict_image
from napari_unet.report.counts_table import is_counts
from napari_unet.workflows.batch import BatchPiece, run_batch
from napari_unet.workflows.counts import COLUMNS

from .image_files import save_counts
from .predict_targets import refuse_others
from .project_commands import image_files, opened, outside, raise_failures, writable
from .project_objects import check_project_objects, find_in_project
from .terminal import check_writable, make_folder, show, tell_standing
from .unread_flags import check_object_flags

_FOR_FILES = ("axes", "index", "tta", "probabilities", "painted_ids", "countable", "panoptic", "by_plane", "halo",
              "blocks", "workers", "scheduler", "shard", "skip_background")
"""Flags that make sense for files alone."""


def predict_project(arguments: argparse.Namespace, watch: Any) -> None:
    """Segment all images of a project, into its results or into a folder.

    Parameters
    ----------
    arguments : Namespace
    watch : callable
        Runs a batch with a bar for each image.
    """
    _refuse_other_flags(arguments)
    check_object_flags(arguments)
    with opened(arguments, arguments.images[0], read_only=arguments.output is not None) as contents:
        writable(contents, arguments.output, "results")
        records = contents.folder.state.images
        if not records:
            raise UserError(f"{contents.folder.path.name} has no images yet. Open it in napari and add some.")
        targets, inputs = _targets(arguments, contents), image_files(contents)
        # what does not depend on the model is said before it is loaded
        found = check_project_objects(arguments, contents, inputs, targets, [
            record.id for record in records if arguments.resume])
        model = load_model(arguments.model, arguments.device) if arguments.model else contents.model(arguments.device)
        kept = frozenset[str]()
        if arguments.resume:
            kept = _standing(arguments, contents, model, targets)
            found = check_project_objects(arguments, contents, inputs, targets, kept)
        _check_free(arguments, targets, kept)
        counts = _claim_counts(arguments, [contents.folder.path, *inputs])
        if arguments.output is not None:  # only now: a refused command leaves no folder behind
            make_folder(arguments.output)
        left = [record for record in records if record.id not in kept]
        summary = watch(run_batch([BatchPiece(record.name, partial(
            _predicted, contents, record, model, targets.get(record.id), arguments)) for record in left]))
        done = kept | {left[one.number].id for one in summary.done}
        if arguments.objects is not None:
            find_in_project(contents, [one for one in records if one.id in done - found], targets, arguments, watch)
        if arguments.counts is not None:
            _count(arguments.counts, contents, done, targets, counts)
        raise_failures(summary)


def _count(
    path: Path, contents: ProjectContents, done: frozenset[str], targets: Mapping[str, Path], replace: bool
) -> None:
    """Write the table of all masks that are there."""
    masks = [(one.name, targets.get(one.id, contents.folder.result_path(one.id)))
             for one in contents.folder.state.images if one.id in done]
    save_counts(path, masks, replace)
    show(readable(path))


def _claim_counts(arguments: argparse.Namespace, inputs: Sequence[Path]) -> bool:
    """Return whether the table may replace one that is there, if it is asked for and can be written."""
    if arguments.counts is None:
        return False
    ours = arguments.resume and is_counts(arguments.counts, COLUMNS)  # of the run that is gone on with
    return check_writable(arguments.counts, arguments.overwrite or ours, inputs)


def _refuse_other_flags(arguments: argparse.Namespace) -> None:
    """Refuse what makes sense for files alone, and what would not be looked at."""
    wrong = [f"--{flag.replace('_', '-')}" for flag in _FOR_FILES if getattr(arguments, flag) not in (None, False, 0)
             or (flag == "halo" and arguments.halo == 0)]
    if len(arguments.images) > 1:
        raise UsageError("Give one project, or images.")
    if wrong:
        raise UsageError(f"A project is predicted as the window does it, without {', '.join(wrong)}. Leave that out, "
                         "or predict the images themselves with --model.")
    if arguments.pattern and arguments.output is None:
        raise UsageError("--pattern names masks in a folder. Say which with -o, or leave it out: results in the "
                         "project itself have names of their own.")


def _targets(arguments: argparse.Namespace, contents: ProjectContents) -> dict[str, Path]:
    """Return the files by image id if results go into a folder."""
    if arguments.output is None:
        return {}
    outside(arguments.output, contents.folder.path)
    places = mask_places(contents.folder.state.images, arguments.output, arguments.pattern or PATTERNS[0])
    for place in places:
        clear_of_inputs(place.path, [*image_files(contents), contents.folder.path])
    return {place.record.id: place.path for place in places}


def _check_free(arguments: argparse.Namespace, targets: Mapping[str, Path], kept: frozenset[str]) -> None:
    taken = [path for image_id, path in targets.items() if image_id not in kept and path.exists()]
    if taken and not arguments.overwrite:
        raise UserError(f"{taken[0]} exists already. Add --overwrite to replace such files, or choose another folder.")


def _standing(
    arguments: argparse.Namespace, contents: ProjectContents, model: Any, targets: Mapping[str, Path]
) -> frozenset[str]:
    """Return the images whose masks are there already, as the command would make them; they stay as they are.

    Raises
    ------
    UserError
        If one in a folder was made otherwise, and may not be replaced.
    """
    found = [mask for record in contents.folder.state.images
             if (mask := standing_mask(contents, record, model, targets.get(record.id))) is not None]
    if targets:
        refuse_others({one.path: one.otherwise for one in found if one.otherwise}, arguments)
    kept = [one for one in found if not one.otherwise]
    tell_standing([one.path for one in kept if one.is_untold], len(kept), len(contents.folder.state.images))
    if not targets:
        keep_standing(contents, kept, model)
    return frozenset(one.image for one in kept)


def _predicted(
    contents: ProjectContents, record: ImageRecord, model: Any, target: Path | None,
    arguments: argparse.Namespace,
) -> Generator[Patch, None, tuple[Path, ...]]:
    return (yield from predict_image(contents, record, model, target, overwrite=arguments.overwrite,
                                     version=arguments.zarr_version))
