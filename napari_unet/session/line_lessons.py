"""What the lines drawn on each plane say of necks and of borders, kept for the objects of all other planes.

It finds no object: a thread that finds those of a plane asks its lines at the same time. What is kept are a few numbers
a line. A line that is not noted any more (undone) says nothing; done again, it says what it said.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..learning.border_lesson import BorderLesson
from ..objects.border_strokes import border_lesson
from ..objects.hints import Line


class LineLessons:
    """What each line says, by the place where it was drawn."""

    def __init__(self) -> None:
        self._said: dict[Hashable, dict[Line, tuple[float, ...]]] = {}

    def put(self, where: Hashable, lines: Sequence[Line], said: Sequence[tuple[float, ...]]) -> None:
        """Keep what the lines of a place say, in their order; where they were not asked (empty), nothing changes."""
        if said:
            self._said.setdefault(where, {}).update(zip(lines, said, strict=True))

    def total(self, noted: Iterable[tuple[Hashable, Sequence[Line]]]) -> tuple[float, ...]:
        """Return what lines say together; those that were never asked say nothing, and if none was it is empty.

        Parameters
        ----------
        noted : iterable of (hashable, sequence of Line)
            Places, and the lines that are there now.
        """
        rows = [self._said[where][line] for where, lines in noted if where in self._said
                for line in lines if line in self._said[where]]
        return tuple(np.sum(rows, axis=0).tolist()) if rows else ()


@dataclasses.dataclass(frozen=True, eq=False)
class _Borders:
    image: Image
    lines: tuple[Line, ...]
    planes: Mapping[int, NDArray[np.uint8]]


class LineBorders:
    """Border strokes of the planes with cuts, by the place where these were drawn.

    What the same lines say once holds until there are others: with it the objects change, and they would say something
    a little different again and again.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, _Borders] = {}
        self._taught: list[_Borders] = []
        self._lesson: BorderLesson | None = None

    def __len__(self) -> int:
        return len(self._known)

    def put(
        self, where: Hashable, lines: tuple[Line, ...], image: Image, planes: Mapping[int, NDArray[np.uint8]]
    ) -> bool:
        """Keep the border strokes of a place: planes (Y, X) of the image by number; say whether that was new."""
        known = self._known.get(where)
        if known is not None and known.lines == lines and known.image is image:
            return False
        self._known[where] = _Borders(image, lines, planes)
        return True

    def keep(self, images: Iterable[Image]) -> bool:
        """Forget what other images teach; say whether there was anything."""
        there = {id(one) for one in images}
        gone = [where for where, known in self._known.items() if id(known.image) not in there]
        for where in gone:
            del self._known[where]
        return bool(gone)

    def lesson(self, noted: Iterable[tuple[Hashable, tuple[Line, ...]]]) -> BorderLesson | None:
        """Return what all of them teach, the same object for the same; a place whose lines are others says nothing.

        Parameters
        ----------
        noted : iterable of (hashable, tuple of Line)
            Places, and the lines that are there now.
        """
        there = [known for where, lines in noted
                 if (known := self._known.get(where)) is not None and known.lines == lines]
        if there != self._taught:
            self._taught, self._lesson = there, _lesson_of(there)
        return self._lesson


def _lesson_of(there: Sequence[_Borders]) -> BorderLesson | None:
    images: dict[int, tuple[Image, dict[int, NDArray[np.uint8]]]] = {}
    for one in there:
        images.setdefault(id(one.image), (one.image, {}))[1].update(one.planes)
    return border_lesson(images.values(), sum(line.kind == "cut" for one in there for line in one.lines))
