"""Object by object: which were found, and how well. Knows nothing of single pixels.

Objects are taken as they are numbered where the comparison has numbers; else an object is a connected part of the class
(8 neighbours touch, 26 in a volume). A predicted and a true object are the same if their IoU is above a threshold of at
least 0.5; above one half no object can have two partners (:mod:`napari_unet.objects.matching`). With TP, FP, FN the
numbers of objects found, wrongly found and missed:

====================  ================================  ====================  ==========
metric                value                             one of two is empty   both empty
====================  ================================  ====================  ==========
panoptic_quality      sum of IoU / (TP + FP/2 + FN/2)   0                     1
object_f1             2 TP / (2 TP + FP + FN)           0                     1
object_iou            sum of IoU / TP                   no value              1
average_precision     mean over ten IoU thresholds      0                     1
average_precision_50  TP / (TP + FP + FN)               0                     1
====================  ================================  ====================  ==========

The first three agree with MONAI's ``compute_panoptic_quality`` of the labelled objects (``metric_name`` "pq", "rq"
and "sq", ``match_iou_threshold=0.5``, ``smooth_numerator=0``) where that has a value. None of scikit-image,
scikit-learn and MONAI has ``average_precision``: it is that of the Data Science Bowl 2018, TP / (TP + FP + FN) at the
thresholds 0.5, 0.55 ... 0.95, and not the area under a curve of the same name.

A class that is not counted (tissue, say) is one object by its whole area: it has a panoptic quality and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable

from napari_unet.objects.matching import ObjectMatching, joint, match_joint

from . import ClassComparison, NoValue, register, where_known
from ._parts import predicted_parts, reference_parts

NOT_COUNTED = NoValue("objects of this class are not counted")


def match_objects(compared: ClassComparison) -> ObjectMatching:
    """Match objects; ask for it through ``compared.once(match_objects)``."""
    if compared.numbers is None:
        test, true = compared.once(predicted_parts), compared.once(reference_parts)
    else:
        test, true = compared.numbers
    return match_joint(joint(true, test, compared.prediction | compared.reference))


def where_counted(metric: Callable[[ClassComparison], float | NoValue]) -> Callable[[ClassComparison], float | NoValue]:
    """Decorate a metric of objects: of a class that is not counted it has no value."""

    def counted(compared: ClassComparison) -> float | NoValue:
        return metric(compared) if compared.countable else NOT_COUNTED

    counted.__name__, counted.__qualname__, counted.__doc__ = metric.__name__, metric.__qualname__, metric.__doc__
    counted.__module__ = metric.__module__
    return where_known(counted)


@register("panoptic_quality", "panoptic quality", better="higher", dense=True, family="objects", default=False)
@where_known
def panoptic_quality(compared: ClassComparison) -> float | NoValue:
    """Objects found times how well they are covered, 0 to 1 (Kirillov et al. 2019)."""
    return compared.once(match_objects).panoptic_quality


@register("object_f1", "object F1", better="higher", dense=True, family="objects", default=False)
@where_counted
def object_f1(compared: ClassComparison) -> float | NoValue:
    """Share of the objects that were found, at an IoU above 0.5 (recognition quality)."""
    return compared.once(match_objects).f1


@register("object_iou", "object IoU", better="higher", dense=True, family="objects", default=False)
@where_counted
def object_iou(compared: ClassComparison) -> float | NoValue:
    """Mean IoU of the objects that were found (segmentation quality); no value where none was."""
    found = compared.once(match_objects)
    if not found.total:
        return 1.0
    return float(found.iou.mean()) if found.iou.size else NoValue("no object was found")


@register("average_precision", "average precision", better="higher", dense=True, family="objects", default=False)
@where_counted
def average_precision(compared: ClassComparison) -> float | NoValue:
    """Objects found over all objects of either, mean over IoU thresholds from 0.5 to 0.95 (Caicedo et al. 2019)."""
    return compared.once(match_objects).average_precision()


@register("average_precision_50", "AP50", better="higher", dense=True, family="objects", default=False)
@where_counted
def average_precision_50(compared: ClassComparison) -> float | NoValue:
    """Objects found over all objects of either, at an IoU above 0.5: TP / (TP + FP + FN)."""
    return compared.once(match_objects).average_precision((0.5,))
