"""How planes are brought to a common range before a network sees them. Knows arrays only."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

MOST = 4.0
"""Planes of one experiment are hardly exposed more differently; 8 and 16 bits side by side are."""


@dataclasses.dataclass(frozen=True)
class Normalisation:
    """How a plane is brought to a common range: per channel, the two percentiles go to 0 and 1.

    Taken over a whole plane, never over a tile, so that neighbouring tiles agree.

    Parameters
    ----------
    low, high : float
        Percentiles.
    usual : tuple of (float, float)
        For each channel, where the two percentiles usually lie in the images of an experiment. A plane is then brought
        half way from its own range to the usual one (the mean of the lows, the geometric mean of the spans): what is
        bright in one plane stays brighter than what is dim in another, and a change of exposure is still made up for.
        Where the spans differ by more than :data:`MOST`, they are taken to differ by that much. Empty: only the plane
        counts.
    """

    low: float = 1.0
    high: float = 99.0
    usual: tuple[tuple[float, float], ...] = ()

    def __call__(self, plane: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Normalise a plane.

        Parameters
        ----------
        plane : ndarray of float32, shape (C, Y, X)

        Returns
        -------
        normalised : ndarray of float32, shape (C, Y, X)
            Not clipped at the percentiles, but at -3 and 8, so that a hot pixel stays harmless; a constant channel
            and pixels that are not finite become 0.
        valid : ndarray of bool, shape (Y, X)
            False where any channel is NaN or infinite.
        """
        finite = np.isfinite(plane)
        valid = np.asarray(finite.all(axis=0))
        out = np.zeros_like(plane)
        for channel, (values, good) in enumerate(zip(plane, finite, strict=True)):
            pixels = values if good.all() else values[good]
            if not pixels.size:
                continue
            low, high = self._range(pixels)
            if channel < len(self.usual):
                low, high = _half_way(low, high, *self.usual[channel])
            if np.float32(high - low) > 0:
                with np.errstate(over="ignore", invalid="ignore"):  # a hot pixel may be infinitely far: clipped
                    scaled = (values - np.float32(low)) / np.float32(high - low)
                out[channel] = np.clip(np.where(good, scaled, 0), -3, 8)
        return out, valid

    def _range(self, pixels: NDArray[np.float32]) -> tuple[float, float]:
        low, high = map(float, np.percentile(pixels, (self.low, self.high)))
        if not np.float32(high - low) > 0:
            low, high = float(pixels.min()), float(pixels.max())
        return low, high

    def fitted(self, planes: Iterable[NDArray[np.float32]]) -> Normalisation:
        """Return the same with the usual range of some planes (C, Y, X) that have equally many channels.

        A channel that is constant in all of them, or holds no number, has no usual range, nor have those after it.
        """
        ranges = [[self._range(channel[np.isfinite(channel)]) if np.isfinite(channel).any() else (np.nan, np.nan)
                   for channel in plane] for plane in planes]
        if not ranges:
            return self
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a mean over nothing
            means = np.nanmean(np.array(ranges, np.float64), axis=0)
        good = np.isfinite(means).all(axis=1) & (means[:, 1] > means[:, 0])
        count = len(means) if good.all() else int(good.argmin())
        return dataclasses.replace(self, usual=tuple((float(low), float(high)) for low, high in means[:count]))


def _half_way(low: float, high: float, usual_low: float, usual_high: float) -> tuple[float, float]:
    """Return a range between a plane's own and the usual one."""
    own, usual = high - low, usual_high - usual_low
    if not own > 0:
        return (low + usual_low) / 2, (low + usual_low) / 2 + usual
    usual = min(max(usual, own / MOST), own * MOST)
    low = (low + min(max(usual_low, low - MOST * own), low + MOST * own)) / 2
    return low, low + (own * usual) ** 0.5
