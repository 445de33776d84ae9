"""Cuts and joins drawn by hand, kept exactly in whatever a way has found. Looks for no objects of its own.

Lines hold in the order in which they were drawn. Only objects that a line touches change, and none loses a pixel: those
under a cut go to the nearer side.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.components import label_components

from .hints import Hints, Line
from .object_map import ObjectMap

Box = tuple[slice, ...]

FRINGE = 0.3
"""An object that has less of one side of a cut than this share of the other lies on that other."""

SLIVER = 2.0
"""A piece no pixel of which is farther than this from a cut is the cut's own fringe and no object."""


def with_lines(found: ObjectMap, hints: Hints) -> ObjectMap:
    """Return objects with every line kept, each of one number for each axis; the input is never changed."""
    lines = hints.lines
    if not lines or not found.numbers.any():
        return found
    bench = _Bench(found)
    for place, line in enumerate(lines):
        bench.draw(line, lines[:place])
    return bench.result().renumbered()


def with_next_line(found: ObjectMap, line: Line, before: Sequence[Line] = ()) -> ObjectMap:
    """Return objects that have the lines of before with one more; their numbers stay, new ones come after them."""
    bench = _Bench(found)
    bench.draw(line, before)
    return bench.result()


def beside(line: Line, shape: tuple[int, ...]) -> list[tuple[NDArray[np.int64], ...]]:
    """Return the pixels next to a line on its one side and on its other, as indices into an array of a shape."""
    corners = np.array(line.points)
    low = np.clip(np.floor(corners.min(axis=0)).astype(int) - 3, 0, shape)
    high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 4, 0, shape)
    box = tuple(slice(int(start), int(stop)) for start, stop in zip(low, high, strict=True))
    sides, _ = _sides(line, box, tuple(high - low))
    return [tuple(axis + start for axis, start in zip(np.nonzero(sides == one), low, strict=True)) for one in (1, 2)]


class _Bench:
    """Objects while lines are drawn over them."""

    def __init__(self, found: ObjectMap) -> None:
        from scipy import ndimage

        self._found = found
        self.numbers = found.numbers.copy()
        self.classes = found.classes.tolist()
        self.spacing = found.spacing
        boxes: list[Box | None] = ndimage.find_objects(self.numbers.astype(np.int32, copy=False))
        self._boxes: dict[int, Box] = {number: box for number, box in enumerate(boxes, 1) if box is not None}

    def draw(self, line: Line, before: Sequence[Line]) -> None:
        """Draw a line after others."""
        if line.kind == "join":
            self.join(line)
        else:
            self.cut(line, [one for one in before if one.kind == "join"])

    def result(self) -> ObjectMap:
        """Return the objects as they are now."""
        return dataclasses.replace(self._found, numbers=self.numbers, classes=np.array(self.classes, np.uint8))

    def join(self, line: Line) -> None:
        """Make all that a line touches one object, of the class it touches most."""
        touched, lengths = np.unique(self._under(line), return_counts=True)
        lengths, touched = lengths[touched > 0], touched[touched > 0]
        if len(touched) < 2:
            return
        keep = int(touched[0])
        by_class: dict[int, int] = {}
        for number, length in zip(touched.tolist(), lengths.tolist(), strict=True):
            by_class[self.classes[number]] = by_class.get(self.classes[number], 0) + length
        for number in touched[1:].tolist():
            box = self._boxes.pop(number)
            here = self.numbers[box]
            here[here == number] = keep
            self._boxes[keep] = _around(self._boxes[keep], box)
            self.classes[number] = 0
        self.classes[keep] = max(by_class, key=lambda one: by_class[one])

    def cut(self, line: Line, joins: Sequence[Line]) -> None:
        """Make what lies on the two sides of a line two objects."""
        touched = [int(one) for one in np.unique(self._under(line)) if one]
        if not touched or len(line.points) < 2:
            return
        box = self._boxes[touched[0]]
        for number in touched[1:]:
            box = _around(box, self._boxes[number])
        window = self.numbers[box]
        sides, barrier = _sides(line, box, window.shape)
        mine = np.where(np.isin(window, touched), window, 0)
        linked = mine.copy()
        for one in joins:  # what a join ties together over a gap stays together
            places = tuple(axis - part.start for axis, part in zip(one.pixels(self.numbers.shape), box, strict=True))
            inside = np.all([(axis >= 0) & (axis < long)
                             for axis, long in zip(places, window.shape, strict=True)], axis=0)
            places = tuple(axis[inside] for axis in places)
            known = mine[places]
            if known.any():
                linked[tuple(axis[known == 0] for axis in places)] = known[known > 0][0]
        linked[barrier] = 0
        parts = _parted(linked, sides, barrier, self.spacing)
        parts[mine == 0] = 0
        parts = _without_slivers(parts, mine, barrier)
        self._write(parts, mine, box)

    def _under(self, line: Line) -> NDArray[np.uint32]:
        found: NDArray[np.uint32] = self.numbers[line.pixels(self.numbers.shape)]
        return found

    def _write(self, parts: NDArray[np.int64], mine: NDArray[Any], box: Box) -> None:
        """Give every part a number: the largest of an object keeps its own, the others get new ones."""
        window = self.numbers[box]
        sizes = np.bincount(parts.ravel())
        homes = np.zeros(len(sizes), np.int64)
        homes[parts.ravel()] = mine.ravel()
        moved = parts != 0
        new = np.zeros(len(sizes), np.uint32)
        for number in np.unique(homes[homes > 0]).tolist():
            own = np.flatnonzero((homes == number) & (sizes > 0))
            own = own[own > 0]
            ordered = own[np.argsort(-sizes[own], kind="stable")]
            new[ordered[0]] = number
            for part in ordered[1:].tolist():
                new[part] = len(self.classes)
                self._boxes[len(self.classes)] = box
                self.classes.append(self.classes[number])
            self._boxes[number] = box
        window[moved] = new[parts[moved]]


