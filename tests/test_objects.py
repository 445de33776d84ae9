"""Objects found and missed: by hand, and against MONAI."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from napari_unet.metrics import ClassComparison, NoValue
from napari_unet.metrics.object_agreement import average_precision, object_f1, object_iou, panoptic_quality
from napari_unet.objects.matching import THRESHOLDS

few = settings(max_examples=60)
ALL = (panoptic_quality, object_f1, object_iou, average_precision)


def row(text: str) -> np.ndarray:
    return np.array([[sign == "#" for sign in text]])


def test_counted_by_hand():
    # IoU 4/5, a miss, one found of which exactly half is right, one that is not there
    reference = row("#####.##.####......")
    prediction = row("####........##..##.")
    both = ClassComparison(prediction, reference)
    # the pair of 4 and 2 pixels overlaps by 1: IoU 1/5
    assert panoptic_quality(both) == pytest.approx(0.8 / (1 + 1 + 1))
    assert object_f1(both) == pytest.approx(2 / 6)
    assert object_iou(both) == pytest.approx(0.8)
    # found at 0.5, 0.55 ... 0.75: of 3 true and 3 predicted objects one is found
    assert average_precision(both) == pytest.approx(6 * (1 / 5) / 10)


def test_exactly_half_is_not_the_same_object():
    both = ClassComparison(row("##.."), row("####"))
    assert [metric(both) for metric in ALL] == [0, 0, NoValue("no object was found"), 0]
    assert object_f1(ClassComparison(row("###.."), row("#####"))) == 1


def test_thresholds_are_passed_only_from_above():
    assert THRESHOLDS == (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
    # IoU 11/20 = 0.55 passes 0.5 alone; 20/20 passes all
    both = ClassComparison(row("#" * 11 + "." * 9), row("#" * 20))
    assert average_precision(both) == pytest.approx(0.1)
    assert average_precision(ClassComparison(row("#" * 20), row("#" * 20))) == 1


@pytest.mark.parametrize("shape", [(30, 34), (12, 14, 13)])
def test_agrees_with_monai(shape):
    import torch  # here, as both take seconds to import
    from monai.metrics.panoptic_quality import compute_panoptic_quality

    random = np.random.default_rng(8)
    found = 0
    for _ in range(5):
        reference = ndimage.gaussian_filter(random.random(shape), 1.5) > 0.52
        prediction = reference ^ (random.random(shape) < 0.04)
        both = ClassComparison(prediction, reference)
        corners = np.ones((3,) * reference.ndim)
        labels = [torch.as_tensor(ndimage.label(mask, corners)[0]) for mask in (prediction, reference)]
        for metric, name in ((panoptic_quality, "pq"), (object_f1, "rq"), (object_iou, "sq")):
            value = metric(both)
            if isinstance(value, NoValue):
                continue
            found += 1
            theirs = compute_panoptic_quality(*labels, metric_name=name, smooth_numerator=0.0)
            assert value == pytest.approx(float(theirs), abs=1e-6)
    assert found > 5


@few
@given(hnp.arrays(bool, st.tuples(st.just(2), st.integers(1, 8), st.integers(1, 8))), st.data())
def test_laws(masks, data):
    prediction, reference = masks
    both, swapped = ClassComparison(prediction, reference), ClassComparison(reference, prediction)
    for metric in ALL:
        assert metric(both) == metric(swapped)
        assert metric(ClassComparison(reference, reference)) == 1
    pq, f1, iou, ap = (metric(both) for metric in ALL)
    if isinstance(iou, float):
        assert pq == pytest.approx(f1 * iou)
    assert 0 <= ap <= f1 <= 1
    valid = data.draw(hnp.arrays(bool, reference.shape))
    valid.flat[0] = True
    other = ClassComparison(prediction | ~valid, reference & valid, valid)
    for metric in ALL:
        assert metric(other) == metric(ClassComparison(prediction, reference, valid))


def test_empty_prediction_or_reference_is_defined():
    none, some = row("....."), row(".##..")
    assert [metric(ClassComparison(none, none)) for metric in ALL] == [1, 1, 1, 1]
    for both in (ClassComparison(none, some), ClassComparison(some, none)):
        assert [metric(both) for metric in ALL] == [0, 0, NoValue("no object was found"), 0]
