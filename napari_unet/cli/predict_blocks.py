"""``napari-unet predict`` of images larger than memory: block by block, here or on a cluster, into a store."""

from __future__ import annotations

import argparse
from collections.abc import Generator
from pathlib import Path

from napari_unet.core.errors import UsageError
from napari_unet.core.image import Image
from napari_unet.core.method import Model
from napari_unet.core.plane_facts import how_judged
from napari_unet.io import label_place
from napari_unet.io.ome_zarr import OmeZarr
from napari_unet.workflows.block_progress import BlockDone
from napari_unet.workflows.store_run import BlockEngine, needs_store, predict_store

from .terminal import say


def asked_for_blocks(arguments: argparse.Namespace) -> bool:
    """Say whether a flag asks for a run by blocks."""
    return bool(arguments.blocks or arguments.workers or arguments.scheduler or arguments.shard
                or arguments.skip_background is not None or arguments.halo is not None)


def goes_by_blocks(
    image: Image, mask: Path, maps: Path | None, objects: Path | None, arguments: argparse.Namespace
) -> bool:
    """Say whether an image is segmented block by block: when asked to, or where it is large and nothing forbids it.

    Raises
    ------
    UsageError
        If it is asked for together with what needs whole planes.
    """
    hinder = [flag for flag, given in (
        (f"--probabilities {maps}", maps is not None and maps.suffix.lower() != ".zarr"),
        ("--index with --objects", arguments.index is not None and objects is not None),
        (f"--objects {objects}", objects is not None and label_place(objects) is not None),
        ("-o IMAGE.zarr/labels/NAME", label_place(mask) is not None)) if given]
    if asked_for_blocks(arguments):
        if hinder:
            raise UsageError(f"{hinder[0]} does not go with a run by blocks. Leave one of the two out.")
        return True
    return needs_store(image) and not hinder


def predict_by_blocks(
    name: str, image: Image, model: Model, mask: Path | str, overwrite: bool, arguments: argparse.Namespace,
    maps: Path | str | None = None,
) -> Generator[BlockDone, None, None]:
    """Segment the image of this file or address into a file; says when it goes on with an earlier run."""
    _check_shard(arguments)
    shown = False
    say(f"{name}: block by block; percentiles from {how_judged(image)}")
    run = predict_store(
        image, model, mask, engine=_engine(name, arguments), painted_ids=arguments.painted_ids,
        skip_background=arguments.skip_background, index=arguments.index, probabilities=maps, overwrite=overwrite,
        format=OmeZarr(version=arguments.zarr_version, shard=arguments.shard))
    for event in run:
        if event.note and not shown:
            say(f"{mask}: {event.note}")
        if event.before and not shown:
            say(f"{mask}: {event.before} of {event.before + event.total} blocks were there from an earlier run")
        shown = True
        yield event


def _check_shard(arguments: argparse.Namespace) -> None:
    chunk = OmeZarr().chunk
    if arguments.shard and arguments.zarr_version == "0.4":
        raise UsageError("--shard needs --zarr-version 0.5: stores of 0.4 have no shards.")
    if arguments.shard % chunk:
        raise UsageError(f"--shard {arguments.shard} is no multiple of {chunk}, the rows and columns of a block. Give "
                         f"one, e.g. {8 * chunk}.")


def _engine(name: str, arguments: argparse.Namespace) -> BlockEngine | None:
    if not (arguments.workers or arguments.scheduler):
        return None
    if arguments.workers and arguments.scheduler:
        raise UsageError("Give either --workers or --scheduler.")
    from napari_unet.workflows.cluster import ClusterEngine

    return ClusterEngine(name, arguments.axes, workers=arguments.workers, address=arguments.scheduler)
