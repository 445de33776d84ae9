"""What ``objects`` and ``predict --objects`` share: objects found, saved as asked, and measured. Reads no file."""

from __future__ import annotations

import argparse
import dataclasses
import warnings
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from napari_unet.core import parameters
from napari_unet.core.addresses import is_url
from napari_unet.core.errors import InputWarning
from napari_unet.core.image import Image
from napari_unet.core.method import Progress
from napari_unet.core.provenance import Provenance
from napari_unet.io import is_output, keep_objects, result_stem
from napari_unet.objects import REGISTRY as WAYS
from napari_unet.objects.measure_table import MeasureTable
from napari_unet.workflows.class_images import ClassImage
from napari_unet.workflows.object_finding import ImageObjects, objects_of
from napari_unet.workflows.object_measuring import measure_objects

from .flag_values import countable_words
from .object_origin import search_settings
from .terminal import say

ROIS, GEOJSON = ".zip", ".geojson"


@dataclasses.dataclass(frozen=True)
class ObjectTargets:
    """Where the objects of one image go: labels, ROIs and GeoJSON, each if it is asked for."""

    paths: tuple[Path | str, ...]
    """Text is an address."""


@dataclasses.dataclass(frozen=True, eq=False)
class PieceShare:
    """Progress of an image as the bar shows it."""

    done: int
    total: int = 100


def is_object_file(path: Path | str) -> bool:
    """Say whether a path, or an address, names one file of objects, and no folder for several."""
    if is_url(path):
        return str(path).lower().rstrip("/").endswith((".zarr", ".tif", ".tiff", ROIS, GEOJSON))
    return is_output(path) or Path(path).name.lower().endswith((ROIS, GEOJSON))


def objects_place(folder: Path | str, name: str, ending: str = "_objects.tif") -> Path | str:
    """Return where the objects of one of several images go."""
    if is_url(folder):
        return f"{str(folder).rstrip('/')}/{result_stem(name)}_objects.ome.zarr"
    return Path(folder) / f"{result_stem(name)}{ending}"


class FoundFiles(tuple[Path | str, ...]):
    """Files that were made of one image, and the table of its objects."""

    table: MeasureTable | None = None


def way_values(arguments: argparse.Namespace) -> dict[str, Any]:
    """Read flags ``NAME=VALUE`` as parameters of the way.

    Raises
    ------
    UsageError
        If there is no such way, or it has no such parameter.
    """
    return parameters.parse(WAYS[arguments.way], dict(arguments.way_values))


def find_and_keep(
    name: str, image: ClassImage, target: ObjectTargets, replace: Mapping[Path | str, bool], values: dict[str, Any],
    arguments: argparse.Namespace, measured: Image | None, begun: str, model: Provenance | None = None,
) -> Generator[PieceShare, None, FoundFiles]:
    """Find objects, save them as asked, measure them if a table is wanted."""
    countable = countable_words(arguments.countable)
    work = objects_of(image, way=arguments.way, values=values, countable=countable, by_plane=arguments.by_plane,
                      panoptic=arguments.panoptic)
    for event in work:
        yield PieceShare(round(100 * (event.fraction or 0)) if isinstance(event, Progress) else 0)
    objects = work.result()
    said = counted_words(objects)
    say(f"{name}: {said}")
    told = Provenance.here(
        "objects", begun=begun, classes=image.classes, note=said, model=model,
        settings={**search_settings(name, arguments, values), "chosen": objects.found.note})
    for path in target.paths:
        options = {"version": arguments.zarr_version} if Path(path).suffix.lower() not in (ROIS, GEOJSON) else {}
        _, note = keep_objects(path, objects.found, classes=objects.classes, geometry=objects.geometry,
                               overwrite=replace[path], provenance=told, **options)
        if note:
            warnings.warn(note, InputWarning, stacklevel=2)
    made = FoundFiles(target.paths)
    if arguments.table is not None:
        made.table = measure_objects(objects, measured, Path(name).name)
    return made


def counted_words(objects: ImageObjects) -> str:
    """Say how many objects of each class there are."""
    found = objects.found
    counts = [(one.name, found.count_of(one.id)) for one in objects.classes.classes
              if one.id > 1 and objects.search.counts(one.id)]
    words = ", ".join(f"{count} {name}" for name, count in counts) or "no class that is counted"
    return f"{words}{'. ' + found.note if found.note else ''}"
