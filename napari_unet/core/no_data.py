"""Numbers that stand for "nothing was measured here", and numbers that look as if they did. Knows arrays only.

Programs that have no NaN (or no float) fill the empty parts of a picture with a number that cannot be measured: -9999,
the smallest number of the type, 1e20. One such border shifts every percentile, so it has to be told from the picture.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

KNOWN = (
    -999.0, -999.25, -9999.0, -99999.0, -999999.0, -9999999.0, -32767.0, -32768.0, -(2.0**31) + 1, -(2.0**31),
    -(2.0**63),
)
"""Fill values that programs write into pictures: GIS, netCDF, well logs, and the ends of integer types."""
_HUGE = 1e19
"""Nothing is measured in numbers like this beside ordinary ones: fill values of netCDF (1e20, 9.97e36), Surfer
(1.7e38), and the ends of the float types, as each program rounds them."""
_TIMES = 1000.0
_GAP = 0.1
"""A known fill value lies at least this part of the others' range away from them."""
_ODD_GAP, _ODD_SHARE = 0.5, 0.01
"""A number that is not known is odd from this part of the others' range away, on more than this share of the pixels."""
_FEWEST = 64
"""Of a handful of pixels nobody can say which value is the odd one."""
_SAMPLE = 20_000


@dataclasses.dataclass(frozen=True)
class OddValue:
    """A number on many pixels that is far from all others, though no fill value that is known.

    Parameters
    ----------
    value : float
    low, high : float
        Where all other pixels lie.
    """

    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class FillRule:
    """A number that stands for no data in a plane, and where it counts.

    Parameters
    ----------
    value : float or number of numpy
    channel : int, optional
        Only there; None: where all channels have it.
    told : bool
        The file says so, in decimal digits and not in all of them.
    """

    value: Any
    channel: int | None
    told: bool

    def pixels(self, channels: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Where a plane, or a part of one (C, Y, X), holds it; None: nowhere."""
        where = channels if self.channel is None else channels[self.channel : self.channel + 1]
        here = _equals(where, float(self.value)) if self.told else np.asarray(where == self.value)
        if here is None or not here.any():
            return None
        empty = np.zeros(channels.shape, bool)
        empty[slice(None) if self.channel is None else self.channel] = here.all(axis=0)
        return empty


def empty_pixels(
    channels: NDArray[Any], declared: Sequence[float] = ()
) -> tuple[NDArray[np.bool_] | None, tuple[float, ...]]:
    """Find the pixels that hold a number instead of nothing.

    A value that the file declares counts in an image of one channel wherever it stands, and in one of several where all
    channels have it (black is a colour); unless they are counts of one or two bytes, as colours are, it counts also in
    a single channel if it is far from all other values there. A fill value that is known, but not declared, counts
    where it is repeated exactly and far from all other values.

    Parameters
    ----------
    channels : ndarray of bool, integers or real numbers, shape (C, Y, X)
        As stored, in any byte order.
    declared : sequence of float
        What the file says stands for no data.

    Returns
    -------
    empty : ndarray of bool, shape (C, Y, X), or None
        None where there is no such pixel.
    values : tuple of float
        The numbers found, in order.
    """
    rules = fill_rules(channels, declared)
    return emptied(channels, rules), tuple(sorted({float(rule.value) for rule in rules}))


def emptied(channels: NDArray[Any], rules: Sequence[FillRule]) -> NDArray[np.bool_] | None:
    """Return where a plane, or a part of one, holds no data by the rules of the plane; None: nowhere."""
    empty: NDArray[np.bool_] | None = None
    for rule in rules:
        here = rule.pixels(channels)
        if here is not None:
            empty = here if empty is None else empty | here
    return empty


def fill_rules(channels: NDArray[Any], declared: Sequence[float] = ()) -> tuple[FillRule, ...]:
    """Return which numbers of a plane (C, Y, X) stand for no data; see :func:`empty_pixels`."""
    rules: list[FillRule] = []
    for value in declared:
        here = _equals(channels, value)
        if here is None or not here.any():
            continue
        everywhere = FillRule(value, None, told=True)
        if here.all(axis=0).any():
            rules.append(everywhere)
        if len(channels) > 1:
            rules += [FillRule(value, number, told=True) for number in _far_channels(channels, here)]
    if _may_hold_fill(channels.dtype) and channels[0].size >= _FEWEST:
        empty = emptied(channels, rules)
        for number, channel in enumerate(channels):
            filled = _fill_values(channel, None if empty is None else empty[number])
            rules += [FillRule(value, number, told=False) for value in filled]
    return tuple(rules)


def odd_value(channel: NDArray[Any], empty: NDArray[np.bool_] | None = None) -> OddValue | None:
    """Find a value on more than 1 % of the pixels that is far from all others.

    Parameters
    ----------
    channel : ndarray of bool, integers or real numbers, shape (Y, X)
    empty : ndarray of bool, shape (Y, X), optional
        Pixels known to hold nothing.

    Returns
    -------
    OddValue or None
    """
    if channel.dtype.kind not in "iuf" or channel.size < _FEWEST:
        return None
    values = _numbers(channel, empty)
    if values.size < _FEWEST:
        return None
    for end in (values.min(), values.max()):
        same = values == end
        count = int(np.count_nonzero(same))
        if not _ODD_SHARE * channel.size < count < values.size:
            continue
        others = values[~same]
        low, high = float(others.min()), float(others.max())
        # a mask or a drawing of few values has no range that another value could be far from
        some = others[:: max(1, others.size // _SAMPLE)]
        if _distance(float(end), low, high) >= _ODD_GAP * _range_of(some) > 0 and len(np.unique(some)) > 16:
            return OddValue(float(end), low, high)
    return None


def _equals(channels: NDArray[Any], value: float) -> NDArray[np.bool_] | None:
    """Where a declared value stands; None if the type cannot hold it."""
    kind = channels.dtype.kind
    if not math.isfinite(value) or kind == "b":
        return None  # what is not finite is left out anyway
    if kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            near = np.abs(np.asarray(value).astype(channels.dtype) - channels) <= abs(value) * 1e-6
        return np.asarray(near)  # the file says it in decimal digits, and not in all of them
    ends = np.iinfo(channels.dtype)
    if value != int(value) or not ends.min <= int(value) <= ends.max:
        return None
    return np.asarray(channels == channels.dtype.type(int(value)))


def _far_channels(channels: NDArray[Any], here: NDArray[np.bool_]) -> list[int]:
    """Of several channels, those in which a declared value is far from all others, and so stands for nothing alone."""
    if channels.dtype.kind == "u" and channels.dtype.itemsize < 4:
        return []
    found = []
    for number, channel in enumerate(channels):
        others = _numbers(channel, here[number])
        if here[number].any() and others.size and _far(float(channel[here[number]][0]), others):
            found.append(number)
    return found


def _may_hold_fill(dtype: np.dtype[Any]) -> bool:
    return dtype.kind == "f" or (dtype.kind == "i" and dtype.itemsize > 1) or (dtype.kind == "u" and dtype.itemsize > 2)


def _fill_values(channel: NDArray[Any], empty: NDArray[np.bool_] | None) -> list[Any]:
    """Known fill values in a channel (Y, X), from the outside in: there may be several."""
    found: list[Any] = []  # scalars of numpy: a float cannot hold every end of an integer type
    values = _numbers(channel, empty)
    while values.size:
        for end in (values.min(), values.max()):
            if not _may_be_fill(float(end), channel.dtype):
                continue
            same = values == end
            others = values[~same]
            if np.count_nonzero(same) > 1 and _beside(float(end), others) and _far(float(end), others):
                found.append(end)
                values = others
                break
        else:
            break
    return found


def _may_be_fill(value: float, dtype: np.dtype[Any]) -> bool:
    """Whether programs fill pictures of a type with this number."""
    if value in KNOWN or (dtype.kind == "f" and abs(value) >= _HUGE):
        return True
    if dtype.kind == "f":
        return dtype.itemsize == 2 and abs(value) == float(np.finfo(dtype).max)
    ends = np.iinfo(dtype)
    return value == float(ends.min) < 0 or (dtype.itemsize > 2 and value == float(ends.max))


def _beside(value: float, others: NDArray[Any]) -> bool:
    """Whether the others are ordinary numbers: huge ones beside huge ones may well be measured."""
    if value in KNOWN or abs(value) < _HUGE or not others.size:
        return True
    return abs(value) / _TIMES >= max(abs(float(others.min())), abs(float(others.max())))


def _far(value: float, others: NDArray[Any]) -> bool:
    """Whether a value that is known to stand for nothing lies apart from all others (or there are none)."""
    if not others.size:
        return True
    low, high = float(others.min()), float(others.max())
    if value < 0 <= low:
        return True  # counts have no minus
    distance = _distance(value, low, high)
    return distance > 0 and distance >= _GAP * _range_of(others[:: max(1, others.size // _SAMPLE)])


def _distance(value: float, low: float, high: float) -> float:
    """How far outside an interval a value lies, 0 inside."""
    return max(low - value, value - high, 0.0)


def _range_of(values: NDArray[Any]) -> float:
    low, high = np.percentile(values, (1, 99))  # one hot pixel is no range
    return float(high) - float(low)


def _numbers(channel: NDArray[Any], empty: NDArray[np.bool_] | None) -> NDArray[Any]:
    """The finite values of a channel that are not known to be empty, flat."""
    good = ~empty if empty is not None else None
    if channel.dtype.kind == "f" and not math.isfinite(float(channel.min()) + float(channel.max())):
        finite = np.isfinite(channel)
        good = finite if good is None else good & finite
    return channel.ravel() if good is None or good.all() else channel[good]
