"""How wide a brush suits an image: what was painted so far tells, or else how wide its own structures are.

Reads a part of one plane at most; changes no layer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.filters import threshold_otsu

from napari_unet.core.image import Image
from napari_unet.core.scribbles import Scribbles

NARROWEST, WIDEST, PLAIN = 2, 40, 5
"""Bounds of what is proposed (px), and what where an image tells nothing."""

PART = 512
"""Side of the part in the middle of a plane that is looked at."""

LARGEST = 2**28
"""Strokes on planes of more pixels are not measured: they are never put together."""

THIN = 25
"""Of all widths found, so many percent are thinner than the one that counts: the thin ones, but for some specks."""


def proposed_width(image: Image, painted: Iterable[Scribbles] = (), plane: int = 0) -> int:
    """Return a width of a brush in pixels: the thinnest stroke of before, or half as wide as the image's structures.

    Parameters
    ----------
    image : Image
    painted : iterable of Scribbles
        What was painted so far, on this image or on others like it.
    plane : int
        Which plane is looked at.
    """
    before = [width for one in painted for width in stroke_widths(one)]
    if before:
        return _bounded(min(before))
    found = structure_width(_middle(image, plane))
    return PLAIN if found is None else _bounded(found / 2)


def stroke_widths(scribbles: Scribbles) -> list[float]:
    """Return the widths of the strokes of the plane painted last, specks of a few pixels apart."""
    if not scribbles.planes or math.prod(scribbles.shape[-2:]) > LARGEST:
        return []
    plane = scribbles.planes[max(scribbles.planes)]
    rows, columns = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
    part = plane[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1][:2 * PART, :2 * PART]
    widths = []
    for number in np.unique(part[part > 0]):
        strokes, count = ndi.label(np.pad(part == number, 1), np.ones((3, 3)))
        depth = ndi.distance_transform_edt(strokes > 0)
        deepest = ndi.maximum(depth, strokes, np.arange(1, count + 1))
        large = ndi.sum_labels(strokes > 0, strokes, np.arange(1, count + 1)) > 4
        widths += [2 * float(one) - 1 for one in np.asarray(deepest)[large]]
    return widths


def structure_width(plane: NDArray[np.float32]) -> float | None:
    """Return how wide the thinner structures of a plane (Y, X) are in pixels, None where nothing stands out."""
    numbers = np.isfinite(plane)
    if numbers.sum() < 64:
        return None
    smooth = ndi.gaussian_filter(np.where(numbers, plane, np.median(plane[numbers])), 1.0)
    low, high = np.percentile(smooth, (1, 99))
    if not high > low:
        return None
    clipped = np.clip(smooth, low, high)
    bright = clipped > threshold_otsu(clipped)
    thing = bright if bright.mean() < 0.5 else ~bright
    depth = ndi.distance_transform_edt(thing)
    ridge = depth[(depth == ndi.maximum_filter(depth, 5)) & (depth > 1)]
    return 2 * float(np.percentile(ridge, THIN)) if ridge.size else None


def _middle(image: Image, plane: int) -> NDArray[np.float32]:
    """Read the middle of a plane, channels averaged, and nothing else of it."""
    starts = (max(0, (size - PART) // 2) for size in image.plane_shape)
    middle: NDArray[np.float32] = image.window(plane, *(slice(one, one + PART) for one in starts)).astype(np.float32)
    return middle.mean(axis=0)


def _bounded(width: float) -> int:
    return int(np.clip(round(width), NARROWEST, WIDEST))
