"""Brush strokes as frozen snapshots. Knows neither layers nor files."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .classes import MAX_CLASS_ID, ClassTable
from .errors import UserError
from .image import Image
from .painted_plane import Block, PaintedPlane, blocks_of


class _Planes(Mapping[int, NDArray[np.uint8]]):
    """Painted planes by number; the array of a plane is put together when it is asked for."""

    def __init__(self, painted: dict[int, PaintedPlane]) -> None:
        self.painted = painted

    def __getitem__(self, number: int) -> NDArray[np.uint8]:
        return self.painted[number].whole

    def __contains__(self, number: object) -> bool:
        return number in self.painted

    def __iter__(self) -> Iterator[int]:
        return iter(self.painted)

    def __len__(self) -> int:
        return len(self.painted)


@dataclasses.dataclass(frozen=True, eq=False)
class Scribbles:
    """The painted planes of one image at one moment; 0 = not painted, 1 = background, 2, 3, ... = classes.

    Parameters
    ----------
    shape : tuple of int
        Shape of the image without channels.
    planes : mapping of int to ndarray of uint8, shape (Y, X)
        Painted planes by plane number; planes without paint are absent. Read-only.
    version : int
        Grows with every change, so that two snapshots are told apart cheaply.
    derived : mapping of int to ndarray of uint8, shape (Y, X)
        1 where pixels of a plane were taken from a prediction, not painted by a person: they are learnt from, and
        never used for scoring. Planes without any are absent.
    """

    shape: tuple[int, ...]
    planes: Mapping[int, NDArray[np.uint8]]
    version: int = 0
    derived: Mapping[int, NDArray[np.uint8]] = dataclasses.field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "planes", self.planes if isinstance(self.planes, _Planes) else _Planes({
            int(number): PaintedPlane.of(self.planes[number]) for number in sorted(self.planes)
        }))
        marks = self.derived.painted if isinstance(self.derived, _Planes) else {
            int(number): PaintedPlane.of(mask) for number, mask in self.derived.items()}
        object.__setattr__(self, "derived", _Planes({
            number: mask for number, mask in sorted(marks.items()) if number in self.planes and mask}))

    @property
    def _painted(self) -> dict[int, PaintedPlane]:
        assert isinstance(self.planes, _Planes)
        return self.planes.painted

    def blocks(self, plane: int) -> Mapping[Block, NDArray[np.uint8]]:
        """Return the painted blocks of a plane by row and column, counted in blocks of 512 x 512.

        A block that is the same object as in another snapshot holds the same paint.
        """
        return self._painted[plane].blocks if plane in self._painted else {}

    @classmethod
    def from_array(cls, array: Any, name: str = "strokes", version: int = 0) -> Scribbles:
        """Take the painted planes of a whole label array (..., Y, X) of any integer type.

        Raises
        ------
        UserError
            If it holds fractions, negative numbers or ids beyond 255.
        """
        array = np.asarray(array)
        if array.ndim < 2:
            raise UserError(f"{name!r} has shape {array.shape}; strokes need at least rows and columns.")
        flat = array.reshape(-1, *array.shape[-2:])
        planes = {number: checked_ids(plane, name) for number, plane in enumerate(flat) if plane.any()}
        return cls(tuple(array.shape), planes, version)

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> Scribbles:
        """Return a snapshot without paint."""
        return cls(tuple(shape), {})

    def replacing(
        self, planes: Mapping[int, NDArray[np.uint8]], version: int,
        derived: Mapping[int, NDArray[np.uint8]] | None = None,
    ) -> Scribbles:
        """Return a snapshot with other planes in place of some; the rest is shared, neither copied nor counted again.

        Planes without paint are dropped. Pixels that change are a person's, unless ``derived`` says of a plane which
        of all its pixels are not.
        """
        made, changed = {}, {}
        for number, plane in planes.items():
            old = self._painted.get(number)
            if old is None or old.shape != plane.shape:
                made[number] = PaintedPlane.of(plane)
            else:
                changed[number] = old.differing(plane, blocks_of(old.shape))
                made[number] = old.replacing(changed[number])
        marks = {number: PaintedPlane.of(mask) for number, mask in (derived or {}).items()}
        return self._with(made, version, self._marks_after(changed) | marks)

    def differing(self, plane: int, now: NDArray[np.uint8], blocks: set[Block]) -> dict[Block, NDArray[np.uint8]]:
        """Return those of some blocks of a plane (Y, X), as it is now, that hold other paint; as views of it."""
        return self._plane(plane).differing(now, blocks)

    def repainting(self, blocks: Mapping[int, Mapping[Block, NDArray[np.uint8]]], version: int) -> Scribbles:
        """Return a snapshot with other blocks in place of some, by plane; work and memory are those of the blocks."""
        return self._with({number: self._plane(number).replacing(new) for number, new in blocks.items()}, version,
                          self._marks_after(blocks))

    def _plane(self, number: int) -> PaintedPlane:
        return self._painted.get(number) or PaintedPlane((self.shape[-2], self.shape[-1]), blocks={})

    def _marks_after(self, blocks: Mapping[int, Mapping[Block, NDArray[np.uint8]]]) -> dict[int, PaintedPlane]:
        """Return what is derived once a person has painted these blocks: pixels that change are derived no more."""
        assert isinstance(self.derived, _Planes)
        marks = dict(self.derived.painted)
        for number in marks.keys() & blocks.keys():
            old, new = self._painted[number].blocks, blocks[number]
            marks[number] = marks[number].replacing({
                block: mask * (new[block] == old.get(block, np.uint8(0)))
                for block, mask in marks[number].blocks.items() if block in new})
        return marks

    def _with(
        self, planes: Mapping[int, PaintedPlane], version: int, marks: Mapping[int, PaintedPlane]
    ) -> Scribbles:
        new = {number: plane for number, plane in planes.items() if plane}
        kept = {number: plane for number, plane in self._painted.items() if number not in planes}
        return Scribbles(self.shape, _Planes(dict(sorted((kept | new).items()))), version, _Planes(dict(marks)))

    def marked_as(self, before: Scribbles) -> Scribbles:
        """Return the same paint, marked as derived where it was so before: a layer of paint cannot know."""
        if self.derived or not before.derived or self.shape != before.shape:
            return self
        marks = {number: mask & (self.planes[number] == before.planes[number])
                 for number, mask in before.derived.items() if number in self.planes}
        return dataclasses.replace(self, derived=marks)

    def to_array(self) -> NDArray[np.uint8]:
        """Return the whole label array, uint8, of :attr:`shape`."""
        whole = np.zeros(self.shape, np.uint8)
        flat = whole.reshape(-1, *self.shape[-2:])
        for number, plane in self.planes.items():
            flat[number] = plane
        return whole

    def counts(self) -> dict[int, int]:
        """Return the number of painted pixels by class id."""
        total = np.zeros(MAX_CLASS_ID + 1, np.int64)
        for plane in self._painted.values():
            total += plane.counts(MAX_CLASS_ID + 1)
        return {int(number): int(total[number]) for number in np.flatnonzero(total) if number}

    def same_paint(self, other: Scribbles) -> bool:
        """Say whether two snapshots hold the same paint (their versions may differ)."""
        return (
            self.shape == other.shape
            and self.planes.keys() == other.planes.keys()
            and all(plane is other.planes[number] or np.array_equal(plane, other.planes[number])
                    for number, plane in self.planes.items())
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Pair:
    """An image and its strokes.

    Raises
    ------
    UserError
        If their shapes do not match.
    """

    image: Image
    scribbles: Scribbles

    def __post_init__(self) -> None:
        if self.image.shape != self.scribbles.shape:
            raise UserError(
                f"The strokes of {self.image.name!r} have shape {self.scribbles.shape}, but the image without channels "
                f"has {self.image.shape} (axes {self.image.label_axes}). Strokes need the image's axes without C; "
                "if the axes are wrong, say what they are."
            )


@dataclasses.dataclass(frozen=True, eq=False)
class TrainingSet:
    """All a method may learn from at one moment: pairs of images and strokes, and the class table.

    The class table always covers every painted id.
    """

    pairs: tuple[Pair, ...]
    classes: ClassTable = dataclasses.field(default_factory=ClassTable.default)

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", self.classes.including(self.counts()))

    @property
    def versions(self) -> tuple[int, ...]:
        """Version of each pair's strokes."""
        return tuple(pair.scribbles.version for pair in self.pairs)

    def counts(self) -> dict[int, int]:
        """Return the number of painted pixels by class id, over all pairs."""
        total: dict[int, int] = {}
        for pair in self.pairs:
            for number, count in pair.scribbles.counts().items():
                total[number] = total.get(number, 0) + count
        return dict(sorted(total.items()))

    @property
    def painted_ids(self) -> tuple[int, ...]:
        """Ids that have paint, in order."""
        return tuple(self.counts())

    def missing(self) -> str | None:
        """Say what to paint before anything can be learnt, or None when two classes have paint."""
        return what_to_paint(self.painted_ids, self.classes)


