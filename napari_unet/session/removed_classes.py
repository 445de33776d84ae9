"""Classes that were removed with their paint: when that comes back, so do names and colours. Holds no strokes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Mapping

from ..core.classes import ClassTable, PaintedClass
from ..core.errors import UserError


class RemovedClasses:
    """What removed classes were called, and how much of them was painted on each image."""

    def __init__(self) -> None:
        self._removed: dict[int, tuple[PaintedClass, Mapping[Hashable, int]]] = {}

    def note(self, row: PaintedClass | None, paint: Mapping[Hashable, int]) -> None:
        """Remember a class, by key how many pixels of it are painted; nothing where none are."""
        if row is not None and any(paint.values()):
            self._removed[row.id] = row, paint

    def brought_back(self, classes: ClassTable, count: Callable[[Hashable, int], int]) -> ClassTable:
        """Return a table with the classes whose paint is there again, as it was on an image."""
        for number, (row, paint) in tuple(self._removed.items()):
            if any(much and much == count(key, number) for key, much in paint.items()):
                del self._removed[number]
                rows = {one.id: one for one in classes.classes} | {number: row}
                with contextlib.suppress(UserError):  # another class has taken the name
                    classes = ClassTable(tuple(rows[one] for one in sorted(rows)))
        return classes
