"""Outlines of a class and the distances between them, in physical units. Registers no metric."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.threads import available_cores

from . import ClassComparison


@dataclasses.dataclass(frozen=True, eq=False)
class Surfaces:
    """Distances between two outlines, one for each of their pixels.

    Parameters
    ----------
    prediction : ndarray of float64, shape (n,)
        From each pixel of the predicted outline to the nearest of the true one; inf where there is none.
    reference : ndarray of float64, shape (m,)
        From each pixel of the true outline to the nearest of the predicted one.
    """

    prediction: NDArray[np.float64]
    reference: NDArray[np.float64]


def surfaces(compared: ClassComparison) -> Surfaces:
    """Measure both ways; ask for it through ``compared.once(surfaces)``."""
    edges = [surface(mask, compared.valid) for mask in (compared.prediction, compared.reference)]
    return Surfaces(nearest_distances(edges[0], edges[1], compared.scale),
                    nearest_distances(edges[1], edges[0], compared.scale))


def surface(mask: NDArray[np.bool_], valid: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """Return the object pixels that share a side with background or with the outside of the array.

    A side towards a pixel that is not known is no surface: nobody knows whether the object ends there.

    Parameters
    ----------
    mask : ndarray of bool, shape (Y, X) or (Z, Y, X)
        False wherever nothing is known.
    valid : ndarray of bool, same shape, optional
    """
    inner = mask.copy()
    filled = mask if valid is None else mask | ~valid
    for axis in range(mask.ndim):
        first, last = _along(axis, slice(1, None)), _along(axis, slice(None, -1))
        inner[first] &= filled[last]
        inner[last] &= filled[first]
        inner[_along(axis, slice(1))] = False
        inner[_along(axis, slice(-1, None))] = False
    return mask & ~inner


def borders(mask: NDArray[np.bool_], valid: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """Return the known pixels on both sides of every border between the class and the rest.

    Where all is known this is ``skimage.segmentation.find_boundaries(mask, connectivity=1, mode="thick")``.

    Parameters
    ----------
    mask, valid
        As for :func:`surface`.
    """
    found = np.zeros_like(mask)
    for axis in range(mask.ndim):
        first, last = _along(axis, slice(1, None)), _along(axis, slice(None, -1))
        change = mask[first] != mask[last]
        if valid is not None:
            change &= valid[first] & valid[last]
        found[first] |= change
        found[last] |= change
    return found


def nearest_distances(
    points: NDArray[np.bool_], others: NDArray[np.bool_], scale: Sequence[float]
) -> NDArray[np.float64]:
    """Return the distance of each point to the nearest of the others.

    Parameters
    ----------
    points, others : ndarray of bool, shape (Y, X) or (Z, Y, X)
    scale : sequence of float
        Size of a step along each axis.

    Returns
    -------
    ndarray of float64, shape (number of points,)
        In the order of the array; inf where there are no others.
    """
    import edt

    if not points.any() or not others.any():
        return np.full(np.count_nonzero(points), np.inf)
    box = _box(points | others)
    points, others = points[box], others[box]
    # edt counts in float32: whole numbers of the finest step stay exact
    step = min(scale)
    squared = edt.edtsq(np.ascontiguousarray(~others), anisotropy=tuple(size / step for size in scale), order="C",
                        parallel=available_cores())
    return np.sqrt(squared[points].astype(np.float64)) * step


def _along(axis: int, part: slice) -> tuple[slice, ...]:
    return (slice(None),) * axis + (part,)


def _box(mask: NDArray[np.bool_]) -> tuple[slice, ...]:
    """Return the smallest box around the true pixels."""
    box = []
    for axis in range(mask.ndim):
        filled = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        box.append(slice(filled[0], filled[-1] + 1) if filled.size else slice(0, 1))
    return tuple(box)
