"""``napari-unet predict -o s3://...``: masks written at an address, block by block."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any

from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.method import Model
from napari_unet.core.work import Work
from napari_unet.io import file_stem
from napari_unet.io._far_run import check_far_place
from napari_unet.workflows.batch import BatchEvent, BatchPiece, BatchSummary, run_batch

from .image_files import expanded_images
from .input_files import read_images
from .predict_blocks import predict_by_blocks
from .predict_targets import model_of


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
    hinder = [flag for flag, given in (
        ("--resume", arguments.resume), ("--index", arguments.index is not None),
        ("--probabilities", arguments.probabilities is not None),
        ("--objects", arguments.objects is not None), ("--counts", arguments.counts is not None)) if given]
    if hinder:
        raise UsageError(f"{hinder[0]} does not go with results at an address. Write to this computer, or leave it "
                         "out.")
    images, place = expanded_images(arguments.images), str(arguments.output).rstrip("/")
    single = place.lower().endswith((".zarr", ".tif", ".tiff"))
    if single and len(images) > 1:
        raise UsageError(f"{len(images)} images cannot go into the one {place}. Give an address without an ending: "
                         "each image gets a name in it.")
    places = [place] if single else [f"{place}/{file_stem(name)}_mask.ome.zarr" for name in images]
    if len(set(places)) < len(places):
        raise UserError("Two results would have the same name. Rename an image, or predict them one by one.")
    for one in places:
        check_far_place(one)
        _check_clear(one, images)
    model = model_of(arguments)
    summary = watch(run_batch([BatchPiece(name, partial(_predict_one, name, model, target, arguments))
                               for name, target in zip(images, places, strict=True)]))
    if summary.failed:
        raise (UsageError if summary.wrong_use else UserError)(summary.sentence) from summary.failed[0].error


def _check_clear(place: str, images: Sequence[str]) -> None:
    """Make sure that a result takes the place of no image, and goes into none."""
    for image in (one.rstrip("/") for one in images):
        if f"{place}/".startswith(f"{image}/") or f"{image}/".startswith(f"{place}/"):
            raise UserError(f"{place} would replace {image}, an input of this command, or lie inside it. Choose "
                            "another place.")


def _predict_one(
    name: str, model: Model, target: str, arguments: argparse.Namespace
) -> Generator[Any, None, tuple[str, ...]]:
    (image,) = read_images([name], arguments.axes)
    yield from predict_by_blocks(name, image, model, target, arguments.overwrite, arguments)
    return (target,)
