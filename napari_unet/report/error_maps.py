"""Where a result is wrong: missed, false, of another class; stray components and holes. Draws nothing but arrays."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.core.errors import UserError

from .object_errors import OBJECT_COLOURS, Mark, ObjectErrors, object_errors
from .rasters import Rgb, parse_colour

Labels = NDArray[np.integer]

MISSED, FALSE, OTHER = 1, 2, 3
"""Codes of an :class:`ErrorMap`."""

COLOURS = {MISSED: "#d55e00", FALSE: "#56b4e9", OTHER: "#cc79a7"}
"""Colours of the codes, told apart with every common colour blindness (Okabe & Ito)."""

NAMES = {MISSED: "missed", FALSE: "false", OTHER: "another class"}
STRAY, HOLE = "#f0e442", "#009e73"
"""Colours of the rings around stray components and holes."""


@dataclasses.dataclass(frozen=True, eq=False)
class ErrorMap:
    """What is wrong with one plane of a result.

    Parameters
    ----------
    codes : ndarray of uint8, shape (Y, X)
        :data:`MISSED` where a class was taken for background, :data:`FALSE` where background was taken for a class,
        :data:`OTHER` where a class was taken for another; 0 where the result is right, or nothing is known.
    right : ndarray of bool, shape (Y, X)
        Where a class other than the background is right.
    strays : tuple of Mark
        Components of the result (8 neighbours) that touch nothing of their class in the reference, largest first.
    holes : tuple of Mark
        Holes in the result (4 neighbours) all of which is of the class in the reference, largest first.
    objects : ObjectErrors, optional
        What is wrong with single objects, where these are judged; it is marked in place of stray parts and holes.
    """

    codes: NDArray[np.uint8]
    right: NDArray[np.bool_]
    strays: tuple[Mark, ...] = ()
    holes: tuple[Mark, ...] = ()
    objects: ObjectErrors | None = None

    @property
    def rings(self) -> list[tuple[Mark, str]]:
        """Marks with their colours; holes come before stray parts."""
        if self.objects is not None:
            return [(mark, OBJECT_COLOURS[kind]) for kind, mark in self.objects.marks]
        return [*((mark, HOLE) for mark in self.holes), *((mark, STRAY) for mark in self.strays)]

    def count(self, code: int) -> int:
        """Return the number of pixels with a code."""
        return int(np.count_nonzero(self.codes == code))


def ring_legend(objects: bool) -> tuple[tuple[str, str], ...]:
    """Return colours of rings with what they stand for."""
    return tuple((colour, kind) for kind, colour in OBJECT_COLOURS.items()) if objects else (
        (STRAY, "stray part"), (HOLE, "hole"))


def error_map(
    prediction: Labels, reference: Labels, *, dense: bool = True, objects: tuple[Labels, Labels] | None = None
) -> ErrorMap:
    """Compare one plane of a result with its reference.

    Parameters
    ----------
    prediction : ndarray of int, shape (Y, X)
        Painted ids (1 = background); 0, not segmented, is never wrong.
    reference : ndarray of int, shape (Y, X)
        Painted ids; 0 = unknown.
    dense : bool
        False if the reference is strokes: then components and holes mean nothing and none is marked.
    objects : (ndarray, ndarray), optional
        Numbers of the objects found and of the true ones, which are then judged one by one.

    Raises
    ------
    UserError
        If the shapes differ.
    """
    if prediction.shape != reference.shape or prediction.ndim != 2:
        raise UserError(
            f"A result of shape {prediction.shape} cannot be held against a reference of shape {reference.shape}. Both "
            "must be one plane (Y, X) of the same image."
        )
    known = (prediction > 0) & (reference > 0)
    wrong = known & (prediction != reference)
    codes = np.zeros(prediction.shape, np.uint8)
    codes[wrong] = OTHER
    codes[wrong & (prediction == 1)] = MISSED
    codes[wrong & (reference == 1)] = FALSE
    right = known & ~wrong & (reference > 1)
    strays: list[tuple[int, Mark]] = []
    holes: list[tuple[int, Mark]] = []
    for number in np.unique(prediction[prediction > 1]) if dense else ():
        mine, theirs = prediction == number, reference == number
        strays += _untouched(mine, theirs | (reference == 0), eight=True)
        filled = ndimage.binary_fill_holes(mine) & ~mine
        holes += _untouched(filled, ~theirs, eight=False)
    judged = None if objects is None else object_errors(*objects)
    return ErrorMap(codes, right, _largest(strays), _largest(holes), judged)


def _untouched(parts: NDArray[np.bool_], other: NDArray[np.bool_], eight: bool) -> list[tuple[int, Mark]]:
    """Return size and place of the components of ``parts`` that share no pixel with ``other``."""
    numbers, count = ndimage.label(parts, np.ones((3, 3)) if eight else None)
    if not count:
        return []
    touched = np.zeros(count + 1, bool)
    touched[numbers[other & parts]] = True
    sizes = np.bincount(numbers.ravel(), minlength=count + 1)
    found = []
    for index, box in enumerate(ndimage.find_objects(numbers), 1):
        if not touched[index] and box is not None:
            found.append((int(sizes[index]), Mark.of(box)))
    return found


def _largest(found: list[tuple[int, Mark]]) -> tuple[Mark, ...]:
    return tuple(mark for _, mark in sorted(found, key=lambda one: -one[0]))


def painted_errors(base: Rgb, errors: ErrorMap) -> Rgb:
    """Lay an error map over a picture: what is right is pale, errors are in their colours.

    Parameters
    ----------
    base : ndarray of float32, shape (Y, X, 3), 0 to 1
    errors : ErrorMap

    Returns
    -------
    ndarray of float32, shape (Y, X, 3)
    """
    grey = base.mean(axis=2, keepdims=True)
    out = np.repeat(np.float32(0.55) * grey, 3, axis=2)
    out[errors.right] = np.float32(0.5) * out[errors.right] + np.float32(0.45)
    for code, text in COLOURS.items():
        where = errors.codes == code
        out[where] = np.float32(0.15) * out[where] + np.float32(0.85) * parse_colour(text)
    return out


def ringed_errors(picture: Rgb, errors: ErrorMap, factor: float = 1.0, most: int = 40) -> Rgb:
    """Draw the rings of an error map, of each colour at most so many; parameters as for :func:`ringed`."""
    by_colour: dict[str, list[Mark]] = {}
    for mark, colour in errors.rings:
        by_colour.setdefault(colour, []).append(mark)
    for colour, marks in by_colour.items():
        picture = ringed(picture, tuple(marks), colour, factor, most)
    return picture


def ringed(picture: Rgb, marks: tuple[Mark, ...], text: str, factor: float = 1.0, most: int = 40) -> Rgb:
    """Draw rings around marks (in pixels of a picture ``factor`` times as large), of at most the first ``most``."""
    out = picture.copy()
    rows, columns = out.shape[:2]
    for mark in marks[:most]:
        y, x, radius = (value / factor for value in (mark.y, mark.x, mark.radius))
        radius += 4.0
        top, left = max(0, int(y - radius - 2)), max(0, int(x - radius - 2))
        bottom, right = min(rows, int(y + radius + 3)), min(columns, int(x + radius + 3))
        across = np.hypot(*np.ogrid[top - y : bottom - y, left - x : right - x])[: bottom - top, : right - left]
        out[top:bottom, left:right][np.abs(across - radius) < 0.8] = parse_colour(text)
    return out
