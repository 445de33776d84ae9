"""What has to be known of a whole plane before any part of it can be looked at alone. Keeps no pixels.

Which numbers stand for no data, how numbers become float32, and where percentiles lie, is decided for a plane, never
for a tile. Here it is found out without the plane being in memory: of whole numbers of one or two bytes all are
counted, block by block, which gives exactly the percentiles of the plane. Of other types planes of up to
:data:`WHOLE_VALUES` are read whole; larger ones, and those that have to come over a network, are judged by a sample of
blocks, evenly spread, the same in every run.
"""

from __future__ import annotations

import dataclasses
import math
import threading
import weakref
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .image import Image
from .no_data import FillRule, emptied, fill_rules
from .parts_read import read_parts
from .pixel_values import FloatScale, float_scale, percentile_range, without_empty
from .window_stack import windows_of

LARGE_PLANE = 2**22
"""Values of a plane (all channels). A larger one is never normalised as a whole."""

WHOLE_VALUES = 2**25
"""Values of a plane of real numbers, or of whole ones of four bytes, that are looked at all at once."""

BAND = 2048
"""Rows and columns of a block that is counted at a time."""

SAMPLE_SIDE, SAMPLE_BLOCKS = 256, 256
"""Of a plane that is too large or too far away: so many blocks, of so many rows and columns."""


