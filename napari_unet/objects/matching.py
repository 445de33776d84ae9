"""Which true and found objects are the same, and what went wrong with the others. Knows no class and no metric.

Two objects are the same if their IoU is above a threshold of at least one half: then none can have two partners, and no
assignment has to be sought. What has no partner is sorted by what happened to it: a true object in two or more pieces
is *split*, several true objects in one found object are *merged*; the rest is *missed* or *invented*.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError

THRESHOLDS = tuple(number / 100 for number in range(50, 100, 5))
"""IoU at which average precision is taken: 0.5, 0.55, ... 0.95."""

_PIECE = 0.1
"""Share of a whole from which on a part of it is a piece and no dirt."""

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


@dataclasses.dataclass(frozen=True, eq=False)
class ObjectMatching:
    """What became of every object; all are arrays of numbers, in order.

    Parameters
    ----------
    true, test : ndarray of int64
        The numbers that are the same object, one pair at each place.
    iou : ndarray of float64
        Of each pair.
    true_numbers, test_numbers : ndarray of int64
        All objects of the reference and of what was found.
    split : ndarray of int64
        True objects in two or more pieces: found objects that lie mostly in it, each at least a tenth of it.
    pieces : ndarray of int64
        Those found objects.
    merging : ndarray of int64
        Found objects that two or more true objects lie mostly in, each at least a tenth of it.
    merged : ndarray of int64
        Those true objects.
    """

    true: NDArray[np.int64]
    test: NDArray[np.int64]
    iou: NDArray[np.float64]
    true_numbers: NDArray[np.int64]
    test_numbers: NDArray[np.int64]
    split: NDArray[np.int64]
    pieces: NDArray[np.int64]
    merging: NDArray[np.int64]
    merged: NDArray[np.int64]

    def found(self, threshold: float = 0.5) -> int:
        """Return how many objects were found, with an IoU above a threshold of at least 0.5."""
        return int(np.count_nonzero(self.iou > threshold))

    @property
    def total(self) -> int:
        """Objects of both together."""
        return self.true_numbers.size + self.test_numbers.size

    @property
    def missed(self) -> NDArray[np.int64]:
        """True objects without a partner that are neither split nor merged."""
        known = np.concatenate([self.true, self.split, self.merged])
        return np.setdiff1d(self.true_numbers, known)

    @property
    def invented(self) -> NDArray[np.int64]:
        """Found objects without a partner that are neither a piece of one nor several in one."""
        known = np.concatenate([self.test, self.pieces, self.merging])
        return np.setdiff1d(self.test_numbers, known)

    def average_precision(self, thresholds: tuple[float, ...] = THRESHOLDS) -> float:
        """Return TP / (TP + FP + FN), mean over thresholds of the IoU; 1 where there is nothing and nothing found."""
        if not self.total:
            return 1.0
        found = [self.found(threshold) for threshold in thresholds]
        return float(np.mean([one / (self.total - one) for one in found]))

    @property
    def f1(self) -> float:
        """Return 2 TP / (2 TP + FP + FN) at 0.5."""
        return 2 * self.found() / self.total if self.total else 1.0

    @property
    def panoptic_quality(self) -> float:
        """Return the sum of IoU over TP + FP/2 + FN/2 at 0.5."""
        return float(2 * self.iou.sum() / self.total) if self.total else 1.0


def match(true: Labels, test: Labels, threshold: float = 0.5) -> ObjectMatching:
    """Match objects by their pixels.

    Parameters
    ----------
    true, test : ndarray of int, same shape
        Object numbers, 0 = none. Nothing need be connected.
    threshold : float
        IoU above which two are the same, at least 0.5.

    Raises
    ------
    UserError
        If the shapes differ, or the threshold is below one half.
    """
    if true.shape != test.shape:
        raise UserError(f"Objects of shape {test.shape} cannot be matched with objects of shape {true.shape}. Both "
                        "must be of the same image.")
    return match_joint(joint(true, test, (true > 0) | (test > 0)), threshold)


def match_joint(shared: Joint, threshold: float = 0.5) -> ObjectMatching:
    """Match objects by the pixels they share, see :func:`match`; pixels of neither need not be counted."""
    if threshold < 0.5:
        raise UserError(f"Objects are matched at an IoU of at least 0.5, not {threshold:g}: below, one could have two "
                        "partners.")
    true_sizes, test_sizes = shared.true_sizes, shared.test_sizes
    both = shared.only((shared.true > 0) & (shared.test > 0))
    union = true_sizes[both.true] + test_sizes[both.test] - both.count
    iou = both.count / union
    # from whole numbers: an IoU of exactly one half must not pass
    same = (2 * both.count > union) & ((iou > threshold) | (threshold == 0.5))
    whole_of_test = (2 * both.count > test_sizes[both.test]) & (both.count >= _PIECE * true_sizes[both.true])
    whole_of_true = (2 * both.count > true_sizes[both.true]) & (both.count >= _PIECE * test_sizes[both.test])
    split, pieces = _several(both.true[whole_of_test], both.test[whole_of_test])
    merging, merged = _several(both.test[whole_of_true], both.true[whole_of_true])
    return ObjectMatching(both.true[same], both.test[same], iou[same], _numbers(true_sizes), _numbers(test_sizes),
                          split, pieces, merging, merged)


def _several(wholes: NDArray[np.int64], parts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the wholes that have two or more parts, and these parts."""
    found, place, count = np.unique(wholes, return_inverse=True, return_counts=True)
    return found[count > 1], np.unique(parts[count[place] > 1])


def _numbers(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers that have pixels, without 0."""
    return np.flatnonzero(sizes[1:]) + 1
