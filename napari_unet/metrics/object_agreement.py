"""Object by object: which were found, and how well. Knows nothing of single pixels.

An object is a connected part of the class (8 neighbours touch, 26 in a volume). A predicted and a true object are the
same if their IoU is above a threshold of at least 0.5; above one half no object can have two partners. With TP, FP, FN
the numbers of objects found, wrongly found and missed:

=================  ===============================  ====================  ==========
metric             value                            one of two is empty   both empty
=================  ===============================  ====================  ==========
panoptic_quality   sum of IoU / (TP + FP/2 + FN/2)  0                     1
object_f1          2 TP / (2 TP + FP + FN)          0                     1
object_iou         sum of IoU / TP                  no value              1
average_precision  mean over ten IoU thresholds     0                     1
=================  ===============================  ====================  ==========

The first three agree with MONAI's ``compute_panoptic_quality`` of the labelled components (``metric_name`` "pq", "rq"
and "sq", ``match_iou_threshold=0.5``, ``smooth_numerator=0``) where that has a value. None of scikit-image,
scikit-learn and MONAI has ``average_precision``: it is that of the Data Science Bowl 2018, TP / (TP + FP + FN) at the
thresholds 0.5, 0.55 ... 0.95, and not the area under a curve of the same name.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from . import ClassComparison, NoValue, register, where_known
from ._parts import shared_parts

THRESHOLDS = tuple(number / 100 for number in range(50, 100, 5))


@dataclasses.dataclass(frozen=True, eq=False)
class ObjectMatches:
    """IoU of all true and predicted objects that are more than half the same, and how many objects there are."""

    iou: NDArray[np.float64]
    true: int
    test: int

    def found(self, threshold: float = 0.5) -> int:
        """Return the number of objects found."""
        return int(np.count_nonzero(self.iou > threshold))


def match_objects(compared: ClassComparison) -> ObjectMatches:
    """Match objects; ask for it through ``compared.once(matches)``."""
    shared = compared.once(shared_parts)
    true_sizes, test_sizes = shared.true_sizes, shared.test_sizes
    both = shared.only((shared.true > 0) & (shared.test > 0))
    iou = both.count / (true_sizes[both.true] + test_sizes[both.test] - both.count)
    # from whole numbers: an IoU of exactly one half must not pass
    half = 3 * both.count > true_sizes[both.true] + test_sizes[both.test]
    return ObjectMatches(iou[half], *(int(np.count_nonzero(sizes[1:])) for sizes in (true_sizes, test_sizes)))


@register("panoptic_quality", "panoptic quality", better="higher", dense=True, family="objects", default=False)
@where_known
def panoptic_quality(compared: ClassComparison) -> float | NoValue:
    """Objects found times how well they are covered, 0 to 1 (Kirillov et al. 2019)."""
    n = compared.once(match_objects)
    return float(2 * n.iou.sum() / (n.true + n.test)) if n.true + n.test else 1.0


@register("object_f1", "object F1", better="higher", dense=True, family="objects", default=False)
@where_known
def object_f1(compared: ClassComparison) -> float | NoValue:
    """Share of the objects that were found, at an IoU above 0.5 (recognition quality)."""
    n = compared.once(match_objects)
    return 2 * n.found() / (n.true + n.test) if n.true + n.test else 1.0


@register("object_iou", "object IoU", better="higher", dense=True, family="objects", default=False)
@where_known
def object_iou(compared: ClassComparison) -> float | NoValue:
    """Mean IoU of the objects that were found (segmentation quality); no value where none was."""
    n = compared.once(match_objects)
    if not n.true + n.test:
        return 1.0
    return float(n.iou.mean()) if n.iou.size else NoValue("no object was found")


@register("average_precision", "average precision", better="higher", dense=True, family="objects", default=False)
@where_known
def average_precision(compared: ClassComparison) -> float | NoValue:
    """Objects found over all objects of either, mean over IoU thresholds from 0.5 to 0.95 (Caicedo et al. 2019)."""
    n = compared.once(match_objects)
    if not n.true + n.test:
        return 1.0
    found = [n.found(threshold) for threshold in THRESHOLDS]
    return float(np.mean([one / (n.true + n.test - one) for one in found]))
