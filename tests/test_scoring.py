"""Scoring whole label arrays: which planes, classes and pixels count, and what the rows say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sklearn_metrics

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.rows import Row
from napari_unet.metrics import REGISTRY, about
from napari_unet.metrics.scoring import NEEDS_DENSE, NO_STROKE, score_pair, score_volume

TWO = ClassTable.default()
THREE = ClassTable.named({1: "background", 2: "myelin", 3: "axon"})
PIXEL = ("dice", "iou", "precision", "recall", "accuracy")


def scored(prediction, reference, classes=TWO, **options) -> list[Row]:
    return list(score_pair(np.asarray(prediction), np.asarray(reference), classes, method="m", image_name="i",
                           **options))


def one(rows: list[Row], metric: str, class_id: int = 2, plane: int | None = 0) -> Row:
    found = [row for row in rows if (row.metric, row.class_id, row.plane) == (metric, class_id, plane)]
    assert len(found) == 1, f"{len(found)} rows for {metric} of class {class_id} on plane {plane}"
    return found[0]


def planes_of(rows: list[Row]) -> list[int | None]:
    return list(dict.fromkeys(row.plane for row in rows))


def test_a_plane_counted_by_hand():
    prediction = [[2, 2, 1], [1, 2, 1]]
    reference = [[2, 1, 1], [2, 2, 1]]
    rows = scored(prediction, reference)
    # 2 found, 1 wrong, 1 missed, 2 rightly left out
    expected = {"dice": 4 / 6, "iou": 2 / 4, "precision": 2 / 3, "recall": 2 / 3, "accuracy": 4 / 6,
                "components": 1, "components_reference": 1, "components_error": 0, "components_unmatched": 0,
                "holes": 0, "holes_reference": 0, "holes_error": 0, "holes_unmatched": 0}
    assert {row.metric: row.value for row in rows} == pytest.approx(expected)
    assert {(row.method, row.image, row.plane, row.class_id, row.class_name) for row in rows} == {
        ("m", "i", 0, 2, "class 2")
    }
    assert all(row.unit == about(row.metric).unit and not row.note for row in rows)


def test_a_zero_in_the_prediction_is_background():
    reference = np.array([[2, 1, 1, 2]])
    assert scored([[2, 0, 0, 1]], reference) == scored([[2, 1, 1, 1]], reference)


def test_rows_carry_the_numbers_of_the_planes():
    reference = np.ones((4, 3, 3), np.uint8)
    reference[1, 0] = 2
    reference[3, :] = 2
    prediction = np.full_like(reference, 2)
    assert planes_of(scored(prediction, reference)) == [0, 1, 2, 3]
    rows = scored(prediction, reference, planes=[3, 1])
    assert planes_of(rows) == [3, 1]
    assert one(rows, "dice", plane=3).value == 1
    assert one(rows, "dice", plane=1).value == pytest.approx(2 * 3 / (3 + 9))


def test_planes_of_several_leading_axes_are_numbered_in_order():
    reference = np.ones((2, 3, 2, 2), np.uint8)
    reference[1, 2] = 2  # plane 5
    rows = scored(reference, reference)
    assert planes_of(rows) == [0, 1, 2, 3, 4, 5]
    prediction = np.ones_like(reference)
    rows = scored(prediction, reference)
    assert [one(rows, "dice", plane=number).value for number in range(6)] == [1, 1, 1, 1, 1, 0]


def test_planes_of_which_nothing_is_known_are_left_out_unless_asked_for():
    reference = np.zeros((3, 2, 2), np.uint8)
    reference[1] = 2
    prediction = np.full_like(reference, 2)
    assert planes_of(scored(prediction, reference)) == [1]
    rows = scored(prediction, reference, planes=[0, 1])
    assert {row.value for row in rows if row.plane == 0} == {None}
    assert {row.note for row in rows if row.plane == 0} == {"the reference is not known anywhere here"}


@given(hnp.arrays(np.uint8, (6, 7), elements=st.integers(0, 3)),
       hnp.arrays(np.uint8, (6, 7), elements=st.integers(1, 3)), st.integers(1, 3))
def test_unknown_pixels_have_no_say(reference, prediction, other):
    reference[0, 0] = 1
    changed = np.where(reference == 0, other, prediction).astype(np.uint8)
    assert scored(changed, reference, THREE) == scored(prediction, reference, THREE)


def test_both_empty_is_a_perfect_score():
    rows = scored(np.ones((3, 3)), np.ones((3, 3)))
    assert {metric: one(rows, metric).value for metric in PIXEL} == dict.fromkeys(PIXEL, 1.0)
    assert one(rows, "components_error").value == 0


def test_a_class_missing_on_one_side_is_scored_with_reasons():
    rows = scored([[1, 1, 2]], [[3, 3, 2]], THREE)
    assert one(rows, "dice", 3).value == 0
    assert one(rows, "recall", 3).value == 0
    assert one(rows, "precision", 3) == Row("m", "i", 0, 3, "axon", "precision", None, "", "nothing was predicted")
    rows = scored([[3, 3, 2]], [[1, 1, 2]], THREE)
    assert one(rows, "precision", 3).value == 0
    assert one(rows, "recall", 3).note == "the class is not in the reference"


def test_classes_that_the_table_does_not_know_have_rows_on_every_plane_too():
    prediction, reference = np.ones((2, 2, 2), np.uint8), np.ones((2, 2, 2), np.uint8)
    prediction[0, 0, 0], reference[1, 1, 1] = 7, 5
    rows = scored(prediction, reference)
    for plane in (0, 1):
        assert {row.class_id for row in rows if row.plane == plane} == {2, 5, 7}, "never the background"
    assert one(rows, "dice", 7, 0).value == 0
    assert one(rows, "dice", 7, 0).class_name == "class 7"
    assert one(rows, "dice", 5, 0).value == 1


def test_only_the_planes_scored_say_which_classes_there_are():
    prediction, reference = np.ones((2, 2, 2), np.uint8), np.ones((2, 2, 2), np.uint8)
    prediction[1] = 9
    assert {row.class_id for row in scored(prediction, reference, planes=[0])} == {2}


def test_strokes_give_pixel_metrics_only_and_say_why():
    reference = np.zeros((2, 4, 4), np.uint8)
    reference[0, 0], reference[0, 1], reference[1, 2] = 1, 2, 1
    rows = scored(np.full_like(reference, 2), reference, pixel_only=True)
    on_first = [row for row in rows if row.plane == 0]
    assert {row.metric for row in on_first if row.value is not None} == set(PIXEL)
    assert {row.note for row in on_first if row.metric not in PIXEL} == {NEEDS_DENSE}
    assert one(rows, "dice").value == pytest.approx(2 / 3)
    # no stroke of the class on the second plane: 0 or 1 would both be made up
    on_second = [row for row in rows if row.plane == 1]
    assert all(row.value is None for row in on_second)
    assert {row.note for row in on_second if row.metric in PIXEL} == {NO_STROKE}


@pytest.mark.parametrize("shape", [(5, 4), (1, 4, 5), (2, 5, 4)])
def test_another_shape_is_refused(shape):
    with pytest.raises(UserError, match=r"The prediction has shape .*, the reference \(4, 5\)\. They must be the same"):
        scored(np.ones(shape), np.ones((4, 5)))


def test_planes_that_are_not_there_are_refused():
    labels = np.ones((3, 2, 2), np.uint8)
    with pytest.raises(UserError, match="planes 0 to 2, there is no plane 3"):
        scored(labels, labels, planes=[0, 3])
    with pytest.raises(UserError, match="planes 0 to 2, but none was chosen"):
        scored(labels, labels, planes=[])


def test_a_reference_of_nothing_is_refused_with_advice():
    with pytest.raises(UserError, match=r"Nothing of the reference is known: every pixel is 0.*say that it is a mask"):
        scored(np.ones((2, 2)), np.zeros((2, 2)))


def test_labels_that_are_no_ids_are_refused():
    with pytest.raises(UserError, match="'the prediction' holds fractions"):
        scored(np.full((2, 2), 1.5), np.ones((2, 2)))
    with pytest.raises(UserError, match="'the reference' holds ids from -1"):
        scored(np.ones((2, 2)), np.array([[-1, 2], [1, 1]]))


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.int64, np.float32, ">i4"])
def test_any_integer_like_type_gives_the_same_rows_and_stays_as_it_was(dtype):
    rng = np.random.default_rng(1)
    highest = 1 if dtype is bool else 3
    prediction, reference = rng.integers(0, highest + 1, (2, 3, 6, 5)).astype(dtype)
    before = prediction.copy(), reference.copy()
    prediction.flags.writeable = reference.flags.writeable = False
    assert scored(prediction, reference) == scored(prediction.astype(np.uint8), reference.astype(np.uint8))
    np.testing.assert_array_equal(prediction, before[0])
    np.testing.assert_array_equal(reference, before[1])


def test_agrees_with_scikit_learn_class_by_class():
    rng = np.random.default_rng(2)
    theirs = {"dice": sklearn_metrics.f1_score, "iou": sklearn_metrics.jaccard_score,
              "precision": sklearn_metrics.precision_score, "recall": sklearn_metrics.recall_score}
    for _ in range(10):
        prediction, reference = rng.integers(1, 4, (2, 9, 8)), rng.integers(0, 4, (2, 9, 8))
        rows = scored(prediction, reference, THREE)
        for plane in (0, 1):
            known = reference[plane] > 0
            pair = reference[plane][known], prediction[plane][known]
            for metric, function in theirs.items():
                values = function(*pair, labels=[2, 3], average=None)
                assert [one(rows, metric, number, plane).value for number in (2, 3)] == pytest.approx(list(values))
            accuracy = sklearn_metrics.accuracy_score(pair[0] == 3, pair[1] == 3)
            assert one(rows, "accuracy", 3, plane).value == pytest.approx(accuracy)


def test_agrees_with_monai_over_classes_and_planes():
    import torch  # here, as both take seconds to import
    from monai.metrics import compute_dice, compute_iou
    from monai.networks.utils import one_hot

    prediction, reference = np.random.default_rng(3).integers(1, 4, (2, 5, 12, 10))
    rows = scored(prediction, reference, THREE)
    tensors = [one_hot(torch.from_numpy(labels[:, None] - 1), 3) for labels in (prediction, reference)]
    for metric, function in (("dice", compute_dice), ("iou", compute_iou)):
        ours = [[one(rows, metric, number, plane).value for number in (2, 3)] for plane in range(5)]
        np.testing.assert_allclose(ours, function(*tensors, include_background=False), atol=1e-6)


def test_a_volume_has_rows_of_its_own_only_for_what_planes_cannot_tell():
    hollow = np.full((5, 5, 5), 2, np.uint8)
    hollow[1:4, 1:4, 1:4] = 1
    solid = np.full((5, 5, 5), 2, np.uint8)
    rows = scored(solid, hollow, volume=True)
    whole = [row for row in rows if row.plane is None]
    assert {row.metric for row in whole} == {
        f"{name}{suffix}" for name in ("components", "tunnels", "cavities") for suffix in ("", "_reference", "_error")
    } | {"components_unmatched", "cavities_unmatched"}
    assert one(rows, "cavities", plane=None).value == 0
    assert one(rows, "cavities_reference", plane=None).value == 1
    assert one(rows, "cavities_error", plane=None).value == 1
    assert one(rows, "holes_reference", plane=2).value == 1, "planes are still judged one by one"
    assert not any(row.metric == "tunnels" for row in rows if row.plane is not None)


def test_a_part_of_a_volume():
    # two bars joined by a bridge on plane 0: apart without it
    reference = np.ones((4, 3, 5), np.uint8)
    reference[:, :, 0] = reference[:, :, 4] = reference[0, 1] = 2
    options = {"method": "m", "image_name": "i"}
    counts = {
        planes: next(row.value for row in score_volume(reference, reference, TWO, planes=planes, **options)
                     if row.metric == "components")
        for planes in (None, (0, 1), (1, 2, 3))
    }
    assert counts == {None: 1, (0, 1): 1, (1, 2, 3): 2}
    with pytest.raises(UserError, match="Planes 0, 2 do not follow each other"):
        list(score_volume(reference, reference, TWO, planes=[0, 2], **options))
    with pytest.raises(UserError, match=r"needs three axes \(Z, Y, X\)"):
        list(score_volume(reference[0], reference[0], TWO, **options))
    with pytest.raises(UserError, match="must be the same"):
        list(score_volume(reference, reference[:2], TWO, **options))


def test_a_volume_of_strokes_has_no_topology():
    strokes = np.zeros((3, 4, 4), np.uint8)
    strokes[1, 1] = 2
    rows = list(score_volume(np.full_like(strokes, 2), strokes, TWO, method="m", image_name="i", pixel_only=True))
    assert rows
    assert all(row.value is None and row.note == NEEDS_DENSE for row in rows)


def test_reading_a_lazy_array_plane_by_plane(tmp_path):
    import zarr

    labels = np.random.default_rng(5).integers(1, 3, (3, 8, 6)).astype(np.uint8)
    lazy = zarr.create_array(tmp_path / "labels.zarr", shape=labels.shape, chunks=(1, 8, 6), dtype="uint8")
    lazy[:] = labels
    rows = list(score_pair(lazy, lazy, TWO, method="m", image_name="i"))
    assert rows == scored(labels, labels)


def test_every_metric_has_exactly_one_row_per_plane_and_class():
    labels = np.random.default_rng(6).integers(1, 4, (2, 5, 5))
    rows = scored(labels, labels, THREE)
    keys = [(row.plane, row.class_id, row.metric) for row in rows]
    assert len(keys) == len(set(keys))
    expected = {entry.name for entry in REGISTRY if 2 in about(entry.name).dimensions and about(entry.name).default}
    assert {row.metric for row in rows} == expected
    assert [dataclasses.replace(row, plane=0) for row in rows if row.plane == 0] == rows[: len(rows) // 2]
