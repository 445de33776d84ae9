"""Pixels of any type as float32, without losing their order. Knows arrays only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


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
    if empty is None:
        return _plain(channels)
    filled = []
    for channel, hidden in zip(channels, empty, strict=True):
        measured = channel[~hidden][:1]
        filled.append(np.where(hidden, measured if measured.size else channel.dtype.type(0), channel))
    plane = _plain(np.stack(filled))
    plane[empty] = np.nan
    return plane


def _plain(channels: NDArray[Any]) -> NDArray[np.float32]:
    if channels.dtype.kind in "iuf" and channels.dtype.itemsize > 2:
        return np.stack([_channel_as_float32(channel) for channel in channels])
    return np.array(channels, dtype=np.float32, order="C")


def _channel_as_float32(channel: NDArray[Any]) -> NDArray[np.float32]:
    """Bring one channel (Y, X) of 4 bytes or more to float32 without losing its order; see :func:`as_float32`."""
    if channel.dtype.kind in "iu":
        low, high = int(channel.min()), int(channel.max())
        if max(-low, high) > 2**24:  # beyond, float32 skips whole numbers
            # modulo 2**64, so that the difference is exact even from one end of int64 to the other
            channel = channel.astype(np.uint64) - np.uint64(low % 2**64)
        return channel.astype(np.float32)
    channel = channel.astype(np.result_type(channel, np.float32), copy=False)  # native byte order
    good = np.isfinite(channel)
    finite = channel if good.all() else channel[good]
    if not finite.size:
        return np.array(channel, np.float32, order="C")
    low, high = finite.min(), finite.max()
    largest = max(abs(low), abs(high))
    if largest > 1e30 or 0 < largest < 1e-30:
        channel = channel / largest  # before any difference is taken: that could overflow
        low, high, largest = low / largest, high / largest, largest / largest
    if channel.dtype.itemsize > 4 and 0 < high - low < largest * 2**-12:
        channel = channel - low
        if 0 < high - low < 1e-30:
            channel = channel / (high - low)
    return np.array(channel, np.float32, order="C")
