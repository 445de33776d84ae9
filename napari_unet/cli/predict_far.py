"""``napari-unet predict -o s3://...``: masks, and objects found in them, written at an address, block by block."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from napari_unet.core.addresses import is_url
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.method import Model
from napari_unet.core.provenance import Provenance, now, of_model
from napari_unet.core.readable import readable
from napari_unet.core.work import Work
from napari_unet.io import clear_of_inputs, result_stem
from napari_unet.io._far_run import check_far_place
from napari_unet.io._named_run import is_ended
from napari_unet.io._told_beside import told_beside
from napari_unet.predicting.block_answer import as_block_model
from napari_unet.predicting.model_hash import model_hash
from napari_unet.report.counts_table import is_counts
from napari_unet.workflows.batch import BatchEvent, BatchPiece, BatchSummary, run_batch
from napari_unet.workflows.counts import COLUMNS
from napari_unet.workflows.object_finding import make_search

from .image_files import images_alone, refuse_same_places, save_counts
from .input_files import read_images
from .object_blocks import find_by_blocks
from .object_origin import found_otherwise
from .object_output import ObjectTargets, is_object_file, objects_place, way_values
from .predict_blocks import predict_by_blocks
from .predict_targets import mask_difference, model_of, refuse_others, refuse_part
from .terminal import check_writable, make_folder, show, tell_standing


@dataclasses.dataclass(frozen=True)
class FarTarget:
    """Where the results of one image go; what is not wanted is None. ``segmented``: only the objects are looked for."""

    mask: str
    probabilities: str | None = None
    objects: Path | str | None = None
    segmented: bool = False

    @property
    def places(self) -> tuple[Path | str, ...]:
        """All of them."""
        return tuple(one for one in (self.mask, self.probabilities, self.objects) if one is not None)


def predict_far(
    arguments: argparse.Namespace, watch: Callable[[Work[BatchEvent, BatchSummary]], BatchSummary]
) -> None:
    """Segment images into OME-Zarr at an address: one name for one image, else a place for several.

    Raises
    ------
    UsageError
        If something is asked for that is not written there.
    UserError
        If an image could not be done.
    """
    images = images_alone(arguments.images)
    values = way_values(arguments)
    make_search(arguments.way, values)
    targets = _planned_far(arguments, images)
    counts = arguments.counts
    ours = counts is not None and arguments.resume and is_counts(counts, COLUMNS)
    replace = counts is not None and check_writable(counts, arguments.overwrite or ours, [*images, arguments.model])
    model = model_of(arguments)
    left = _left_far(arguments, targets, model) if arguments.resume else targets
    summary = watch(run_batch([BatchPiece(name, partial(_predict_one, name, model, target, values, arguments))
                               for name, target in left.items()]))
    failed = {one.name for one in summary.failed}
    if counts is not None:
        save_counts(counts, [(name, one.mask) for name, one in targets.items() if name not in failed], replace)
        show(readable(counts))
    if summary.failed:
        raise (UsageError if summary.wrong_use else UserError)(summary.sentence) from summary.failed[0].error


def _planned_far(arguments: argparse.Namespace, images: Sequence[str]) -> dict[str, FarTarget]:
    """Return by image where its results go, once they can be written there."""
    place = str(arguments.output).rstrip("/")
    if arguments.objects is not None and arguments.index is not None:
        raise UsageError("--index does not go with --objects here. Leave one of the two out.")
    masks = _places(images, place, "mask")
    soft = arguments.probabilities
    maps = [] if soft is None else _places(images, str(soft).rstrip("/"), "probabilities", "--probabilities ")
    found = _object_places(images, arguments)
    planned = [FarTarget(masks[at], maps[at] if maps else None, found[at] if found else None)
               for at in range(len(images))]
    refuse_same_places((name, target.places) for name, target in zip(images, planned, strict=True))
    for one in (place for target in planned for place in target.places):
        if is_url(one):
            check_far_place(str(one))
            _check_clear(str(one), images)
        else:
            _check_near(Path(one), one in maps, images, arguments)
    return dict(zip(images, planned, strict=True))


def _check_near(place: Path, soft: bool, images: Sequence[str], arguments: argparse.Namespace) -> None:
    """Make sure that a result of this computer can be written."""
    clear_of_inputs(place, images)
    ours = soft and told_beside(place) is not None  # whether they are those of this run is seen by it
    there = arguments.resume and place.exists()  # whether it stays is seen when the model is known
    check_writable(place, arguments.overwrite or ours or there)


def _left_far(arguments: argparse.Namespace, targets: Mapping[str, FarTarget], model: Model) -> dict[str, FarTarget]:
    """Return what is not done yet; what an earlier run has left unfinished is gone on with in any case.

    Raises
    ------
    UserError
        If some results of an image are there and others are not, or one was made otherwise, and may not be replaced.
    """
    hashed = model_hash(as_block_model(model), on_device=False)
    standing = {name: one for name, one in targets.items() if is_ended(one.mask)}
    told = {name: told_beside(one.mask) for name, one in standing.items()}
    reasons = {name: _otherwise(one, name, told[name], hashed, arguments) for name, one in standing.items()}
    segmented = {name: one for name, one in standing.items() if not reasons[name]}
    unlike = found_otherwise(list(segmented.values()), arguments, way_values(arguments))
    refuse_others({**_by_mask(standing, reasons), **unlike}, arguments)
    _check_objects(targets, standing, arguments)
    left = {name: dataclasses.replace(one, segmented=name in segmented) for name, one in targets.items()
            if name not in segmented or _missing(one) or one.objects in unlike}
    tell_standing([standing[name].mask for name, known in told.items() if known is None], len(targets) - len(left),
                  len(targets))
    return left


def _by_mask(standing: Mapping[str, FarTarget], reasons: Mapping[str, str]) -> dict[Path | str, str]:
    """Return by mask, instead of by image, in what it differs; those that do not are left out."""
    return {standing[name].mask: reason for name, reason in reasons.items() if reason}


def _check_objects(
    targets: Mapping[str, FarTarget], standing: Mapping[str, FarTarget], arguments: argparse.Namespace
) -> None:
    """Refuse objects whose mask is not there: they would pass for those of the one that is made."""
    for name, one in () if arguments.overwrite else targets.items():
        if name not in standing and one.objects is not None and is_ended(one.objects):
            refuse_part(name, one.objects)


def _missing(target: FarTarget) -> list[Path | str]:
    return [one for one in target.places if not is_ended(one)]


def _otherwise(
    target: FarTarget, name: str, told: Provenance | None, hashed: str, arguments: argparse.Namespace
) -> str:
    """Say in what results that are there are not those that the command makes; empty if they are."""
    reason = "" if told is None else mask_difference(told, name, hashed, arguments)
    missing = [one for one in _missing(target) if one != target.objects]
    return reason or (f"{missing[0]} is missing" if missing else "")


def _object_places(images: Sequence[str], arguments: argparse.Namespace) -> list[Path | str]:
    """Return where the objects of each image go, if they are asked for: here, or at an address."""
    place: Path | str | None = arguments.objects
    if place is None:
        return []
    if is_url(place):
        place = str(place).rstrip("/")
    if is_object_file(place):
        if len(images) > 1:
            raise UsageError(f"--objects {place}: the objects of {len(images)} images cannot go into one file. Give a "
                             "folder, or an address without an ending.")
        return [place]
    if not is_url(place):
        make_folder(Path(place))
    return [objects_place(place, name) for name in images]


def _places(images: Sequence[str], place: str, kind: str, flag: str = "") -> list[str]:
    """Return where the results of one kind go: the place itself of a single image, else a name in it for each."""
    single = place.lower().endswith((".zarr", ".tif", ".tiff"))
    if single and len(images) > 1:
        raise UsageError(f"{flag}{len(images)} images cannot go into the one {place}. Give an address without an "
                         "ending: each image gets a name in it.")
    return [place] if single else [f"{place}/{result_stem(name)}_{kind}.ome.zarr" for name in images]


def _check_clear(place: str, images: Sequence[str]) -> None:
    """Make sure that a result takes the place of no image, and goes into none."""
    for image in (one.rstrip("/") for one in images):
        if f"{place}/".startswith(f"{image}/") or f"{image}/".startswith(f"{place}/"):
            raise UserError(f"{place} would replace {image}, an input of this command, or lie inside it. Choose "
                            "another place.")


def _predict_one(
    name: str, model: Model, target: FarTarget, values: dict[str, Any], arguments: argparse.Namespace
) -> Generator[Any, None, tuple[Path | str, ...]]:
    (image,) = read_images([name], arguments.axes)
    if target.objects is not None and not (arguments.overwrite or target.segmented) and is_ended(target.mask):
        raise UserError(f"{target.mask} is there already. If its objects alone are missing, find them: napari-unet "
                        f"objects {target.mask} -o {target.objects}; else add --overwrite, or choose another name.")
    if not target.segmented:
        yield from predict_by_blocks(name, image, model, target.mask, arguments.overwrite, arguments,
                                     target.probabilities)
    if target.objects is not None:  # probabilities of blocks are not kept
        yield from find_by_blocks(name, target.mask, ObjectTargets((target.objects,)),
                                  {target.objects: arguments.overwrite}, values, arguments, None, now(),
                                  of_model(model))
    return target.places
