"""What objects are made of: the class of each pixel and, where known, how sure it is. Finds no object."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError

OUT_OF_PROPORTION = 1e6
"""No voxel is so many times longer than wide: its sizes are a mistake in a file."""

_FEW = 12
"""Numbers below this are looked for one by one."""


@dataclasses.dataclass(frozen=True, eq=False)
class ClassField:
    """One plane or one volume of classes.

    Parameters
    ----------
    labels : ndarray of uint8, shape (Y, X) or (Z, Y, X)
        Painted ids: 0 = nothing known, 1 = background, 2, 3, ... = classes.
    countable : tuple of int
        Painted ids of the classes whose objects are counted; empty means all but background.
    probabilities : ndarray of float, shape (C, ...), optional
        Of the classes ``ids``, 0 to 1.
    ids : tuple of int
        Painted ids in the order of ``probabilities``.
    spacing : tuple of float
        Size of a voxel along each axis of ``labels``; default 1. A size that is zero, negative or not finite counts
        as 1; so do all of them if one is :data:`OUT_OF_PROPORTION` times another.
    border : ndarray of float, optional
        How much each pixel looks like the border between two objects, 0 to 1; see :mod:`.border_strokes`.
    names : mapping of int to str
        What people call the classes, by painted id; for what is said of them.
    stands_for : int
        Pixels of the image that one of these stands for, which are of a level of it; for what is said of them.

    Raises
    ------
    UserError
        If shapes do not fit each other, or the labels are no plane or volume of whole numbers from 0 to 255.
    """

    labels: NDArray[np.uint8]
    countable: tuple[int, ...] = ()
    probabilities: NDArray[np.floating[Any]] | None = None
    ids: tuple[int, ...] = ()
    spacing: tuple[float, ...] = ()
    border: NDArray[np.floating[Any]] | None = None
    names: Mapping[int, str] = dataclasses.field(default_factory=dict)
    stands_for: int = 1

    def __post_init__(self) -> None:
        labels = np.asarray(self.labels)
        if labels.ndim not in (2, 3) or labels.dtype.kind not in "iub":
            raise UserError(
                f"Objects are found in a plane (Y, X) or a volume (Z, Y, X) of whole numbers, not in shape "
                f"{labels.shape} of {labels.dtype}.")
        if labels.size and (int(labels.min()) < 0 or int(labels.max()) > 255):
            raise UserError(f"Classes are numbers from 0 to 255, not {labels.min()} to {labels.max()}.")
        expected = (len(self.ids), *labels.shape)
        if self.probabilities is not None and self.probabilities.shape != expected:
            raise UserError(f"Probabilities of shape {self.probabilities.shape} do not fit; {expected} is needed: one "
                            "array for each class.")
        if self.border is not None and self.border.shape != labels.shape:
            raise UserError(f"A border of shape {self.border.shape} does not fit labels of shape {labels.shape}.")
        object.__setattr__(self, "labels", labels.astype(np.uint8, copy=False))
        object.__setattr__(self, "spacing", _sizes(self.spacing, labels.ndim))
        countable = tuple(self.countable) or tuple(one for one in ids_in(self.labels) if one > 1)
        object.__setattr__(self, "countable", countable)

    def name(self, number: int) -> str:
        """Return what people call a class (painted id)."""
        return self.names.get(number, f"class {number}")

    def probability(self, number: int) -> NDArray[np.float32] | None:
        """Return the probability of a class (painted id), None where it is not known."""
        if self.probabilities is None or number not in self.ids:
            return None
        return np.asarray(self.probabilities[self.ids.index(number)], np.float32)


def ids_in(labels: NDArray[np.uint8]) -> tuple[int, ...]:
    """Return the numbers that occur, in order; of a few small ones by looking for each, which is far faster."""
    largest = int(labels.max(initial=0))
    if largest < _FEW:
        return tuple(one for one in range(largest + 1) if (labels == one).any())
    return tuple(np.flatnonzero(np.bincount(labels.ravel())).tolist())


def _sizes(spacing: tuple[float, ...], axes: int) -> tuple[float, ...]:
    """Return the size of a voxel along each axis, what is no size as 1."""
    sizes = tuple(spacing) or (1.0,) * axes
    if len(sizes) != axes:
        raise UserError(f"{len(sizes)} voxel sizes do not fit {axes} axes.")
    sizes = tuple(float(one) if math.isfinite(one) and one > 0 else 1.0 for one in sizes)
    return sizes if max(sizes) <= OUT_OF_PROPORTION * min(sizes) else (1.0,) * axes