def what_to_paint(painted: Iterable[int], classes: ClassTable) -> str | None:
    """Say what to paint before anything can be learnt, or None when two classes have paint."""
    painted = tuple(painted)
    if len(painted) >= 2:
        return None
    if not painted:
        return "Nothing is painted yet. Paint a little background and a little of each class."
    others = [one.name for one in classes.classes if one.id not in painted]
    wanted = others[0] if others else "another class"
    return f"Only {classes.name(painted[0])} is painted. Paint a little of a second class too ({wanted})."


def checked_ids(labels: Any, name: str = "strokes") -> NDArray[np.uint8]:
    """Return labels as uint8 after checking that they are ids.

    Raises
    ------
    UserError
        If there are fractions, negative numbers, ids beyond 255 or pixels that are not numbers.
    """
    labels = np.asarray(labels)
    if labels.dtype.kind == "b":
        return labels.astype(np.uint8)
    if labels.dtype.kind not in "uif":
        raise UserError(f"{name!r} holds {labels.dtype}; allowed are whole numbers from 0 to {MAX_CLASS_ID}.")
    if not labels.size:
        return labels.astype(np.uint8)
    if labels.dtype.kind == "f" and not (np.isfinite(labels).all() and (labels == np.floor(labels)).all()):
        raise UserError(
            f"{name!r} holds fractions or NaN; allowed are whole numbers from 0 (not painted) to {MAX_CLASS_ID}. "
            "Is it an image rather than labels?"
        )
    low, high = labels.min(), labels.max()
    if low < 0 or high > MAX_CLASS_ID:
        raise UserError(
            f"{name!r} holds ids from {low:g} to {high:g}; allowed are 0 (not painted), 1 (background) and classes "
            f"up to {MAX_CLASS_ID}. Is it an image of single objects rather than of classes?"
        )
    return labels.astype(np.uint8)
