"""What a metric gets and what it says about itself. Computes no metric."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_unet.core.errors import UserError

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class NoValue:
    """What a metric returns where it has no value; ``why`` goes into the row's note."""

    why: str


@dataclasses.dataclass(frozen=True)
class About:
    """What the tables need to know about a metric.

    Parameters
    ----------
    unit : str
        ``""`` for a ratio, ``"count"``, ``"px"``, ...
    better : str
        ``"higher"`` or ``"lower"``; ``""`` where neither is (a count of the reference, say).
    dense : bool
        It needs a reference in which every pixel is labelled; on held-out strokes it has no value.
    dimensions : tuple of int
        2 for planes, 3 for volumes.
    total : str
        How values of several planes become one: ``"mean"`` or ``"sum"``.
    family : str
        Heading under which listings show it.
    """

    unit: str = ""
    better: Literal["higher", "lower", ""] = ""
    dense: bool = False
    dimensions: tuple[int, ...] = (2, 3)
    total: Literal["mean", "sum"] = "mean"
    family: str = ""


@dataclasses.dataclass(frozen=True, eq=False)
class Compared:
    """One class of one plane or volume: what was predicted and what is true.

    Pixels that are not known are false in both arrays, so that no metric needs to think of them.

    Parameters
    ----------
    prediction, reference : array-like of bool, shape (Y, X) or (Z, Y, X)
        True where a pixel is of the class. Never changed.
    valid : array-like of bool, same shape, optional
        True where the reference is known. Default: everywhere.

    Raises
    ------
    UserError
        If the shapes differ.
    """

    prediction: NDArray[np.bool_]
    reference: NDArray[np.bool_]
    valid: NDArray[np.bool_] | None = None
    _done: dict[Callable[[Compared], Any], Any] = dataclasses.field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        prediction, reference = _booleans(self.prediction), _booleans(self.reference)
        valid = None if self.valid is None else _booleans(self.valid)
        shapes = {array.shape for array in (prediction, reference, valid) if array is not None}
        if len(shapes) > 1 or prediction.ndim not in (2, 3):
            raise UserError(
                f"A prediction of shape {prediction.shape} cannot be compared with a reference of shape "
                f"{reference.shape}" + ("" if valid is None else f" (known pixels: {valid.shape})")
                + ". Allowed are two planes (Y, X) or two volumes (Z, Y, X) of the same shape."
            )
        if valid is not None:
            prediction, reference = prediction & valid, reference & valid
        object.__setattr__(self, "prediction", prediction)
        object.__setattr__(self, "reference", reference)
        object.__setattr__(self, "valid", valid)

    @property
    def known(self) -> int:
        """Number of pixels whose true class is known."""
        return self.reference.size if self.valid is None else int(np.count_nonzero(self.valid))

    def once(self, function: Callable[[Compared], T]) -> T:
        """Return ``function(self)``, computed at the first call only: what several metrics share."""
        if function not in self._done:
            self._done[function] = function(self)
        return cast(T, self._done[function])


def _booleans(array: ArrayLike) -> NDArray[np.bool_]:
    return np.asarray(array, dtype=bool)
