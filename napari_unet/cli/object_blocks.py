"""Objects of masks larger than memory, for ``objects`` and ``predict --objects``: block by block, into a store."""

from __future__ import annotations

import argparse
import math
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from napari_unet.core.errors import UsageError
from napari_unet.core.image import Image
from napari_unet.core.method import Progress
from napari_unet.core.provenance import Provenance
from napari_unet.io import is_output, label_place, open_contents
from napari_unet.io.ome_zarr import OmeZarr
from napari_unet.workflows.class_store import open_class_store
from napari_unet.workflows.object_finding import make_search
from napari_unet.workflows.object_store import StoredObjects, is_large_mask, objects_to_store
from napari_unet.workflows.store_measures import NumberedStore, measure_store

from .flag_values import countable_words
from .object_output import FoundFiles, ObjectTargets, PieceShare
from .terminal import say


def by_blocks(mask: str, target: ObjectTargets, arguments: argparse.Namespace) -> bool:
    """Say whether the objects of a file are found block by block: where it is asked for, or the file is large.

    Raises
    ------
    UsageError
        If it is asked for together with what needs whole planes.
    """
    hinder = [flag for flag, given in (
        ("--rois", getattr(arguments, "rois", None)), ("--geojson", getattr(arguments, "geojson", None)),
        ("--panoptic", arguments.panoptic),
        *((str(path), not is_output(path) or label_place(path) is not None) for path in target.paths)) if given]
    if getattr(arguments, "blocks", False) or arguments.halo is not None:
        if hinder:
            raise UsageError(f"{hinder[0]} does not go with objects found block by block, which go into a .zarr or "
                             ".tif of their own. Leave one of the two out.")
        return True
    return not hinder and is_large_mask(_pixels(mask))


def _pixels(mask: str) -> tuple[int, ...]:
    """Return the sizes of a file without its channels or classes, as far as they can be told; reads no pixel."""
    contents = open_contents(mask)
    return tuple(size for size, letter in zip(contents.data.shape, contents.letters, strict=True) if letter != "C")


def find_by_blocks(
    name: str, mask: str | Path, target: ObjectTargets, replace: Mapping[Path, bool], values: dict[str, Any],
    arguments: argparse.Namespace, measured: Image | None, begun: str, model: Provenance | None = None,
) -> Generator[PieceShare, None, FoundFiles]:
    """Find objects, and measure them if a table is wanted; of a mask that a model has made, that says all."""
    (path,) = target.paths
    given = open_class_store(mask) if model is not None else open_class_store(
        mask, arguments.axes, arguments.values, scale=arguments.voxel_size or (), unit=arguments.unit or "")
    countable = given.classes.ids_of(countable_words(arguments.countable))
    search = make_search(arguments.way, values, countable, arguments.by_plane)
    told = Provenance.here(
        "objects", begun=begun, classes=given.classes, model=model,
        settings={"mask": Path(name).name, "way": arguments.way, **values, "by_plane": arguments.by_plane,
                  "countable": [*(arguments.countable or ())], "halo": arguments.halo, "by blocks": True})
    run = objects_to_store(given, path, search, halo=arguments.halo, overwrite=replace[path], provenance=told,
                           format=OmeZarr(version=arguments.zarr_version))
    resumed = False
    for event in run:
        if event.before and not resumed:
            say(f"{path}: {event.before} of {event.before + event.total} blocks were there from an earlier run")
            resumed = True
        yield PieceShare(event.done, event.total)
    found = run.result()
    say(f"{name}: {_counted(found)}")
    made = FoundFiles(target.paths)
    if arguments.table is not None:
        measuring = measure_store(NumberedStore(path), measured, Path(name).name, arguments.by_plane)
        for share in measuring:
            yield PieceShare(math.floor(100 * (share.fraction or 0)) if isinstance(share, Progress) else 0)
        made.table = measuring.result()
    return made


def _counted(found: StoredObjects) -> str:
    """Say how many objects of each class there are."""
    words = ", ".join(f"{found.count_of(one.id)} {one.name}" for one in found.classes.classes
                      if one.id > 1 and found.search.counts(one.id)) or "no class that is counted"
    return f"{words}. {found.note}"
