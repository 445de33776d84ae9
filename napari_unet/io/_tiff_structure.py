"""The directories of a TIFF, walked before anything is allocated: counts and sizes must fit into the file.

Reads no pixels. Source of the structure: TIFF revision 6.0 (Adobe, 1992), section 2, and the BigTIFF proposal of Aware
Systems; https://www.awaresystems.be/imaging/tiff/bigtiff.html
"""

from __future__ import annotations

import dataclasses
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from napari_unet.core.errors import UserError

from ._sizes import check_size

HELP = "Allowed are TIFF files with grey, colour or label pixels. Save or copy the file again, or choose another."
_MOST_PAGES = 2_000_000
_MOST_TAGS = 4096
"""The entries of a directory: one for each tag; nobody uses more than some hundred."""
_TYPE_SIZES = {
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8,
}
_WIDTH, _HEIGHT, _BITS, _SAMPLES, _ROWS, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 258, 277, 278, 322, 323
_SUB_DIRECTORIES = 330
_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}


def check_structure(path: Path) -> None:
    """Walk the directories of a TIFF and hold what they say against the size of the file.

    What is no TIFF at all passes: whoever reads it finds that out.

    Raises
    ------
    UserError
        If directories form a circle or are too many, a tag says it is larger than the file, or the pixels would be far
        more than can be stored in it.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        walk = _Walk.begin(file, size, path)
        if walk is not None:
            _check_pixels(path, size, walk.directories())


def _check_pixels(path: Path, size: int, directories: Iterator[dict[int, int]]) -> None:
    total = 0
    for tags in directories:
        pixels = tags.get(_WIDTH, 0) * tags.get(_HEIGHT, 0) * max(1, tags.get(_SAMPLES, 1))
        block = tags.get(_TILE_WIDTH, 0) * tags.get(_TILE_HEIGHT, 0) or tags.get(_WIDTH, 0) * min(
            tags.get(_ROWS, 1), tags.get(_HEIGHT, 0)
        )
        width = math.ceil(max(1, tags.get(_BITS, 1)) / 8)
        total += max(pixels, block) * width
        check_size(str(path), total, lambda least: size >= least)


@dataclasses.dataclass
class _Walk:
    """The way from directory to directory of one file."""

    file: BinaryIO
    size: int
    path: Path
    order: str
    big: bool
    first: int

    @classmethod
    def begin(cls, file: BinaryIO, size: int, path: Path) -> _Walk | None:
        """Read the header; None if it is none of a TIFF."""
        head = file.read(16).ljust(16, b"\0")
        order = {b"II": "<", b"MM": ">"}.get(head[:2])
        if order is None:
            return None
        version = struct.unpack_from(f"{order}H", head, 2)[0]
        if version not in (42, 43):
            return None
        big = version == 43
        first = struct.unpack_from(f"{order}Q", head, 8) if big else struct.unpack_from(f"{order}I", head, 4)
        return cls(file, size, path, order, big, first[0])

    def directories(self) -> Iterator[dict[int, int]]:
        """Yield the first value of every tag of interest, directory by directory."""
        seen: set[int] = set()
        waiting = [self.first]
        while waiting:
            at, chain = waiting.pop(), set[int]()
            while at:
                if at in chain:
                    raise self._damaged("its directories follow each other in a circle")
                if at in seen:
                    break  # the smaller versions of a picture are listed there, and may also follow each other
                if len(seen) >= _MOST_PAGES:
                    raise self._damaged(f"it has more than {_MOST_PAGES} pages")
                seen.add(at)
                chain.add(at)
                tags, following, below = self._directory(at)
                if tags:
                    yield tags
                waiting.extend(one for one in below if one not in seen)
                at = following

    def _directory(self, at: int) -> tuple[dict[int, int], int, list[int]]:
        """Read one directory: its tags, where the next is, and those below it; nothing where the file ends before."""
        self.file.seek(min(at, self.size))
        count_form, entry, form = ("Q", 20, "HHQ8s") if self.big else ("H", 12, "HHI4s")
        head = self.file.read(struct.calcsize(f"={count_form}"))
        if len(head) < struct.calcsize(f"={count_form}"):
            return {}, 0, []  # said better by whoever reads the file
        count = struct.unpack(f"{self.order}{count_form}", head)[0]
        if count > _MOST_TAGS:
            raise self._damaged(f"a directory at byte {at} names {count} tags")
        body = self.file.read(count * entry)
        tail = self.file.read(8 if self.big else 4)
        whole = len(tail) == (8 if self.big else 4)
        following = struct.unpack(f"{self.order}{'Q' if self.big else 'I'}", tail)[0] if whole else 0
        tags: dict[int, int] = {}
        below: list[int] = []
        for code, kind, number, field in struct.iter_unpack(f"{self.order}{form}", body[: len(body) // entry * entry]):
            self._check_tag(code, kind, number)
            if code == _SUB_DIRECTORIES:
                below = self._offsets(kind, number, field)
            elif kind in _INTEGERS and number:
                tags[code] = self._first(kind, number, field)
        return tags, following, below

    def _check_tag(self, code: int, kind: int, number: int) -> None:
        if _TYPE_SIZES.get(kind, 1) * number > self.size:
            raise self._damaged(f"tag {code} says it holds {number} values, more than fit into {self.size} bytes")

    def _first(self, kind: int, number: int, field: bytes) -> int:
        """Return the first value of a tag, wherever it is stored; 0 if that is outside of the file."""
        length = _TYPE_SIZES[kind]
        if length * number > len(field):
            field = self._stored(field, length)
        return struct.unpack_from(f"{self.order}{_INTEGERS[kind]}", field)[0] if len(field) >= length else 0

    def _offsets(self, kind: int, number: int, field: bytes) -> list[int]:
        if kind not in _INTEGERS:
            return []
        length = _TYPE_SIZES[kind]
        if length * number > len(field):
            field = self._stored(field, length * number)
        whole = len(field) // length
        return list(struct.unpack_from(f"{self.order}{min(number, whole)}{_INTEGERS[kind]}", field))

    def _stored(self, field: bytes, length: int) -> bytes:
        here = self.file.tell()
        self.file.seek(min(struct.unpack(f"{self.order}{'Q' if self.big else 'I'}", field)[0], self.size))
        found = self.file.read(length)
        self.file.seek(here)
        return found

    def _damaged(self, how: str) -> UserError:
        return UserError(f"{self.path} is damaged: {how}. {HELP}")
