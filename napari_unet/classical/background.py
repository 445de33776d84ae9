"""Uneven lighting: estimate it and take it away before a classical method looks. Knows no strokes and no method."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..core.normalisation import Normalisation
from ..core.parameters import Parameter, check


@dataclasses.dataclass(frozen=True)
class BackgroundCorrection:
    """The parameter that every classical method has first: how much uneven lighting is taken away before it starts."""

    background: Annotated[float | None, Parameter("Uneven lighting wider than this is taken away first; choose it "
                                                  "larger than your objects. 0 = leave as is.", min=0, max=10000,
                                                  step=10, unit="px", auto=(0.0, 40.0))] = None

    def __post_init__(self) -> None:
        check(self)


@dataclasses.dataclass(frozen=True, eq=False)
class PreparedPlane:
    """One plane, ready for a classical method.

    Parameters
    ----------
    pixels : ndarray of float32, shape (C, Y, X)
        Usually normalised to about 0 to 1 per channel, uneven lighting taken away; 0 where a pixel is not a number.
    valid : ndarray of bool, shape (Y, X)
        False where any channel is NaN or infinite.
    """

    pixels: NDArray[np.float32]
    valid: NDArray[np.bool_]

    def crop(self, window: tuple[slice, slice]) -> PreparedPlane:
        """Return a part of the plane."""
        return PreparedPlane(self.pixels[:, *window], self.valid[window])


def prepare_plane(pixels: NDArray[np.float32], background: float, normalise: bool = True) -> PreparedPlane:
    """Normalise a plane and take its uneven lighting away.

    Parameters
    ----------
    pixels : ndarray of float32, shape (C, Y, X)
        As it comes from :meth:`napari_unet.core.image.Image.plane`; not changed.
    background : float
        Width in pixels (standard deviation of the Gaussian); 0 leaves the lighting as it is.
    normalise : bool
        False keeps the grey values of the file.
    """
    if normalise:
        pixels, valid = Normalisation()(pixels)
    else:
        pixels, valid = pixels.copy(), np.asarray(np.isfinite(pixels).all(axis=0))
    pixels[:, ~valid] = 0
    return PreparedPlane(subtract_shading(pixels, valid, background) if background > 0 else pixels, valid)


def subtract_shading(
    pixels: NDArray[np.float32], valid: NDArray[np.bool_], sigma: float
) -> NDArray[np.float32]:
    """Subtract the shading (:func:`estimate_shading`) of every channel but keep the channel's mean.

    Parameters
    ----------
    pixels : ndarray of float32, shape (C, Y, X)
    valid : ndarray of bool, shape (Y, X)
    sigma : float
        Width in pixels, more than 0.

    Returns
    -------
    ndarray of float32, shape (C, Y, X)
        0 where not valid.
    """
    out = np.zeros_like(pixels)
    if valid.any():
        for channel, values in enumerate(pixels):
            light = estimate_shading(values, valid, sigma)
            out[channel] = np.where(valid, values - light + light[valid].mean(dtype=np.float64).astype(np.float32), 0)
    return out


def estimate_shading(values: NDArray[np.float32], valid: NDArray[np.bool_], sigma: float) -> NDArray[np.float32]:
    """Estimate the large-scale lighting: a Gaussian mean over the valid pixels around each pixel.

    Computed on block means of about a quarter of ``sigma``, so that its cost does not grow with ``sigma``. Pixels that
    are not valid have no weight (normalised convolution, Knutsson & Westin 1993).

    Parameters
    ----------
    values : ndarray of float32, shape (Y, X)
    valid : ndarray of bool, shape (Y, X)
    sigma : float
        Standard deviation of the Gaussian in pixels.

    Returns
    -------
    ndarray of float32, shape (Y, X)
    """
    block = max(1, int(sigma // 4))
    width = sigma / block
    total = ndimage.gaussian_filter(_block_sums(np.where(valid, values, 0), block), width, mode="constant")
    weight = ndimage.gaussian_filter(_block_sums(valid.astype(np.float32), block), width, mode="constant")
    mean = float(values[valid].mean(dtype=np.float64)) if valid.any() else 0.0
    coarse = np.where(weight > 1e-6 * block * block, total / np.maximum(weight, 1e-12), mean)
    rows, columns = (_stretch(size, count, block) for size, count in zip(values.shape, coarse.shape, strict=True))
    low, high, part = rows
    tall = coarse[low] * (1 - part)[:, None] + coarse[high] * part[:, None]
    low, high, part = columns
    return np.asarray(tall[:, low] * (1 - part) + tall[:, high] * part, dtype=np.float32)


def _block_sums(values: NDArray[np.float32], block: int) -> NDArray[np.float64]:
    sums = np.add.reduceat(values.astype(np.float64), np.arange(0, values.shape[0], block), axis=0)
    return np.asarray(np.add.reduceat(sums, np.arange(0, values.shape[1], block), axis=1))


def _stretch(size: int, count: int, block: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Say between which two blocks each of ``size`` pixels lies, and how far along (linear, flat at the ends)."""
    place = np.clip((np.arange(size) + 0.5) / block - 0.5, 0, count - 1)
    low = np.floor(place).astype(np.intp)
    return low, np.minimum(low + 1, count - 1), place - low
