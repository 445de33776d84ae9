"""Regions of a plane and the class each of them takes. Makes no regions and fits nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from ..core.leaving import look_up
from .appearance import Appearance


@dataclasses.dataclass(frozen=True, eq=False)
class Regions:
    """A plane divided into regions; or, where every pixel is a region of its own, its pixels.

    Parameters
    ----------
    numbers : ndarray of int, shape (Y, X) or (Z, Y, X)
        Region of each pixel, 0 to n - 1.
    features : ndarray of float32, shape (n, F)
        What is measured of each region: the mean of its pixels.
    stack : ndarray of float32, shape (F, Y, X) or (F, Z, Y, X)
        What is measured of each pixel.
    spacing : tuple of float
        Steps from pixel to pixel along each axis.
    """

    numbers: NDArray[np.integer]
    features: NDArray[np.float32]
    stack: NDArray[np.float32]
    spacing: tuple[float, ...] = (1.0, 1.0)

    @classmethod
    def of_pixels(cls, stack: NDArray[np.float32], spacing: tuple[float, ...]) -> Regions:
        """Take every pixel of a stack (F, Y, X) or (F, Z, Y, X) as a region of its own."""
        numbers = np.arange(stack[0].size).reshape(stack.shape[1:])
        return cls(numbers, stack.reshape(len(stack), -1).T, stack, spacing)

    @classmethod
    def of(cls, numbers: NDArray[np.integer], stack: NDArray[np.float32], valid: NDArray[np.bool_]) -> Regions:
        """Measure regions by the mean of their valid pixels.

        Parameters
        ----------
        numbers : ndarray of int, shape (Y, X) or (Z, Y, X)
            Any whole numbers from 0; they are renumbered without gaps.
        stack : ndarray of float32, shape (F, Y, X) or (F, Z, Y, X)
        valid : ndarray of bool, shape (Y, X) or (Z, Y, X)
        """
        look_up()  # what made the regions of a volume took its time
        present = np.bincount(numbers.ravel()) > 0
        dense = (np.cumsum(present) - 1)[numbers]
        flat, weight = dense.ravel(), valid.ravel().astype(np.float64)
        size = np.maximum(np.bincount(flat, weight), 1)
        means = [np.bincount(flat, channel.ravel() * weight) / size for channel in stack]
        return cls(dense, np.stack(means, axis=1).astype(np.float32), stack)

    def samples(self, paint: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Return the features (n, F) of every painted pixel, and its painted id (n,)."""
        painted = paint > 0
        return self.stack[:, painted].T, paint[painted]

    def memberships(
        self, appearance: Appearance, ids: tuple[int, ...], paint: NDArray[np.uint8] | None
    ) -> NDArray[np.float32]:
        """Give every region the class most painted inside it, else say how much it resembles each class.

        Where two classes are painted equally often in a region, the one it resembles more wins.

        Returns
        -------
        ndarray of float32, shape (K, n)
            In the order of ``ids``.
        """
        shares = appearance.memberships(self.features)
        if paint is None:
            return shares
        count = len(self.features)
        votes = np.stack([np.bincount(self.numbers[paint == number], minlength=count) for number in ids])
        winner = (votes + 0.5 * shares).argmax(axis=0)
        painted = votes.sum(axis=0) > 0
        shares[:, painted] = winner[painted] == np.arange(len(ids))[:, None]
        return shares
