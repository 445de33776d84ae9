"""Pixels of any type as float32, without losing their order. Knows arrays only."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class FloatScale:
    """How the numbers of a channel become float32 without losing their order; all zeros: as they are.

    Parameters
    ----------
    least : int
        Whole numbers are counted from here on, if ``shifted``.
    shifted : bool
    first : number of numpy or None
        Real numbers are divided by this first.
    low : number of numpy or None
        Then this is taken away.
    last : number of numpy or None
        Then they are divided by this.
    """

    least: int = 0
    shifted: bool = False
    first: Any = None
    low: Any = None
    last: Any = None

    def __call__(self, channel: NDArray[Any]) -> NDArray[np.float32]:
        """Return a channel, or a part of it, as a fresh array of float32."""
        if channel.dtype.kind in "iu":
            if self.shifted:
                # modulo 2**64, so that the difference is exact even from one end of int64 to the other
                channel = channel.astype(np.uint64) - np.uint64(self.least % 2**64)
            return channel.astype(np.float32)
        if channel.dtype.kind == "f":
            channel = channel.astype(np.result_type(channel, np.float32), copy=False)  # native byte order
        if self.first is not None:
            channel = channel / self.first  # before any difference is taken: that could overflow
        if self.low is not None:
            channel = channel - self.low
        if self.last is not None:
            channel = channel / self.last
        return np.array(channel, np.float32, order="C")


def float_scale(channel: NDArray[Any]) -> FloatScale:
    """Find out how a channel (Y, X) becomes float32: nothing is changed wherever float32 can tell its values apart."""
    if channel.dtype.kind not in "iuf" or channel.dtype.itemsize <= 2:
        return FloatScale()
    if channel.dtype.kind in "iu":
        low, high = int(channel.min()), int(channel.max())
        return FloatScale(low, shifted=True) if max(-low, high) > 2**24 else FloatScale()  # it skips whole numbers
    channel = channel.astype(np.result_type(channel, np.float32), copy=False)
    good = np.isfinite(channel)
    finite = channel if good.all() else channel[good]
    if not finite.size:
        return FloatScale()
    low, high = finite.min(), finite.max()
    largest = max(abs(low), abs(high))
    first = low_taken = last = None
    if largest > 1e30 or 0 < largest < 1e-30:
        first = largest
        low, high, largest = low / largest, high / largest, largest / largest
    if channel.dtype.itemsize > 4 and 0 < high - low < largest * 2**-12:
        low_taken = low
        if 0 < high - low < 1e-30:
            last = high - low
    return FloatScale(first=first, low=low_taken, last=last)


def as_float32(channels: NDArray[Any], empty: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
    """Bring channels to float32.

    Parameters
    ----------
    channels : ndarray of bool, integers or real numbers, shape (C, Y, X)
    empty : ndarray of bool, shape (C, Y, X), optional
        Pixels that hold nothing: they have no say, and become NaN.

    Returns
    -------
    ndarray of float32, shape (C, Y, X)
        A fresh array of the values themselves wherever float32 can tell them apart; else a channel is shifted or
        scaled.
    """
    if empty is not None:
        channels = without_empty(channels, empty)
    plane = np.stack([float_scale(channel)(channel) for channel in channels])
    if empty is not None:
        plane[empty] = np.nan
    return plane


def without_empty(channels: NDArray[Any], empty: NDArray[np.bool_]) -> NDArray[Any]:
    """Return channels in which what holds nothing has a number that is measured in the channel."""
    filled = []
    for channel, hidden in zip(channels, empty, strict=True):
        measured = channel[~hidden][:1]
        filled.append(np.where(hidden, measured if measured.size else channel.dtype.type(0), channel))
    return np.stack(filled)


def percentile_range(pixels: NDArray[np.float32], low: float, high: float) -> tuple[float, float]:
    """Return two percentiles of finite numbers; smallest and largest where the percentiles are equal."""
    first, last = map(float, np.percentile(pixels, (low, high)))
    if not np.float32(last - first) > 0:
        first, last = float(pixels.min()), float(pixels.max())
    return first, last
