from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sklearn_metrics

from napari_unet.core.errors import UsageError, UserError
from napari_unet.metrics import REGISTRY, ClassComparison, NoValue, about, chosen_metrics, ordered, register
from napari_unet.metrics.overlap import (
    accuracy,
    balanced_accuracy,
    counts,
    dice,
    iou,
    matthews,
    precision,
    recall,
    specificity,
)

OVERLAP = (dice, iou, accuracy, precision, recall)
MORE = (balanced_accuracy, specificity, matthews)
shapes = hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=7)


@st.composite
def compared(draw):
    """A prediction, a reference and known pixels, with at least one of each so that every ratio is defined."""
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=3, min_side=2, max_side=7))
    prediction, reference, valid = (draw(hnp.arrays(bool, shape)) for _ in range(3))
    for array in (prediction, reference, valid):
        array.flat[0] = True
    return prediction, reference, valid


def test_counted_by_hand():
    prediction = np.array([[1, 1, 0, 0], [1, 1, 0, 1]], bool)
    reference = np.array([[1, 0, 0, 1], [1, 1, 0, 1]], bool)
    valid = np.array([[1, 1, 1, 1], [1, 1, 1, 0]], bool)  # the last pixel, a hit, is not known
    both = ClassComparison(prediction, reference, valid)
    n = counts(both)
    assert (n.tp, n.fp, n.fn, n.tn) == (3, 1, 1, 2)
    assert [metric(both) for metric in OVERLAP] == pytest.approx([6 / 8, 3 / 5, 5 / 7, 3 / 4, 3 / 4])
    expected = [(3 / 4 + 2 / 3) / 2, 2 / 3, (3 * 2 - 1 * 1) / math.sqrt(4 * 4 * 3 * 3)]
    assert [metric(both) for metric in MORE] == pytest.approx(expected)


@given(compared())
def test_agrees_with_scikit_learn(arrays):
    prediction, reference, valid = arrays
    both = ClassComparison(*arrays)
    theirs = (
        sklearn_metrics.f1_score, sklearn_metrics.jaccard_score, sklearn_metrics.accuracy_score,
        sklearn_metrics.precision_score, sklearn_metrics.recall_score,
    )
    for ours, other in zip(OVERLAP, theirs, strict=True):
        assert ours(both) == pytest.approx(other(reference[valid], prediction[valid]), abs=1e-6)
    known = reference[valid], prediction[valid]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a class that is not in the reference
        assert balanced_accuracy(both) == pytest.approx(sklearn_metrics.balanced_accuracy_score(*known), abs=1e-6)
        if not known[0].all():
            assert specificity(both) == pytest.approx(sklearn_metrics.recall_score(*known, pos_label=0), abs=1e-6)
        if not (known[0].all() or known[1].all()):
            assert matthews(both) == pytest.approx(sklearn_metrics.matthews_corrcoef(*known), abs=1e-6)


def test_agrees_with_monai():
    import torch  # here, as both take seconds to import
    from monai.metrics import compute_confusion_matrix_metric, compute_dice, compute_iou, get_confusion_matrix

    random = np.random.default_rng(4)
    for _ in range(20):
        prediction, reference = random.random((2, 9, 11)) < random.uniform(0.1, 0.9)
        ours = ClassComparison(prediction, reference)
        tensors = [torch.as_tensor(array[None, None].astype(np.float32)) for array in (prediction, reference)]
        assert dice(ours) == pytest.approx(float(compute_dice(*tensors)), abs=1e-6)
        assert iou(ours) == pytest.approx(float(compute_iou(*tensors)), abs=1e-6)
        matrix = get_confusion_matrix(*tensors)
        theirs = {matthews: "matthews correlation coefficient", balanced_accuracy: "balanced accuracy"}
        for metric in (accuracy, precision, recall, specificity, balanced_accuracy, matthews):
            other = compute_confusion_matrix_metric(theirs.get(metric, metric.__name__), matrix)
            assert metric(ours) == pytest.approx(float(other), abs=1e-6)


@given(compared())
def test_laws(arrays):
    prediction, reference, valid = arrays
    both, swapped = ClassComparison(*arrays), ClassComparison(reference, prediction, valid)
    assert dice(both) == dice(swapped)
    assert iou(both) == iou(swapped)
    assert precision(both) == recall(swapped)
    assert dice(both) == pytest.approx(2 * iou(both) / (1 + iou(both)))
    flipped = ClassComparison(prediction[::-1], reference[::-1], valid[::-1])
    opposite = ClassComparison(~prediction, ~reference, valid)
    assert accuracy(opposite) == accuracy(both)
    for metric in OVERLAP:
        assert metric(flipped) == metric(both)
        assert 0 <= metric(both) <= 1
        assert metric(ClassComparison(reference, reference, valid)) == 1


@given(compared(), st.randoms())
def test_unknown_pixels_have_no_say(arrays, random):
    prediction, reference, valid = arrays
    noise = np.array([random.random() < 0.5 for _ in range(prediction.size)]).reshape(prediction.shape)
    other = ClassComparison(np.where(valid, prediction, noise), np.where(valid, reference, ~noise), valid)
    for metric in (*OVERLAP, *MORE):
        assert metric(other) == metric(ClassComparison(*arrays))


