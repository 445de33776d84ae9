"""What a thread hands to the window: objects, and which parts of the layer differ. Pastes nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from napari_unet.session.object_search import FoundObjects, ObjectQuestion

from .object_layer import PIECE, Pieces


@dataclasses.dataclass(frozen=True, eq=False)
class AnsweredObjects:
    """Objects that were found, ready to be pasted.

    Parameters
    ----------
    found : FoundObjects
    base : ndarray of uint32
        What was shown when they were asked for.
    numbers : ndarray of uint32
        What is to be shown: ``base`` with what was found in its box.
    pieces : tuple
        The parts of planes in which both differ.
    """

    found: FoundObjects
    base: NDArray[np.uint32]
    numbers: NDArray[np.uint32]
    pieces: Pieces

    @classmethod
    def of(cls, question: ObjectQuestion, planes: tuple[int, ...], base: NDArray[np.uint32]) -> AnsweredObjects:
        """Answer a question about planes of these numbers, but count nothing yet; takes long."""
        found = question.found()
        numbers = found.numbers
        if question.box is not None:
            numbers = base.copy()
            numbers[question.box] = found.numbers
        top, left = (0, 0) if question.box is None else (one.start for one in question.box)
        pieces = []
        for at, plane in enumerate(planes):
            old, new = (array[at] if array.ndim > 2 else array for array in (question.before, found.numbers))
            for row in range(0, new.shape[0], PIECE):
                for column in range(0, new.shape[1], PIECE):
                    here = new[row : row + PIECE, column : column + PIECE]
                    if not np.array_equal(old[row : row + PIECE, column : column + PIECE], here):
                        rows = slice(top + row, top + row + here.shape[0])
                        columns = slice(left + column, left + column + here.shape[1])
                        pieces.append((plane, (rows, columns), here))
        return cls(found, base, numbers, tuple(pieces))

    def counted(self) -> AnsweredObjects:
        """Return the same, counted and measured."""
        return dataclasses.replace(self, found=self.found.counted())
