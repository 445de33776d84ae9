"""Multi-scale filters of a plane, tile by tile with a halo, so that a plane of any size fits into memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_TRUNCATE = 4.0  # of scikit-image's Gaussian, in standard deviations
_DERIVATIVES = 3  # Sobel takes one pixel more, the second derivatives two
_MOST_VALUES = 2**24  # of the features of one tile: 64 MB


@dataclasses.dataclass(frozen=True)
class Filters:
    """Gaussian blur, edges (Sobel of it) and its two curvatures (eigenvalues of the Hessian), at doubling scales.

    Parameters
    ----------
    smallest, largest : float
        Standard deviations of the first and the last Gaussian, in pixels.
    """

    smallest: float
    largest: float

    @property
    def halo(self) -> int:
        """How many pixels around a tile its filters look at."""
        return int(_TRUNCATE * self.largest + 0.5) + _DERIVATIVES

    @property
    def count(self) -> int:
        """Number of features of one channel."""
        return 4 * int(np.log2(self.largest) - np.log2(self.smallest) + 1)

    def measure(self, pixels: NDArray[np.float32], box: tuple[slice, slice]) -> NDArray[np.float32]:
        """Measure the pixels of a box, from it and its halo only.

        Parameters
        ----------
        pixels : ndarray of float32, shape (C, Y, X)
            The whole plane.
        box : tuple of slice
            Rows and columns, with start and stop.

        Returns
        -------
        ndarray of float32, shape (rows, columns, F)
            Channel after channel :attr:`count` features, as scikit-image's ``multiscale_basic_features`` orders them.
        """
        from skimage.feature import multiscale_basic_features

        wide = [slice(max(0, part.start - self.halo), min(size, part.stop + self.halo))
                for part, size in zip(box, pixels.shape[1:], strict=True)]
        around = np.moveaxis(pixels[:, wide[0], wide[1]], 0, -1)
        short = [max(0, 3 - size) for size in around.shape[:2]]  # a derivative needs neighbours
        if any(short):
            around = np.pad(around, ((0, short[0]), (0, short[1]), (0, 0)), mode="edge")
        found = multiscale_basic_features(
            around, sigma_min=self.smallest, sigma_max=self.largest, channel_axis=-1
        )
        inner = tuple(slice(part.start - big.start, part.stop - big.start)
                      for part, big in zip(box, wide, strict=True))
        return np.asarray(found[inner], np.float32)

    def tiles(self, shape: tuple[int, int], channels: int) -> Iterator[tuple[slice, slice]]:
        """Divide a plane into boxes whose features with halo stay below some 64 MB; each pixel is in one."""
        side = max(64, int((_MOST_VALUES / (self.count * channels)) ** 0.5) - 2 * self.halo)
        for top in range(0, shape[0], side):
            for left in range(0, shape[1], side):
                yield slice(top, min(top + side, shape[0])), slice(left, min(left + side, shape[1]))
