"""How sure a method is, kept while its objects are found and judged: then they are those that the method would give.

Only of methods that can say so, and only as much as fits into memory. Judges nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.classes import ClassTable
from ..core.image import Image
from ..core.method import Patch

MOST = 2**28
"""Probabilities that are kept at a time, at most: 1 GB."""


class SoftAnswers:
    """Class probabilities of one method on all images.

    Parameters
    ----------
    images : sequence of Image
    most : int, optional
        Numbers that are kept at most.
    """

    def __init__(self, images: Sequence[Image], most: int | None = None) -> None:
        self._images, self._left = images, MOST if most is None else most
        self._maps: dict[int, tuple[NDArray[np.float32], tuple[int, ...]]] = {}
        self._without: set[int] = set()

    def see(self, number: int, image: Image, patch: Patch, classes: ClassTable) -> None:
        """Keep what a patch says of how sure it is."""
        if patch.probabilities is None or number in self._without:
            return
        if number not in self._maps:
            shape = (len(classes.ids), *image.shape)
            self._left -= math.prod(shape)
            if self._left < 0:
                self._without.add(number)
                return
            self._maps[number] = np.zeros(shape, np.float32), classes.ids
        place: Any = (slice(None), *patch.where)
        self._maps[number][0][place] = patch.probabilities

    def of(self, number: int) -> tuple[NDArray[np.float32] | None, tuple[int, ...]]:
        """Return the probabilities (C, ...) of an image and the painted ids in their order; None where not known."""
        return self._maps.get(number, (None, ()))

    @property
    def said(self) -> str:
        """What could not be kept; empty if all could."""
        if not self._without:
            return ""
        names = ", ".join(self._images[number].name for number in sorted(self._without))
        return f"Objects of {names} were found without probabilities, which are too large to keep."
