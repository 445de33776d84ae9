"""Objects of masks larger than memory, for ``objects`` and ``predict --objects``: block by block, into a store.

Where only outlines are asked for, the store lies beside them, hidden, until these are written.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import math
import warnings
from collections.abc import Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from napari_unet.core.addresses import is_url
from napari_unet.core.errors import InputWarning, UsageError
from napari_unet.core.geometry import Geometry
from napari_unet.core.image import Image
from napari_unet.core.method import Progress
from napari_unet.core.provenance import Provenance
from napari_unet.core.readable import readable
from napari_unet.io import is_output, label_place, open_contents, remove
from napari_unet.io.ome_zarr import OmeZarr
from napari_unet.workflows.block_progress import BlockDone
from napari_unet.workflows.class_store import open_class_store
from napari_unet.workflows.object_finding import make_search
from napari_unet.workflows.object_store import StoredObjects, is_large_mask, objects_to_store
from napari_unet.workflows.store_measures import NumberedStore, measure_store
from napari_unet.workflows.store_outlines import outlines_of_store

from .flag_values import countable_words
from .object_origin import search_settings
from .object_output import FoundFiles, ObjectTargets, PieceShare
from .terminal import say


def by_blocks(mask: str, target: ObjectTargets, arguments: argparse.Namespace) -> bool:
    """Say whether objects are found block by block: where it is asked for, the file is large, or they go to an address.

    Raises
    ------
    UsageError
        If it is asked for, but objects are to go into an image.
    """
    if any(map(is_url, target.paths)):
        return True
    hinder = next((path for path in target.paths if label_place(Path(path)) is not None), None)
    if getattr(arguments, "blocks", False) or arguments.halo is not None:
        if hinder is not None:
            raise UsageError(f"{hinder} lies inside an image, where nothing is written block by block. Choose a .zarr "
                             "or .tif of its own, a .zip or a .geojson.")
        return True
    return hinder is None and arguments.values != "objects" and _is_large(mask)


def settled_place(place: Geometry, name: str, arguments: argparse.Namespace, measured: Image | None) -> Geometry:
    """Return where a mask lies, as the image to be measured has it if its own file does not say how large a pixel is.

    Raises
    ------
    UsageError
        If the size of a pixel was given, and neither the flags nor the file name its unit.
    """
    if arguments.voxel_size and place.unit == "pixel":
        size = ",".join(f"{one:g}" for one in arguments.voxel_size)
        raise UsageError(f"--voxel-size {size} is of no unit, and {readable(name)} names none. Add it, e.g. --unit "
                         "micrometer.")
    return place if measured is None else place.known_by(measured.geometry)


def _is_large(mask: str) -> bool:
    """Say whether a file holds a large mask, and no single objects, which are taken as they are; reads no pixel."""
    contents = open_contents(mask)
    sizes = [size for size, letter in zip(contents.data.shape, contents.letters, strict=True) if letter != "C"]
    return contents.role != "objects" and is_large_mask(sizes)


def find_by_blocks(
    name: str, mask: str | Path, target: ObjectTargets, replace: Mapping[Path | str, bool],
    values: dict[str, Any], arguments: argparse.Namespace, measured: Image | None, begun: str,
    model: Provenance | None = None,
) -> Generator[PieceShare, None, FoundFiles]:
    """Find objects, and measure them if a table is wanted; of a mask that a model has made, that says all."""
    given = open_class_store(mask) if model is not None else open_class_store(
        mask, arguments.axes, arguments.values, scale=arguments.voxel_size or (), unit=arguments.unit or "")
    if model is None:
        given = dataclasses.replace(given, geometry=settled_place(given.geometry, name, arguments, measured))
    countable = given.classes.ids_of(countable_words(arguments.countable))
    search = make_search(arguments.way, values, countable, arguments.by_plane)
    told = Provenance.here(
        "objects", begun=begun, classes=given.classes, model=model,
        settings={**search_settings(name, arguments, values), "halo": arguments.halo, "by blocks": True})
    made = FoundFiles(target.paths)
    with _store_place(target) as (path, stays):
        run = objects_to_store(
            given, path, search, halo=arguments.halo, panoptic=arguments.panoptic, format=OmeZarr(
                version=arguments.zarr_version), overwrite=replace[path] if stays else True,
            provenance=told if stays else None)
        yield from _shown(run, path)
        say(f"{name}: {_counted(run.result())}")
        numbered = NumberedStore(path)
        for shapes in target.paths:
            if shapes != path:
                yield from _drawn(numbered, Path(shapes), replace[shapes], told)
        if arguments.table is not None:
            measuring = measure_store(numbered, measured, Path(name).name, arguments.by_plane)
            for part in measuring:
                yield PieceShare(math.floor(100 * (part.fraction or 0)) if isinstance(part, Progress) else 0)
            made.table = measuring.result()
    return made


def _shown(run: Iterable[BlockDone], path: Path | str) -> Iterator[PieceShare]:
    """Yield how far a search is; say what was there before."""
    resumed = False
    for event in run:
        if event.before and not resumed:
            say(f"{path}: {event.before} of {event.before + event.total} blocks were there from an earlier run")
            resumed = True
        yield PieceShare(event.done, event.total)


def _drawn(numbered: NumberedStore, path: Path, replace: bool, told: Provenance) -> Iterator[PieceShare]:
    """Write the outlines of a store."""
    drawing = outlines_of_store(numbered, path, overwrite=replace, provenance=told)
    for share in drawing:
        yield PieceShare(math.floor(100 * share))
    if note := drawing.result():
        warnings.warn(note, InputWarning, stacklevel=2)


@contextlib.contextmanager
def _store_place(target: ObjectTargets) -> Iterator[tuple[Path | str, bool]]:
    """Return where the store of the numbers lies, and whether it stays there: if it was asked for."""
    asked = next((path for path in target.paths if is_url(path) or is_output(path)), None)
    if asked is not None:
        yield asked, True
        return
    first = Path(target.paths[0])
    hidden = first.with_name(f".{first.name}.numbers.zarr")
    try:
        yield hidden, False
    finally:
        remove(hidden)


def _counted(found: StoredObjects) -> str:
    """Say how many objects of each class there are."""
    words = ", ".join(f"{found.count_of(one.id)} {one.name}" for one in found.classes.classes
                      if one.id > 1 and found.search.counts(one.id)) or "no class that is counted"
    return f"{words}. {found.note}"
