"""Finding objects in one block after the other, and joining what crosses blocks. Writes nothing but what is unfinished.

Every block of a plane (or volume) looks at so much around itself, and takes the same for the typical size of objects,
which is found by some blocks before the first.
"""

from __future__ import annotations

import dataclasses
import math
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError, sentence_of
from napari_unet.core.leaving import while_wanted
from napari_unet.core.seen_parts import pixel_sum
from napari_unet.io._object_scratch import ObjectScratch
from napari_unet.objects.auto import Auto, radius_of
from napari_unet.objects.block_areas import BlockAreas
from napari_unet.objects.block_grid import BlockGrid, BlockWindow, Part, within
from napari_unet.objects.block_joining import BlockTable, JoinedObjects, ObjectJoin
from napari_unet.objects.class_field import ClassField
from napari_unet.objects.class_objects import typical_size
from napari_unet.objects.hints import Hints
from napari_unet.objects.image_objects import Box, ObjectSearch, box_spacing, object_boxes, objects_here
from napari_unet.objects.neck_choice import chosen_neck

from .class_store import ClassStore

SIDE = 2048
"""Rows and columns of a block of a plane, about."""

VOLUME_SIDES = (64, 256, 256)
"""Of a block of a volume."""

SAMPLES = 12
"""Blocks by which the typical size of objects is found, evenly spread."""

DIAMETERS = 2.0
"""A block looks so many typical diameters beyond its own pixels."""

HALO = (16, 256)
"""At least, and at most, in pixels of the finest axis."""


@dataclasses.dataclass(frozen=True, eq=False)
class BlockRegion:
    """A plane or a volume of an image, and its blocks.

    Parameters
    ----------
    box : tuple of int or slice
        Which it is, but for rows and columns.
    grid : BlockGrid
    first : int
        Number of its first block in the whole image.
    typical : mapping of int to float
        Pixels that objects of a class typically have.
    """

    box: Box
    grid: BlockGrid
    first: int
    typical: Mapping[int, float]

    def where(self, part: Part) -> tuple[int | slice, ...]:
        """Return the index of a part in the whole image."""
        ahead = iter(part)
        return tuple(next(ahead) if isinstance(at, slice) else at for at in (*self.box, slice(None), slice(None)))


