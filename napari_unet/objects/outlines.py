"""Outlines of objects along the edges of their pixels, and back: the pixels inside an outline are exactly the object.

An outline is a shell and its holes; corners are whole numbers (x, y), a pixel reaches from its number to the next. Each
part of an object that hangs together by sides has an outline of its own, and no ring meets itself, so that the polygons
are valid everywhere. Reads and writes no file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.components import label_components

Ring = NDArray[Any]
"""Corners (n, 2) as x, y; the last is joined to the first."""

_RIGHT, _DOWN, _LEFT, _UP = range(4)


@dataclasses.dataclass(frozen=True, eq=False)
class Outline:
    """One part of an object.

    Parameters
    ----------
    number : int
        Of the object.
    shell : ndarray of int64, shape (n, 2)
        Clockwise on the screen, where rows go down.
    holes : tuple of ndarray
        Counter-clockwise.
    """

    number: int
    shell: Ring
    holes: tuple[Ring, ...] = ()

    def moved(self, by: tuple[int, int], number: int) -> Outline:
        """Return the same elsewhere (x, y), under another number."""
        return Outline(number, self.shell + by, tuple(ring + by for ring in self.holes))


def object_outlines(numbers: NDArray[np.integer[Any]]) -> list[Outline]:
    """Return the outlines of all objects of a plane, in the order of their numbers.

    Parameters
    ----------
    numbers : ndarray of int, shape (Y, X)
        0 = no object.
    """
    if not numbers.size or not numbers.any():
        return []
    parts = np.pad(label_components(numbers, corners=False).astype(np.int64), 1)
    width = parts.shape[1]
    edges = _Edges.of(parts)
    rings: dict[int, tuple[list[Ring], list[Ring]]] = {}
    for first, ring in _rings(edges, width):
        shells, holes = rings.setdefault(int(edges.part[first]), ([], []))
        (shells if signed_area(ring) > 0 else holes).append(ring)
    owner = np.zeros(int(parts.max()) + 1, np.int64)
    inside = parts[1:-1, 1:-1]
    owner[inside] = numbers
    made = [Outline(int(owner[part]), shells[0], tuple(holes)) for part, (shells, holes) in rings.items()]
    return sorted(made, key=lambda one: one.number)


def signed_area(ring: Ring) -> float:
    """Return the area of a ring, negative if it runs counter-clockwise on the screen."""
    x, y = ring[:, 0].astype(float), ring[:, 1].astype(float)
    return 0.5 * float(np.dot(x, np.roll(y, -1)) - np.dot(np.roll(x, -1), y))


def pixels_inside(
    rings: Sequence[Ring], shape: tuple[int, int]
) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
    """Return a box, and which of its pixels have their middle inside an odd number of rings.

    Parameters
    ----------
    rings : sequence of ndarray of numbers, shape (n, 2)
        Of any polygons, as x, y.
    shape : tuple of int
        Rows and columns of the plane; what lies outside is left out.
    """
    points = np.concatenate([np.asarray(ring, float) for ring in rings])
    low = np.clip(np.floor(points.min(axis=0)), 0, (shape[1], shape[0])).astype(int)
    high = np.clip(np.ceil(points.max(axis=0)), 0, (shape[1], shape[0])).astype(int)
    box = slice(low[1], max(low[1], high[1])), slice(low[0], max(low[0], high[0]))
    inside = np.zeros((box[0].stop - box[0].start, box[1].stop - box[1].start), bool)
    if not inside.size:
        return box, inside
    if all(_is_stepped(ring) for ring in rings):
        return box, _inside_steps(rings, box)
    from skimage.draw import polygon

    for ring in rings:
        x, y = np.asarray(ring, float).T
        where = polygon(y - 0.5 - low[1], x - 0.5 - low[0], inside.shape)
        inside[where] ^= True
    return box, inside


def _is_stepped(ring: Ring) -> bool:
    """Whether a ring runs along the edges of pixels."""
    steps = np.roll(ring, -1, axis=0) - ring
    return bool((np.rint(ring) == ring).all() and ((steps == 0).any(axis=1)).all())


def _inside_steps(rings: Sequence[Ring], box: tuple[slice, slice]) -> NDArray[np.bool_]:
    """Fill rings that run along the edges of pixels: every edge down or up changes all pixels right of it."""
    rows, columns = (one.stop - one.start for one in box)
    changes = np.zeros((rows + 1, columns + 1), np.int64)
    for ring in rings:
        start, stop = np.asarray(ring, np.int64), np.roll(np.asarray(ring, np.int64), -1, axis=0)
        upright = start[:, 0] == stop[:, 0]
        x = np.clip(start[upright, 0] - box[1].start, 0, columns)
        for ends, sign in ((start, 1), (stop, -1)):
            y = np.clip(ends[upright, 1] - box[0].start, 0, rows)
            np.add.at(changes, (y, x), sign)
    # an edge from y0 to y1 stands as +1 at y0 and -1 at y1 (or the other way round): summed down, it is an odd number
    # between them; what is summed across is how many edges lie to the left
    along = np.cumsum(changes, axis=0)[:rows, :columns]
    inside: NDArray[np.bool_] = np.cumsum(along, axis=1) % 2 == 1
    return inside


# -- tracing ---------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class _Edges:
    """All edges between a part and something else, directed so that the part lies on the right.

    ``pixel`` is the flat index (of a plane with a margin), ``side`` where the edge runs to, ``after`` the edge that
    follows.
    """

    pixel: NDArray[np.int64]
    side: NDArray[np.int64]
    part: NDArray[np.int64]
    after: NDArray[np.int64]

    @classmethod
    def of(cls, parts: NDArray[np.int64]) -> _Edges:
        """Find the edges of a plane whose margin is 0."""
        width, flat = parts.shape[1], parts.ravel()
        inner = np.flatnonzero(flat)
        outward = {_RIGHT: -width, _DOWN: 1, _LEFT: width, _UP: -1}
        of_side = [inner[flat[inner] != flat[inner + outward[side]]] for side in range(4)]
        pixel = np.concatenate(of_side)
        side = np.repeat(np.arange(4), [len(one) for one in of_side])
        part = flat[pixel]
        # the same pixel round its corner; else its neighbour straight on; else the pixel across the corner
        forward = np.array([1, width, -1, -width])[side]
        out = np.array([outward[one] for one in range(4)])[side]
        turns = flat[pixel + forward] != part
        straight = ~turns & (flat[pixel + forward + out] != part)
        next_pixel = np.where(turns, pixel, np.where(straight, pixel + forward, pixel + forward + out))
        next_side = np.where(turns, (side + 1) % 4, np.where(straight, side, (side + 3) % 4))
        key = side * flat.size + pixel
        after = np.searchsorted(key, next_side * flat.size + next_pixel)
        return cls(pixel, side, part, after)

    def starts(self, width: int) -> NDArray[np.int64]:
        """Return where each edge begins, as x, y in the plane without its margin."""
        y, x = np.divmod(self.pixel, width)
        right = (self.side == _DOWN) | (self.side == _LEFT)
        below = (self.side == _LEFT) | (self.side == _UP)
        return np.stack([x - 1 + right, y - 1 + below], axis=1)


def _rings(edges: _Edges, width: int) -> Iterator[tuple[int, Ring]]:
    """Follow the edges; yield the first of each ring and its corners. A ring that meets itself becomes several."""
    order, lengths = _followed(edges.after)
    side, starts = edges.side[order], edges.starts(width)[order]
    loop = np.repeat(np.arange(len(lengths)), lengths)
    ends = np.cumsum(lengths)
    before = np.arange(len(order)) - 1
    before[ends - lengths] = ends - 1
    corner = side != side[before]
    counts = np.bincount(loop[corner], minlength=len(lengths))
    points, loop = starts[corner], loop[corner]
    key = (loop * (int(points[:, 1].max()) + 1) + points[:, 1]) * (int(points[:, 0].max()) + 1) + points[:, 0]
    ordered = np.argsort(key, kind="stable")
    twice = np.zeros(len(lengths), bool)
    twice[loop[ordered[1:][np.diff(key[ordered]) == 0]]] = True
    stops = np.cumsum(counts)
    for number, (stop, count) in enumerate(zip(stops.tolist(), counts.tolist(), strict=True)):
        first, ring = int(order[ends[number] - lengths[number]]), points[stop - count:stop]
        for one in _simple_rings(ring) if twice[number] else (ring,):
            yield first, one


def _followed(after: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the edges ring by ring, and how many each ring has."""
    following, seen = after.tolist(), bytearray(len(after))
    order: list[int] = []
    lengths: list[int] = []
    for start in range(len(following)):
        if seen[start]:
            continue
        begun, at = len(order), start
        while not seen[at]:
            seen[at] = 1
            order.append(at)
            at = following[at]
        lengths.append(len(order) - begun)
    return np.array(order, np.int64), np.array(lengths, np.int64)


def _simple_rings(ring: Ring) -> Iterator[Ring]:
    """Cut a ring wherever it comes back to a corner."""
    path: list[tuple[int, int]] = []
    place: dict[tuple[int, int], int] = {}
    for point in map(tuple, ring.tolist()):
        if point in place:
            at = place[point]
            yield np.array(path[at:], np.int64)
            for gone in path[at + 1:]:
                del place[gone]
            del path[at + 1:]
            continue
        place[point] = len(path)
        path.append(point)
    yield np.array(path, np.int64)