@given(hnp.arrays(bool, shapes))
def test_empty_prediction_or_reference_is_defined(some):
    some.flat[0] = True
    none = np.zeros_like(some)
    nothing_there = ClassComparison(none, none)
    assert [metric(nothing_there) for metric in OVERLAP] == [1, 1, 1, 1, 1]
    missed = ClassComparison(none, some)
    assert (dice(missed), iou(missed), recall(missed)) == (0, 0, 0)
    assert precision(missed) == NoValue("nothing was predicted")
    wrong = ClassComparison(some, none)
    assert (dice(wrong), iou(wrong), precision(wrong)) == (0, 0, 0)
    assert recall(wrong) == NoValue("the class is not in the reference")
    everywhere = ClassComparison(np.ones_like(some), np.ones_like(some))
    assert [metric(nothing_there) for metric in MORE] == [1, 1, 1]
    assert [metric(everywhere) for metric in MORE] == [
        1, NoValue("the reference has nothing outside the class"), 1]
    assert matthews(missed) == matthews(wrong) == 0
    assert balanced_accuracy(wrong) == specificity(wrong) == pytest.approx(1 - some.mean())
    assert balanced_accuracy(missed) == (0 if some.all() else 0.5)


def test_nothing_known_gives_a_reason_and_never_nan():
    blind = ClassComparison(np.ones((2, 3), bool), np.ones((2, 3), bool), np.zeros((2, 3), bool))
    for entry in REGISTRY:
        value = entry.item(blind)
        assert value == NoValue("the reference is not known anywhere here"), entry.name


def test_inputs_are_not_changed():
    arrays = [np.ones((3, 4), bool), np.ones((3, 4), bool), np.eye(3, 4, dtype=bool)]
    before = [array.copy() for array in arrays]
    both = ClassComparison(*arrays)
    for entry in REGISTRY:
        entry.item(both)
    for array, old in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, old)


def test_shapes_must_match():
    with pytest.raises(UserError, match=r"shape \(2, 3\) cannot be compared with a reference of shape \(3, 2\)"):
        ClassComparison(np.ones((2, 3)), np.ones((3, 2)))
    with pytest.raises(UserError, match=r"known pixels: \(2, 2\)"):
        ClassComparison(np.ones((2, 3)), np.ones((2, 3)), np.ones((2, 2)))
    with pytest.raises(UserError, match="two planes"):
        ClassComparison(np.ones(3), np.ones(3))


def test_shared_work_is_done_once():
    calls = []

    def work(both: ClassComparison) -> int:
        calls.append(both)
        return len(calls)

    both = ClassComparison(np.ones((2, 2)), np.ones((2, 2)))
    assert [both.once(work), both.once(work)] == [1, 1]
    assert ClassComparison(np.ones((2, 2)), np.ones((2, 2))).once(work) == 2


def test_every_metric_says_what_tables_need():
    for entry in REGISTRY:
        what = about(entry.name)
        assert entry.summary.endswith("."), entry.name
        assert what.family, entry.name
        assert what.better in ("higher", "lower", "")
        assert set(what.dimensions) <= {2, 3}
    assert about("dice").better == "higher"
    assert about("holes_error").better == "lower"
    assert about("components").better == ""
    with pytest.raises(UsageError, match="no metric called 'dicey'"):
        about("dicey")


def test_metrics_are_chosen_by_name_family_or_all_at_once():
    assert chosen_metrics() == chosen_metrics(["default"])
    assert chosen_metrics()[:2] == ("dice", "iou")
    assert {"components", "holes_error", "cavities"} <= set(chosen_metrics())
    assert not {"hausdorff", "rand_error", "cl_dice"} & set(chosen_metrics())
    assert chosen_metrics(["all"]) == ordered()
    assert set(ordered()) == set(REGISTRY.names())
    assert chosen_metrics(["boundary"]) == ("hausdorff", "hausdorff95", "surface_distance", "surface_dice")
    # in the order of tables, and a count with what belongs to it
    assert chosen_metrics(["voi", "euler", "dice"]) == ("dice", "euler", "euler_reference", "euler_error", "voi")
    assert chosen_metrics(["holes"]) == ("holes", "holes_reference", "holes_error", "holes_unmatched")
    assert set(chosen_metrics(["default", "objects"])) == {*chosen_metrics(), *chosen_metrics(["objects"])}
    with pytest.raises(UsageError, match=r"no metric or family of metrics called 'dicey'\. Allowed: default, all, the "
                       r"families overlap, boundary, topology, partitions, objects, superpixels, and dice, iou"):
        chosen_metrics(["dice", "dicey"])


def test_a_metric_of_ones_own():
    @register("one_of_ones_own", "volume ratio", better="higher", family="test")
    def ratio(both: ClassComparison) -> float:
        """Predicted over true pixels."""
        return both.prediction.sum() / both.reference.sum()

    try:
        assert REGISTRY["one_of_ones_own"] is ratio
        assert chosen_metrics()[-1] == "one_of_ones_own"
        assert math.isclose(ratio(ClassComparison(np.ones((2, 2)), np.eye(2))), 2)
    finally:
        REGISTRY._entries.pop("one_of_ones_own")  # other tests look at the whole registry
