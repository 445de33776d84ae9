"""How unsure a model is at each pixel, and where it is least sure: the place to paint next. Knows no window.

Uncertainty is 1 minus the margin between the probabilities of the two likeliest classes (margin sampling; Scheffer,
Decomain and Wrobel 2001, "Active hidden Markov models for information extraction"): 0 where one class is certain, 1
where two are equally likely.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..core.errors import UserError
from ..core.image import Image, Where
from ..core.latest import Latest
from ..core.method import Model, Progress, View
from ..core.scribbles import Scribbles

SURE = 0.25
"""Where the mean uncertainty under the brush is below this, there is nothing worth a stroke."""

REACH = 2.0
"""A place that was visited counts as seen within so many widths of the brush."""


Box = tuple[int, int, int, int]
"""First row, last row + 1, first column, last column + 1."""


@dataclasses.dataclass(frozen=True)
class UncertainPlace:
    """A pixel of an image, and how unsure a model is around it.

    Parameters
    ----------
    plane, row, column : int
    value : float
        Mean uncertainty under the brush, 0 to 1.
    """

    plane: int
    row: int
    column: int
    value: float


def uncertainty(probabilities: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return 1 - (largest - second largest probability) of each pixel.

    Parameters
    ----------
    probabilities : ndarray of float, shape (C, Y, X)
        Sums to 1 over C.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        0 to 1; 0 everywhere if there is one class only.
    """
    if len(probabilities) < 2:
        return np.zeros(probabilities.shape[1:], np.float32)
    first = np.maximum(probabilities[0], probabilities[1])
    second = np.minimum(probabilities[0], probabilities[1])
    for other in probabilities[2:]:
        second = np.maximum(second, np.minimum(first, other))
        first = np.maximum(first, other)
    return np.clip(1 - (first - second), 0, 1).astype(np.float32)


def box_mean(values: NDArray[np.floating], width: int) -> NDArray[np.float32]:
    """Return the mean over a square of ``width`` px around each pixel; the border counts as going on outside."""
    from scipy.ndimage import uniform_filter

    out: NDArray[np.float32] = uniform_filter(np.asarray(values, np.float32), max(1, width), mode="nearest")
    return out


def least_sure(
    values: NDArray[np.floating], width: int, left_out: NDArray[np.bool_] | None = None
) -> tuple[int, int, float] | None:
    """Return the pixel around which a map is largest on average over the width of a brush.

    Parameters
    ----------
    values : ndarray of float, shape (Y, X)
        Uncertainty, 0 to 1.
    width : int
        Of the brush, px.
    left_out : ndarray of bool, shape (Y, X), optional
        Pixels that cannot be chosen; they count as sure.

    Returns
    -------
    tuple of (int, int, float) or None
        Row, column and mean; the first in reading order among equals. None if every pixel is left out.
    """
    if not values.size or (left_out is not None and left_out.all()):
        return None
    means = box_mean(values if left_out is None else np.where(left_out, 0, values), width)
    if left_out is not None:
        means[left_out] = -1
    row, column = np.unravel_index(int(means.argmax()), means.shape)
    return int(row), int(column), float(np.clip(means[row, column], 0, 1))


def find_least_sure(
    model: Model,
    image: Image,
    scribbles: Scribbles,
    *,
    width: int,
    plane: int = 0,
    view: View | None = None,
    visited: Sequence[UncertainPlace] = (),
    planes: Sequence[int] | None = None,
) -> Generator[Progress, None, UncertainPlace | None]:
    """Look for the place where a model is least sure: in view first, then in the whole image.

    Parameters
    ----------
    model : Model
    image : Image
    scribbles : Scribbles
        Painted pixels are left out.
    width : int
        Of the brush, px.
    plane : int
        The one shown; among equals, a place on a plane near it is taken.
    view : View, optional
        What is visible of it; None: look everywhere.
    visited : sequence of UncertainPlace
        Left out, with all around them within :data:`REACH` widths.
    planes : sequence of int, optional
        Look on these alone; None: on all.

    Yields
    ------
    Progress
        After every tile.

    Returns
    -------
    UncertainPlace or None
        None if it is sure of everything (:data:`SURE`).

    Raises
    ------
    UserError
        If the model cannot do this image, or has no probabilities.
    """
    if view is not None:
        found = yield from _look(model, image, scribbles, width, [plane], view, visited)
        if found is not None:
            return found
    if planes is None:
        planes = sorted(range(image.n_planes), key=lambda number: (abs(number - plane), number))
    return (yield from _look(model, image, scribbles, width, list(planes), None, visited))


def _look(
    model: Model, image: Image, scribbles: Scribbles, width: int, planes: list[int], view: View | None,
    visited: Sequence[UncertainPlace],
) -> Generator[Progress, None, UncertainPlace | None]:
    """Look on some planes, or only in a view of one."""
    best: UncertainPlace | None = None
    where_to = "in view" if view is not None else "everywhere"
    for patch in model.segment(image, planes, probabilities=True, view=Latest(view)):
        if patch.probabilities is None:
            raise UserError("This model gives no probabilities, so it is not known where it is unsure.")
        box = _bounds(patch.where)
        part = box if view is None else _common(box, _bounds(view.where))
        if part is None:
            break  # tiles in view come first
        top, bottom, left, right = part
        number = image.plane_of(patch.where)
        values = uncertainty(patch.probabilities)[top - box[0] : bottom - box[0], left - box[2] : right - box[2]]
        out = _left_out(scribbles, number, part, width, visited)
        found = least_sure(values, width, out)
        if found is not None and found[2] >= SURE and (best is None or found[2] > best.value):
            best = UncertainPlace(number, top + found[0], left + found[1], found[2])
        yield Progress(f"Looking {where_to}: tile {patch.done} of {patch.total}", patch.done / patch.total)
    return best


def _left_out(
    scribbles: Scribbles, plane: int, part: Box, width: int, visited: Sequence[UncertainPlace]
) -> NDArray[np.bool_]:
    """Return which pixels of part of a plane are painted or were visited."""
    top, bottom, left, right = part
    out = np.zeros((bottom - top, right - left), bool)
    if plane in scribbles.planes:
        out |= scribbles.planes[plane][top:bottom, left:right] > 0
    reach = round(REACH * width)
    for one in visited:
        if one.plane == plane:
            rows = slice(max(0, one.row - reach - top), max(0, one.row + reach + 1 - top))
            out[rows, max(0, one.column - reach - left) : max(0, one.column + reach + 1 - left)] = True
    return out


def _bounds(where: Where) -> Box:
    """Return top, bottom, left and right of an index whose rows and columns are slices with ends."""
    rows, columns = where[-2:]
    assert isinstance(rows, slice)
    assert isinstance(columns, slice)
    return int(rows.start), int(rows.stop), int(columns.start), int(columns.stop)


def _common(one: Box, other: Box) -> Box | None:
    """Return what two boxes share, None if nothing."""
    top, bottom = max(one[0], other[0]), min(one[1], other[1])
    left, right = max(one[2], other[2]), min(one[3], other[3])
    return (top, bottom, left, right) if top < bottom and left < right else None
