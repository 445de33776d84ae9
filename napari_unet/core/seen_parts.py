"""Which parts of an image are read in a block of code, each with a sum of its pixels. Reads nothing itself.

So one can tell later whether what was computed from them would be the same. A sum is no proof against ill will.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import re
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TEXT = re.compile(r"(\d+)/(\d+):(\d+)/(\d+):(\d+)/([0-9a-f]{8})")


@dataclasses.dataclass(frozen=True)
class ReadPart:
    """A part of a plane.

    Parameters
    ----------
    plane : int
    rows, columns : (int, int)
        First, and the one after the last.
    total : int
        Sum of its pixels.
    """

    plane: int
    rows: tuple[int, int]
    columns: tuple[int, int]
    total: int

    def __str__(self) -> str:
        (top, bottom), (left, right) = self.rows, self.columns
        return f"{self.plane}/{top}:{bottom}/{left}:{right}/{self.total:08x}"

    @classmethod
    def read(cls, text: str) -> ReadPart | None:
        """Read what ``str`` wrote; None if it is nothing of the kind."""
        found = _TEXT.fullmatch(text)
        if found is None:
            return None
        plane, top, bottom, left, right = map(int, found.groups()[:5])
        return cls(plane, (top, bottom), (left, right), int(found[6], 16))

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns."""
        return slice(*self.rows), slice(*self.columns)

    def holds(self, rows: tuple[int, int], columns: tuple[int, int]) -> bool:
        """Say whether rows and columns of its plane lie in it."""
        return (self.rows[0] <= rows[0] and rows[1] <= self.rows[1]
                and self.columns[0] <= columns[0] and columns[1] <= self.columns[1])


def pixel_sum(pixels: NDArray[Any]) -> int:
    """Return a sum of pixels that depends on where each of them lies."""
    return zlib.crc32(np.ascontiguousarray(pixels).reshape(-1).view(np.uint8).data)


_seen: contextvars.ContextVar[tuple[Any, list[ReadPart]] | None] = contextvars.ContextVar("seen parts", default=None)


@contextlib.contextmanager
def seeing(image: Any) -> Iterator[list[ReadPart]]:
    """Give a list that gets the parts of an image that are read in the block, in threads that it starts, too."""
    parts: list[ReadPart] = []
    token = _seen.set((image, parts))
    try:
        yield parts
    finally:
        _seen.reset(token)


def note_part(image: Any, plane: int, rows: slice, columns: slice, pixels: NDArray[Any]) -> None:
    """Note that a part of a plane was read, (..., Y, X), if anybody wants to know."""
    wanted = _seen.get()
    if wanted is None or wanted[0] is not image or {rows.step, columns.step} - {None, 1}:
        return
    (top, bottom, _), (left, right, _) = (part.indices(size) for part, size in zip(
        (rows, columns), image.plane_shape, strict=True))
    wanted[1].append(ReadPart(plane, (top, bottom), (left, right), pixel_sum(pixels)))
