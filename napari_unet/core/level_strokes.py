"""Strokes between the levels of one image: kept at the finest, seen and painted at any. Knows no layers.

A pixel of a coarser level stands for some rows and columns of the finest one. Seen from there it is painted as most of
the painted ones are, so that thin strokes stay; painted there, all of them are.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .image import Image
from .level_field import Factor, LevelField, filled_block, frozen_block
from .painted_plane import BLOCK, Block
from .scribbles import Scribbles
from .window_stack import SIDE, WindowedPixels, windows_of

FIRST_WINDOWS, MOST_WINDOWS = 4, 24
"""Of so many painted windows of a level, those painted last, strokes are learnt from: for a first answer, and at most.
More would make answers late. Between the two, as many come with each answer as for the first: what is painted meanwhile
waits for these alone."""

_INNER: Block = (1, 1)  # of a window, in blocks of strokes: the margin is one block wide


class StrokesAtLevel:
    """Strokes of the finest level as those of the windows of a level; what has not changed is the same object.

    Parameters
    ----------
    windows : Image
        The level, as :func:`.window_stack.window_stack` makes it.
    factor : (int, int)
        Rows and columns of the finest level that one of this level stands for.
    most : int
        Windows to learn from, to begin with.
    """

    def __init__(self, windows: Image, factor: Factor, most: int = MOST_WINDOWS) -> None:
        pixels = windows_of(windows)
        assert pixels is not None
        self._pixels: WindowedPixels = pixels
        self._factor = factor
        self._seen = Scribbles.empty(windows.shape)
        self._made: dict[int, tuple[tuple[tuple[Block, NDArray[np.uint8]], ...], NDArray[np.uint8]]] = {}
        self._order: dict[int, int] = {}
        self._turn, self._most, self._left = 0, most, False

    def grow(self, by: int = FIRST_WINDOWS) -> bool:
        """Learn from more windows from now on; say whether there are any that were left out."""
        grows = self._left and self._most < MOST_WINDOWS
        self._most = min(self._most + by, MOST_WINDOWS)
        return grows

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
        gone = {number: {_INNER: filled_block(0, (SIDE, SIDE))} for number in old.planes if number not in chosen}
        self._seen = old.repainting(changed | gone, scribbles.version)
        return self._seen

    def _chosen(self) -> set[int]:
        """Return the windows to learn from: those painted last, and the last ones of each class."""
        painted = [number for number, (_, values) in self._made.items() if values.any()]
        painted.sort(key=lambda number: (-self._order[number], number))
        chosen = set(painted[: self._most])
        self._left = len(chosen) < len(painted)
        if len(chosen) < len(painted):
            met = {one for number in chosen for one in np.unique(self._made[number][1]).tolist()}
            for number in painted[self._most :]:
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
            return filled_block(0, (SIDE, SIDE))
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
        return frozen_block(found)


def strokes_in_windows(windows: Image, factor: Factor, numbers: Iterable[int], scribbles: Scribbles) -> Scribbles:
    """Return all that is painted in some windows of a level; what lies beyond the image's border counts as painted.

    Parameters
    ----------
    windows : Image
        The level, as :func:`.window_stack.window_stack` makes it.
    factor : (int, int)
        Rows and columns of the finest level that one of this level stands for.
    numbers : iterable of int
        Of the windows, counted through all planes.
    scribbles : Scribbles
        Of the finest level.
    """
    pixels = windows_of(windows)
    assert pixels is not None
    found = {}
    for number in numbers:
        rows, columns = pixels.grid.box(number % len(pixels.grid))
        here = LevelField(pixels.whole_plane(number), rows, columns, factor).painted(scribbles)
        inner = np.ones((SIDE, SIDE), np.uint8)
        inner[: here.shape[0], : here.shape[1]] = here
        if inner.any():
            found[number] = {_INNER: frozen_block(inner)}
    return Scribbles.empty(windows.shape).repainting(found, scribbles.version)


def _same(known: tuple[tuple[Block, NDArray[np.uint8]], ...], now: list[tuple[Block, NDArray[np.uint8]]]) -> bool:
    return len(known) == len(now) and all(one[1] is other[1] for one, other in zip(known, now, strict=True))
