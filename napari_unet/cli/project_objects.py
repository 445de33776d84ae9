"""Single objects of a project on the command line: in masks, with the window's way, cuts, joins and corrections."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from napari_unet.core.errors import InputWarning, UsageError, UserError
from napari_unet.core.method import Progress
from napari_unet.core.provenance import Provenance, now
from napari_unet.core.work import Work, run_to_end
from napari_unet.io import check_object_output, clear_of_inputs, keep_objects
from napari_unet.io._told_beside import told_beside
from napari_unet.project.mask_names import mask_places
from napari_unet.project.object_basis import ObjectBasis
from napari_unet.project.object_tables import ProjectObjects
from napari_unet.project.predictions import result_origin
from napari_unet.project.project_contents import ProjectContents
from napari_unet.project.records import ImageRecord
from napari_unet.workflows.batch import BatchPiece, run_batch

from .object_origin import object_difference
from .object_output import PieceShare, counted_words, is_object_file
from .predict_targets import refuse_others
from .terminal import make_folder, say


def check_project_objects(
    arguments: argparse.Namespace, contents: ProjectContents, inputs: Sequence[Path], masks: Mapping[str, Path],
    kept: Collection[str] = (),
) -> frozenset[str]:
    """Check, before any work is done, where objects go.

    Parameters
    ----------
    arguments : Namespace
    contents : ProjectContents
    inputs : sequence of Path
        Files of the images, which nothing may replace.
    masks : mapping of str to Path
        Where the same command writes masks, by id of an image.
    kept : collection of str
        Ids of images whose masks are there already and stay: so do their objects that are there.

    Returns
    -------
    frozenset of str
        Ids of images whose objects stay.

    Raises
    ------
    UserError
        If they cannot go there.
    """
    if arguments.objects is None:
        return frozenset()
    if arguments.way != "auto" or arguments.way_values:
        raise UsageError("Objects of a project are found as it says (in the dock Objects). Leave --way and "
                         "--object-set out, or give the images themselves with --model.")
    places = _places(arguments.objects, contents.folder.state.images)
    there = {image_id: path for image_id, path in places.items() if image_id in kept and path.exists()}
    unlike = _found_otherwise(contents, there, masks)
    for image_id, path in places.items():
        _check_outside(path, contents.folder.path, inputs, masks.values())
        if image_id in there:
            continue
        if path.exists() and not arguments.overwrite:
            raise UserError(f"{path} exists already. Add --overwrite to replace such files, or choose another folder.")
        if is_object_file(arguments.objects) or path.parent.is_dir():
            check_object_output(path, overwrite=arguments.overwrite)
    refuse_others(unlike, arguments)
    return frozenset(image_id for image_id, path in there.items() if path not in unlike)


def _check_outside(path: Path, project: Path, inputs: Sequence[Path], masks: Iterable[Path]) -> None:
    """Make sure that objects take the place of nothing else."""
    if path.resolve().is_relative_to(project.resolve()):
        raise UsageError(f"{path} lies in the project itself, which has an order of its own. Choose a place outside "
                         "of it.")
    clear_of_inputs(path, [*inputs, project])
    if any(path.resolve() == mask.resolve() for mask in masks):
        raise UsageError(f"{path} is where the mask goes. Give --objects another place, or -o.")


def _found_otherwise(
    contents: ProjectContents, objects: Mapping[str, Path], masks: Mapping[str, Path]
) -> dict[Path | str, str]:
    """Say by place of objects that are there, by id of their image, in what they are not those of the project now."""
    if not objects:
        return {}
    records, basis = {record.id: record for record in contents.folder.state.images}, ObjectBasis(contents.folder)
    found: dict[Path | str, str] = {}
    for image_id, path in objects.items():
        mask = result_origin(masks.get(image_id, contents.folder.result_path(image_id)))
        told = told_beside(path)
        reason = "" if told is None else object_difference(told, basis.of(records[image_id]), mask)
        found |= {path: reason} if reason else {}
    return found


def _places(output: Path, records: Sequence[ImageRecord]) -> Mapping[str, Path]:
    """Return by id of an image where its objects go.

    Raises
    ------
    UsageError
        If several are to go into one file.
    """
    if is_object_file(output):
        if len(records) > 1:
            raise UsageError(f"--objects {output}: the project has {len(records)} images. Give a folder.")
        return {record.id: output for record in records}
    if output.suffix and not output.is_dir():
        check_object_output(output)  # says which endings are known
    return {place.record.id: place.path for place in mask_places(records, output, "{name}_objects.tif")}


def find_in_project(
    contents: ProjectContents, records: Sequence[ImageRecord], masks: Mapping[str, Path], arguments: argparse.Namespace,
    watch: Any,
) -> None:
    """Find and save the objects of images that are predicted.

    Parameters
    ----------
    contents : ProjectContents
    records : sequence of ImageRecord
        Of the images that were predicted.
    masks : mapping of str to Path
        By id of an image, its mask, where that is not in the project.
    arguments : Namespace
    watch : callable
        Runs a batch with a bar for each image.

    Raises
    ------
    UserError
        If some could not be done.
    """
    places = _places(arguments.objects, contents.folder.state.images)
    if not is_object_file(arguments.objects):
        make_folder(arguments.objects)
    objects = ProjectObjects(contents.folder, contents.classes, contents.moved, masks)
    run_to_end(objects.learn())
    basis = ObjectBasis(contents.folder)
    summary = watch(run_batch([
        BatchPiece(record.name, partial(_kept, objects, basis, record, places[record.id], arguments))
        for record in records]))
    if summary.failed:
        raise UserError(summary.sentence) from summary.failed[0].error


def _kept(
    objects: ProjectObjects, basis: ObjectBasis, record: ImageRecord, path: Path, arguments: argparse.Namespace
) -> Generator[PieceShare, None, tuple[Path, ...]]:
    """Find and save the objects of one image."""
    begun = now()
    finding = Work(objects.objects(record))
    for event in finding:
        yield PieceShare(round(100 * (event.fraction or 0)) if isinstance(event, Progress) else 0)
    found = finding.result()
    said = counted_words(found)
    say(f"{record.name}: {said}")
    told = Provenance.here("objects", begun=begun, classes=found.classes, note=said, settings={
        "image": record.name, **basis.of(record), "of": "a project"})
    options = {"version": arguments.zarr_version} if path.suffix.lower() not in (".zip", ".geojson") else {}
    _, note = keep_objects(path, found.found, classes=found.classes, geometry=found.geometry,
                           overwrite=arguments.overwrite, provenance=told, **options)
    if note:
        warnings.warn(note, InputWarning, stacklevel=2)
    return (path,)
