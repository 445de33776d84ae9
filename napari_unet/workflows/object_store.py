"""Objects of a mask larger than memory, block by block, into a store: what crosses blocks is one object.

What is in memory at once is one block with what lies around it, and a few numbers for each object. What is done stays
when a run ends early, and the next one goes on from there. Prints and draws nothing.

The result is that of the whole in memory, numbers too, for connected parts. Other ways look at a neighbourhood: they
come out as in memory where a block looks far enough around itself to see the objects at its rim and what they touch:
two typical diameters, unless told. Where that cannot be (one object as large as a block, wider holes), it may show.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Generator, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.addresses import is_url
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.provenance import Provenance
from napari_unet.core.work import work
from napari_unet.io._far_run import FarRun
from napari_unet.io._mask_info import runs_of
from napari_unet.io._named_run import finish_named, is_left_named
from napari_unet.io._object_scratch import ObjectScratch, remove_scratch
from napari_unet.io._resumable import ResumableMask
from napari_unet.io._saving import checked_place, clear_of_inputs
from napari_unet.io.object_files import MOST_IN_16_BITS
from napari_unet.io.ome_zarr import OmeZarr
from napari_unet.objects.image_objects import ObjectSearch

from .block_progress import STORE_PIXELS, BlockDone
from .block_search import BlockSearch
from .class_store import ClassStore
from .store_corrections import RegionNumbers, StoreCorrections
from .store_measures import NumberedStore


@dataclasses.dataclass(frozen=True, eq=False)
class StoredObjects:
    """Objects that were found block by block.

    Parameters
    ----------
    path : Path or str
        Text is an address.
    classes : ClassTable
    of_number : ndarray of uint8, shape (n + 1,)
        Painted id of the class by number.
    search : ObjectSearch
    note : str
        How they were found.
    corrections, left_out : int
        How many cuts, joins and pins there were, and how many lines of them were left out: their objects are too large.
    """

    path: Path | str
    classes: ClassTable
    of_number: NDArray[np.uint8]
    search: ObjectSearch
    note: str
    corrections: int = 0
    left_out: int = 0

    def count_of(self, class_id: int) -> int:
        """Return how many objects a class (painted id) has."""
        return int(np.count_nonzero(self.of_number[1:] == class_id))


def is_large_mask(shape: Sequence[int]) -> bool:
    """Say whether the objects of a mask are found block by block unasked."""
    return math.prod(shape) > STORE_PIXELS


@work
def objects_to_store(
    given: ClassStore,
    output: str | Path,
    search: ObjectSearch,
    *,
    halo: int | None = None,
    panoptic: bool = False,
    corrections: StoreCorrections | None = None,
    overwrite: bool = False,
    format: OmeZarr | None = None,
    provenance: Provenance | None = None,
) -> Generator[BlockDone, None, StoredObjects]:
    """Find the objects of a mask or of probabilities, block by block; goes on with what an earlier run has left.

    Parameters
    ----------
    given : ClassStore
        From :func:`.class_store.open_class_store`.
    output : path
        ``.zarr`` or ``.tif``, or the address of a ``.zarr``.
    search : ObjectSearch
    halo : int, optional
        Pixels that a block looks beyond its own; by default two typical diameters of an object.
    panoptic : bool
        Add the areas of the classes that are not counted, each as one more number for each plane or volume.
    corrections : StoreCorrections, optional
        Cuts, joins and pins of a person, which hold in what is written.
    overwrite : bool
    format : OmeZarr, optional
    provenance : Provenance, optional

    Yields
    ------
    BlockDone

    Returns
    -------
    StoredObjects

    Raises
    ------
    UserError
        If it cannot be read or written, or the way cannot do it; what is done stays.
    UsageError
        For a halo that is none.
    """
    if halo is not None and halo < 1:
        raise UsageError(f"A block cannot look {halo} pixels around itself. Allowed: 1 and more.")
    path = _checked(output, given.name, overwrite)
    format = format or OmeZarr()
    corrections = corrections or StoreCorrections()
    blocks = BlockSearch(given, search, halo, format.chunk, panoptic, corrections.lessons)
    asked = {**blocks.asked(), **corrections.mark()}
    same = {**asked, "format": repr(format), "shape": list(given.shape)}
    if finish_named(path, same, provenance, overwrite, partial(remove_scratch, path)) is not None:
        return _stored(path, search, corrections)
    _checked(output, given.name, overwrite, named=False)  # before anything is looked for
    scratch = ObjectScratch(path, given.shape, blocks.chunks, blocks.asked(), overwrite, blocks.is_same_mask)
    try:
        note = yield from _found(blocks, scratch)
        made_of = blocks.made_of(scratch)
        joined = [blocks.join(blocks.region(number), scratch) for number in range(len(blocks.boxes))]
        areas = [blocks.areas(blocks.region(number), scratch, one) for number, one in enumerate(joined)]
        regions = [RegionNumbers.of(blocks.region(number), one, scratch, corrections.places.get(number),
                                    given.geometry.scale) for number, one in enumerate(joined)]
        of_number = np.concatenate([np.zeros(1, np.uint8), *(one.classes[1:] for one in regions),
                                    np.array([one for of_box in areas for one in of_box], np.uint8)])
        classes = given.classes.including(np.unique(of_number[1:]).tolist())
        dtype = "uint16" if len(of_number) - 1 <= MOST_IN_16_BITS else "uint32"
        mask = ResumableMask(
            path, given.shape, classes=classes, geometry=given.geometry, asked=asked, code="objects",
            overwrite=overwrite, format=format, provenance=provenance, dtype=dtype, objects=runs_of(of_number),
            same_input=lambda notes: bool(made_of) and set(notes.values()) <= {made_of})
        try:
            yield from _written(blocks, regions, areas, mask, dtype, made_of)
            made = mask.finish(scratch.remove)
        finally:
            mask.release()
        return StoredObjects(made, classes, of_number, search, note, corrections.count,
                             sum(one.left_out for one in regions))
    finally:
        scratch.release()


def _stored(path: Path | str, search: ObjectSearch, corrections: StoreCorrections) -> StoredObjects:
    """Return what lies at a place."""
    found = NumberedStore(path)
    return StoredObjects(path, found.classes, found.class_of_number, search, "They were whole already.",
                         corrections.count)


def _checked(output: str | Path, mask: str, overwrite: bool, named: bool = True) -> Path | str:
    """Return where objects go once they can be written there, or are left by a run that only has to be ended."""
    if is_url(output):
        place = str(output).rstrip("/")
        if f"{place}/".startswith(f"{mask.rstrip('/')}/") or f"{mask}/".startswith(f"{place}/"):
            raise UserError(f"{output} would replace {mask}, an input, or lie inside it. Choose another place.")
        FarRun(place, overwrite)  # looks, and writes nothing
        return place
    clear_of_inputs(Path(output), [mask])
    path, inside, _ = checked_place(Path(output), overwrite or (named and is_left_named(output)))
    if inside is not None:
        raise UserError(f"{output} lies inside an image, where nothing is written block by block. Choose another.")
    return path


def _found(blocks: BlockSearch, scratch: ObjectScratch) -> Generator[BlockDone, None, str]:
    """Find the objects of every block that is not done; return how."""
    before, begun, done, note = len(scratch.finished), time.monotonic(), 0, ""
    for number in range(len(blocks.boxes)):
        region = blocks.region(number)
        note = note or blocks.said(region)
        total = len(blocks.boxes) * len(region.grid) - before
        for window in region.grid:
            if region.first + window.number not in scratch.finished:
                blocks.find(region, window, scratch)
                done += 1
                yield BlockDone(done, total, before, (time.monotonic() - begun) / done * (total - done))
    return note


def _written(
    blocks: BlockSearch, regions: Sequence[RegionNumbers], areas: Sequence[Sequence[int]], mask: ResumableMask,
    dtype: str, made_of: str,
) -> Iterator[BlockDone]:
    """Write the numbers of the whole, block by block; those of areas come after those of all objects.

    With each it is noted what all blocks are made of: a number depends on all of them.
    """
    start, done = 0, 0
    of_areas = iter(range(sum(len(one.classes) - 1 for one in regions) + 1, 2**32))
    for one, own_areas in zip(regions, areas, strict=True):
        of_class, region = {class_id: next(of_areas) for class_id in own_areas}, one.region
        for window in region.grid:
            if region.first + window.number not in mask.finished:
                numbers = one.numbers(window.core)
                values = np.where(numbers > 0, numbers + start, 0).astype(dtype)
                where = region.where(window.core)
                labels = blocks.labels(where) if of_class else None
                for class_id, area in of_class.items():
                    values[(values == 0) & (labels == class_id)] = area
                mask[where] = values
                mask.note(region.first + window.number, made_of)
            done += 1
            yield BlockDone(done, len(regions) * len(region.grid), 0, 0.0)
        start += len(one.classes) - 1