class BlockSearch:
    """How objects of an image are found block by block.

    Parameters
    ----------
    given : ClassStore
    search : ObjectSearch
    halo : int, optional
        Pixels that a block looks beyond its own; by default two typical diameters.
    chunk : int
        Rows and columns of blocks of a plane are whole multiples.
    panoptic : bool
        Whether areas of the classes that are not counted are wanted, too.
    lessons : tuple of float
        What lines that were drawn say of necks, empty if nothing.
    """

    def __init__(
        self, given: ClassStore, search: ObjectSearch, halo: int | None = None, chunk: int = 512,
        panoptic: bool = False, lessons: tuple[float, ...] = (),
    ) -> None:
        self._given, self._search, self._halo, self._panoptic = given, search, halo, panoptic
        self._lessons = lessons
        self._regions: dict[int, BlockRegion] = {}
        self.exact = search.way == "parts" and not search.values.get("fill", False)
        # what is small is known only of the whole
        values = {**search.values, "smallest": 0} if search.way == "parts" else search.values
        self._here = dataclasses.replace(search, values=values)
        self.boxes = object_boxes(given.axes, given.shape, search.by_plane)
        deep = any(isinstance(at, slice) for at in self.boxes[0])
        self.sides = VOLUME_SIDES if deep else (max(chunk, SIDE // chunk * chunk),) * 2
        ahead = iter(self.sides)
        self.chunks = tuple(min(size, next(ahead)) if isinstance(at, slice) else 1 for at, size in zip(
            (*self.boxes[0], slice(None), slice(None)), given.shape, strict=True))

    def asked(self) -> dict[str, Any]:
        """Return what is looked for, as plain values."""
        search = self._search
        return {"mask": self._given.mark(), "changed": self._given.changed, "way": search.way,
                "values": dict(search.values),
                "by_plane": search.by_plane, "countable": list(search.countable), "halo": self._halo,
                "sides": list(self.sides), "scale": list(self._given.geometry.scale),
                **({"panoptic": True} if self._panoptic else {}),
                # what lines say hangs a little on where one looked last; the neck that is chosen by it mostly does not
                **({"neck": chosen_neck([self._lessons])} if self._lessons else {})}

    def region(self, number: int) -> BlockRegion:
        """Return the blocks of a plane or volume, by its number; all have as many."""
        if number not in self._regions:
            self._regions[number] = self._region(number)
        return self._regions[number]

    def _region(self, number: int) -> BlockRegion:
        box, shape = self.boxes[number], self._shape
        spacing = box_spacing(self._given.geometry.scale, box)
        alone = BlockGrid(shape, self.sides, (1,) * len(shape))
        first = number * len(alone)
        if self.exact or len(alone) == 1:  # one block is the whole: the way looks at it as in memory
            return BlockRegion(box, alone, first, {})
        plain = BlockRegion(box, BlockGrid(shape, self.sides, (HALO[0],) * len(shape)), first, {})
        typical = self._typical(plain, spacing)
        wide = self._halo
        if wide is None:
            radius = radius_of(max(typical.values(), default=0.0),
                               ClassField(np.zeros((1,) * len(shape), np.uint8), spacing=spacing))
            wide = int(np.clip(math.ceil(2 * DIAMETERS * radius), *HALO))
        halo = tuple(max(1, math.ceil(wide * min(spacing) / step)) for step in spacing)
        return BlockRegion(box, BlockGrid(shape, self.sides, halo), first, typical)

    @property
    def _shape(self) -> tuple[int, ...]:
        whole = (*self.boxes[0], slice(None), slice(None))
        return tuple(size for size, at in zip(self._given.shape, whole, strict=True) if isinstance(at, slice))

    def _typical(self, region: BlockRegion, spacing: tuple[float, ...]) -> dict[int, float]:
        """Return the pixels that objects of each class typically have, by some blocks."""
        sizes: dict[int, list[NDArray[Any]]] = {}
        count = len(region.grid)
        for number in np.unique(np.linspace(0, count - 1, min(SAMPLES, count)).round().astype(int)).tolist():
            labels, soft = self._given.read(region.where(region.grid.window(number).core))
            countable = tuple(one for one in np.unique(labels).tolist() if self._search.counts(one))
            if countable:
                field = ClassField(labels, countable, soft, self._ids(soft), spacing)
                for class_id in countable:
                    sizes.setdefault(class_id, []).append(Auto().parted(field, class_id, Hints()).sizes)
        return {class_id: typical_size(np.concatenate(found)) for class_id, found in sizes.items()}

    def _ids(self, soft: Any) -> tuple[int, ...]:
        return () if soft is None else self._given.classes.ids

    def find(self, region: BlockRegion, window: BlockWindow, scratch: ObjectScratch) -> None:
        """Find the objects of a block and keep them.

        Raises
        ------
        UserError
            Naming the block, if it cannot be read, done or written.
        """
        where = region.where(window.core)
        try:
            labels, soft = self._given.read(region.where(window.outer))
            found = objects_here(labels, self._here, box_spacing(self._given.geometry.scale, region.box), soft,
                                 self._ids(soft), hints=Hints(elsewhere=self._lessons, typical=region.typical))
            table = BlockTable.of(found, window, region.grid.shape)
            known: dict[str, NDArray[Any]] = {"classes": table.classes, "areas": table.areas, "places": table.places,
                                              "made_of": np.array(_sum_of(region, labels, soft), np.int64)}
            if self._panoptic:
                seen = BlockAreas.of(labels[window.inner], found.numbers[window.inner], self._search.counts)
                known |= {"bare": seen.bare, "covered": seen.covered}
            for seam in region.grid.seams_of(window.number):
                side = "low" if seam.other == window.number else "high"
                known[f"{side}{seam.axis}"] = found.numbers[within(seam.part, window.outer)]
            scratch.put(region.first + window.number, where, found.numbers[window.inner], known)
        except Exception as error:
            raise UserError(
                f"The block at {block_words(self._given.axes, where)} of {self._given.name} could not be done: "
                f"{sentence_of(error)} The blocks that are done are kept: run the same again to go on.") from error

    def is_same_mask(self, scratch: ObjectScratch) -> bool:
        """Say whether blocks that are done would come out the same of the mask as it is now.

        Raises
        ------
        UserError
            If it cannot be read, or what is done is damaged.
        """
        for number in while_wanted(sorted(scratch.finished)):
            count = len(self.region(0).grid)
            region = self.region(number // count)
            window = region.grid.window(number % count)
            made_of = _sum_of(region, *self._given.read(region.where(window.outer)))
            if scratch.known(number, "made_of")[0].tolist() != made_of:
                return False
        return True

    def made_of(self, scratch: ObjectScratch) -> str:
        """Return what all blocks, which are done, were found in, in a word."""
        count = len(self.boxes) * len(self.region(0).grid)
        sums = [scratch.known(number, "made_of")[0].tolist() for number in range(count)]
        return f"{zlib.crc32(repr(sums).encode()):08x}"

    def said(self, region: BlockRegion) -> str:
        """Say how the blocks of a plane or volume are looked at."""
        grid, side = region.grid, " x ".join(map(str, region.grid.sides))
        if self.exact:
            return f"Connected parts of each class, block by block ({side}); those of the whole."
        sizes = "; ".join(f"{self._given.classes.name(one)} typically {size:.0f} px"
                          for one, size in region.typical.items())
        around = " x ".join(map(str, grid.halo))
        return f"Block by block: {side} pixels and {around} around them{f' ({sizes})' if sizes else ''}."

    def join(self, region: BlockRegion, scratch: ObjectScratch) -> JoinedObjects:
        """Join what crosses the blocks of a plane or volume, all of which are done."""
        smallest = float(self._search.values.get("smallest", 0)) if self._search.way == "parts" else 0.0
        join = ObjectJoin([BlockTable(*scratch.known(region.first + number, "classes", "areas", "places"))
                           for number in range(len(region.grid))], self.exact)
        for seam in self._seams(region.grid):
            (mine,) = scratch.known(region.first + seam.one, f"high{seam.axis}")
            (theirs,) = scratch.known(region.first + seam.other, f"low{seam.axis}")
            join.meet(seam.one, seam.other, mine, theirs)
        return join.result(smallest)

    def areas(self, region: BlockRegion, scratch: ObjectScratch, joined: JoinedObjects) -> list[int]:
        """Return the classes whose areas are wanted in a plane or volume, in their order; none if no areas are."""
        left: set[int] = set()
        for number in range(len(region.grid) if self._panoptic else 0):
            left |= BlockAreas(*scratch.known(region.first + number, "bare", "covered")).left(joined.numbers[number])
        return sorted(left)

    def labels(self, where: tuple[int | slice, ...]) -> NDArray[np.uint8]:
        """Return the classes (painted ids) of a part."""
        return self._given.read(where)[0]

    @staticmethod
    def _seams(grid: BlockGrid) -> Iterator[Any]:
        for number in range(len(grid)):
            yield from (seam for seam in grid.seams_of(number) if seam.one == number)


def block_words(axes: str, where: tuple[int | slice, ...]) -> str:
    """Say where a block lies, for people."""
    return ", ".join(f"{letter}={at.start} to {at.stop - 1}" if isinstance(at, slice) else f"{letter}={at}"
                     for letter, at in zip(axes, where, strict=True))


def _sum_of(region: BlockRegion, labels: NDArray[Any], soft: NDArray[Any] | None) -> list[int]:
    """Return sums of what a block is made of: its labels, their probabilities, and how wide it looks."""
    typical = repr(sorted(region.typical.items())).encode()
    return [pixel_sum(labels), 0 if soft is None else pixel_sum(soft), zlib.crc32(typical)]
