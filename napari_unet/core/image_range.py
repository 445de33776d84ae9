"""Where the values of an image lie and how far apart grey values are. Knows no networks; reads a few planes.

The numbers of a file say little about the picture: the same one comes as 8 or 16 bits, as 0 to 1, or on top of a
camera's offset. What can be followed through all of these is the *step*, the largest number of which all differences
between grey values are multiples: 1 for a camera's counts, 257 for 8 bits stretched to 16, 1/255 for 8 bits as 0 to 1.
"""

from __future__ import annotations

import dataclasses
import math
import weakref

import numpy as np
from numpy.typing import NDArray

from .image import Image
from .pixel_values import percentile_range
from .plane_facts import is_large, spread_pixels
from .window_stack import windows_of

SEEN_PLANES = 8
"""Of all planes of an image, so many are looked at."""

SEEN_PIXELS = 2**16
"""Of all pixels of such a plane, so many are looked at, evenly spread."""

STEP_PIXELS = 2**14
"""Of an image, so many are looked at for its step."""

CERTAINTY = 20.0
"""Bits: values that have no step look as if they had one once in two to the power of so many images."""

TOLERANCE = 0.02
"""How far a difference of real numbers may lie from a multiple, in steps."""


@dataclasses.dataclass(frozen=True)
class ChannelRange:
    """Where the values of a channel lie.

    Parameters
    ----------
    low, high : float
        Means over planes of two percentiles; both 0 where no pixel is a number.
    step : float or None
        All grey values differ by multiples of it; None: none was found, as in pictures that were computed.
    widest : float
        The largest span that values like these can have: 255 for 8 bits; infinite for real numbers, unless they are
        parts of 1.
    """

    low: float
    high: float
    step: float | None
    widest: float

    @property
    def span(self) -> float:
        """From the low to the high percentile."""
        return self.high - self.low


def channel_ranges(image: Image, low: float = 1.0, high: float = 99.0) -> tuple[ChannelRange, ...]:
    """Return where the values of each channel of an image lie; of up to :data:`SEEN_PLANES` planes, measured once.

    Parameters
    ----------
    image : Image
    low, high : float
        Percentiles.
    """
    windows = windows_of(image)
    image = image if windows is None else windows.whole
    known = _known.setdefault(image, {})
    if (low, high) not in known:
        known[low, high] = _measured(image, low, high)
    return known[low, high]


def grey_step(values: NDArray[np.floating]) -> float | None:
    """Return the largest number of which all differences between finite values are multiples.

    None where there is none, or too few values tell: two values are always a multiple of something apart.
    """
    levels = np.unique(values.astype(np.float64))
    gaps = np.diff(levels)
    if not gaps.size:
        return None
    largest = float(np.abs(levels).max())
    if largest < 2**53 and np.array_equal(levels, np.round(levels)):
        whole = int(np.gcd.reduce(gaps.astype(np.int64)))
        certain = whole == 1 or len(gaps) * math.log2(whole) >= CERTAINTY
        return float(whole) if certain else None
    if len(gaps) * -math.log2(2 * TOLERANCE) < CERTAINTY:
        return None
    rounding = largest * 2.0**-23  # of float32, in which planes are read
    for parts in range(1, 5):  # the step itself need not be among the gaps
        step = float(gaps.min()) / parts
        if step < rounding / TOLERANCE:
            return None
        step = float(gaps.sum() / np.round(gaps / step).sum())
        if (np.abs(gaps / step - np.round(gaps / step)) < TOLERANCE).all():
            return step
    return None


def _measured(image: Image, low: float, high: float) -> tuple[ChannelRange, ...]:
    numbers = np.unique(np.linspace(0, image.n_planes - 1, SEEN_PLANES).round().astype(int))
    every = max(1, math.ceil(math.sqrt(math.prod(image.plane_shape) / SEEN_PIXELS)))
    planes = [spread_pixels(image, int(number), every, (low, high)) if is_large(image)
              else image.plane(int(number))[:, ::every, ::every] for number in numbers]
    return tuple(_of_channel([_finite(plane[channel]) for plane in planes], np.dtype(image.data.dtype), low, high)
                 for channel in range(image.n_channels))


def _of_channel(planes: list[NDArray[np.float32]], dtype: np.dtype, low: float, high: float) -> ChannelRange:
    planes = [pixels for pixels in planes if pixels.size]
    if not planes:
        return ChannelRange(0.0, 0.0, None, math.inf)
    first, last = np.mean([percentile_range(pixels, low, high) for pixels in planes], axis=0)
    every = max(1, sum(pixels.size for pixels in planes) // STEP_PIXELS)
    sample = np.concatenate([pixels[::every] for pixels in planes])
    step = grey_step(sample)
    return ChannelRange(float(first), float(last), step, _widest(dtype, sample, step))


def _widest(dtype: np.dtype, sample: NDArray[np.float32], step: float | None) -> float:
    if dtype.kind == "b":
        return 1.0
    if dtype.kind in "iu":
        return float(np.iinfo(dtype).max) - float(np.iinfo(dtype).min)
    return 1.0 if step is not None and sample.min() >= 0 and sample.max() <= 1 else math.inf


def _finite(values: NDArray[np.float32]) -> NDArray[np.float32]:
    good = np.isfinite(values)
    return values.ravel() if good.all() else values[good]


# weak: what is known of an image goes with it; an image that changes is a new one
_known: weakref.WeakKeyDictionary[Image, dict[tuple[float, float], tuple[ChannelRange, ...]]]
_known = weakref.WeakKeyDictionary()
