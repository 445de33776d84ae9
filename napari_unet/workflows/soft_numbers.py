"""Which arrays hold class probabilities, as decimal numbers or as whole ones. Reads no file."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import MAX_CLASS_ID
from napari_unet.core.errors import InputWarning, UserError

ROUNDING = 1e-3
"""How far the sum of probabilities may be from 1: files hold float32, or less."""

_MANY_STEPS = 50
"""Whole numbers up to more than this are rounded probabilities; fewer are exact: one-hot masks hold 0 and 1."""


def are_probabilities(array: NDArray[Any], axes: str | None) -> bool:
    """Say whether decimal numbers are probabilities: those with an axis of classes, and fractions between 0 and 1."""
    if array.dtype.kind != "f" or array.ndim < 2:
        return False
    known = array[np.isfinite(array)]
    whole = bool((known == np.floor(known)).all())
    if "C" in (axes or ("C" if array.ndim > 2 else "")):
        at = (axes or "CYX").index("C") if axes else array.ndim - 3
        labels = whole and len(known) == array.size and bool(((known >= 0) & (known <= MAX_CLASS_ID)).all())
        return not labels or bool(np.allclose(array.sum(axis=at), 1, atol=ROUNDING))
    return array.ndim == 2 and not whole and bool(((known >= 0) & (known <= 1)).all())


def of_whole_numbers(array: NDArray[Any], letters: str, name: str) -> NDArray[np.float32]:
    """Return probabilities that were saved as whole numbers, as other programs do to save room: 255 is sure, say.

    Parameters
    ----------
    array : ndarray of int
    letters : str
        One for each axis; C holds the classes.
    name : str
        What messages call it.

    Raises
    ------
    UserError
        If the classes of a pixel do not sum up to the same number everywhere.
    """
    at = letters.index("C")
    total = array.sum(axis=at, keepdims=True, dtype=np.float64)
    sure, count = float(np.median(total)) if total.size else 0.0, array.shape[at]
    rounded = count if sure > _MANY_STEPS else 0
    if count < 2 or sure < 1 or np.abs(total - sure).max() > rounded:
        raise UserError(f"{name} has {count} channels (axis C) of whole numbers that do not sum up to one number "
                        "everywhere, so they are no probabilities, and masks and objects have no channels. If that "
                        "axis holds planes, say so: --axes NYX.")
    return (array / np.maximum(total, 1)).astype(np.float32)


def tell_whole_numbers(name: str) -> None:
    """Say that whole numbers are taken for probabilities."""
    warnings.warn(f"{name} holds whole numbers that sum up to the same over its channels: they are taken for "
                  "probabilities.", InputWarning, stacklevel=4)