def _around(one: Box, other: Box) -> Box:
    return tuple(slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one, other, strict=True))


def _sides(line: Line, box: Box, shape: tuple[int, ...]) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Return the two sides of a line, 1 and 2 next to it and 0 elsewhere, and the line as a wall without gaps."""
    corners = np.array(line.points) - np.array([part.start for part in box])
    # in a volume the line lies in a plane: the one across the axis along which it moves least
    through = int(np.ptp(corners, axis=0).argmin()) if len(shape) == 3 else None
    flat = [axis for axis in range(len(shape)) if axis != through]
    wall = np.zeros(shape, bool)
    places = np.array(Line("cut", tuple(map(tuple, corners))).pixels(shape)).T
    wall[tuple(places.T)] = True
    near = np.zeros(shape, bool)
    grid = np.array([(a, b) for a in range(-2, 3) for b in range(-2, 3)])
    for step in grid:
        moved = places.copy()
        moved[:, flat] += step
        moved = moved[((moved >= 0) & (moved < shape)).all(axis=1)]
        near[tuple(moved.T)] = True
    found = np.argwhere(near)
    side, beside, distance = _signed(found[:, flat].astype(float), corners[:, flat])
    # half a pixel to each side, so that no neighbour by a corner lies across
    thick = (distance <= 0.75) & beside
    wall[tuple(found[thick].T)] = True
    sides = np.zeros(shape, np.int8)
    next_to = beside & (distance > 0)
    sides[tuple(found[next_to].T)] = np.where(side[next_to] > 0, 1, 2)
    sides[wall] = 0
    return sides, wall


def _signed(
    places: NDArray[np.float64], corners: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """Return of each place the side of the nearest segment, whether it lies beside the line, and the distance."""
    best = np.full(len(places), np.inf)
    side, beside = np.zeros(len(places)), np.zeros(len(places), bool)
    for number, (start, stop) in enumerate(itertools.pairwise(corners)):
        along = stop - start
        long = float(along @ along)
        if long == 0:
            continue
        share = (places - start) @ along / long
        away = places - start - np.clip(share, 0, 1)[:, None] * along
        distance = np.sqrt((away * away).sum(axis=1))
        closer = distance < best
        cross = along[0] * (places - start)[:, 1] - along[1] * (places - start)[:, 0]
        best = np.where(closer, distance, best)
        side = np.where(closer, cross, side)
        first, last = number == 0, number == len(corners) - 2
        inner = ((share >= 0) | (not first)) & ((share <= 1) | (not last))
        beside = np.where(closer, inner, beside)
    return side, beside, best


def _parted(
    linked: NDArray[Any], sides: NDArray[np.int8], wall: NDArray[np.bool_], spacing: tuple[float, ...]
) -> NDArray[np.int64]:
    """Return the parts of objects without the wall; a part that reaches round the line's end is divided in two."""
    parts = label_components(linked).astype(np.int64)
    fringe = _fringes(linked, sides)
    first, second = (np.unique(parts[sides == one]) for one in (1, 2))
    for part in np.intersect1d(first, second).tolist():
        here = parts == part
        if part and int(linked[here][0]) not in fringe:
            parts[_second_half(here, sides, wall, spacing)] = parts.max() + 1
    return parts


