"""Parts of a class (connected components), and how those of a prediction and a reference share pixels.

Registers no metric.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.components import label_components

from . import ClassComparison

Labels = NDArray[np.integer[Any]]


@dataclasses.dataclass(frozen=True, eq=False)
class Joint:
    """Which numbers two label images have at the same pixels, and how often.

    Parameters
    ----------
    true, test : ndarray of int64, shape (n,)
        The numbers of each pair that occurs.
    count : ndarray of int64, shape (n,)
        Number of pixels of each pair.
    """

    true: NDArray[np.int64]
    test: NDArray[np.int64]
    count: NDArray[np.int64]

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return int(self.count.sum())

    @property
    def true_sizes(self) -> NDArray[np.int64]:
        """Pixels of each number of the reference, at its place."""
        return _sizes(self.true, self.count)

    @property
    def test_sizes(self) -> NDArray[np.int64]:
        """Pixels of each number of the prediction, at its place."""
        return _sizes(self.test, self.count)

    def only(self, kept: NDArray[np.bool_]) -> Joint:
        """Return the pairs for which ``kept`` is true."""
        return Joint(self.true[kept], self.test[kept], self.count[kept])


def joint(true: Labels, test: Labels, where: NDArray[np.bool_] | None = None) -> Joint:
    """Count pairs of numbers.

    Parameters
    ----------
    true, test : ndarray of int, same shape
        Not negative.
    where : ndarray of bool, same shape, optional
        Pixels that count; default all.
    """
    first, second = (labels.ravel() if where is None else labels[where] for labels in (true, test))
    if not first.size:
        nothing = np.zeros(0, np.int64)
        return Joint(nothing, nothing, nothing)
    width = int(second.max()) + 1
    pairs = first.astype(np.int64)
    pairs *= width
    pairs += second.astype(np.int64, copy=False)
    # neighbours mostly share their pair: sorting runs of equal pairs is much less work than sorting pixels
    starts = np.concatenate([[0], np.flatnonzero(pairs[1:] != pairs[:-1]) + 1])
    lengths = np.diff(starts, append=pairs.size)
    found, place = np.unique(pairs[starts], return_inverse=True)
    count = np.bincount(place, weights=lengths, minlength=found.size)  # float64: exact up to 2**53 pixels
    return Joint(found // width, found % width, count.astype(np.int64))


def _sizes(numbers: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.bincount(numbers, weights=count).astype(np.int64)


def predicted_parts(compared: ClassComparison) -> Labels:
    """Number the parts of the predicted class; ask for it through ``compared.once(predicted_parts)``."""
    return label_components(compared.prediction)


def reference_parts(compared: ClassComparison) -> Labels:
    """Number the parts of the true class; ask for it through ``compared.once(reference_parts)``."""
    return label_components(compared.reference)


def predicted_rest(compared: ClassComparison) -> Labels:
    """Number the parts of what is known and not of the predicted class (ask for it through ``once``)."""
    return label_components(compared.rest(compared.prediction), corners=False)


def reference_rest(compared: ClassComparison) -> Labels:
    """Number the parts of what is known and not of the true class (ask for it through ``once``)."""
    return label_components(compared.rest(compared.reference), corners=False)


def shared_parts(compared: ClassComparison) -> Joint:
    """Count what parts of the class share, where either has it; 0 is outside the class (through ``once``)."""
    return joint(compared.once(reference_parts), compared.once(predicted_parts),
                 compared.prediction | compared.reference)


def shared_rest(compared: ClassComparison) -> Joint:
    """Count what parts of the rest share, where either is outside the class; 0 is the class (through ``once``)."""
    return joint(compared.once(reference_rest), compared.once(predicted_rest),
                 compared.rest(compared.prediction & compared.reference))


def shared_partition(compared: ClassComparison) -> Joint:
    """Count what the parts of all known pixels share, those of the class and those of the rest (through ``once``)."""
    return joint(_both(compared.reference, compared.once(reference_parts), compared.once(reference_rest)),
                 _both(compared.prediction, compared.once(predicted_parts), compared.once(predicted_rest)),
                 compared.valid)


def _both(mask: NDArray[np.bool_], parts: Labels, rest: Labels) -> Labels:
    """Number the parts of a class and of the rest in one array."""
    numbers: Labels = np.where(mask, parts, rest.astype(np.int64) + int(parts.max()))
    return numbers
