"""Operations on strokes of planes that are too large to be put together: block by block. Holds no strokes."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from ..core.level_field import shared_block
from ..core.painted_plane import BLOCK, Block, box_of
from ..core.scribbles import Scribbles
from .edit_history import EditedBlock, StrokeEdit, changed_blocks

LARGEST = 2**26
"""Pixels of a plane whose strokes are changed as a whole."""

ByBlocks = Mapping[Hashable, Mapping[int, Mapping[Block, NDArray[np.uint8]]]]
"""Paint by key of the pair, plane, and block."""


def is_changed_in_blocks(shape: tuple[int, ...]) -> bool:
    """Say whether strokes of a shape are changed block by block."""
    return math.prod(shape[-2:]) > LARGEST


def blocks_after_change(
    scribbles: Scribbles, change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]], plane: int | None
) -> dict[int, dict[Block, NDArray[np.uint8]]]:
    """Return the painted blocks of all planes (or of one) after a change of their pixels."""
    return {number: {block: shared_block(change(values)) for block, values in scribbles.blocks(number).items()}
            for number in scribbles.planes if plane in (None, number)}


def edited_blocks(
    changed: Mapping[Hashable, Iterable[int]], parts: Collection[Hashable], old: Mapping[Hashable, Scribbles],
    now: Callable[[Hashable], Scribbles | None],
) -> tuple[EditedBlock, ...]:
    """Return what an operation has changed, for its undo.

    Parameters
    ----------
    changed : mapping
        Numbers of planes by key.
    parts : collection of hashable
        Pairs that are changed block by block.
    old : mapping
        Strokes before, by key.
    now : callable
        Gives the present strokes of a key.
    """
    found: list[EditedBlock] = []
    for key, numbers in changed.items():
        new = now(key)
        for number in numbers if new is not None else ():
            assert new is not None
            found += (differing_blocks if key in parts else changed_blocks)(key, number, old[key], new)
    return tuple(found)


def differing_blocks(key: Hashable, number: int, old: Scribbles, new: Scribbles) -> Iterator[EditedBlock]:
    """Yield the blocks of a plane in which paint differs."""
    before, after = old.blocks(number), new.blocks(number)
    for block in sorted({*before, *after}):
        was, now = before.get(block), after.get(block)
        if was is now or (was is not None and now is not None and np.array_equal(was, now)):
            continue
        rows, columns = box_of(block, (old.shape[-2], old.shape[-1]))
        shape = rows.stop - rows.start, columns.stop - columns.start
        one, other = (zlib.compress(np.asarray(np.zeros(shape) if part is None else part, np.uint16).tobytes(), 1)
                      for part in (was, now))
        yield EditedBlock(key, number, rows.start, columns.start, shape, one, other)


def blocks_put_back(
    edit: StrokeEdit, undoing: bool, strokes: Callable[[Hashable], Scribbles | None]
) -> tuple[ByBlocks, int]:
    """Work out an undo or a redo of blocks: only what the operation changed, and nobody has changed since.

    Returns
    -------
    blocks : ByBlocks
    over : int
        Pixels that were painted over since and stay.
    """
    found: dict[Hashable, dict[int, dict[Block, NDArray[np.uint8]]]] = {}
    over = 0
    for one in edit.blocks:
        now = strokes(one.key)
        if now is None or now.shape != edit.shapes[one.key] or not is_changed_in_blocks(now.shape):
            continue
        block = one.row // BLOCK, one.column // BLOCK
        part = now.blocks(one.plane).get(block)
        part = np.zeros(one.shape, np.uint8) if part is None else part
        was, wanted = (side.astype(np.uint8) for side in one.state(undoing))
        changed, same = was != wanted, part == was
        over += int((changed & ~same & (part != wanted)).sum())
        found.setdefault(one.key, {}).setdefault(one.plane, {})[block] = shared_block(
            np.where(changed & same, wanted, part))
    return found, over
