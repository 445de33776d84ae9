"""Brush strokes as frozen snapshots. Knows neither layers nor files."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .classes import MAX_CLASS_ID, ClassTable
from .errors import UserError
from .image import Image


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
    derived : mapping of int to ndarray of bool, shape (Y, X)
        Which pixels of a plane were taken from a prediction, not painted by a person: they are learnt from, and never
        used for scoring. Planes without any are absent.
    """

    shape: tuple[int, ...]
    planes: Mapping[int, NDArray[np.uint8]]
    version: int = 0
    derived: Mapping[int, NDArray[np.bool_]] = dataclasses.field(default_factory=dict, repr=False)
    # pixels by class id, by plane; filled when asked for, because it is asked for after every stroke
    _counts: dict[int, NDArray[np.int64]] = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "planes", MappingProxyType({
            int(number): _frozen(self.planes[number]) for number in sorted(self.planes)
        }))
        object.__setattr__(self, "derived", MappingProxyType({
            int(number): _sealed(mask) for number, mask in self.derived.items() if number in self.planes and mask.any()
        }))
        object.__setattr__(self, "_counts", {})

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
        derived: Mapping[int, NDArray[np.bool_]] | None = None,
    ) -> Scribbles:
        """Return a snapshot with other planes in place of some; the rest is shared, neither copied nor counted again.

        Planes without paint are dropped. Pixels that change are a person's, unless ``derived`` says of a plane which
        of all its pixels are not.
        """
        marks = {number: mask & (planes[number] == self.planes[number]) if number in planes else mask
                 for number, mask in self.derived.items()} | dict(derived or {})
        new = {number: plane for number, plane in planes.items() if plane.any()}
        kept = {number: plane for number, plane in self.planes.items() if number not in planes}
        made = Scribbles(self.shape, {**kept, **new}, version, marks)
        made._counts.update({number: count for number, count in self._counts.items() if number in kept})
        return made

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
        for number, plane in self.planes.items():
            if number not in self._counts:
                self._counts[number] = np.bincount(plane.ravel(), minlength=MAX_CLASS_ID + 1)
            total += self._counts[number]
        return {int(number): int(total[number]) for number in np.flatnonzero(total) if number}

    def same_paint(self, other: Scribbles) -> bool:
        """Say whether two snapshots hold the same paint (their versions may differ)."""
        return (
            self.shape == other.shape
            and self.planes.keys() == other.planes.keys()
            and all(np.array_equal(plane, other.planes[number]) for number, plane in self.planes.items())
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


def _frozen(plane: Any) -> NDArray[np.uint8]:
    """Return a read-only uint8 copy, or the plane itself if it is one that nobody can write to any more."""
    if isinstance(plane, np.ndarray) and plane.dtype == np.uint8 and plane.base is None and not plane.flags.writeable:
        return plane
    copy = np.array(plane, dtype=np.uint8)
    copy.flags.writeable = False
    return copy


def _sealed(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a read-only mask: the same one if nobody can write to it any more."""
    if mask.base is None and not mask.flags.writeable:
        return mask
    copy = mask.copy()
    copy.flags.writeable = False
    return copy


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
