"""What the lines drawn on each plane say of how narrow a neck is cut, kept for the objects of all other planes.

It finds no object: a thread that finds those of a plane asks its lines at the same time. What is kept are a few numbers
a line. A line that is not noted any more (undone) says nothing; done again, it says what it said.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np

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
