"""What a metric gets and what it says about itself. Computes no metric."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_unet.core import parameters
from napari_unet.core.errors import UserError
from napari_unet.core.parameters import Parameter

T = TypeVar("T")

LENGTH = "length"
"""Unit of a metric that is a distance: rows carry the unit of the image's scale in its place."""
PIXELS = "px"


@dataclasses.dataclass(frozen=True)
class NoValue:
    """What a metric returns where it has no value; ``why`` goes into the row's note."""

    why: str


NOTHING_KNOWN = NoValue("the reference is not known anywhere here")


@dataclasses.dataclass(frozen=True)
class Options:
    """What can be set about how results are measured.

    Raises
    ------
    UsageError
        If a value is not allowed.
    """

    tolerance: Annotated[float | None, Parameter("How far a predicted outline may be from the true one and still be "
                                                 "right (surface Dice, boundary recall); in the unit of the image's "
                                                 "scale; auto is two steps along its coarsest axis", min=0)] = None
    patch: Annotated[int, Parameter("Side of the squares (cubes) in which parts and holes are counted by "
                                    "betti_error_patches", min=2, unit="px")] = 64

    def __post_init__(self) -> None:
        parameters.check(self)


@dataclasses.dataclass(frozen=True)
class About:
    """What the tables need to know about a metric.

    Parameters
    ----------
    unit : str
        ``""`` for a ratio, ``"count"``, ``"bit"``, ...; :data:`LENGTH` for a distance.
    better : str
        ``"higher"`` or ``"lower"``; ``""`` where neither is (a count of the reference, say).
    dense : bool
        It needs a reference in which every pixel is labelled; on held-out strokes it has no value.
    dimensions : tuple of int
        2 for planes, 3 for volumes.
    total : str
        How values of several planes become one: ``"mean"`` or ``"sum"``.
    family : str
        Heading under which listings show it, and the name by which all of a kind are chosen.
    default : bool
        Judged by unless others are asked for.
    in_place : bool
        It compares what lies where. What compares two numbers only (``holes_error``) can be right by accident, with
        other holes; by such a metric no method is marked best.
    """

    unit: str = ""
    better: Literal["higher", "lower", ""] = ""
    dense: bool = False
    dimensions: tuple[int, ...] = (2, 3)
    total: Literal["mean", "sum"] = "mean"
    family: str = ""
    default: bool = True
    in_place: bool = True


@dataclasses.dataclass(frozen=True, eq=False)
class ClassComparison:
    """One class of one plane or volume: what was predicted and what is true.

    Pixels that are not known are false in both arrays, so that no metric needs to think of them.

    Parameters
    ----------
    prediction, reference : array-like of bool, shape (Y, X) or (Z, Y, X)
        True where a pixel is of the class. Never changed.
    valid : array-like of bool, same shape, optional
        True where the reference is known. Default: everywhere.
    scale : tuple of float, optional
        Size of a step along each axis, in ``unit``. Default 1.
    unit : str
        Unit of distances.
    options : Options
        What has been set about how to measure.
    numbers : (ndarray of int, ndarray of int), optional
        Object numbers of the prediction and of the reference, 0 outside the class: objects are taken as they are
        numbered. Without, they are the connected parts of the class.
    countable : bool
        Whether the class has objects that are counted; else all of it is one, by its area.

    Raises
    ------
    UserError
        If the shapes differ, or the scale does not fit them.
    """

    prediction: NDArray[np.bool_]
    reference: NDArray[np.bool_]
    valid: NDArray[np.bool_] | None = None
    scale: tuple[float, ...] = ()
    unit: str = PIXELS
    options: Options = Options()
    numbers: tuple[NDArray[np.integer[Any]], NDArray[np.integer[Any]]] | None = None
    countable: bool = True
    _done: dict[Callable[[ClassComparison], Any], Any] = dataclasses.field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        prediction, reference = _booleans(self.prediction), _booleans(self.reference)
        valid = None if self.valid is None else _booleans(self.valid)
        shapes = {array.shape for array in (prediction, reference, valid, *(self.numbers or ())) if array is not None}
        if len(shapes) > 1 or prediction.ndim not in (2, 3):
            raise UserError(
                f"A prediction of shape {prediction.shape} cannot be compared with a reference of shape "
                f"{reference.shape}" + ("" if valid is None else f" (known pixels: {valid.shape})")
                + ". Allowed are two planes (Y, X) or two volumes (Z, Y, X) of the same shape."
            )
        scale = tuple(map(float, self.scale)) or (1.0,) * prediction.ndim
        if len(scale) != prediction.ndim or not all(step > 0 and math.isfinite(step) for step in scale):
            raise UserError(
                f"A scale of {scale} does not fit arrays of shape {prediction.shape}. Give the size of a step along "
                f"each of the {prediction.ndim} axes, all above 0."
            )
        object.__setattr__(self, "scale", scale)
        if valid is not None:
            prediction, reference = prediction & valid, reference & valid
            if self.numbers is not None:
                object.__setattr__(self, "numbers", _where(valid, self.numbers))
        object.__setattr__(self, "prediction", prediction)
        object.__setattr__(self, "reference", reference)
        object.__setattr__(self, "valid", valid)

    @property
    def known(self) -> int:
        """Number of pixels whose true class is known."""
        return self.reference.size if self.valid is None else int(np.count_nonzero(self.valid))

    @property
    def tolerance(self) -> float:
        """How far an outline may be off and still be right, in :attr:`unit`."""
        return 2 * max(self.scale) if self.options.tolerance is None else self.options.tolerance

    def rest(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the known pixels that are not in a mask."""
        return ~mask if self.valid is None else self.valid & ~mask

    def once(self, function: Callable[[ClassComparison], T]) -> T:
        """Return ``function(self)``, computed at the first call only: what several metrics share."""
        if function not in self._done:
            self._done[function] = function(self)
        return cast(T, self._done[function])


def where_known(metric: Callable[[ClassComparison], float | NoValue]) -> Callable[[ClassComparison], float | NoValue]:
    """Decorate a metric: where no pixel is known it has no value, and is not asked."""

    @functools.wraps(metric)
    def measured(compared: ClassComparison) -> float | NoValue:
        return metric(compared) if compared.known else NOTHING_KNOWN

    return measured


def _where(valid: NDArray[np.bool_], numbers: Iterable[NDArray[Any]]) -> tuple[NDArray[Any], ...]:
    """Return numbers that are 0 where nothing is known."""
    return tuple(np.where(valid, one, 0) for one in numbers)


def _booleans(array: ArrayLike) -> NDArray[np.bool_]:
    return np.asarray(array, dtype=bool)
