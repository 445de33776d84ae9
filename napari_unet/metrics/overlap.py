"""Overlap of a class with its reference, pixel by pixel. Knows nothing of shapes and neighbours.

With TP, FP, FN, TN the numbers of known pixels of the class found, wrongly found, missed and rightly left out:

=========  =======================  =====================  =====================  ==================
metric     value                    nothing predicted      empty reference        both empty
=========  =======================  =====================  =====================  ==================
dice       2 TP / (2 TP + FP + FN)  0                      0                      1
iou        TP / (TP + FP + FN)      0                      0                      1
accuracy   (TP + TN) / all          TN / all               TN / all               1
precision  TP / (TP + FP)           no value               0                      1
recall     TP / (TP + FN)           0                      no value               1
=========  =======================  =====================  =====================  ==================

Where no pixel is known none has a value. They agree with scikit-learn's ``f1_score``, ``jaccard_score``,
``accuracy_score``, ``precision_score`` and ``recall_score`` of the known pixels, and with MONAI's ``compute_dice``,
``compute_iou`` and ``get_confusion_matrix``, wherever those have a value.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from . import Compared, NoValue, register


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


def counts(compared: Compared) -> Counts:
    """Count known pixels; ask for it through ``compared.once(counts)``."""
    both = int(np.count_nonzero(compared.prediction & compared.reference))
    predicted, true = int(np.count_nonzero(compared.prediction)), int(np.count_nonzero(compared.reference))
    return Counts(both, predicted - both, true - both, compared.known - predicted - true + both)


def _ratio(of: Counts, numerator: int, denominator: int, empty: float | NoValue) -> float | NoValue:
    if not of.known:
        return NoValue("the reference is not known anywhere here")
    if of.both_empty:
        return 1.0
    return numerator / denominator if denominator else empty


@register("dice", "Dice", better="higher", family="overlap")
def dice(compared: Compared) -> float | NoValue:
    """Twice the shared pixels over the pixels of both, 0 to 1; both empty: 1 (Dice 1945)."""
    n = compared.once(counts)
    return _ratio(n, 2 * n.tp, 2 * n.tp + n.fp + n.fn, 0.0)


@register("iou", "IoU", better="higher", family="overlap")
def iou(compared: Compared) -> float | NoValue:
    """Shared pixels over the pixels of either, 0 to 1; both empty: 1 (Jaccard 1912)."""
    n = compared.once(counts)
    return _ratio(n, n.tp, n.tp + n.fp + n.fn, 0.0)


@register("precision", "precision", better="higher", family="overlap")
def precision(compared: Compared) -> float | NoValue:
    """Share of the predicted pixels that are right; no value where nothing is predicted but something is there."""
    n = compared.once(counts)
    return _ratio(n, n.tp, n.tp + n.fp, NoValue("nothing was predicted"))


@register("recall", "recall", better="higher", family="overlap")
def recall(compared: Compared) -> float | NoValue:
    """Share of the true pixels that were found; no value where there are none but something is predicted."""
    n = compared.once(counts)
    return _ratio(n, n.tp, n.tp + n.fn, NoValue("the class is not in the reference"))


@register("accuracy", "accuracy", better="higher", family="overlap")
def accuracy(compared: Compared) -> float | NoValue:
    """Share of known pixels that are rightly in or out of the class; high for any small class."""
    n = compared.once(counts)
    return _ratio(n, n.tp + n.tn, n.known, 0.0)
