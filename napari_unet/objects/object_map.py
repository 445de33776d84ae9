"""Numbered objects and the class of each: what a way to objects gives and everything else of objects starts from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError

MOST_NUMBERS = 2**28
"""Numbers there may be: every one up to the largest takes memory."""


@dataclasses.dataclass(frozen=True, eq=False)
class ObjectMap:
    """Objects of one plane or one volume.

    Parameters
    ----------
    numbers : ndarray of uint32, shape (Y, X) or (Z, Y, X)
        0 = no object, 1, 2, ... = objects.
    classes : ndarray of uint8, shape (n + 1,)
        Painted id of the class of each object, by its number; 0 for numbers without an object, ``classes[0]`` too.
    spacing : tuple of float
        Size of a voxel along each axis; default 1.
    note : str
        What was chosen and why, one sentence.
    said : tuple of tuple of float
        Of each line of the hints, in their order, what it says of how narrow a neck is cut (:mod:`.neck_choice`);
        empty where the way did not ask it.

    Raises
    ------
    UserError
        If a number has no class.
    """

    numbers: NDArray[np.uint32]
    classes: NDArray[np.uint8]
    spacing: tuple[float, ...] = ()
    note: str = ""
    said: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        largest = int(self.numbers.max(initial=0))
        if largest >= len(self.classes):
            raise UserError(f"Object {largest} has no class; classes of {len(self.classes) - 1} objects are known.")
        object.__setattr__(self, "spacing", tuple(self.spacing) or (1.0,) * self.numbers.ndim)

    @classmethod
    def of(
        cls, numbers: NDArray[Any], class_of: Mapping[int, int] | int = 2, spacing: tuple[float, ...] = ()
    ) -> ObjectMap:
        """Return a map of any whole numbers, all of one class or by number; numbers stay as they are.

        Raises
        ------
        UserError
            If numbers are negative, very large or no whole numbers, or one has no class.
        """
        numbers = np.asarray(numbers)
        if numbers.dtype.kind not in "iub" or (numbers.size and int(numbers.min()) < 0):
            raise UserError(f"Objects are whole numbers from 0 upwards, not {numbers.dtype}.")
        present = np.unique(numbers)
        present = present[present > 0]
        if (largest := int(present.max(initial=0))) >= MOST_NUMBERS:
            raise UserError(f"Object numbers up to {largest} would take very much memory. Number the objects anew, "
                            "from 1 on, e.g. with skimage.segmentation.relabel_sequential.")
        classes = np.zeros(int(present.max(initial=0)) + 1, np.uint8)
        for one in present.tolist():
            number = class_of if isinstance(class_of, int) else class_of.get(one, 0)
            if not number:
                raise UserError(f"Object {one} has no class.")
            classes[one] = number
        return cls(numbers.astype(np.uint32, copy=False), classes, spacing)

    @property
    def present(self) -> NDArray[np.int64]:
        """Numbers of the objects there are, in order."""
        return np.flatnonzero(self.classes)

    @property
    def count(self) -> int:
        """How many objects there are."""
        return int(np.count_nonzero(self.classes))

    def count_of(self, number: int) -> int:
        """How many objects a class (painted id) has."""
        return int(np.count_nonzero(self.classes == number)) if number else 0

    def renumbered(self) -> ObjectMap:
        """Return the same objects, numbered from 1 without gaps in the order of their numbers."""
        present = self.present
        new = np.zeros(len(self.classes), np.uint32)
        new[present] = np.arange(1, len(present) + 1)
        classes = np.concatenate([np.zeros(1, np.uint8), self.classes[present]])
        return dataclasses.replace(self, numbers=new[self.numbers], classes=classes)
