"""Thresholds that follow the surroundings of each pixel. Stands on scikit-image; knows no class and no method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Reach = float | Sequence[float]
"""How far surroundings reach, in pixels: along every axis, or along each."""

RANGE = 0.5
"""R of Sauvola: half of the range that grey values have, 0 to 1."""


def gaussian_local_mean(grey: NDArray[np.float32], valid: NDArray[np.bool_], reach: Reach) -> NDArray[np.float32]:
    """Return the mean around each pixel under a Gaussian; pixels that are not valid have no weight.

    Parameters
    ----------
    grey : ndarray of float32, shape (Y, X)
    valid : ndarray of bool, shape (Y, X)
    reach : float or sequence of float
        Standard deviation in pixels.
    """
    total = ndimage.gaussian_filter(np.where(valid, grey, 0), reach, mode="nearest")
    if valid.all():
        return total
    weight = ndimage.gaussian_filter(valid.astype(np.float32), reach, mode="nearest")
    return total / np.maximum(weight, 1e-6)


def box_local_mean(grey: NDArray[np.float32], valid: NDArray[np.bool_], reach: Reach) -> NDArray[np.float32]:
    """Return the mean of a square of ``2 * reach + 1`` pixels around each pixel; invalid pixels have no weight."""
    width = window_widths(reach, grey.ndim)
    total = ndimage.uniform_filter(np.where(valid, grey, 0), width, mode="nearest")
    if valid.all():
        return total
    weight = ndimage.uniform_filter(valid.astype(np.float32), width, mode="nearest")
    return total / np.maximum(weight, 1e-6)


def niblack_threshold(grey: NDArray[np.float32], valid: NDArray[np.bool_], reach: Reach,
                      k: float) -> NDArray[np.float32]:
    """Return ``mean - k * deviation`` of the square around each pixel (Niblack 1986): objects are darker than that.

    Parameters
    ----------
    grey : ndarray of float32, shape (Y, X)
    valid : ndarray of bool, shape (Y, X)
        Invalid pixels are replaced by the mean around them.
    reach : float or sequence of float
        Half the width of the square in pixels.
    k : float
    """
    from skimage.filters import threshold_niblack

    return threshold_niblack(_filled(grey, valid, reach), window_widths(reach, grey.ndim), k).astype(np.float32)


def sauvola_threshold(grey: NDArray[np.float32], valid: NDArray[np.bool_], reach: Reach,
                      k: float) -> NDArray[np.float32]:
    """Return ``mean * (1 + k * (deviation / R - 1))`` around each pixel, with R = 0.5: objects are darker than that.

    Sauvola and Pietikainen 2000, doi:10.1016/S0031-3203(99)00055-2. Parameters as for :func:`niblack_threshold`.
    """
    from skimage.filters import threshold_sauvola

    filled, widths = _filled(grey, valid, reach), window_widths(reach, grey.ndim)
    return threshold_sauvola(filled, widths, k, RANGE).astype(np.float32)


def window_widths(reach: Reach, axes: int) -> tuple[int, ...]:
    """Return the (odd) widths of the square in pixels: at least 3, along z at least 1."""
    each = [float(one) for one in np.broadcast_to(reach, axes)]
    return tuple(2 * max(round(one), int(axis > axes - 3)) + 1 for axis, one in enumerate(each))


def _filled(grey: NDArray[np.float32], valid: NDArray[np.bool_], reach: Reach) -> NDArray[np.float64]:
    """As float64, because the integral images behind the deviations lose digits in float32."""
    filled = grey if valid.all() else np.where(valid, grey, gaussian_local_mean(grey, valid, reach))
    return filled.astype(np.float64)
