"""Uneven lighting: estimate it and take it away before a classical method looks. Knows no strokes and no method.

What is said of planes (Y, X), here and in all of this room, holds for volumes (Z, Y, X) unless it says otherwise.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..core.normalisation import Normalisation
from ..core.parameters import Parameter, check
from ..core.pixel_values import percentile_range

Fading = Literal["kept", "halved", "evened"]
"""What becomes of light that falls from plane to plane of a volume."""

MOST_EVENED = 2.0
"""A plane of a volume is stretched by at most so many times as much as the whole: light falls by less in what people
look at, and the noise of an empty plane stays small."""


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
    """One plane, or one volume, ready for a classical method.

    Parameters
    ----------
    pixels : ndarray of float32, shape (C, Y, X) or (C, Z, Y, X)
        Usually normalised to about 0 to 1 per channel, uneven lighting taken away; 0 where a pixel is not a number.
    valid : ndarray of bool, shape (Y, X) or (Z, Y, X)
        False where any channel is NaN or infinite.
    longer : float
        Of a volume: how many times as long voxels are along z as along rows and columns.
    """

    pixels: NDArray[np.float32]
    valid: NDArray[np.bool_]
    longer: float = 1.0

    @property
    def spacing(self) -> tuple[float, ...]:
        """Steps from pixel to pixel along each axis; along rows and columns 1."""
        return (1.0, 1.0) if self.valid.ndim == 2 else (self.longer, 1.0, 1.0)

    def crop(self, window: tuple[slice, ...]) -> PreparedPlane:
        """Return a part of the plane."""
        # copied: a view would keep the whole of a volume in memory
        return PreparedPlane(self.pixels[:, *window].copy(), self.valid[window].copy(), self.longer)


def widths_along(width: float, spacing: Sequence[float]) -> tuple[float, ...]:
    """Return a width in pixels along each axis: along z, where voxels are longer, it is fewer of them."""
    return tuple(width / step for step in spacing)


def prepare_plane(
    pixels: NDArray[np.float32], background: float, normalise: bool = True, longer: float = 1.0,
    fading: Fading = "evened",
) -> PreparedPlane:
    """Normalise a plane and take its uneven lighting away; a volume as one, not plane by plane.

    Parameters
    ----------
    pixels : ndarray of float32, shape (C, Y, X) or (C, Z, Y, X)
        As it comes from :meth:`napari_unet.core.image.Image.plane`; not changed.
    background : float
        Width in pixels (standard deviation of the Gaussian); 0 leaves the lighting as it is.
    normalise : bool
        False keeps the grey values of the file.
    longer : float
        Of a volume, see :class:`PreparedPlane`.
    fading : str
        Of a volume: whether light that falls with depth is kept, halved or evened.
    """
    if normalise:
        pixels, valid = Normalisation()(pixels) if pixels.ndim == 3 else _normalised_volume(pixels, fading)
    else:
        pixels, valid = pixels.copy(), np.asarray(np.isfinite(pixels).all(axis=0))
    pixels[:, ~valid] = 0
    plane = PreparedPlane(pixels, valid, longer)
    if background <= 0:
        return plane
    return PreparedPlane(subtract_shading(pixels, valid, widths_along(background, plane.spacing)), valid, longer)


def _normalised_volume(
    pixels: NDArray[np.float32], fading: Fading
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Normalise a volume (C, Z, Y, X): by one range for all planes, or one for each, or half way between the two.

    Half way is how networks see the planes of a stack. By one for each, planes are stretched at most twofold more than
    the whole volume: more than light falls, and not so much that the noise of an empty plane looks like something.
    """
    rule = Normalisation()
    if fading == "kept":
        return rule(pixels)
    whole = [_range_of(channel, rule) for channel in pixels]
    halved = fading == "halved"
    planes, valid = [], []
    for place in range(pixels.shape[1]):
        plane, good = rule(pixels[:, place], whole if halved else ())
        for channel, (low, high), values in zip(plane, whole, pixels[:, place], strict=True):
            own = _range_of(values, rule)
            if not halved and MOST_EVENED * (own[1] - own[0]) < high - low:
                channel *= np.float32(MOST_EVENED * (own[1] - own[0]) / (high - low))
        planes.append(plane)
        valid.append(good)
    return np.stack(planes, axis=1), np.stack(valid)


def _range_of(values: NDArray[np.float32], rule: Normalisation) -> tuple[float, float]:
    """Return the percentiles of finite numbers, two zeros without any."""
    finite = values[np.isfinite(values)]
    return percentile_range(finite, rule.low, rule.high) if finite.size else (0.0, 0.0)


def subtract_shading(
    pixels: NDArray[np.float32], valid: NDArray[np.bool_], sigma: float | Sequence[float]
) -> NDArray[np.float32]:
    """Subtract the shading (:func:`estimate_shading`) of every channel but keep the channel's mean.

    Parameters
    ----------
    pixels : ndarray of float32, shape (C, Y, X)
    valid : ndarray of bool, shape (Y, X)
    sigma : float or sequence of float
        Width in pixels (along each axis), more than 0.

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


def estimate_shading(
    values: NDArray[np.float32], valid: NDArray[np.bool_], sigma: float | Sequence[float]
) -> NDArray[np.float32]:
    """Estimate the large-scale lighting: a Gaussian mean over the valid pixels around each pixel.

    Computed on block means of about a quarter of ``sigma``, so that its cost does not grow with ``sigma``. Pixels that
    are not valid have no weight (normalised convolution, Knutsson & Westin 1993).

    Parameters
    ----------
    values : ndarray of float32, shape (Y, X)
    valid : ndarray of bool, shape (Y, X)
    sigma : float or sequence of float
        Standard deviation of the Gaussian in pixels (along each axis).

    Returns
    -------
    ndarray of float32, shape (Y, X)
    """
    sigmas = [float(one) for one in np.broadcast_to(sigma, values.ndim)]
    blocks = [max(1, int(one // 4)) for one in sigmas]
    widths = [one / block for one, block in zip(sigmas, blocks, strict=True)]
    total = ndimage.gaussian_filter(_block_sums(np.where(valid, values, 0), blocks), widths, mode="constant")
    weight = ndimage.gaussian_filter(_block_sums(valid.astype(np.float32), blocks), widths, mode="constant")
    mean = float(values[valid].mean(dtype=np.float64)) if valid.any() else 0.0
    light = np.where(weight > 1e-6 * math.prod(blocks), total / np.maximum(weight, 1e-12), mean)
    for axis, (size, block) in enumerate(zip(values.shape, blocks, strict=True)):
        low, high, part = _stretch(size, light.shape[axis], block)
        part = part.reshape([-1 if other == axis else 1 for other in range(values.ndim)])
        light = light.take(low, axis) * (1 - part) + light.take(high, axis) * part
    return light.astype(np.float32)


def _block_sums(values: NDArray[np.float32], blocks: Sequence[int]) -> NDArray[np.float64]:
    sums = values.astype(np.float64)
    for axis, block in enumerate(blocks):
        sums = np.add.reduceat(sums, np.arange(0, values.shape[axis], block), axis=axis)
    return sums


def _stretch(size: int, count: int, block: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Say between which two blocks each of ``size`` pixels lies, and how far along (linear, flat at the ends)."""
    place = np.clip((np.arange(size) + 0.5) / block - 0.5, 0, count - 1)
    low = np.floor(place).astype(np.intp)
    return low, np.minimum(low + 1, count - 1), place - low