def _fringes(linked: NDArray[Any], sides: NDArray[np.int8]) -> dict[int, int]:
    """Return the objects that lie on one side but for a fringe, and on which: another has the rest of the line."""
    counts = np.stack([np.bincount(linked[sides == one], minlength=int(linked.max(initial=0)) + 1) for one in (1, 2)])
    counts[:, 0] = 0
    less, most = counts.min(axis=0), counts.argmax(axis=0)
    found = {}
    for number in np.flatnonzero(counts.any(axis=0)).tolist():
        other = 1 - most[number]
        rest = counts[other].max()
        if less[number] < FRINGE * counts[most[number], number] and rest > 2 * less[number]:
            found[number] = int(most[number]) + 1
    return found


def _second_half(
    chosen: NDArray[np.bool_], sides: NDArray[np.int8], wall: NDArray[np.bool_], spacing: tuple[float, ...]
) -> NDArray[np.bool_]:
    """Return what of a part belongs to the second side of a line that does not reach across it.

    Both sides flow in from the line: the deepest first, which ends at a neck, and the nearest first, which goes
    straight on from its ends. Taken is what leaves the shorter border for the smaller of the two (normalised cut).
    """
    import edt
    from skimage.segmentation import watershed

    depth = edt.edt(np.ascontiguousarray(chosen), anisotropy=spacing, order="C")
    near = edt.edt(np.ascontiguousarray(~wall), anisotropy=spacing, order="C")
    seeds = np.where(chosen, sides, 0).astype(np.int32)
    best, least = chosen, np.inf
    for height in (-depth, near):
        flown = watershed(height, seeds, mask=chosen, connectivity=chosen.ndim)
        border = sum(int(np.count_nonzero(np.diff(flown, axis=axis) * np.minimum(
            np.delete(flown, 0, axis), np.delete(flown, -1, axis)))) for axis in range(flown.ndim))
        cost = border / max(1, min(int(np.count_nonzero(flown == 1)), int(np.count_nonzero(flown == 2))))
        if cost < least:
            best, least = flown == 2, cost
    return np.asarray(best)


def _without_slivers(
    parts: NDArray[np.int64], mine: NDArray[Any], wall: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Give pixels under the wall, and slivers along it, to what they belong to."""
    from scipy import ndimage

    count = int(parts.max(initial=0)) + 1
    reach = np.zeros(count)
    away = ndimage.distance_transform_edt(~wall) if wall.any() else np.full(wall.shape, np.inf)
    np.maximum.at(reach, parts.ravel(), away.ravel())
    small = reach <= SLIVER
    small[0] = False
    real = (parts > 0) & ~small[parts]
    if not real.any():  # thinner than the line itself: both sides are slivers, and stay
        small[:] = False
        real = parts > 0
    if not real.any():
        return np.where(mine > 0, 1, 0).astype(np.int64)
    homes = np.zeros(count, np.int64)
    homes[parts.ravel()] = mine.ravel()
    out = np.where(real, parts, 0)
    left = (mine > 0) & ~real
    for part in np.flatnonzero(small).tolist():  # to the same side, of whichever object that was cut
        here = parts == part
        beside = ndimage.binary_dilation(here, np.ones((3,) * parts.ndim)) & real & ~wall
        if beside.any():
            out[here] = np.bincount(parts[beside]).argmax()
            left &= ~here
    for number in np.unique(mine[left]).tolist():  # to the nearest part of its own object, if one is left
        here = left & (mine == number)
        source = (out > 0) & (mine == number)
        if not source.any():
            source = out > 0
        nearest = ndimage.distance_transform_edt(~source, return_distances=False, return_indices=True)
        out[here] = out[tuple(nearest)][here]
    return out
