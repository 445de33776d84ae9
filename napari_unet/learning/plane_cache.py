"""Normalised planes of images, read when needed and kept within a memory bound. Knows no strokes and no networks."""

from __future__ import annotations

import weakref
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image, warn_not_finite
from ..core.normalisation import Normalisation, warn_of_scale


class PlaneCache:
    """Reads planes of images, normalises them, and keeps the most recently used ones.

    Parameters
    ----------
    normalisation : Normalisation
    max_bytes : int
        Memory for kept planes; the plane asked for last is always kept.
    """

    def __init__(self, normalisation: Normalisation, max_bytes: int = 2**29) -> None:
        self._normalisation = normalisation
        self._max_bytes = max_bytes
        # the image is part of the entry so that its id cannot be taken over by another one
        self._kept: OrderedDict[tuple[int, int], tuple[Image, NDArray[np.float32], NDArray[np.bool_]]] = OrderedDict()
        self._warned: set[int] = set()
        self._told: weakref.WeakSet[Image] = weakref.WeakSet()
        self._bytes = 0

    def get(self, image: Image, number: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return a normalised plane (C, Y, X) and which of its pixels are numbers (Y, X); do not write to them.

        Warns
        -----
        InputWarning
            Once per image array, with the count in the plane at hand, if pixels are NaN or infinite. Once per image, if
            it is on another scale than those that were learnt from.
        """
        key = (id(image.data), number)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key][1:]
        if image not in self._told:
            self._told.add(image)
            warn_of_scale(self._normalisation, image)
        plane, valid = self._normalisation.plane(image, number)
        bad = int(valid.size - np.count_nonzero(valid))
        if bad and key[0] not in self._warned:
            self._warned.add(key[0])
            warn_not_finite(image, bad)
        self._kept[key] = (image, plane, valid)
        self._bytes += plane.nbytes + valid.nbytes
        while self._bytes > self._max_bytes and len(self._kept) > 1:
            _, (_, old, old_valid) = self._kept.popitem(last=False)
            self._bytes -= old.nbytes + old_valid.nbytes
        return plane, valid

    @property
    def n_bytes(self) -> int:
        """Memory in use by kept planes."""
        return self._bytes
