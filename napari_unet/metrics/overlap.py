"""Overlap of a class with its reference, pixel by pixel. Knows nothing of shapes and neighbours.

With TP, FP, FN, TN the numbers of known pixels of the class found, wrongly found, missed and rightly left out:

=================  ===========================  ==================  ===============  ==========
metric             value                        nothing predicted   empty reference  both empty
=================  ===========================  ==================  ===============  ==========
dice               2 TP / (2 TP + FP + FN)      0                   0                1
iou                TP / (TP + FP + FN)          0                   0                1
accuracy           (TP + TN) / all              TN / all            TN / all         1
balanced_accuracy  (recall + specificity) / 2   1/2                 specificity      1
precision          TP / (TP + FP)               no value            0                1
recall             TP / (TP + FN)               0                   no value         1
specificity        TN / (TN + FP)               1                   TN / (TN + FP)   1
matthews           see its docstring            0                   0                1
=================  ===========================  ==================  ===============  ==========

Where no pixel is known none has a value. They agree with scikit-learn's ``f1_score``, ``jaccard_score``,
``accuracy_score``, ``balanced_accuracy_score``, ``precision_score``, ``recall_score``, ``recall_score(pos_label=0)``
and ``matthews_corrcoef`` of the known pixels, and with MONAI's ``compute_dice``, ``compute_iou`` and
``get_confusion_matrix``, wherever those have a value.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from . import NOTHING_KNOWN, ClassComparison, NoValue, register


@dataclasses.dataclass(frozen=True)
class Counts:
    """Numbers of known pixels: the class found, wrongly found, missed, and rightly left out."""

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def known(self) -> int:
        """All known pixels."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def both_empty(self) -> bool:
        """The class is neither predicted nor in the reference."""
        return not (self.tp or self.fp or self.fn)


def counts(compared: ClassComparison) -> Counts:
    """Count known pixels; ask for it through ``compared.once(counts)``."""
    both = int(np.count_nonzero(compared.prediction & compared.reference))
    predicted, true = int(np.count_nonzero(compared.prediction)), int(np.count_nonzero(compared.reference))
    return Counts(both, predicted - both, true - both, compared.known - predicted - true + both)


def _ratio(of: Counts, numerator: int, denominator: int, empty: float | NoValue) -> float | NoValue:
    if not of.known:
        return NOTHING_KNOWN
    if of.both_empty:
        return 1.0
    return numerator / denominator if denominator else empty


@register("dice", "Dice", better="higher", family="overlap")
def dice(compared: ClassComparison) -> float | NoValue:
    """Twice the shared pixels over the pixels of both, 0 to 1; both empty: 1 (Dice 1945)."""
    n = compared.once(counts)
    return _ratio(n, 2 * n.tp, 2 * n.tp + n.fp + n.fn, 0.0)


@register("iou", "IoU", better="higher", family="overlap")
def iou(compared: ClassComparison) -> float | NoValue:
    """Shared pixels over the pixels of either, 0 to 1; both empty: 1 (Jaccard 1912)."""
    n = compared.once(counts)
    return _ratio(n, n.tp, n.tp + n.fp + n.fn, 0.0)


@register("precision", "precision", better="higher", family="overlap")
def precision(compared: ClassComparison) -> float | NoValue:
    """Share of the predicted pixels that are right; no value where nothing is predicted but something is there."""
    n = compared.once(counts)
    return _ratio(n, n.tp, n.tp + n.fp, NoValue("nothing was predicted"))


@register("recall", "recall", better="higher", family="overlap")
def recall(compared: ClassComparison) -> float | NoValue:
    """Share of the true pixels that were found; no value where there are none but something is predicted."""
    n = compared.once(counts)
    return _ratio(n, n.tp, n.tp + n.fn, NoValue("the class is not in the reference"))


@register("accuracy", "accuracy", better="higher", family="overlap")
def accuracy(compared: ClassComparison) -> float | NoValue:
    """Share of known pixels that are rightly in or out of the class; high for any small class."""
    n = compared.once(counts)
    return _ratio(n, n.tp + n.tn, n.known, 0.0)


@register("specificity", "specificity", better="higher", family="overlap", default=False)
def specificity(compared: ClassComparison) -> float | NoValue:
    """Share of the pixels outside the class that were left out; no value where the class is everywhere."""
    n = compared.once(counts)
    if n.known and not n.tn + n.fp:
        return NoValue("the reference has nothing outside the class")
    return _ratio(n, n.tn, n.tn + n.fp, 0.0)


@register("balanced_accuracy", "balanced accuracy", better="higher", family="overlap", default=False)
def balanced_accuracy(compared: ClassComparison) -> float | NoValue:
    """Mean of recall and specificity: a rare class counts as much as what is around it.

    Where the reference has only one of the two, it is the share of that one that is right.
    """
    n = compared.once(counts)
    if not n.known:
        return NOTHING_KNOWN
    shares = [right / there for right, there in ((n.tp, n.tp + n.fn), (n.tn, n.tn + n.fp)) if there]
    return sum(shares) / len(shares)


@register("matthews", "Matthews", better="higher", family="overlap", default=False)
def matthews(compared: ClassComparison) -> float | NoValue:
    """Correlation between predicted and true pixels, -1 to 1; 0 is no better than chance (Matthews 1975).

    (TP TN - FP FN) / sqrt((TP + FP) (TP + FN) (TN + FP) (TN + FN)). Where a factor is 0 (one of the two is the same
    everywhere): 1 if both are alike, otherwise 0. scikit-learn's ``matthews_corrcoef`` has 0 in both cases.
    """
    n = compared.once(counts)
    if not n.known:
        return NOTHING_KNOWN
    factors = (n.tp + n.fp, n.tp + n.fn, n.tn + n.fp, n.tn + n.fn)
    if not all(factors):
        return float(not (n.fp or n.fn))
    return (n.tp * n.tn - n.fp * n.fn) / math.sqrt(math.prod(factors))
