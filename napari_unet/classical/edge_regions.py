"""Edges of a plane, and the regions they enclose. Stands on scikit-image; knows no class and no paint.

Strengths are in steps of brightness: an ideal edge between 0 and 1 has strength 1, whatever the scale it is looked at.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .appearance import gaussian_slope
from .background import PreparedPlane

_LOWER = 0.4
"""Canny's lower threshold as a share of the upper one."""
_LOG_PEAK = 1 / math.sqrt(2 * math.pi * math.e)
"""Largest value beside an ideal step of the Laplacian of a Gaussian times its variance."""
_AROUND = tuple((down, across) for down in (-1, 0, 1) for across in (-1, 0, 1) if down or across)


def gradient_strength(plane: PreparedPlane, scale: float) -> NDArray[np.float32]:
    """Return how large a step each pixel lies on: the gradient of the blurred plane, of the strongest channel.

    Parameters
    ----------
    plane : PreparedPlane
        Its invalid pixels (0) are filled from around before.
    scale : float
        Standard deviation of the Gaussian in pixels, more than 0.

    Returns
    -------
    ndarray of float32, shape (Y, X) or (Z, Y, X)
    """
    strongest = np.zeros(plane.valid.shape, np.float32)
    for channel in fill_invalid(plane):
        np.maximum(strongest, gaussian_slope(channel, scale, plane.spacing), out=strongest)
    # the pixels beside a step are half a pixel from it
    return strongest * np.float32(scale * math.sqrt(2 * math.pi) * math.exp(1 / (8 * scale * scale)))


def fill_invalid(plane: PreparedPlane) -> NDArray[np.float32]:
    """Return the channels (C, Y, X) with every invalid pixel at the value of the nearest valid one."""
    if plane.valid.all() or not plane.valid.any():
        return plane.pixels
    sampling = None if plane.longer == 1 else plane.spacing
    nearest = ndimage.distance_transform_edt(~plane.valid, sampling, return_distances=False, return_indices=True)
    return plane.pixels[:, *nearest]


def canny_regions(plane: PreparedPlane, scale: float, strength: float, gap: float) -> NDArray[np.int64]:
    """Divide a plane at its Canny edges (Canny 1986), closing gaps.

    The edges of all channels together are walls. Regions are the basins of the distance to the nearest wall:
    gaps in a wall narrower than ``gap``, or than what lies to both sides of them, are closed at their narrowest place.
    Pixels of a wall join the region beside them whose brightness they share.

    Parameters
    ----------
    plane : PreparedPlane
    scale : float
        Standard deviation of the Gaussian in pixels.
    strength : float
        Least step at the strongest pixel of an edge; along the edge it may fall to 0.4 of that.
    gap : float
        In pixels; at least 1.

    Returns
    -------
    ndarray of int64, shape (Y, X)
        Numbers of the regions, from 0.
    """
    from skimage.feature import canny
    from skimage.segmentation import watershed

    if min(plane.valid.shape) < 3:
        return np.zeros(plane.valid.shape, np.int64)
    channels = fill_invalid(plane)
    upper = 4 * strength * _rise(scale)  # the weights of the gradient in scikit-image's Canny sum to 4 on either side
    walls = np.zeros(plane.valid.shape, bool)
    for channel in channels:
        walls |= canny(channel, scale, _LOWER * upper, upper, mode="nearest")
    if not walls.any():
        return np.zeros(walls.shape, np.int64)
    basins = -np.minimum(ndimage.distance_transform_edt(~walls), max(gap, 1) / 2)
    return assign_to_alike(watershed(basins.astype(np.float32)).astype(np.int64) - 1, walls, channels)


def _rise(scale: float) -> float:
    """Return how much a blurred step between 0 and 1 rises over the two pixels around one beside it."""
    if scale <= 0:
        return 1.0
    return (math.erf(1.5 / (scale * math.sqrt(2))) + math.erf(0.5 / (scale * math.sqrt(2)))) / 2


def sobel_regions(plane: PreparedPlane, scale: float, strength: float) -> NDArray[np.int64]:
    """Divide a plane along the crests of its Sobel gradient (of the strongest channel), by the watershed.

    Steps below ``strength`` are no crests. Parameters and result as for :func:`canny_regions`.
    """
    from skimage.filters import sobel
    from skimage.segmentation import watershed

    crests = np.zeros(plane.valid.shape, np.float32)
    for channel in fill_invalid(plane):
        blurred = ndimage.gaussian_filter(channel, scale, mode="nearest") if scale > 0 else channel
        np.maximum(crests, sobel(blurred, mode="nearest"), out=crests)
    # scikit-image divides the length of the gradient by the square root of two
    basins = np.maximum(crests, np.float32(strength * _rise(scale) / math.sqrt(2)))
    if np.ptp(basins) == 0:
        return np.zeros(basins.shape, np.int64)
    return watershed(basins).astype(np.int64) - 1


def log_regions(plane: PreparedPlane, scale: float, strength: float) -> NDArray[np.int64]:
    """Divide a plane where the Laplacian of a Gaussian changes sign (Marr and Hildreth 1980).

    Zero crossings are closed curves, so nothing needs closing. Touching pixels of one sign belong together if one of
    them is beside a step of at least ``strength``; what is flat everywhere belongs to its flat neighbours. With several
    channels, regions are divided wherever one channel divides them. Parameters and result as for
    :func:`canny_regions`.
    """
    from skimage.measure import label

    numbers = np.zeros(plane.valid.shape, np.int64)
    for channel in fill_invalid(plane):
        curved = (scale * scale) * ndimage.gaussian_laplace(channel, scale, mode="nearest")
        signs = label(curved >= 0, background=-1, connectivity=1)
        peaks = ndimage.maximum(np.abs(curved), signs, np.arange(signs.max() + 1))
        code = np.where((peaks >= strength * _LOG_PEAK)[signs], np.sign(curved).astype(np.int64), 0)
        numbers = label(3 * numbers + code + 1, background=-1, connectivity=1) - 1
    return numbers


def assign_to_alike(
    numbers: NDArray[np.int64], free: NDArray[np.bool_], channels: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Give free pixels to the touching region (8 neighbours) whose pixel there is most like them.

    Parameters
    ----------
    numbers : ndarray of int64, shape (Y, X)
        Region of every pixel; free ones that touch none but free ones keep theirs.
    free : ndarray of bool, shape (Y, X)
    channels : ndarray of float32, shape (C, Y, X)
    """
    rows, columns = np.nonzero(free)
    own = channels[:, rows, columns]
    taken, nearest = numbers[rows, columns], np.full(len(rows), np.inf, np.float32)
    for down, across in _AROUND:
        row, column = rows + down, columns + across
        inside = (row >= 0) & (column >= 0) & (row < free.shape[0]) & (column < free.shape[1])
        row, column = np.where(inside, row, rows), np.where(inside, column, columns)
        unlike = np.square(channels[:, row, column] - own).sum(axis=0)
        better = inside & ~free[row, column] & (unlike < nearest)
        taken[better], nearest[better] = numbers[row, column][better], unlike[better]
    out = numbers.copy()
    out[rows, columns] = taken
    return out
