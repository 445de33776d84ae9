"""``napari-unet predict``: images and a model in, masks out."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import math
import warnings
from collections.abc import Collection, Generator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.addresses import is_url
from napari_unet.core.errors import InputWarning, UsageError, UserError
from napari_unet.core.image import Image
from napari_unet.core.method import Model, Patch
from napari_unet.core.provenance import PROBABILITIES, now, of_model
from napari_unet.core.readable import readable
from napari_unet.io import clear_of_inputs, create_mask, create_probabilities
from napari_unet.io._named_run import is_left_named
from napari_unet.predicting.mask_origin import mask_provenance
from napari_unet.predicting.patches import prediction_shape, probability_shape, segment_into
from napari_unet.report.counts_table import is_counts
from napari_unet.workflows.batch import BatchPiece, BatchSummary, run_batch
from napari_unet.workflows.class_images import ClassImage
from napari_unet.workflows.counts import COLUMNS
from napari_unet.workflows.object_finding import make_search

from .image_files import images_alone, refuse_same_places, save_counts
from .input_files import read_images
from .object_blocks import find_by_blocks
from .object_output import ObjectTargets, find_and_keep, way_values
from .predict_blocks import goes_by_blocks, predict_by_blocks
from .predict_far import predict_far
from .predict_targets import OutputTarget, left_to_do, model_of, own_halves, plan_outputs, settings_of
from .project_commands import names_project
from .project_predict import predict_project
from .terminal import check_writable, make_folder, say, show
from .unread_flags import check_object_flags, check_store_flags
from .watched_batch import watch_batch

_MOST_IN_MEMORY = 2**29
"""Probabilities of an image that are kept in memory to find its objects, at most: 2 GB."""


def run_predict(arguments: argparse.Namespace) -> None:
    """Segment images and save the masks."""
    if any(map(names_project, arguments.images)):
        _check_near(arguments)
        predict_project(arguments, watch_batch)
        return
    if arguments.model is None or arguments.output is None:
        raise UsageError("Give --model MODEL.pt and -o OUT (a project, NAME.unet, has its own model and results).")
    if arguments.moved or arguments.pattern:
        raise UsageError("--moved and --pattern are for projects (NAME.unet).")
    check_object_flags(arguments)
    if is_url(arguments.output):
        predict_far(arguments, watch_batch)
        return
    values = way_values(arguments)
    make_search(arguments.way, values)
    targets = _planned(arguments)
    check_store_flags(arguments, [path for target in targets.values() for path in target.paths])
    left = left_to_do(arguments, targets)
    halves = own_halves(arguments, left)
    replace = _claim_outputs(arguments, [path for target in left.values() for path in target.paths], list(targets),
                             halves)
    model = model_of(arguments)
    summary = watch_batch(run_batch([
        BatchPiece(name, partial(_predict_file, name, model, target, replace, arguments))
        for name, target in left.items()
    ]))
    if arguments.counts is not None:
        _count(arguments, targets, summary, replace[arguments.counts])
    if summary.failed:
        raise (UsageError if summary.wrong_use else UserError)(summary.sentence) from summary.failed[0].error


def _check_near(arguments: argparse.Namespace) -> None:
    """Make sure that results of a project stay on this computer."""
    if any(is_url(one or "") for one in (arguments.output, arguments.objects)):
        raise UsageError("Masks and objects of a project go to folders of this computer: give -o and --objects such "
                         "ones, or leave them out.")


def _planned(arguments: argparse.Namespace) -> dict[str, OutputTarget]:
    """Return by image where its results go; results of others that lie in the same folder are no images."""
    if is_url(arguments.probabilities or ""):
        raise UsageError("--probabilities go to an address only where the masks do: give -o an address too.")
    if is_url(arguments.objects or ""):
        raise UsageError("--objects go to an address only where the masks do: give -o an address too, or find them "
                         "afterwards: napari-unet objects MASK -o s3://...")
    images = images_alone(arguments.images)
    planned = plan_outputs(images, arguments.output, arguments.probabilities, arguments.objects)
    refuse_same_places([*((name, one.paths) for name, one in zip(images, planned, strict=True)),
                        *([("--counts", [arguments.counts])] if arguments.counts is not None else [])])
    results = [path.resolve() for one in planned for path in one.paths]
    named = set(arguments.images)
    return {name: one for name, one in zip(images, planned, strict=True)
            if name in named or Path(name).resolve() not in results}


def _count(
    arguments: argparse.Namespace, targets: Mapping[str, OutputTarget], summary: BatchSummary, overwrite: bool
) -> None:
    """Write one table of all masks that are there, those of an earlier run too."""
    failed = {one.name for one in summary.failed}
    save_counts(arguments.counts, [(name, one.mask) for name, one in targets.items() if name not in failed],
                overwrite)
    show(readable(arguments.counts))


def _claim_outputs(
    arguments: argparse.Namespace, outputs: list[Path], images: list[str], halves: Collection[Path]
) -> dict[Path | str, bool]:
    """Check where results go and make their folders; returns by file whether it may replace one that is there."""
    for path in outputs:
        clear_of_inputs(path, [*images, arguments.model])
    # only now: a refused command leaves no folder behind
    asked = {arguments.output, arguments.probabilities, arguments.objects}
    for folder in asked.intersection(path.parent for path in outputs):
        make_folder(folder)
    replace: dict[Path | str, bool] = {
        path: False if not arguments.overwrite and is_left_named(path)
        else check_writable(path, arguments.overwrite or path in halves) for path in outputs}
    if (counts := arguments.counts) is not None:
        ours = arguments.resume and is_counts(counts, COLUMNS)  # of the run that is gone on with
        replace[counts] = check_writable(counts, arguments.overwrite or ours, [*images, arguments.model])
    return replace


def _predict_file(
    name: str, model: Model, target: OutputTarget, replace: Mapping[Path | str, bool], arguments: argparse.Namespace
) -> Generator[Any, None, tuple[Path, ...]]:
    """Segment one image file; returns the files made, once they are known to be there."""
    (image,) = read_images([name], arguments.axes)
    if goes_by_blocks(image, target.mask, target.probabilities, target.objects, arguments):
        if not target.segmented:
            yield from predict_by_blocks(name, image, model, target.mask, replace[target.mask], arguments,
                                         target.probabilities)
        found = None
        if target.objects is not None:  # probabilities of blocks are not kept
            yield from find_by_blocks(name, target.mask, ObjectTargets((target.objects,)), replace,
                                      way_values(arguments), arguments, None, now(), of_model(model))
    else:
        found = yield from _predict_image(image, model, target, replace, arguments)
    if found is not None and target.objects is not None:
        yield from find_and_keep(name, found, ObjectTargets((target.objects,)), replace, way_values(arguments),
                                 arguments, None, now(), of_model(model))
    for made in target.paths:
        if not made.exists():
            raise UserError(f"{made} was written, but is not there any more. Predict the image again.")
    return target.paths


def _predict_image(
    image: Image, model: Model, target: OutputTarget, replace: Mapping[Path | str, bool], arguments: argparse.Namespace
) -> Generator[Patch, None, ClassImage | None]:
    """Segment one image into its files; return what objects are found in, if they are asked for."""
    index = arguments.index
    geometry = image.geometry if index is None else image.geometry.of_planes()
    shape = prediction_shape(image, index)
    origin = mask_provenance(model, image, settings=settings_of(arguments))
    with contextlib.ExitStack() as files:
        labels: list[Any] = []
        if not target.segmented:
            labels.append(files.enter_context(create_mask(
                target.mask, shape, classes=model.classes, geometry=geometry,
                code="painted" if arguments.painted_ids else "mask", overwrite=replace[target.mask],
                version=arguments.zarr_version, provenance=origin,
            )))
            if labels[0].note:
                warnings.warn(labels[0].note, InputWarning, stacklevel=2)
        maps: Any = None
        if target.probabilities is not None and not target.segmented:
            maps = files.enter_context(create_probabilities(
                target.probabilities, probability_shape(image, model, index), classes=model.classes,
                geometry=geometry, planes=shape[:-2], overwrite=replace[target.probabilities],
                provenance=dataclasses.replace(origin, what=PROBABILITIES),
            ))
        if target.objects is None:
            yield from segment_into(image, model, labels[0], maps, index=index)
            return None
        size = probability_shape(image, model, index)
        memory = np.zeros(shape, np.uint8)
        soft = np.zeros(size, np.float32) if math.prod(size) <= _MOST_IN_MEMORY else None
        if soft is None:
            say(f"{image.name} is too large to keep its probabilities: its objects are found in the mask.")
        both = [one for one in (maps, soft) if one is not None]
        yield from segment_into(image, model, SeveralSinks((*labels, memory)), SeveralSinks(both) if both else None,
                                index=index)
    if soft is not None:
        soft = np.moveaxis(soft, 1, 0).reshape(size[1], *shape)
    return ClassImage(memory, model.classes, geometry, soft)


@dataclasses.dataclass(frozen=True, eq=False)
class SeveralSinks:
    """Takes what is put at an index, for several that take it alike."""

    sinks: Sequence[Any]

    def __setitem__(self, where: Any, values: Any) -> None:
        for one in self.sinks:
            one[where] = values
