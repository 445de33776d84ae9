"""What our operations have changed, so that each can be undone and redone. Holds no strokes, knows no session.

Brush strokes are not operations: the layer that they are painted on undoes them. An undo puts back only what its
operation changed and nobody has painted over since. Planes are kept as compressed blocks of the pixels that changed,
and all of them together take a bounded number of bytes.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from ..core.classes import ClassTable
from ..core.errors import UserError
from ..core.painted_plane import BLOCK
from ..core.scribbles import Scribbles

MEMORY = 64 * 2**20
"""Bytes that all operations together may take; the oldest go first."""

_FAST = 1
"""How hard blocks are compressed: paint is mostly nothing, and people wait."""

_DERIVED = 256
"""Added to an id in a block: the pixel was taken from a prediction."""


@dataclasses.dataclass(frozen=True, eq=False)
class EditedBlock:
    """A part of a plane before and after an operation, compressed; see :func:`marked_plane`."""

    key: Hashable
    plane: int
    row: int
    column: int
    shape: tuple[int, int]
    before: bytes
    after: bytes

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return len(self.before) + len(self.after)

    @property
    def box(self) -> tuple[slice, slice]:
        """Where it lies in its plane."""
        return slice(self.row, self.row + self.shape[0]), slice(self.column, self.column + self.shape[1])

    def state(self, undoing: bool) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
        """Return what it is when all is as the operation left it, and what it is to become."""
        before, after = (np.frombuffer(zlib.decompress(one), np.uint16).reshape(self.shape)
                         for one in (self.before, self.after))
        return (after, before) if undoing else (before, after)


@dataclasses.dataclass(frozen=True, eq=False)
class StrokeEdit:
    """One operation: what it is called, and what it has changed.

    Parameters
    ----------
    text : str
        What people read behind *Undo*, as "remove class nucleus".
    blocks : tuple of EditedBlock
    shapes : mapping of hashable to tuple of int
        Shapes of the images at that time, by key.
    names : mapping of hashable to str
        What these images were called.
    before, after : ClassTable
    """

    text: str
    blocks: tuple[EditedBlock, ...]
    shapes: Mapping[Hashable, tuple[int, ...]]
    names: Mapping[Hashable, str]
    before: ClassTable
    after: ClassTable

    @property
    def size(self) -> int:
        """Bytes that its blocks take."""
        return sum(one.size for one in self.blocks)


@dataclasses.dataclass(frozen=True)
class EditOutcome:
    """Whether an operation, an undo or a redo has changed anything, and a sentence about it."""

    changed: bool
    text: str = ""


@dataclasses.dataclass(frozen=True, eq=False)
class PutBack:
    """What strokes and classes become when an operation is undone or redone.

    Parameters
    ----------
    planes : mapping
        By key and plane number: paint (Y, X) uint8.
    derived : mapping
        By key and plane number: 1 where pixels were taken from a prediction, (Y, X) uint8.
    classes : ClassTable
    left : tuple of str
        What could not be put back, each in a sentence.
    """

    planes: Mapping[Hashable, Mapping[int, NDArray[np.uint8]]]
    derived: Mapping[Hashable, Mapping[int, NDArray[np.uint8]]]
    classes: ClassTable
    left: tuple[str, ...]


class EditHistory:
    """The operations of a sitting in order, and which of them are undone.

    Parameters
    ----------
    memory : int
        Bytes that all of them together may take.
    """

    changed = Signal()
    """There is something else to undo or redo."""

    def __init__(self, memory: int = MEMORY) -> None:
        self._memory = memory
        self._done: list[StrokeEdit] = []
        self._undone: list[StrokeEdit] = []

    @property
    def size(self) -> int:
        """Bytes that all operations take."""
        return sum(one.size for one in (*self._done, *self._undone))

    @property
    def undo_text(self) -> str:
        """What would be undone, ``""`` if there is nothing."""
        return self._done[-1].text if self._done else ""

    @property
    def redo_text(self) -> str:
        """What would be redone, ``""`` if there is nothing."""
        return self._undone[-1].text if self._undone else ""

    def add(self, edit: StrokeEdit) -> str:
        """Take up an operation that was done; what was undone cannot be redone any more.

        Returns
        -------
        str
            What cannot be undone any more for want of memory, in a sentence; ``""`` if all can.
        """
        self._undone.clear()
        self._done.append(edit)
        dropped = 0
        while self._done and self.size > self._memory:
            self._done.pop(0)
            dropped += 1
        self.changed.emit()
        if not dropped:
            return ""
        if not self._done:
            return "It is too large to be undone."
        return f"The oldest {'step' if dropped == 1 else f'{dropped} steps'} cannot be undone any more."

    def clear(self) -> None:
        """Forget all operations."""
        self._done.clear()
        self._undone.clear()
        self.changed.emit()

    def next_edit(self, undoing: bool) -> StrokeEdit | None:
        """Return what is to be undone or redone next, None if there is nothing."""
        source = self._done if undoing else self._undone
        return source[-1] if source else None

    def moved(self, undoing: bool, keep: bool = True) -> None:
        """Note that the next operation was undone or redone, or (not ``keep``) that it can be neither any more."""
        source, target = (self._done, self._undone) if undoing else (self._undone, self._done)
        edit = source.pop()
        if keep:
            target.append(edit)
        self.changed.emit()


def marked_plane(scribbles: Scribbles, number: int) -> NDArray[np.uint16]:
    """Return a plane of paint in which pixels taken from a prediction have 256 added; zeros where there is none."""
    shape = scribbles.shape[-2:]
    marked = scribbles.planes.get(number, np.zeros(shape, np.uint8)).astype(np.uint16)
    if number in scribbles.derived:
        marked += scribbles.derived[number] * np.uint16(_DERIVED)
    return marked


def changed_blocks(key: Hashable, number: int, old: Scribbles, new: Scribbles) -> Iterator[EditedBlock]:
    """Yield the blocks of a plane in which paint, or where it came from, differs."""
    before, after = marked_plane(old, number), marked_plane(new, number)
    for top in range(0, before.shape[0], BLOCK):
        for left in range(0, before.shape[1], BLOCK):
            block = slice(top, top + BLOCK), slice(left, left + BLOCK)
            differ = before[block] != after[block]
            if differ.any():
                rows, columns = np.flatnonzero(differ.any(axis=1)), np.flatnonzero(differ.any(axis=0))
                row, column = top + int(rows[0]), left + int(columns[0])
                shape = int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
                box = slice(row, row + shape[0]), slice(column, column + shape[1])
                one, other = (zlib.compress(np.ascontiguousarray(plane[box]).tobytes(), _FAST)
                              for plane in (before, after))
                yield EditedBlock(key, number, row, column, shape, one, other)


def put_back(
    edit: StrokeEdit, undoing: bool, strokes: Callable[[Hashable], Scribbles | None], classes: ClassTable,
    apart: Collection[Hashable] = (),
) -> PutBack:
    """Work out an undo or a redo: only what the operation changed, and nobody has changed since.

    Parameters
    ----------
    edit : StrokeEdit
    undoing : bool
        False: redo.
    strokes : callable
        Gives the present strokes of a key, None where there are none any more.
    classes : ClassTable
        As it is now.
    apart : collection of hashable
        Pairs that :mod:`.block_edits` puts back.
    """
    marked: dict[tuple[Hashable, int], NDArray[np.uint16]] = {}
    left, over = _closed(edit, strokes), 0
    for block in edit.blocks:
        now = strokes(block.key)
        if now is None or now.shape != edit.shapes[block.key] or block.key in apart:
            continue
        place = block.key, block.plane
        if place not in marked:
            marked[place] = marked_plane(now, block.plane)
        part = marked[place][block.box]
        was, wanted = block.state(undoing)
        same = part % _DERIVED == was % _DERIVED
        changed = was != wanted
        over += int((changed & ~same & (part % _DERIVED != wanted % _DERIVED)).sum())
        part[...] = np.where(changed & same, wanted, part)
    if over:
        left.append(painted_over(over))
    table, kept = _classes_back(edit, undoing, classes)
    planes: dict[Hashable, dict[int, NDArray[np.uint8]]] = {}
    derived: dict[Hashable, dict[int, NDArray[np.uint8]]] = {}
    for (key, number), whole in marked.items():
        planes.setdefault(key, {})[number] = (whole % _DERIVED).astype(np.uint8)
        derived.setdefault(key, {})[number] = (whole >= _DERIVED).astype(np.uint8)
    return PutBack(planes, derived, table, (*left, *kept))


def _closed(edit: StrokeEdit, strokes: Callable[[Hashable], Scribbles | None]) -> list[str]:
    """Say which images of an operation are gone, or are read along other axes now."""
    told = []
    for key in dict.fromkeys(block.key for block in edit.blocks):
        now = strokes(key)
        if now is None:
            told.append(f"{edit.names[key]!r} is not open any more; nothing was changed there.")
        elif now.shape != edit.shapes[key]:
            told.append(f"{edit.names[key]!r} has other axes than then; nothing was changed there.")
    return told


def painted_over(count: int) -> str:
    """Say that so many pixels could not be put back."""
    return (f"{count} pixels were painted over since and stay as they are." if count > 1 else
            "1 pixel was painted over since and stays as it is.")


def _classes_back(edit: StrokeEdit, undoing: bool, classes: ClassTable) -> tuple[ClassTable, Sequence[str]]:
    """Return the class table with the rows that an operation changed put back, unless they were changed since."""
    before, after, rows = ({one.id: one for one in table.classes} for table in (edit.before, edit.after, classes))
    had, wanted = (after, before) if undoing else (before, after)
    left = []
    for number in sorted({*had, *wanted}):
        row = wanted.get(number)
        if row == had.get(number) or rows.get(number) == row:
            continue
        if rows.get(number) != had.get(number):
            left.append(f"Class {number} was changed since and stays as it is.")
        elif row is None:
            del rows[number]
        else:
            rows[number] = row
    try:
        return ClassTable(tuple(rows[number] for number in sorted(rows))), left
    except UserError:
        return classes, [*left, "The classes stay as they are: another class has taken the name."]