@dataclasses.dataclass(frozen=True)
class PlaneFacts:
    """What is known of a plane.

    Parameters
    ----------
    rules : tuple of FillRule
        What stands for no data.
    scales : tuple of FloatScale
        Of each channel.
    ranges : tuple of (float, float) or None
        Two percentiles of each channel, as :func:`.pixel_values.percentile_range` has them; None: no number in it.
    whole : bool
        Whether hardly a number can be NaN: no such type, and nothing that stands for no data.
    """

    rules: tuple[FillRule, ...]
    scales: tuple[FloatScale, ...]
    ranges: tuple[tuple[float, float] | None, ...]
    whole: bool

    def as_float32(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Return a part of the plane (C, Y, X) as :meth:`Image.plane` has it."""
        empty = emptied(stored, self.rules)
        if empty is not None:
            stored = without_empty(stored, empty)
        plane = np.stack([scale(channel) for scale, channel in zip(self.scales, stored, strict=True)])
        if empty is not None:
            plane[empty] = np.nan
        return plane


def is_large(image: Image) -> bool:
    """Say whether planes of an image are not to be normalised as a whole."""
    return math.prod(image.plane_shape) * image.n_channels > LARGE_PLANE


def plane_facts(image: Image, number: int, low: float, high: float) -> PlaneFacts:
    """Return what is known of a plane, found out once.

    Parameters
    ----------
    image : Image
    number : int
        Of the plane.
    low, high : float
        Percentiles.
    """
    return _facts(image, number, low, high)


def _facts(image: Image, number: int, low: float, high: float, sample: NDArray[Any] | None = None) -> PlaneFacts:
    """Return the same, perhaps from a sample of the plane that was read."""
    image, number = judged_plane(image, number)
    key = number, low, high
    with _alone:
        known = _known.setdefault(image, {})
        if key in known:
            return known[key]
        turn = _turns.setdefault(image, {}).setdefault(number, threading.Lock())
    with turn:  # several threads that need the same plane at once would all read it; other planes do not wait
        with _alone:
            if key in known:
                return known[key]
        found = _found_out(image, number, low, high, sample)
        with _alone:
            return known.setdefault(key, found)


def facts_at_hand(image: Image, number: int, low: float, high: float) -> PlaneFacts | None:
    """Return the same if it was found out already."""
    image, number = judged_plane(image, number)
    with _alone:
        return _known.get(image, {}).get((number, low, high))


def give_plane_facts(image: Image, number: int, low: float, high: float, facts: PlaneFacts) -> None:
    """Take over what another process has found out of the same plane."""
    with _alone:
        _known.setdefault(image, {})[number, low, high] = facts


def judged_plane(image: Image, number: int) -> tuple[Image, int]:
    """Return the plane, and of which image, that says where values lie: of a window, what it is cut from."""
    windows = windows_of(image)
    return (image, number) if windows is None else (windows.whole, windows.whole_plane(number))


def is_sampled(image: Image) -> bool:
    """Say whether the range of an image is found in a sample: it comes over a network, or reading it takes too long."""
    return is_far(image) or bool(getattr(image.data, "by_sample", False))


def is_far(image: Image) -> bool:
    """Say whether the pixels of an image have to come over a network."""
    return bool(getattr(image.data, "is_far", False))


def spread_pixels(image: Image, number: int, every: int, percentiles: tuple[float, float]) -> NDArray[np.float32]:
    """Return each so-manieth row and column of a plane, (C, Y, X), read block by block; of a far one, a sample."""
    if is_sampled(image):
        sample = _sample(image, number)  # read once: the facts are found out from it, too
        return _facts(image, number, *percentiles, sample).as_float32(sample[:, ::4, ::4])
    facts = plane_facts(image, number, *percentiles)
    height, width = image.plane_shape
    side = max(1, BAND // every) * every
    bands = [
        np.concatenate([image.window(number, slice(y, y + side), slice(x, x + side))[:, ::every, ::every]
                        for x in range(0, width, side)], axis=2)
        for y in range(0, height, side)
    ]
    return facts.as_float32(np.concatenate(bands, axis=1))


def how_judged(image: Image) -> str:
    """Say what the percentiles of planes of an image are taken from, for people."""
    if _way(image) != "sample":
        return "every pixel"
    return f"{SAMPLE_BLOCKS} blocks of {SAMPLE_SIDE} x {SAMPLE_SIDE} pixels, evenly spread"


def _way(image: Image) -> Literal["whole", "counted", "sample"]:
    dtype = np.dtype(image.data.dtype)
    size = math.prod(image.plane_shape) * image.n_channels
    small_type = dtype.kind in "bui" and dtype.itemsize <= 2
    if size <= LARGE_PLANE or (size <= WHOLE_VALUES and not is_sampled(image) and not small_type):
        return "whole"
    return "counted" if small_type and not is_sampled(image) else "sample"


def _found_out(
    image: Image, number: int, low: float, high: float, sample: NDArray[Any] | None = None
) -> PlaneFacts:
    way = _way(image)
    if way == "whole":
        stored = image.window(number)
        image.note_flat(stored)
        return _of_values(image, stored, (low, high))
    sample = _sample(image, number) if sample is None else sample
    return (_counted_facts if way == "counted" else _of_values)(image, sample, (low, high), number)


def _of_values(image: Image, stored: NDArray[Any], percentiles: tuple[float, float], _: int = 0) -> PlaneFacts:
    """Find out from all values at once, or from a sample of them."""
    rules = fill_rules(stored, image.no_data)
    empty = emptied(stored, rules)
    image.note_fill(stored, empty, [float(rule.value) for rule in rules])
    filled = stored if empty is None else without_empty(stored, empty)
    scales = tuple(float_scale(channel) for channel in filled)
    facts = PlaneFacts(rules, scales, (), stored.dtype.kind != "f" and not rules)
    ranges: list[tuple[float, float] | None] = []
    for values in facts.as_float32(stored):
        good = np.isfinite(values)
        pixels = values if good.all() else values[good]
        ranges.append(percentile_range(pixels, *percentiles) if pixels.size else None)
    return dataclasses.replace(facts, ranges=tuple(ranges))


def _sample(image: Image, number: int) -> NDArray[Any]:
    """Read blocks of a plane that are evenly spread, one below the other: (C, Y, X)."""
    height, width = image.plane_shape
    side = min(SAMPLE_SIDE, height, width)
    count = max(1, min(SAMPLE_BLOCKS, WHOLE_VALUES // (side * side * image.n_channels)))
    down = max(1, round(math.sqrt(count * height / width)))
    across = max(1, count // down)
    rows, columns = (np.unique(np.linspace(0, size - side, min(steps, -(-size // side))).round().astype(int))
                     for size, steps in ((height, down), (width, across)))
    boxes = [(slice(int(y), int(y) + side), slice(int(x), int(x) + side)) for y in rows for x in columns]
    return np.concatenate(read_parts(image, number, boxes, is_far=is_far(image)), axis=1)


def _counted_facts(
    image: Image, sample: NDArray[Any], percentiles: tuple[float, float], number: int
) -> PlaneFacts:
    """Find out from the counts of every value: those of a type of one or two bytes can be listed."""
    dtype = np.dtype(image.data.dtype)
    least = 0 if dtype.kind == "b" else int(np.iinfo(dtype).min)
    length = 2 if dtype.kind == "b" else int(np.iinfo(dtype).max) - least + 1
    rules = fill_rules(sample, image.no_data)
    image.note_fill(sample, emptied(sample, rules), [float(rule.value) for rule in rules])
    counts = np.zeros((image.n_channels, length), np.int64)
    for stored in _blocks(image, number):
        empty = emptied(stored, rules)
        for channel, values in enumerate(stored):
            kept = values.ravel() if empty is None else values[~empty[channel]]
            counts[channel] += _counted(kept, least, length)
    ranges = tuple(_counted_range(one, least, percentiles) for one in counts)
    return PlaneFacts(rules, (FloatScale(),) * image.n_channels, ranges, not rules)


def _counted(values: NDArray[Any], least: int, length: int) -> NDArray[np.int64]:
    """Return how often each value is there; bytes are counted in pairs, which takes half the time."""
    if values.dtype != np.uint8 or values.size % 2 or not values.flags.c_contiguous:
        return np.bincount(values.astype(np.int64) - least, minlength=length)
    pairs = np.bincount(values.view(np.uint16), minlength=2**16).reshape(256, 256)
    return np.asarray(pairs.sum(0) + pairs.sum(1))


def _blocks(image: Image, number: int) -> Iterator[NDArray[Any]]:
    height, width = image.plane_shape
    for y in range(0, height, BAND):
        for x in range(0, width, BAND):
            yield image.window(number, slice(y, y + BAND), slice(x, x + BAND))


def _counted_range(
    counts: NDArray[np.int64], least: int, percentiles: tuple[float, float]
) -> tuple[float, float] | None:
    """Return what :func:`.pixel_values.percentile_range` does for values that were counted."""
    total = int(counts.sum())
    if not total:
        return None
    there = np.flatnonzero(counts)
    below = np.cumsum(counts[there])

    def ordered(place: int) -> float:
        return float(there[np.searchsorted(below, place, side="right")] + least)

    found = []
    for percentile in percentiles:
        place = (total - 1) * (percentile / 100)
        before = math.floor(place)
        near, far = ordered(before), ordered(min(before + 1, total - 1))
        part = place - before
        step = far - near  # as numpy interpolates, from the nearer end
        found.append(far - step * (1 - part) if part >= 0.5 else near + step * part)
    if not np.float32(found[1] - found[0]) > 0:
        return ordered(0), ordered(total - 1)
    return found[0], found[1]


_alone = threading.Lock()
# weak: what is known of an image goes with it; an image that changes is a new one
_known: weakref.WeakKeyDictionary[Image, dict[tuple[int, float, float], PlaneFacts]] = weakref.WeakKeyDictionary()
_turns: weakref.WeakKeyDictionary[Image, dict[int, threading.Lock]] = weakref.WeakKeyDictionary()
