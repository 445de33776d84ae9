"""What a person has put right by hand: objects pinned to their pixels, whatever the answer says. Finds no object."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from .drawn_lines import beside, with_next_line
from .hints import Line
from .object_map import ObjectMap


@dataclasses.dataclass(frozen=True, eq=False)
class Pin:
    """Pixels that are one object, or none, by hand.

    Parameters
    ----------
    start : tuple of int
        First row and column (plane, row, column) of ``mask`` in the array.
    mask : ndarray of bool
        The pixels.
    class_id : int
        Painted id of the class of the object; 1 where there is no object.
    """

    start: tuple[int, ...]
    mask: NDArray[np.bool_]
    class_id: int

    @classmethod
    def of(cls, chosen: NDArray[np.bool_], class_id: int) -> Pin:
        """Return a pin of all true pixels of an array, at least one."""
        found = np.nonzero(chosen)
        start = tuple(int(one.min()) for one in found)
        box = tuple(slice(int(one.min()), int(one.max()) + 1) for one in found)
        mask = np.array(chosen[box], bool)
        mask.flags.writeable = False
        return cls(start, mask, class_id)

    @property
    def where(self) -> tuple[slice, ...]:
        """Where ``mask`` lies in the array."""
        return tuple(slice(at, at + size) for at, size in zip(self.start, self.mask.shape, strict=True))

    def within(self, box: tuple[slice, ...]) -> Pin | None:
        """Return the part of it in a box (slices with start and stop), as seen from there; None if there is none."""
        parts = [(max(own.start, one.start), min(own.stop, one.stop))
                 for own, one in zip(self.where, box, strict=True)]
        if any(start >= stop for start, stop in parts):
            return None
        inside = (slice(start - at, stop - at) for (start, stop), at in zip(parts, self.start, strict=True))
        cut = self.mask[tuple(inside)]
        if not cut.any():
            return None
        return Pin(tuple(start - one.start for (start, _), one in zip(parts, box, strict=True)), cut, self.class_id)

    def covers(self, other: Pin) -> bool:
        """Say whether nothing of another pin is left below this one."""
        inside = self.within(other.where)
        if inside is None:
            return False
        seen = other.mask.copy()
        seen[inside.where] &= ~inside.mask
        return not seen.any()


def put_right(found: ObjectMap, pins: Iterable[Pin]) -> ObjectMap:
    """Return objects with pins put over them, later pins over earlier ones; what pins cover mostly is gone.

    A pin stands for the object it was made of, as that was then. When the answer changes a little, the new object lies
    mostly under the pin: it goes whole, and no sliver of it is left beside.
    """
    pins = tuple(pins)
    if not pins:
        return found
    numbers, classes = found.numbers.copy(), list(found.classes)
    covered = np.zeros(numbers.shape, bool)
    for pin in pins:
        covered[pin.where] |= pin.mask
    hidden = np.bincount(numbers[covered], minlength=len(classes))
    below = hidden > 0
    below[0] = False
    if below.any():
        area = np.bincount(numbers.ravel(), minlength=len(classes))
        mostly = below & (2 * hidden > area)
        numbers[mostly[numbers]] = 0
    for pin in pins:
        here = numbers[pin.where]
        here[pin.mask] = len(classes) if pin.class_id > 1 else 0
        if pin.class_id > 1:
            classes.append(np.uint8(pin.class_id))
    left = np.bincount(numbers.ravel(), minlength=len(classes)) > 0
    left[0] = False
    kept = np.where(left, np.array(classes, np.uint8), np.uint8(0))
    return dataclasses.replace(found, numbers=numbers, classes=kept).renumbered()


def pins_of_change(
    before: NDArray[np.integer], after: NDArray[np.integer], classes: NDArray[np.uint8], class_of_new: int
) -> tuple[Pin, ...]:
    """Return pins that make objects what somebody has changed them to: nothing that was painted by hand is lost.

    Parameters
    ----------
    before, after : ndarray of int, shape (Y, X) or (Z, Y, X)
        Numbers of objects, 0 = none.
    classes : ndarray of uint8
        Painted id of the class by number of before; 0 for numbers without an object.
    class_of_new : int
        Painted id for objects that were not there before.
    """
    changed = before != after
    if not changed.any():
        return ()
    gone = changed & (after == 0)
    pins = [Pin.of(gone, 1)] if gone.any() else []
    touched = np.union1d(before[changed], after[changed])
    touched = touched[touched > 0]
    compact = np.zeros(after.shape, np.int32)  # numbers may be huge; those that are touched are mostly few
    theirs = np.isin(after, touched)
    compact[theirs] = np.searchsorted(touched, after[theirs]) + 1
    for number, (old, box) in enumerate(zip(touched.tolist(), find_objects(compact, len(touched)), strict=True), 1):
        if box is not None:
            class_id = int(classes[old]) if old < len(classes) else 0
            mask = compact[box] == number
            mask.flags.writeable = False
            pins.append(Pin(tuple(one.start for one in box), mask, class_id or class_of_new))
    return tuple(pins)


def pins_of_line(
    numbers: NDArray[np.integer], classes: NDArray[np.uint8], pins: Iterable[Pin], line: Line, before: Sequence[Line],
    class_of_new: int,
) -> tuple[Pin, ...]:
    """Return pins of what a new line makes of pinned objects: pins lie over what lines do, which would not be seen.

    Parameters
    ----------
    numbers : ndarray of int, shape (Y, X) or (Z, Y, X)
        The objects with the pins that there are, 0 = none.
    classes : ndarray of uint8
        Painted id of the class by number.
    pins : iterable of Pin
    line : Line
        A cut parts the pinned objects that it touches; a join that touches one makes a pinned one of all.
    before : sequence of Line
        Lines that were drawn before.
    class_of_new : int
        Painted id for objects whose class is not known yet.
    """
    touched = np.unique(numbers[line.pixels(numbers.shape)])
    touched = touched[touched > 0]
    under = [numbers[pin.where][pin.mask] for pin in pins if pin.class_id > 1]
    pinned = np.intersect1d(touched, np.concatenate(under)) if under else touched[:0]
    if not pinned.size:
        return ()
    own = np.where(np.isin(numbers, touched), np.searchsorted(touched, numbers) + 1, 0).astype(np.uint32)
    known = [int(classes[one]) if one < len(classes) else 0 for one in touched.tolist()]
    of_own = np.array([0, *(one or class_of_new for one in known)], np.uint8)
    made = with_next_line(ObjectMap(own, of_own), line, before)
    if line.kind == "join":
        return pins_of_change(own, made.numbers, made.classes, class_of_new)
    now = own.copy()
    for number in (np.searchsorted(touched, pinned) + 1).tolist():
        _put_parts(now, made.numbers, number, line)
    return pins_of_change(own, now, made.classes, class_of_new)


def _put_parts(now: NDArray[np.uint32], parts: NDArray[np.uint32], number: int, line: Line) -> None:
    """Part an object as a cut does; pieces of it that do not lie at the cut, as hands may paint them, stay with one."""
    mine = now == number
    sizes = np.bincount(parts[mine])
    near = np.zeros(len(sizes), bool)
    for side in beside(line, now.shape):
        near[parts[side][mine[side]]] = True
    if near.sum() > 1:
        moved = np.arange(len(sizes), dtype=np.uint32)
        moved[~near] = np.where(near, sizes, 0).argmax()
        now[mine] = moved[parts[mine]]
