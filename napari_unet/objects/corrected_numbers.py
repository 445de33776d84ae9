"""Cuts, joins and pins put over objects of which there are too many pixels to be held. Finds no object, writes nothing.

The result is that of :func:`.drawn_lines.with_lines` and :func:`.corrections.put_right` over the whole: a line changes
the objects that it touches and no others, so it is drawn in a window that holds them; and of what pins cover one has to
know how large it is, not where. What has changed is kept as patches over numbers that are read when they are asked for.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from .corrections import Pin
from .drawn_lines import with_next_line
from .hints import Line
from .object_map import ObjectMap

Box = tuple[slice, ...]

MOST = 2**24
"""Pixels of a window: objects that are larger together are not changed by a line, which is counted."""

_AROUND = 3
"""Pixels around a line that belong to its two sides."""


@dataclasses.dataclass(frozen=True, eq=False)
class _Patch:
    box: Box
    mask: NDArray[np.bool_]
    numbers: NDArray[np.int64]

    def put(self, numbers: NDArray[np.int64], box: Box) -> None:
        """Put it over the numbers of a box."""
        parts = [(max(own.start, one.start), min(own.stop, one.stop)) for own, one in zip(self.box, box, strict=True)]
        if all(start < stop for start, stop in parts):
            mine, theirs = (tuple(slice(start - one.start, stop - one.start) for (start, stop), one in zip(
                parts, whole, strict=True)) for whole in (self.box, box))
            np.copyto(numbers[theirs], self.numbers[mine], where=self.mask[mine])


class CorrectedNumbers:
    """The numbers of the objects of a plane or volume, with what a person has put right.

    Parameters
    ----------
    read : callable
        Returns the numbers of a box (slices with start and stop) as they were found, 0 = none.
    shape : tuple of int
    areas : ndarray of int64, shape (n + 1,)
        Pixels of each object, by number.
    classes : ndarray of uint8, shape (n + 1,)
        Painted ids.
    spacing : tuple of float, optional
        Size of a voxel.

    Attributes
    ----------
    classes : ndarray of uint8
        Painted ids of what there is now: 0 for numbers that are no object any more, new numbers at the end.
    left_out : int
        Lines that could not be drawn, as their objects are too large.
    """

    def __init__(
        self, read: Callable[[Box], NDArray[np.int64]], shape: Sequence[int], areas: NDArray[np.int64],
        classes: NDArray[np.uint8], spacing: tuple[float, ...] = (),
    ) -> None:
        self._read, self._shape, self._spacing = read, tuple(shape), spacing
        self._areas, self.classes = areas, classes.copy()
        self._grown: dict[int, int] = {}  # areas of numbers that lines have changed
        self._boxes: dict[int, Box] = {}  # around numbers that may lie in several pieces
        self._lined: list[_Patch] = []
        self._gone = np.zeros(0, np.int64)  # what pins cover mostly
        self._pinned: list[_Patch] = []
        self.left_out = 0

    def numbers(self, box: Box) -> NDArray[np.int64]:
        """Return the numbers of a box as they are now."""
        found = self._before_pins(box)
        if len(self._gone):
            found[np.isin(found, self._gone)] = 0
        for patch in self._pinned:
            patch.put(found, box)
        return found

    def put_right(self, lines: Sequence[Line], pins: Iterable[Pin]) -> None:
        """Draw lines, in their order, and put pins over what comes of it; once."""
        for place, line in enumerate(lines):
            self._draw(line, [one for one in lines[:place] if one.kind == "join"])
        self._pin([one for pin in pins if (one := pin.within(tuple(slice(0, size) for size in self._shape)))])

    def _before_pins(self, box: Box) -> NDArray[np.int64]:
        found = np.array(self._read(box), np.int64)
        for patch in self._lined:
            patch.put(found, box)
        return found

    def _area(self, number: int) -> int:
        return self._grown.get(number, int(self._areas[number]) if number < len(self._areas) else 0)

    # -- lines ---------------------------------------------------------------------------------------------------------

    def _draw(self, line: Line, joins: Sequence[Line]) -> None:
        corners = np.array(line.points)
        low = np.clip(np.floor(corners.min(axis=0)).astype(int) - _AROUND, 0, self._shape)
        high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + _AROUND + 1, 0, self._shape)
        if (low >= high).any():
            return
        box = _box(low, high)
        if math.prod(high - low) > MOST:
            self.left_out += 1
            return
        under = self._before_pins(box)[moved(line, box).pixels(tuple(high - low))]
        touched = np.unique(under[under > 0])
        if len(touched) < (2 if line.kind == "join" else 1):
            return
        window = self._window(box, touched)
        if window is None:
            self.left_out += 1
            return
        box, numbers = window
        own = np.where(np.isin(numbers, touched), np.searchsorted(touched, numbers) + 1, 0).astype(np.uint32)
        classes = np.concatenate([np.zeros(1, np.uint8), self.classes[touched]])
        made = with_next_line(ObjectMap(own, classes, self._spacing), moved(line, box),
                              [moved(one, box) for one in joins])
        self._take(box, own, made, touched)

    def _window(self, box: Box, touched: NDArray[np.int64]) -> tuple[Box, NDArray[np.int64]] | None:
        """Return a box that holds all of some objects, and its numbers; None if that is too much."""
        known = [self._boxes[number] for number in touched.tolist() if number in self._boxes]
        box = _around([box, *known])
        while math.prod(one.stop - one.start for one in box) <= MOST:
            numbers = self._before_pins(box)
            mine, wide = np.isin(numbers, touched), []
            for axis, (part, size) in enumerate(zip(box, self._shape, strict=True)):
                more = part.stop - part.start
                wide.append(slice(
                    max(0, part.start - more) if mine.take(0, axis).any() else part.start,
                    min(size, part.stop + more) if mine.take(-1, axis).any() else part.stop))
            if tuple(wide) == box:
                return box, numbers
            box = tuple(wide)
        return None

    def _take(self, box: Box, before: NDArray[np.uint32], made: ObjectMap, touched: NDArray[np.int64]) -> None:
        """Keep what a line has changed in a window; new numbers go on after those that there are."""
        new = np.arange(len(made.classes) - len(touched) - 1) + len(self.classes)
        of_number = np.concatenate([[0], touched, new])
        self.classes = np.concatenate([self.classes, made.classes[len(touched) + 1:]])
        self.classes[of_number[1:]] = made.classes[1:]
        areas = np.bincount(made.numbers.ravel(), minlength=len(of_number))
        for number, area in zip(of_number[1:].tolist(), areas[1:].tolist(), strict=True):
            self._grown[number], self._boxes[number] = area, box
            self.classes[number] *= area > 0
        changed = made.numbers != before
        if changed.any():
            inside = tuple(slice(int(one.min()), int(one.max()) + 1) for one in np.nonzero(changed))
            place = tuple(slice(part.start + one.start, part.start + one.stop)
                          for part, one in zip(box, inside, strict=True))
            self._lined.append(_Patch(place, changed[inside].copy(), of_number[made.numbers[inside]]))

    # -- pins ----------------------------------------------------------------------------------------------------------

    def _pin(self, pins: Sequence[Pin]) -> None:
        hidden: dict[int, int] = {}
        for place, pin in enumerate(pins):
            fresh = pin.mask & ~_covered(pin, pins[:place])
            numbers, counts = np.unique(self._before_pins(pin.where)[fresh], return_counts=True)
            for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
                hidden[number] = hidden.get(number, 0) + count
        gone = [number for number, count in hidden.items() if number and 2 * count > self._area(number)]
        self._gone = np.array(sorted(gone), np.int64)
        self.classes[self._gone] = 0
        for place, pin in enumerate(pins):
            seen = pin.class_id > 1 and not (pin.mask <= _covered(pin, pins[place + 1:])).all()
            number = len(self.classes) if seen else 0
            self._pinned.append(_Patch(pin.where, pin.mask, np.full(pin.mask.shape, number, np.int64)))
            if seen:
                self.classes = np.append(self.classes, np.uint8(pin.class_id))


def moved(line: Line, box: Box) -> Line:
    """Return a line as seen from the first pixel of a box."""
    start = [one.start for one in box]
    return Line(line.kind, tuple(tuple(np.subtract(point, start)) for point in line.points))


def _covered(pin: Pin, others: Sequence[Pin]) -> NDArray[np.bool_]:
    """Return which pixels of the box of a pin others have."""
    found = np.zeros(pin.mask.shape, bool)
    for one in others:
        part = one.within(pin.where)
        if part is not None:
            found[part.where] |= part.mask
    return found


def _box(low: Iterable[int], high: Iterable[int]) -> Box:
    return tuple(slice(int(start), int(stop)) for start, stop in zip(low, high, strict=True))


def _around(boxes: Sequence[Box]) -> Box:
    return tuple(slice(min(one.start for one in parts), max(one.stop for one in parts))
                 for parts in zip(*boxes, strict=True))
