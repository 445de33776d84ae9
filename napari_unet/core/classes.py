"""Class names, colours and the two codes of a class image. Holds no pixels."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from .errors import UserError

MAX_CLASS_ID = 255
"""Strokes are uint8, so 255 is the largest painted id."""

_COLOR = re.compile(r"#[0-9a-fA-F]{6}(?:[0-9a-fA-F]{2})?")

# Okabe & Ito 2008, "Color Universal Design": told apart with every common colour blindness.
_PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")


@dataclasses.dataclass(frozen=True)
class PaintedClass:
    """One class: the id it is painted with (1 = background), its name and its colour (``#rrggbb``)."""

    id: int
    name: str
    color: str


@dataclasses.dataclass(frozen=True)
class ClassTable:
    """The classes in order of their painted ids.

    Raises
    ------
    UserError
        If an id is repeated or not in 1 to 255, a name is empty or repeated or cannot be written, or a colour is none.
    """

    classes: tuple[PaintedClass, ...]

    def __post_init__(self) -> None:
        for one in self.classes:
            _check_words(one)
        ids = [one.id for one in self.classes]
        if ids != sorted(set(ids)) or any(not 1 <= number <= MAX_CLASS_ID for number in ids):
            raise UserError(f"Class ids must be different numbers from 1 to {MAX_CLASS_ID} in order, not {ids}.")
        names = [one.name.strip() for one in self.classes]
        if not all(names) or len(set(names)) < len(names):
            raise UserError(f"Every class needs a name of its own, not {names}.")

    @classmethod
    def default(cls, ids: Iterable[int] = (1, 2)) -> ClassTable:
        """Return a table with ``background`` and ``class 2``, ``class 3``, ... and colour-blind-safe colours."""
        ids = sorted(map(int, ids))
        return cls.named({number: "background" if number == 1 else f"class {number}" for number in ids})

    @classmethod
    def named(cls, names: Mapping[int, str]) -> ClassTable:
        """Return a table with these names by painted id, and default colours."""
        return cls(tuple(PaintedClass(number, names[number], default_color(number)) for number in sorted(names)))

    @property
    def ids(self) -> tuple[int, ...]:
        """Painted ids in order."""
        return tuple(one.id for one in self.classes)

    def name(self, number: int) -> str:
        """Return the name of a painted id (``class N`` if it is not in the table)."""
        return next((one.name for one in self.classes if one.id == number), f"class {number}")

    def color(self, number: int) -> str:
        """Return the colour of a painted id as ``#rrggbb``."""
        return next((one.color for one in self.classes if one.id == number), default_color(number))

    def ids_of(self, chosen: Iterable[str | int]) -> tuple[int, ...]:
        """Return the painted ids of classes but the background, given by names or painted ids.

        Raises
        ------
        UserError
            If there is no such class.
        """
        by_word = {word: one.id for one in self.classes if one.id > 1 for word in (one.id, one.name)}
        words = list(chosen)
        unknown = [word for word in words if word not in by_word]
        if unknown:
            known = ", ".join(f"{one.name} (in a mask {one.id - 1}, painted {one.id})"
                              for one in self.classes if one.id > 1)
            word = unknown[0]
            what = repr(word) if isinstance(word, str) else f"with the number {word - 1} in a mask (painted {word})"
            raise UserError(f"There is no class {what} besides the background. There are: {known or 'none'}.")
        return tuple(by_word[word] for word in words)

    def including(self, ids: Iterable[int]) -> ClassTable:
        """Return a table that has these ids too, under default names."""
        missing = set(map(int, ids)) - set(self.ids)
        if not missing:
            return self
        taken = {one.name for one in self.classes}
        extra = []
        for number in sorted(missing):
            name = "background" if number == 1 else f"class {number}"
            extra.append(PaintedClass(number, name if name not in taken else f"{name} (id {number})",
                                      default_color(number)))
        return ClassTable(tuple(sorted((*self.classes, *extra), key=lambda one: one.id)))


def _check_words(one: PaintedClass) -> None:
    """Check the name and the colour of a class: both go into files, tables and onto the screen."""
    if not isinstance(one.name, str) or any("\ud800" <= letter <= "\udfff" for letter in one.name):
        raise UserError(f"The name of class {one.id!r} is no text that can be written. Give it another.")
    if not isinstance(one.color, str) or not _COLOR.fullmatch(one.color):
        shown = one.color[:40] if isinstance(one.color, str) else type(one.color).__name__
        raise UserError(f"The colour of class {one.id!r} is {shown!r}. Allowed: #rrggbb, such as #e69f00.")


def default_color(number: int) -> str:
    """Return the default colour of a painted id: colour-blind safe, repeating after seven."""
    return _PALETTE[(number - 1) % len(_PALETTE)]


def to_mask(painted: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Turn painted ids (1 = background, 2, ... = classes) into a mask (0 = background, 1, ... = classes).

    Unpainted pixels (0) become background; gaps between ids are kept. The one place that knows the difference
    between the two codes is this function and its inverse :func:`to_painted`.

    Parameters
    ----------
    painted : ndarray of int, any shape, values 0 to 255

    Returns
    -------
    ndarray of uint8, same shape
    """
    painted = np.asarray(painted)
    return (painted - (painted > 0)).astype(np.uint8)


def to_painted(mask: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Turn a mask (0 = background) into painted ids (1 = background); see :func:`to_mask`.

    Raises
    ------
    UserError
        If a value is not in 0 to 254.
    """
    mask = np.asarray(mask)
    if mask.size and (mask.min() < 0 or mask.max() >= MAX_CLASS_ID):
        raise UserError(
            f"A mask holds class numbers from 0 (background) to {MAX_CLASS_ID - 1}, but this one has "
            f"{mask.min()} to {mask.max()}. Is it an image of single objects? Then make it a mask first (objects > 0)."
        )
    return (mask + 1).astype(np.uint8)


def merged(mine: ClassTable, theirs: ClassTable, painted: bool) -> ClassTable:
    """Return the classes of a model, or, where strokes are painted already, ours and those of the model's we lack."""
    if not painted:
        return theirs
    by_id = {one.id: one for one in theirs.classes} | {one.id: one for one in mine.classes}
    names = [one.name for one in by_id.values()]
    if len(set(names)) < len(names):
        return mine.including(theirs.ids)
    return ClassTable(tuple(by_id[number] for number in sorted(by_id)))
