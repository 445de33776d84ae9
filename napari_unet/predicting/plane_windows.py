"""A plane that is read and normalised window by window, and is indexed like an array. Knows no networks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.normalisation import Normalisation
from .tiling import Box


class WindowedPlane:
    """Values (C, Y, X) of a plane, normalised where they are asked for.

    Parameters
    ----------
    image : Image
    number : int
        Of the plane.
    normalisation : Normalisation
    near : Box, optional
        What will be asked for: read once, as it is stored, and kept.
    """

    size = 0
    """Numbers that are kept, which is none to speak of."""

    def __init__(self, image: Image, number: int, normalisation: Normalisation, near: Box | None = None) -> None:
        self._image, self._number, self._normalisation = image, number, normalisation
        self.shape = (image.n_channels, *image.plane_shape)
        self._near = near
        self._stored = None if near is None else image.window(number, *near.slices)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> NDArray[np.float32]:
        _, rows, columns = index
        return self.normalised(rows, columns)[0]

    def normalised(self, rows: slice, columns: slice) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return values (C, y, x) of a window, and where (y, x) all are numbers."""
        return self._normalisation.window(self._image, self._number, self._window(rows, columns))

    def spread(self) -> float:
        """Return how far apart values of a channel lie in what is kept: 1 is the range of the plane."""
        if self._near is None:
            return math.inf
        values, valid = self.normalised(*self._near.slices)
        return max((float(np.ptp(channel[valid])) for channel in values if valid.any()), default=0.0)

    @property
    def hidden(self) -> HiddenWindows | None:
        """Where no number is, window by window; None if there is one everywhere."""
        return None if self._normalisation.facts(self._image, self._number).whole else HiddenWindows(self)

    def _window(self, rows: slice, columns: slice) -> NDArray[Any]:
        near = self._near
        if near is None or self._stored is None or not near.holds(rows, columns):
            return self._image.window(self._number, rows, columns)
        return self._stored[:, rows.start - near.y0 : rows.stop - near.y0, columns.start - near.x0 :
                            columns.stop - near.x0]


class HiddenWindows:
    """Where a plane holds no number, (Y, X), window by window."""

    def __init__(self, plane: WindowedPlane) -> None:
        self._plane = plane

    def __getitem__(self, where: tuple[slice, slice]) -> NDArray[np.bool_]:
        return ~self._plane.normalised(*where)[1]
