"""What a file holds and what a mask takes along, whatever the format. Opens no file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable, PaintedClass, default_color
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.image import Axes, resolve_axes

from ._mask_info import Code, MaskInfo, Runs

UNKNOWN = "?"
"""Stands in :attr:`Contents.letters` for an axis the file says nothing about."""

RECORD = "napari_unet"
"""Key under which a file carries what its own format has no words for."""


@dataclasses.dataclass(frozen=True, eq=False)
class Contents:
    """What a file holds, before anyone has decided what its axes are.

    Parameters
    ----------
    data : array-like
        NumPy array, memory map or lazy array; has ``shape``, ``dtype``, ``squeeze`` and indexing.
    letters : str
        One letter per axis of ``data`` as the metadata have it, ``?`` where they are silent.
    scale : tuple of float
        Size of a step along each axis of ``data``, in ``unit``; 1 where not known.
    unit : str
        A name that OME-Zarr and napari know (``"micrometer"``), or ``"pixel"``.
    classes : ClassTable, optional
        By painted id, whatever the code of the values.
    code : {"mask", "painted"}, optional
        What the values mean, if the file says so.
    order : str
        Axes of the label array that was saved, if they were moved to fit the format.
    fallback : str
        Letters to fall back on where our own guess finds nothing.
    notes : tuple of str
        What was chosen among several things (a series, a level).
    translate : tuple of float
        Position of the first element along each axis of ``data``. Default 0.
    time_unit : str
        Unit of the steps along T (``"second"``), or ``"pixel"``.
    linear : tuple of tuple of float
        Rotation, shear and flips that our own files note, along the axes of ``order``.
    role : str
        What our own files were: ``"strokes"``, ``"prediction"``, ..., ``"objects"``.
    no_data : tuple of float
        Numbers of which the file says that they stand for no data.
    source : str
        Where the letters come from, for people.
    warnings : tuple of str
        What is missing or was changed, for people: sentences that name the file.
    objects : tuple of (int, int, int)
        Of objects of our own, the class of each: first number, last number, painted id.
    named : mapping of int to (str, str)
        Name and ``#rrggbb`` (or nothing) by value, as ``image-label`` of OME-Zarr has them.
    """

    data: Any
    letters: str
    scale: tuple[float, ...]
    unit: str = "pixel"
    classes: ClassTable | None = None
    code: Code | None = None
    order: str = ""
    fallback: str = ""
    notes: tuple[str, ...] = ()
    translate: tuple[float, ...] = ()
    time_unit: str = "pixel"
    linear: tuple[tuple[float, ...], ...] = ()
    role: str = ""
    no_data: tuple[float, ...] = ()
    source: str = "from the file's metadata"
    warnings: tuple[str, ...] = ()
    objects: Runs = ()
    named: Mapping[int, tuple[str, str]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.translate:
            object.__setattr__(self, "translate", (0.0,) * len(self.letters))

    def geometry(self, axes: str) -> Geometry:
        """Return where labels with these axes lie; ``letters`` must be settled and hold them all."""
        at = [self.letters.index(letter) for letter in axes]
        linear: tuple[tuple[float, ...], ...] = ()
        if self.linear and sorted(self.order) == sorted(axes):
            order = [self.order.index(letter) for letter in axes]
            linear = tuple(tuple(self.linear[row][column] for column in order) for row in order)
        return Geometry(
            axes, tuple(self.scale[axis] for axis in at), self.unit, tuple(self.translate[axis] for axis in at),
            self.time_unit, linear,
        )

    def without(self, axes: tuple[int, ...]) -> Contents:
        """Return the same without these axes of size 1."""
        if not axes:
            return self
        keep = [axis for axis in range(len(self.letters)) if axis not in axes]
        return dataclasses.replace(
            self,
            data=self.data.squeeze(axis=axes),
            letters="".join(self.letters[axis] for axis in keep),
            fallback="".join(self.fallback[axis] for axis in keep) if self.fallback else "",
            scale=tuple(self.scale[axis] for axis in keep),
            translate=tuple(self.translate[axis] for axis in keep),
        )

    def _single(self) -> tuple[int, ...]:
        """Axes of size 1 that are neither rows nor columns nor colour."""
        shape = tuple(self.data.shape)
        if UNKNOWN in self.letters:
            last = 3 if shape[-1] in (3, 4) and len(shape) > 2 else 2
            candidates = list(range(len(shape) - last))
        else:
            candidates = [axis for axis, letter in enumerate(self.letters) if letter not in "YX"]
        return tuple(axis for axis in candidates if shape[axis] == 1)

    def resolved(self, given: str | None, labels: bool = False) -> tuple[Contents, Axes]:
        """Settle the axes: as given, from the metadata, or guessed; axes of size 1 are dropped unless given.

        Labels have no channels: a C among the axes given is that of their image.

        Raises
        ------
        UserError
            If the axes given do not fit, nothing can be guessed, or labels have colour channels.
        """
        shape = tuple(self.data.shape)
        if given:
            given = given.upper()
            if labels:
                given = given.replace("C", "")
            if given == self.order and sorted(given) == sorted(self.letters):
                return self, Axes(self.letters, "as given")  # moved when it was saved, see order
            contents = dataclasses.replace(self, order="")
            if len(given) != len(shape):
                contents = contents.without(contents._single())
            if len(contents.letters) != len(given):
                contents = self  # so that the message shows the shape the user knows
            return contents, resolve_axes(contents.data.shape, given)
        contents = self.without(self._single())
        shape, letters = tuple(contents.data.shape), contents.letters
        if labels:
            return contents, _label_axes(shape, letters, self.source, contents.fallback)
        if letters.count(UNKNOWN) == 1 and len(letters) > 3 and "N" not in letters:
            guess = "guessed: the axis without a name counts planes"
            return contents, resolve_axes(shape, metadata=letters.replace(UNKNOWN, "N"), source=guess)
        if UNKNOWN not in letters:
            return contents, resolve_axes(shape, metadata=letters, source=self.source)
        try:
            return contents, resolve_axes(shape)
        except UserError:
            if not contents.fallback:
                raise
            guess = "guessed from how the file stores its pixels"
            return contents, resolve_axes(shape, metadata=contents.fallback, source=guess)


def _label_axes(shape: tuple[int, ...], letters: str, source: str, fallback: str) -> Axes:
    # colours between the pixels were saved on purpose; three planes one after the other may be a stack of labels
    if letters.endswith("C") or fallback.endswith("C"):
        raise UserError(
            f"These labels are a colour picture (shape {shape}, the last axis is colour). Labels hold one class "
            "number per pixel; save them as such."
        )
    if len(shape) < 2:
        return resolve_axes(shape)
    if UNKNOWN in letters:
        spare = [letter for letter in "NTZABDEFGHIJKLMOPQRSUVW" if letter not in letters]
        names = ["N"] if len(shape) == 3 else spare
        return Axes("".join(names[: len(shape) - 2]) + "YX", "labels: the last two axes are rows and columns")
    if "C" in letters and "N" not in letters:
        # some programs call the planes of a stack channels
        letters, source = letters.replace("C", "N"), "labels: what the file calls channels are planes"
    return resolve_axes(shape, metadata=letters, source=source)


def read_record(record: Any) -> tuple[ClassTable | None, Code | None, str]:
    """Return (classes, code, axes) out of ``MaskInfo.record``, leaving out what makes no sense."""
    if not isinstance(record, Mapping):
        return None, None, ""
    code = record.get("code")
    axes = record.get("axes")
    classes = None
    try:
        classes = ClassTable(
            tuple(PaintedClass(int(one["id"]), str(one["name"]), str(one["color"])) for one in record["classes"])
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        classes = None
    return classes, code if code in ("mask", "painted") else None, axes if isinstance(axes, str) else ""


def recorded_role(record: Any) -> str:
    """Return what a file of ours was made from, see ``MaskInfo.role``; empty if it does not say."""
    role = record.get("role") if isinstance(record, Mapping) else ""
    return role if isinstance(role, str) else ""


def classes_of_values(values: Mapping[int, tuple[str, str]], code: Code) -> ClassTable | None:
    """Make a class table of (name, colour) by value in a file, or None if the values cannot be class ids."""
    offset = int(code == "mask")
    found: dict[int, PaintedClass] = {}
    taken: set[str] = set()
    for value in sorted(values):
        name, color = values[value]
        number = value + offset
        if number == 0:
            continue  # not painted
        name = name.strip() or ("background" if number == 1 else f"class {number}")
        if name in taken:
            name = f"{name} (id {number})"
        taken.add(name)
        found[number] = PaintedClass(number, name, color or default_color(number))
    try:
        return ClassTable(tuple(found.values())).including([1] if code == "mask" else []) if found else None
    except UserError:
        return None


class Sink(Protocol):
    """A file being written: takes values part by part."""

    def __setitem__(self, where: Any, values: Any) -> None:
        """Put values (of the file's code) at an index with integers and slices."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return all that was put so far."""

    def close(self) -> None:
        """Finish the file."""


@runtime_checkable
class Format(Protocol):
    """A file format: a frozen dataclass whose fields are its parameters.

    Registered with ``suffixes=(".tif", ...)``: the endings it saves under.
    """

    def recognises(self, path: Path) -> bool:
        """Say whether an existing path looks like this format."""

    def read(self, path: Path, labels: bool = False) -> Contents:
        """Read an image, or labels where the file holds both.

        Raises
        ------
        UserError
            If the file is damaged, foreign or of a kind that is not read.
        """

    def create(self, path: Path, shape: tuple[int, ...], info: MaskInfo) -> Sink:
        """Begin to write a class image of uint8 under a new path."""

    def may_replace(self, path: Path) -> str:
        """Say why an existing path must not be replaced by a mask, or return ``""``."""


@runtime_checkable
class ManyPictures(Protocol):
    """A format whose files may hold several pictures, each of which can be read."""

    def read_series(self, path: Path, number: int) -> Contents:
        """Read one of them, counted from 0; errors as :meth:`Format.read`, and if there is none."""
