"""Cuts, joins and corrections of an image for its objects in a store: which can hold there, and how. Writes nothing."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.addresses import is_url
from napari_unet.core.errors import UserError
from napari_unet.core.fingerprints import hash_if_whole
from napari_unet.core.image import Image
from napari_unet.core.level_field import Factor, LevelField
from napari_unet.io import provenance_path
from napari_unet.io._object_scratch import ObjectScratch
from napari_unet.io.provenance_file import read_provenance
from napari_unet.objects.block_grid import Part, within
from napari_unet.objects.block_joining import JoinedObjects
from napari_unet.objects.corrected_numbers import CorrectedNumbers
from napari_unet.objects.image_objects import box_spacing, object_boxes
from napari_unet.session.level_notes import notes_in_field
from napari_unet.session.object_notes import ObjectNotes, PlaceNotes

from .block_search import BlockRegion
from .class_store import ClassStore

_NOTHING_SAID: Mapping[bool, tuple[float, ...]] = MappingProxyType({})


@dataclasses.dataclass(frozen=True, eq=False)
class StoreCorrections:
    """What a person has put right, as it holds for the objects of a store.

    Parameters
    ----------
    places : mapping of int to PlaceNotes
        By number of the plane or volume, in pixels of the store.
    lessons : tuple of float
        What lines say of necks, empty if nothing.
    """

    places: Mapping[int, PlaceNotes] = dataclasses.field(default_factory=dict)
    lessons: tuple[float, ...] = ()

    @property
    def count(self) -> int:
        """How many cuts, joins and corrections there are."""
        return sum(len(one.lines) + len(one.pins) for one in self.places.values())

    def mark(self) -> dict[str, Any]:
        """Return what they are known by, as plain values; nothing where there is nothing."""
        if not self.places:
            return {}
        found = hashlib.blake2b(digest_size=16)
        for number, kept in sorted(self.places.items()):
            found.update(repr((number, [(one.kind, one.points) for one in kept.lines])).encode())
            for pin in kept.pins:
                found.update(repr((pin.start, pin.mask.shape, pin.class_id)).encode() + np.packbits(pin.mask).tobytes())
        return {"corrections": found.hexdigest()}


def made_of_another(mask: str | Path, images: Iterable[Image]) -> str:
    """Return of which image a mask was made, by its provenance, if it is surely none of some; else nothing.

    Parameters
    ----------
    mask : path
        Text may be an address, of which nothing is known.
    images : iterable of Image
        Levels of one image.
    """
    if is_url(mask):
        return ""
    try:
        told = read_provenance(provenance_path(mask)).images
    except (UserError, OSError):
        return ""
    alike = [one for one in images if told and one.shape == told[0].shape]
    if not alike or not told[0].hash or told[0].hash in map(hash_if_whole, alike):
        return ""
    return told[0].name or "another image"


def factor_of_store(given: ClassStore, shape: tuple[int, ...]) -> Factor | None:
    """Return how many rows and columns of an image one of a store stands for; None if it is of no level of it.

    Parameters
    ----------
    given : ClassStore
    shape : tuple of int
        Of the image without channels.
    """
    if [size for size in given.shape[:-2] if size > 1] != [size for size in shape[:-2] if size > 1]:
        return None
    found = []
    for size, whole in zip(given.shape[-2:], shape[-2:], strict=True):
        by = max(1, round(whole / max(1, size)))
        if abs(whole - size * by) >= by:
            return None
        found.append(by)
    return found[0], found[1]


def corrections_for(
    given: ClassStore, notes: ObjectNotes, by_plane: bool, lessons: Mapping[bool, tuple[float, ...]] = _NOTHING_SAID
) -> tuple[StoreCorrections, int]:
    """Return what of an image's notes can hold for its objects in a store, and how many cannot.

    Parameters
    ----------
    given : ClassStore
        Of the image, or of a level of it.
    notes : ObjectNotes
    by_plane : bool
        Whether objects are found in each plane of a z-stack by itself: those of volumes hold in volumes alone.
    lessons : mapping of bool to tuple of float, optional
        What lines say of necks: those of volumes (True), and those of planes.
    """
    factor, places, lost = factor_of_store(given, notes.shape), {}, dict(notes.places)
    boxes = object_boxes(given.axes, given.shape, by_plane)
    deep = any(isinstance(at, slice) for at in boxes[0])
    planes = np.arange(int(np.prod(given.shape[:-2], initial=1))).reshape(given.shape[:-2])
    rows, columns = (slice(0, size) for size in given.shape[-2:])
    for number, box in enumerate(boxes) if factor is not None else ():
        first = int(np.ravel(planes[box])[0])
        for place, kept in notes.places.items():
            if place.plane != first or place.volume != deep or factor is None:
                continue
            if place.volume and factor != (1, 1):
                continue  # nobody draws in a level of a volume
            lost.pop(place)
            if not place.volume:
                places[number] = notes_in_field(notes, LevelField(place.plane, rows, columns, factor)).here
            else:
                places[number] = kept
    made = StoreCorrections({number: kept for number, kept in places.items() if kept}, lessons.get(deep, ()))
    return made, sum(len(one.lines) + len(one.pins) for one in lost.values())


@dataclasses.dataclass(frozen=True, eq=False)
class RegionNumbers:
    """The numbers of a plane or volume once all of its blocks are joined, with what was put right.

    Parameters
    ----------
    region : BlockRegion
    joined : JoinedObjects
    scratch : ObjectScratch
    mended : CorrectedNumbers, optional
        None where nothing was put right.
    """

    region: BlockRegion
    joined: JoinedObjects
    scratch: ObjectScratch
    mended: CorrectedNumbers | None = None

    @classmethod
    def of(
        cls, region: BlockRegion, joined: JoinedObjects, scratch: ObjectScratch, notes: PlaceNotes | None,
        scale: tuple[float, ...],
    ) -> RegionNumbers:
        """Return them, put right where there are notes."""
        plain = cls(region, joined, scratch)
        if not notes:
            return plain
        mended = CorrectedNumbers(plain.found, region.grid.shape, joined.areas, joined.classes,
                                  box_spacing(scale, region.box))
        mended.put_right(notes.lines, notes.pins)
        return cls(region, joined, scratch, mended)

    @property
    def classes(self) -> NDArray[np.uint8]:
        """Painted ids by number of :meth:`numbers`, which has no gaps."""
        classes = self._classes
        return np.concatenate([np.zeros(1, np.uint8), classes[classes > 0]])

    @property
    def left_out(self) -> int:
        """How many lines could not be drawn."""
        return 0 if self.mended is None else self.mended.left_out

    def numbers(self, part: Part) -> NDArray[np.int64]:
        """Return the numbers of a part of it."""
        if self.mended is None:
            return self.found(part)
        kept = self.mended.classes > 0
        return np.where(kept, np.cumsum(kept), 0)[self.mended.numbers(part)]

    def found(self, part: Part) -> NDArray[np.int64]:
        """Return the numbers of a part as they were found."""
        grid = self.region.grid
        out = np.zeros([one.stop - one.start for one in part], np.int64)
        for number in grid.touching(part):
            core = grid.window(number).core
            here = tuple(slice(max(one.start, own.start), min(one.stop, own.stop))
                         for one, own in zip(part, core, strict=True))
            own = self.scratch.numbers(self.region.where(here))
            out[within(here, part)] = self.joined.numbers[number][own]
        return out

    @property
    def _classes(self) -> NDArray[np.uint8]:
        return self.joined.classes if self.mended is None else self.mended.classes
