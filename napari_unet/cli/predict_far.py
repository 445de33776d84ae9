"""``napari-unet predict -o s3://...``: masks written at an address, block by block."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from napari_unet.core.addresses import is_url
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.method import Model
from napari_unet.core.readable import readable
from napari_unet.core.work import Work
from napari_unet.io import clear_of_inputs, file_stem
from napari_unet.io._far_run import check_far_place
from napari_unet.io._told_beside import told_beside
from napari_unet.workflows.batch import BatchEvent, BatchPiece, BatchSummary, run_batch

from .image_files import expanded_images, save_counts
from .input_files import read_images
from .predict_blocks import predict_by_blocks
from .predict_targets import model_of
from .terminal import check_writable, show


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
    images = expanded_images(arguments.images)
    targets = _planned_far(arguments, images)
    counts = arguments.counts
    replace = counts is not None and check_writable(counts, arguments.overwrite, [*images, arguments.model])
    model = model_of(arguments)
    summary = watch(run_batch([BatchPiece(name, partial(_predict_one, name, model, mask, soft, arguments))
                               for name, mask, soft in targets]))
    failed = {one.name for one in summary.failed}
    if counts is not None:
        save_counts(counts, [(name, mask) for name, mask, _ in targets if name not in failed], replace)
        show(readable(counts))
    if summary.failed:
        raise (UsageError if summary.wrong_use else UserError)(summary.sentence) from summary.failed[0].error


def _planned_far(arguments: argparse.Namespace, images: Sequence[str]) -> list[tuple[str, str, str | None]]:
    """Return each image with the place of its mask and that of its probabilities, once they can be written there."""
    place = str(arguments.output).rstrip("/")
    if arguments.objects is not None:
        raise UsageError("--objects does not go with masks at an address. Find them afterwards: napari-unet objects "
                         f"{place} -o objects.zarr")
    if arguments.resume:
        raise UsageError("--resume does not go with results at an address: there an interrupted mask is gone on with "
                         "in any case. Leave it out.")
    masks = _places(images, place, "mask")
    soft = arguments.probabilities
    maps = [] if soft is None else _places(images, str(soft).rstrip("/"), "probabilities", "--probabilities ")
    if len({*masks, *maps}) < len(masks) + len(maps):
        raise UserError("Two results would have the same name. Rename an image, or predict them one by one.")
    for one in (*masks, *maps):
        if is_url(one):
            check_far_place(one)
            _check_clear(one, images)
        else:
            clear_of_inputs(Path(one), images)
            ours = one in maps and told_beside(one) is not None  # whether they are those of this run is seen by it
            check_writable(Path(one), arguments.overwrite or ours)
    return [(name, masks[at], maps[at] if maps else None) for at, name in enumerate(images)]


def _places(images: Sequence[str], place: str, kind: str, flag: str = "") -> list[str]:
    """Return where the results of one kind go: the place itself of a single image, else a name in it for each."""
    single = place.lower().endswith((".zarr", ".tif", ".tiff"))
    if single and len(images) > 1:
        raise UsageError(f"{flag}{len(images)} images cannot go into the one {place}. Give an address without an "
                         "ending: each image gets a name in it.")
    return [place] if single else [f"{place}/{file_stem(name)}_{kind}.ome.zarr" for name in images]


def _check_clear(place: str, images: Sequence[str]) -> None:
    """Make sure that a result takes the place of no image, and goes into none."""
    for image in (one.rstrip("/") for one in images):
        if f"{place}/".startswith(f"{image}/") or f"{image}/".startswith(f"{place}/"):
            raise UserError(f"{place} would replace {image}, an input of this command, or lie inside it. Choose "
                            "another place.")


def _predict_one(
    name: str, model: Model, mask: str, maps: str | None, arguments: argparse.Namespace
) -> Generator[Any, None, tuple[str, ...]]:
    (image,) = read_images([name], arguments.axes)
    yield from predict_by_blocks(name, image, model, mask, arguments.overwrite, arguments, maps)
    return (mask,) if maps is None else (mask, maps)
