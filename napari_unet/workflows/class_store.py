"""A mask, or class probabilities, of any size: read piece by piece, as painted ids. Keeps no pixels."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_unet.comparison.reference_values import Values
from napari_unet.core.classes import MAX_CLASS_ID, ClassTable, to_painted
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.in_memory import in_memory
from napari_unet.core.scribbles import checked_ids
from napari_unet.io import Contents, read_contents
from napari_unet.io._last_change import last_change

from .class_images import has_whole_channels, of_probabilities, read_code, read_grey_labels
from .soft_numbers import are_probabilities, of_whole_numbers, tell_whole_numbers

SAMPLE = 1024
"""Rows and columns by which the code of numbers is recognised."""

_OBJECTS = ("{name} holds single objects already, not classes. Measure them as they are, with --table and without "
            "--blocks, or give the mask in which they were found.")
_SEVERAL = ("{name} holds {one} in one place and {other} in another: {other} is no number of a class. Say --values "
            "objects if all but 0 is of one class; else give a mask of classes 1, 2, 3, ...")

Where = tuple[int | slice, ...]
"""An index into (..., Y, X)."""


@dataclasses.dataclass(frozen=True, eq=False)
class ClassStore:
    """What objects are found in, on disk.

    Parameters
    ----------
    data : array-like
        Is read at integers and slices.
    letters : str
        Of the axes of ``data``; C are classes.
    geometry : Geometry
        Of the labels: rows and columns last, no C.
    classes : ClassTable
        What is known of the classes; more may come up.
    code : {"mask", "painted", "one", "probabilities"}
        What the numbers are; of ``one`` all but 0 is of one class.
    name : str
        What messages call it.
    met : set of int
        Largest values of the parts of a mask that were read.
    """

    data: Any
    letters: str
    geometry: Geometry
    classes: ClassTable
    code: Literal["mask", "painted", "one", "probabilities"]
    name: str
    met: set[int] = dataclasses.field(default_factory=set, repr=False)

    @property
    def axes(self) -> str:
        """One letter for each axis of the labels."""
        return self.geometry.axes

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the labels."""
        return tuple(int(self.data.shape[self.letters.index(letter)]) for letter in self.axes)

    def read(self, where: Where) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
        """Read a part.

        Parameters
        ----------
        where : tuple of int or slice
            One for each axis of the labels.

        Returns
        -------
        labels : ndarray of uint8
            Painted ids.
        probabilities : ndarray of float32, shape (C, ...), or None
            Of the classes in their order.

        Raises
        ------
        UserError
            If it is damaged, or its numbers are no classes.
        """
        array, left = self._raw(where)
        if self.code == "probabilities":
            axes = left.replace("C", "")
            if array.dtype.kind != "f":
                array = of_whole_numbers(array, left, self.name)
            made = of_probabilities(array, left, self.classes, Geometry(axes), self.name)
            assert made.probabilities is not None
            return made.labels, made.probabilities.astype(np.float32, copy=False)
        if self.code == "one":
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise UserError(f"{self.name} holds NaN; allowed are numbers, 0 where there is nothing.")
            return np.where(array != 0, np.uint8(2), np.uint8(1)), None
        if self.code == "mask" and _is_of_one(array):
            self._met(int(array.max()))
            return np.where(array != 0, np.uint8(2), np.uint8(1)), None
        ids = checked_ids(array, self.name)
        if self.code == "painted":
            return ids, None
        if ids.size and ids.max() >= MAX_CLASS_ID:
            raise UserError(_OBJECTS.format(name=self.name))
        if ids.any():
            self._met(int(ids.max()))
        return to_painted(ids), None

    def _met(self, top: int) -> None:
        """Remember the values of the parts of a mask: one that no class can have is its only one, or it is none."""
        self.met.add(top)
        if len(self.met) > 1 and max(self.met) >= MAX_CLASS_ID:
            raise UserError(_SEVERAL.format(name=self.name, one=min(self.met), other=max(self.met)))

    def _raw(self, where: Where) -> tuple[NDArray[Any], str]:
        """Read a part, rows and columns last, and return the letters of its axes."""
        by_letter = dict(zip(self.axes, where, strict=True))
        index = tuple(by_letter.get(letter, slice(None)) for letter in self.letters)
        left = [letter for letter, at in zip(self.letters, index, strict=True) if isinstance(at, slice)]
        wanted = [*("C" if "C" in left else ""),
                  *(letter for letter in self.axes if isinstance(by_letter[letter], slice))]
        array = np.asarray(in_memory(self.data[index]))
        return array.transpose([left.index(letter) for letter in wanted]), "".join(wanted)

    def mark(self) -> dict[str, Any]:
        """Return what it is known by, without reading all of it: size, type and the pixels of some places."""
        found = hashlib.blake2b(repr((self.letters, self.shape, str(self.data.dtype), self.code)).encode(),
                                digest_size=16)
        for where in self._samples():
            found.update(np.ascontiguousarray(self._raw(where)[0]).tobytes())
        return {"name": self.name, "pixels": found.hexdigest(), "classes": [one.id for one in self.classes.classes]}

    @property
    def changed(self) -> int:
        """When it was written last; 0 of what is far away."""
        return last_change(self.name)

    def _samples(self) -> Iterator[Where]:
        """Yield the middle of the first, the middle and the last plane."""
        planes = list(np.ndindex(*self.shape[:-2])) if len(self.shape) > 2 else [()]
        box = tuple(slice(max(0, (size - SAMPLE) // 2), (size + SAMPLE) // 2 + 1) for size in self.shape[-2:])
        for number in sorted({0, len(planes) // 2, len(planes) - 1}):
            yield (*planes[number], *box)

    def recognised(self, values: Values) -> ClassStore:
        """Return the same with its code, as told or as some of its pixels say.

        Raises
        ------
        UserError
            If these are single objects, or it cannot be known what they are.
        """
        if values == "auto":
            sample = self._raw(self._middle)[0]
            values = read_code(sample, "auto", None, self.name).code or "mask"
            if values == "objects" and np.unique(sample[sample != 0]).size > 1:
                raise UserError(_OBJECTS.format(name=self.name))
        return dataclasses.replace(self, code="one" if values == "objects" else values)

    @property
    def _middle(self) -> Where:
        samples = list(self._samples())
        return samples[len(samples) // 2]

    def is_soft(self) -> bool:
        """Say whether these are fractions between 0 and 1: probabilities of the one class there is."""
        return self.data.dtype.kind == "f" and are_probabilities(self._raw(self._middle)[0], "YX")

    def looked_into(self) -> ClassStore:
        """Return the same, after a look into its middle; errors as :meth:`read`."""
        self.read(self._middle)
        return self


def open_class_store(
    path: str | Path, axes: str | None = None, values: Values = "auto", classes: ClassTable | None = None,
    scale: Sequence[float] = (), unit: str = "",
) -> ClassStore:
    """Open a mask or probabilities to be read piece by piece; parameters as :func:`.class_images.as_class_image`.

    ``unit`` is that of the scale.

    Raises
    ------
    UserError
        If it cannot be read, or holds single objects.
    """
    contents, _ = read_contents(path, axes)
    whole = has_whole_channels(contents, axes)
    soft = whole or (contents.data.dtype.kind == "f" and "C" in contents.letters)
    if not soft:
        contents = read_grey_labels(path, axes)
    if contents.role == "objects":
        raise UserError(_OBJECTS.format(name=path))
    place = _placed(contents, scale, unit)
    table = classes or contents.classes
    if soft:
        count = int(contents.data.shape[contents.letters.index("C")])
        table = table or ClassTable.default(range(1, max(2, count) + 1))
        made = ClassStore(contents.data, contents.letters, place, table, "probabilities", str(path)).looked_into()
        if whole:
            tell_whole_numbers(str(path))
        return made
    made = ClassStore(contents.data, contents.letters, place, table or ClassTable.default(), "mask", str(path))
    if contents.code is not None:
        return dataclasses.replace(made, code=contents.code).looked_into()
    if values == "auto" and made.is_soft():
        return dataclasses.replace(made, code="probabilities").looked_into()
    return made.recognised(values).looked_into()


def _placed(contents: Contents, scale: Sequence[float], unit: str) -> Geometry:
    """Return where the labels lie, rows and columns last, with another size of a voxel and unit if they are told."""
    order = contents.order if sorted(contents.order) == sorted(contents.letters) else contents.letters
    place = contents.geometry("".join(one for one in order if one not in "CYX") + "YX")
    if scale:
        place = dataclasses.replace(place, scale=(*place.scale[: -len(scale)], *scale)[-len(place.scale):])
    return dataclasses.replace(place, unit=unit) if unit else place


def _is_of_one(array: NDArray[Any]) -> bool:
    """Say whether a part of a mask holds 0 and one value that no class can have (255, say), which is its one class."""
    top = array.max() if array.size and array.dtype.kind in "ui" else 0
    return bool(top >= MAX_CLASS_ID and ((array == 0) | (array == top)).all())
