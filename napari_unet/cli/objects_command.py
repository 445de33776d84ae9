"""``napari-unet objects``: masks or probabilities in, single objects out; on request a table, ROIs and GeoJSON."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from napari_unet.core.addresses import is_url
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.provenance import now
from napari_unet.core.readable import readable
from napari_unet.io import check_object_output, clear_of_inputs
from napari_unet.io._far_run import check_far_place
from napari_unet.io._named_run import is_left_named
from napari_unet.objects.measure_table import MeasureTable, joined_tables
from napari_unet.report.object_csv import write_objects
from napari_unet.workflows.batch import BatchPiece, run_batch
from napari_unet.workflows.class_images import as_class_image
from napari_unet.workflows.object_finding import make_search

from .image_files import expanded_images, refuse_same_places
from .input_files import read_images
from .object_blocks import by_blocks, find_by_blocks, settled_place
from .object_output import (
    GEOJSON,
    ROIS,
    FoundFiles,
    ObjectTargets,
    PieceShare,
    find_and_keep,
    is_object_file,
    objects_place,
    way_values,
)
from .terminal import check_writable, make_folder, say, show
from .unread_flags import check_store_flags
from .watched_batch import watch_batch


def run_objects(arguments: argparse.Namespace) -> None:
    """Find the objects of masks or probabilities, and save them."""
    values = way_values(arguments)
    make_search(arguments.way, values)
    targets = _planned(arguments)
    if arguments.image is not None and len(targets) > 1:
        raise UsageError(f"--image is for one mask, but {len(targets)} are given.")
    if arguments.image is not None and arguments.table is None:
        raise UsageError("--image is what --table measures. Say where the table goes: --table TABLE.csv.")
    if arguments.unit and not arguments.voxel_size:
        raise UsageError(f"--unit {readable(arguments.unit)} is of --voxel-size. Give that too.")
    inputs = [*targets, *([arguments.image] if arguments.image is not None else [])]
    replace = claim_objects(list(targets.values()), arguments, inputs)
    summary = watch_batch(run_batch([
        BatchPiece(name, partial(_find, name, target, replace, values, arguments))
        for name, target in targets.items()
    ]))
    tables = [table for one in summary.done if (table := getattr(one.result, "table", None)) is not None]
    if arguments.table is not None and tables:
        save_table(arguments.table, tables, arguments.overwrite)
    if summary.failed:
        raise (UsageError if summary.wrong_use else UserError)(summary.sentence) from summary.failed[0].error


def _planned(arguments: argparse.Namespace) -> dict[str, ObjectTargets]:
    """Return by mask where its objects go; results of others that lie in the same folder are no masks."""
    masks = expanded_images(arguments.masks)
    planned = plan_objects(masks, arguments)
    refuse_same_places([*((name, one.paths) for name, one in zip(masks, planned, strict=True)),
                        ("the table", [arguments.table] if arguments.table is not None else [])])
    results = {path.resolve() for one in planned for path in _near(one.paths)}
    named = set(arguments.masks)
    return {name: one for name, one in zip(masks, planned, strict=True)
            if name in named or Path(name).resolve() not in results}


def plan_objects(names: Sequence[str], arguments: argparse.Namespace) -> list[ObjectTargets]:
    """Say where the objects of each image go.

    Raises
    ------
    UsageError
        If several images are to go into one file.
    """
    kinds = [(arguments.output, "_objects.tif"), (arguments.rois, f"_rois{ROIS}"),
             (arguments.geojson, f"_objects{GEOJSON}")]
    asked = [(path, ending) for path, ending in kinds if path is not None]
    for path, ending in asked:
        _check_place(path, ending, len(names))
    return [ObjectTargets(tuple(path if is_object_file(path) else objects_place(path, name, ending)
                                for path, ending in asked)) for name in names]


def _near(paths: Sequence[Path | str]) -> list[Path]:
    """Return those that are no addresses."""
    return [Path(path) for path in paths if not is_url(path)]


def _check_place(path: Path | str, ending: str, count: int) -> None:
    """Check that a place suits what goes there, and so many masks.

    Raises
    ------
    UserError
        If not.
    """
    if is_object_file(path):
        if count > 1:
            raise UsageError(f"{count} masks cannot go into the one file {path}. Give a folder.")
        if is_url(path):
            check_far_place(str(path).rstrip("/"))
        elif ending.endswith((ROIS, GEOJSON)) and not str(path).lower().endswith(Path(ending).suffix):
            raise UsageError(f"{path} does not end in {Path(ending).suffix}. Give such a file, or a folder.")
    elif not is_url(path) and Path(path).suffix and not Path(path).is_dir():
        check_object_output(path)  # says which endings are known


def _may_replace(path: Path, overwrite: bool) -> bool:
    """Say whether a result may replace one that is there; what only has to be ended is looked at when it is its turn.
    """
    return (overwrite or not is_left_named(path)) and check_writable(path, overwrite)


def claim_objects(
    targets: Sequence[ObjectTargets], arguments: argparse.Namespace, inputs: Sequence[str]
) -> Mapping[Path | str, bool]:
    """Check where results go and make their folders; returns by file whether it may replace one that is there."""
    paths = [path for target in targets for path in target.paths]
    far, outputs = [str(path) for path in paths if is_url(path)], _near(paths)
    for path in outputs:
        clear_of_inputs(path, inputs)
    check_store_flags(arguments, paths)
    table = arguments.table
    if table is not None and check_writable(table, arguments.overwrite, inputs):
        arguments.overwrite = True
    asked = {arguments.output, arguments.rois, arguments.geojson}
    for folder in asked.intersection(path.parent for path in outputs):  # only now: a refused command leaves none
        make_folder(folder)
    return {**{path: _may_replace(path, arguments.overwrite) for path in outputs},
            **dict.fromkeys(far, arguments.overwrite)}  # these are looked at when it is their turn


def _find(
    name: str, target: ObjectTargets, replace: Mapping[Path | str, bool], values: dict[str, Any],
    arguments: argparse.Namespace,
) -> Generator[PieceShare, None, FoundFiles]:
    """Find the objects of one file."""
    begun, measured = now(), None
    if arguments.image is not None:
        (measured,) = read_images([arguments.image], arguments.axes)
    if by_blocks(name, target, arguments):
        return (yield from find_by_blocks(name, name, target, replace, values, arguments, measured, begun))
    image = as_class_image(name, arguments.axes, arguments.values, scale=arguments.voxel_size or ())
    if arguments.unit:
        image = dataclasses.replace(image, geometry=dataclasses.replace(image.geometry, unit=arguments.unit))
    image = dataclasses.replace(image, geometry=settled_place(image.geometry, name, arguments, measured))
    return (yield from find_and_keep(name, image, target, replace, values, arguments, measured, begun))


def save_table(path: Path, tables: Sequence[MeasureTable], overwrite: bool) -> None:
    """Write the table of all images."""
    table = joined_tables(tables)
    write_objects(path, table, overwrite=overwrite)
    for note in table.notes:
        say(note)
    show(readable(path))
