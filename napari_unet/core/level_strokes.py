"""Strokes between the levels of one image: kept at the finest, seen and painted at any. Knows no layers.

A pixel of a coarser level stands for some rows and columns of the finest one. Seen from there it is painted as most of
the painted ones are, so that thin strokes stay; painted there, all of them are.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from numpy.typing import NDArray

from .image import Image
from .painted_plane import BLOCK, Block, blocks_in, box_of
from .scribbles import Scribbles
from .window_stack import SIDE, WindowedPixels, windows_of

MOST_WINDOWS = 24
"""Of so many painted windows of a level, those painted last, strokes are learnt from: more would make answers late."""

_INNER: Block = (1, 1)  # of a window, in blocks of strokes: the margin is one block wide
Factor = tuple[int, int]


class StrokesAtLevel:
    """Strokes of the finest level as those of the windows of a level; what has not changed is the same object.

    Parameters
    ----------
    windows : Image
        The level, as :func:`.window_stack.window_stack` makes it.
    factor : (int, int)
        Rows and columns of the finest level that one of this level stands for.
    """

    def __init__(self, windows: Image, factor: Factor) -> None:
        pixels = windows_of(windows)
        assert pixels is not None
        self._pixels: WindowedPixels = pixels
        self._factor = factor
        self._seen = Scribbles.empty(windows.shape)
        self._made: dict[int, tuple[tuple[tuple[Block, NDArray[np.uint8]], ...], NDArray[np.uint8]]] = {}
        self._order: dict[int, int] = {}
        self._turn = 0

    def __call__(self, scribbles: Scribbles) -> Scribbles:
        """Return strokes of the finest level as they are seen at this one."""
        self._turn += 1
        parts: dict[int, list[tuple[Block, NDArray[np.uint8]]]] = {}
        for plane in scribbles.planes:
            for block, values in scribbles.blocks(plane).items():
                for window in self._windows_of(block, values.shape):
                    parts.setdefault(self._pixels.number(plane, window), []).append((block, values))
        for number, mine in parts.items():
            known = self._made.get(number)
            if known is None or not _same(known[0], mine):
                self._made[number] = tuple(mine), self._reduced(number, mine)
                self._order[number] = self._turn
        self._made = {number: one for number, one in self._made.items() if number in parts}
        chosen = self._chosen()
        old = self._seen
        changed = {number: {_INNER: self._made[number][1]} for number in chosen
                   if old.blocks(number).get(_INNER) is not self._made[number][1]}
        gone = {number: {_INNER: _filled(0, (SIDE, SIDE))} for number in old.planes if number not in chosen}
        self._seen = old.repainting(changed | gone, scribbles.version)
        return self._seen

    def _chosen(self) -> set[int]:
        """Return the windows to learn from: those painted last, and the last ones of each class."""
        painted = [number for number, (_, values) in self._made.items() if values.any()]
        painted.sort(key=lambda number: (-self._order[number], number))
        chosen = set(painted[:MOST_WINDOWS])
        if len(chosen) < len(painted):
            met = {one for number in chosen for one in np.unique(self._made[number][1]).tolist()}
            for number in painted[MOST_WINDOWS:]:
                new = set(np.unique(self._made[number][1]).tolist()) - met
                if new:
                    chosen.add(number)
                    met |= new
        return chosen

    def _windows_of(self, block: Block, shape: tuple[int, ...]) -> list[int]:
        spans = [range(at * BLOCK // by // SIDE, (at * BLOCK + size - 1) // by // SIDE + 1)
                 for at, size, by in zip(block, shape, self._factor, strict=True)]
        down = -(-self._pixels.grid.shape[0] // SIDE)
        return [row * self._pixels.grid.across + column for row in spans[0] for column in spans[1]
                if row < down and column < self._pixels.grid.across]

    def _reduced(self, number: int, parts: list[tuple[Block, NDArray[np.uint8]]]) -> NDArray[np.uint8]:
        """Return the inner part of a window as it is painted, (Y, X)."""
        if self._factor == (1, 1) and len(parts) == 1 and parts[0][1].shape == (SIDE, SIDE):
            return parts[0][1]  # a window is a block
        rows, columns = self._pixels.grid.box(number % len(self._pixels.grid))
        ids = sorted({one for _, values in parts for one in np.unique(values).tolist()} - {0})
        if not ids:
            return _filled(0, (SIDE, SIDE))
        counts = np.zeros((len(ids), SIDE, SIDE), np.int32)
        for block, values in parts:
            down, right = np.nonzero(values)
            y = (block[0] * BLOCK + down) // self._factor[0] - rows.start
            x = (block[1] * BLOCK + right) // self._factor[1] - columns.start
            here = (y >= 0) & (y < rows.stop - rows.start) & (x >= 0) & (x < columns.stop - columns.start)
            which = np.searchsorted(ids, values[down[here], right[here]])
            place = (which * SIDE + y[here]) * SIDE + x[here]
            counts += np.bincount(place, minlength=counts.size).reshape(counts.shape).astype(np.int32)
        found = np.array(ids, np.uint8)[counts.argmax(0)]
        found[~counts.any(0)] = 0
        return _frozen(found)


@dataclasses.dataclass(frozen=True)
class Field:
    """A part of a plane of a level, as it is looked at and painted on.

    Parameters
    ----------
    plane : int
        Of the image.
    rows, columns : slice
        Of the level.
    factor : (int, int)
        Rows and columns of the finest level that one of the level stands for.
    """

    plane: int
    rows: slice
    columns: slice
    factor: Factor

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    def painted(self, scribbles: Scribbles) -> NDArray[np.uint8]:
        """Return the strokes of the finest level as they are seen in the field, (Y, X); a fresh array."""
        found = np.zeros(self.shape, np.uint8)
        (fy, fx), most = self.factor, np.zeros(self.shape, np.int32)
        blocks = scribbles.blocks(self.plane)
        wanted = blocks_in(*self._finest(self.rows, self.columns)) & blocks.keys()
        counts: dict[int, NDArray[np.int32]] = {}
        for block in wanted:
            values = blocks[block]
            down, right = np.nonzero(values)
            y = (block[0] * BLOCK + down) // fy - self.rows.start
            x = (block[1] * BLOCK + right) // fx - self.columns.start
            here = (y >= 0) & (y < self.shape[0]) & (x >= 0) & (x < self.shape[1])
            place, ids = y[here] * self.shape[1] + x[here], values[down[here], right[here]]
            if self.factor == (1, 1):
                found.ravel()[place] = ids
                continue
            for one in np.unique(ids).tolist():
                mine = counts.setdefault(one, np.zeros(self.shape, np.int32))
                np.add.at(mine.ravel(), place[ids == one], 1)
        for one, count in sorted(counts.items()):
            better = count > most
            found[better] = one
            most = np.maximum(most, count)
        return found

    def blocks_after(
        self, now: NDArray[np.uint8], before: NDArray[np.uint8], scribbles: Scribbles
    ) -> dict[Block, NDArray[np.uint8]]:
        """Return the blocks of the finest level that are others once the field (Y, X) is painted like this.

        Parameters
        ----------
        now, before : ndarray of uint8, shape (Y, X)
            The field, and what it was: only pixels that differ are painted.
        scribbles : Scribbles
            What is painted so far.
        """
        changed = now != before
        rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
        if not rows.size:
            return {}
        box = self._finest(*(slice(part.start + int(at[0]), part.start + int(at[-1]) + 1)
                             for part, at in ((self.rows, rows), (self.columns, columns))))
        shape = (scribbles.shape[-2], scribbles.shape[-1])
        old, found = scribbles.blocks(self.plane), {}
        for block in blocks_in(*(slice(part.start, min(part.stop, size)) for part, size in
                                 zip(box, shape, strict=True))):
            whole = box_of(block, shape)
            (y, good_y), (x, good_x) = (
                _places(part, factor, mine) for part, factor, mine in
                zip(whole, self.factor, (self.rows, self.columns), strict=True))
            new = changed[y[:, None], x] & good_y[:, None] & good_x
            if not new.any():
                continue
            was = old.get(block)
            made = np.zeros(new.shape, np.uint8) if was is None else was.copy()
            np.copyto(made, now[y[:, None], x], where=new)
            found[block] = _shared(made)
        return found

    def _finest(self, rows: slice, columns: slice) -> tuple[slice, slice]:
        (fy, fx) = self.factor
        return slice(rows.start * fy, rows.stop * fy), slice(columns.start * fx, columns.stop * fx)


def _places(part: slice, factor: int, field: slice) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return where rows (columns) of the finest level lie in a field, and which of them lie in it at all."""
    places = np.arange(part.start, part.stop) // factor - field.start
    inside = (places >= 0) & (places < field.stop - field.start)
    return places.clip(0, field.stop - field.start - 1), inside


def _same(known: tuple[tuple[Block, NDArray[np.uint8]], ...], now: list[tuple[Block, NDArray[np.uint8]]]) -> bool:
    return len(known) == len(now) and all(one[1] is other[1] for one, other in zip(known, now, strict=True))


def _shared(block: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a block frozen; of those that one value fills, all are one: a wide brush far out paints many."""
    first = int(block.flat[0])
    return _filled(first, block.shape) if (block == first).all() else _frozen(block)


@functools.lru_cache(maxsize=64)
def _filled(value: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return _frozen(np.full(shape, value, np.uint8))


def _frozen(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    made = np.ascontiguousarray(array) if array.base is None else array.copy()
    made.flags.writeable = False
    return made
