"""Train, predict, score and compare from Python: arrays, images and lists in, numbers out, inputs never changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import napari_unet
from napari_unet import ClassTable, Image, Scribbles, UserError
from napari_unet.core.errors import InputWarning, UsageError
from napari_unet.inputs import as_training_set
from napari_unet.io import save_mask, save_objects
from napari_unet.objects.object_map import ObjectMap

TINY = {"width": 4, "depth": 2, "patch": 32, "batch": 2, "device": "cpu"}


@pytest.fixture(scope="module")
def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(images, strokes, truth), three planes with a bright square each; strokes in the first two."""
    rng = np.random.default_rng(0)
    truth = np.ones((3, 40, 44), np.uint8)
    for plane, corner in enumerate((6, 12, 18)):
        truth[plane, corner : corner + 14, 10:26] = 2
    images = (truth * 80 + rng.normal(0, 8, truth.shape)).astype(np.uint8)
    strokes = np.zeros_like(truth)
    for row in (1, 37):
        strokes[:2, row, 2:18] = strokes[:2, row, 24:40] = 1
    for column in (12, 19):
        strokes[:2, 16:18, column : column + 4] = 2
    assert (strokes[strokes > 0] == truth[strokes > 0]).all()
    for array in (images, strokes, truth):
        array.flags.writeable = False  # nothing may change its inputs
    return images, strokes, truth


@pytest.fixture(scope="module")
def model(scene: Any) -> Any:
    return napari_unet.train(scene[0], scene[1], steps=30, seconds=None, **TINY).result()


def test_training_yields_progress_and_ends_in_a_model(scene: Any) -> None:
    work = napari_unet.train(scene[0], scene[1], steps=4, seconds=None, **TINY)
    steps = [event.step for event in work if hasattr(event, "step")]
    assert steps == [1, 2, 3, 4]
    assert work.result().classes.ids == (1, 2)


def test_predict_gives_masks_or_painted_ids_in_the_shape_asked_for(scene: Any, model: Any) -> None:
    images, _, truth = scene
    mask = napari_unet.predict(images, model).result()
    assert mask.shape == images.shape
    assert ((mask == 1) == (truth == 2)).mean() > 0.8
    painted = napari_unet.predict(Image(images, "NYX"), model, painted_ids=True, index=[2, 0]).result()
    assert np.array_equal(painted, mask[[2, 0]] + 1)
    several = napari_unet.predict([images[0], images[1]], model).result()
    assert [np.array_equal(one, mask[k]) for k, one in enumerate(several)] == [True, True]
    labels, maps = napari_unet.predict(images[0], model, probabilities=True).result()
    assert maps.shape == (1, 2, 40, 44)
    np.testing.assert_allclose(maps.sum(1), 1, atol=1e-5)
    assert np.array_equal(maps[0].argmax(0), labels)


def test_turned_versions_agree_in_the_main(scene: Any, model: Any) -> None:
    plain, averaged = (napari_unet.predict(scene[0][0], model, tta=tta).result() for tta in (False, True))
    assert (plain == averaged).mean() > 0.9


@pytest.mark.parametrize("planes", [None, [1], [2, 0]])
def test_score_matches_planes(scene: Any, planes: list[int] | None) -> None:
    truth = scene[2] - 1
    prediction = truth.copy()
    prediction[1] = 0
    expected = {0: 1.0, 1: 0.0, 2: 1.0}
    picked = list(expected) if planes is None else planes
    for given in (prediction, prediction[picked]):
        rows = napari_unet.score(given, truth, index=planes).result()
        assert {row.plane: row.value for row in rows if row.metric == "dice"} == {one: expected[one] for one in picked}


def test_score_refuses_what_does_not_match(scene: Any) -> None:
    truth = scene[2] - 1
    with pytest.raises(UserError, match="2 planes, the reference 3, and 3 are to be scored"):
        napari_unet.score(truth[:2], truth).result()
    with pytest.raises(UserError, match="Rows and columns must be the same"):
        napari_unet.score(truth[:, :20], truth).result()
    with pytest.raises(UserError, match="no plane 7"):
        napari_unet.score(truth, truth, index=[7]).result()
    with pytest.raises(UsageError, match="Allowed: auto"):
        napari_unet.score(truth, truth, values="things").result()  # type: ignore[arg-type]


def test_gaps_between_ids_make_no_class(scene: Any) -> None:
    images, strokes, truth = scene
    four = {"strokes": np.where(strokes == 2, 4, strokes), "truth": np.where(truth == 2, 4, truth)}
    found = napari_unet.compare(images, four["strokes"], four["truth"], reference_values="painted",
                                methods=["threshold"]).result()
    assert {row.class_id for row in found.rows} == {4, None}
    rows = napari_unet.score(four["truth"] - 1, four["truth"] - 1).result()
    assert {row.class_id for row in rows} == {4}


def test_a_painted_reference_is_recognised_and_remarked_on_where_it_is_called_a_mask(scene: Any) -> None:
    rows = napari_unet.score(scene[2] - 1, scene[2]).result()
    assert all(row.value == 1 for row in rows if row.metric == "dice")
    with pytest.warns(InputWarning, match="Is 1 its background"):
        napari_unet.score(scene[2] - 1, scene[2], reference_values="mask").result()


def test_planes_are_named_once(scene: Any, model: Any) -> None:
    for index in ([1, 1], []):
        with pytest.raises(UserError, match="named twice"):
            napari_unet.predict(scene[0], model, index=index).result()
        with pytest.raises(UserError, match="named twice"):
            napari_unet.score(scene[2] - 1, scene[2] - 1, index=index).result()


def test_a_permuted_prediction_is_matched_in_order(scene: Any) -> None:
    truth = scene[2] - 1
    rows = napari_unet.score(truth[[2, 0, 1]], truth, index=[2, 0, 1]).result()
    assert all(row.value == 1 for row in rows if row.metric == "dice")


def test_unknown_pixels_of_a_painted_reference_do_not_count(scene: Any) -> None:
    reference = scene[2].copy()
    reference[:, :, 26:] = 0
    prediction = np.where(reference == 0, 1, reference - 1)  # wrong only where nothing is known
    rows = napari_unet.score(prediction, reference, reference_values="painted").result()
    assert all(row.value == 1 for row in rows if row.metric == "dice")


def test_compare_scores_all_methods_on_the_same_planes(scene: Any, model: Any) -> None:
    images, strokes, truth = scene
    found = napari_unet.compare(images, strokes, truth - 1, methods=["unet", "threshold"], model=model,
                                index=[2]).result()
    assert not found.held_out
    assert found.planes == ((2,),)
    assert set(found.masks) == {"unet", "threshold"}
    assert {row.plane for row in found.rows if row.metric == "dice"} == {2}
    assert not found.masks["threshold"][0][:2].any(), "other planes are not segmented"
    assert found.notes["threshold"]


def test_without_a_reference_pixels_of_held_out_strokes_are_scored(scene: Any) -> None:
    found = napari_unet.compare(scene[0], scene[1], methods=["threshold"]).result()
    assert found.held_out
    assert any(row.value is not None for row in found.rows if row.metric == "dice")
    components = [row for row in found.rows if row.metric == "components"]
    assert all(row.value is None and "fully labelled" in row.note for row in components)
    assert components
    kept = found.training.pairs[0].scribbles.to_array()
    (held,) = found.references
    assert ((kept == 0) & (held > 0)).any(), "what the first fit is scored on it has not seen"
    assert ((kept > 0) & (held > 0)).any(), "another quarter is what a second fit has not seen"
    assert np.array_equal(np.maximum(kept, held), scene[1])


def test_one_method_that_cannot_does_not_stop_the_others(scene: Any, model: Any) -> None:
    colour = np.stack([scene[0][0]] * 3, -1)
    found = napari_unet.compare(colour, scene[1][0], scene[2][0] - 1, methods=["unet", "threshold"],
                                model=model).result()
    assert list(found.masks) == ["threshold"]
    assert "3 channels" in found.failures["unet"]


def test_images_without_strokes_or_reference_are_allowed(scene: Any) -> None:
    images, strokes, truth = scene
    found = napari_unet.compare([images[0], images[2]], [strokes[0], None], [None, truth[2] - 1],
                                methods=["threshold"]).result()
    assert {row.image for row in found.rows if row.metric == "dice"} == {"image 1"}


def test_files_carry_their_axes_and_class_names(scene: Any, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "i.tif", scene[0], photometric="minisblack")
    tifffile.imwrite(tmp_path / "s.tif", scene[1], photometric="minisblack")
    table = ClassTable.named({1: "ground", 2: "square"})
    model = napari_unet.train(tmp_path / "i.tif", tmp_path / "s.tif", classes=table, steps=1, seconds=None,
                              **TINY).result()
    assert model.classes == table
    assert napari_unet.predict(tmp_path / "i.tif", model).result().shape == scene[0].shape


@pytest.mark.parametrize(
    ("images", "strokes", "options", "message"),
    [
        ([], [], {}, "No image was given"),
        (np.zeros((8, 8)), [np.zeros((8, 8))] * 2, {}, "1 images but 2 stroke images"),
        (np.zeros((8, 8)), np.zeros((9, 9), int), {}, "have shape"),
        (np.zeros((8, 8)), np.zeros((8, 8), int), {}, "Nothing is painted yet"),
        (np.zeros((8, 8)), np.ones((8, 8), int), {}, "Only background is painted"),
        (np.zeros((8, 8)), np.full((8, 8), -1), {}, "ids from -1"),
        (np.zeros((8, 8)), np.full((8, 8), 0.5), {}, "fractions"),
        (np.zeros((8, 8), complex), np.ones((8, 8), int), {}, "complex"),
        (np.zeros((0, 8)), np.zeros((0, 8), int), {}, "is empty"),
        (np.zeros((8, 8)), np.ones((8, 8), int), {"network": "threshold"}, "not a network"),
        (np.zeros((8, 8)), np.ones((8, 8), int), {"colour": 3}, "no parameter 'colour'"),
    ],
)
def test_bad_input_gets_a_clear_message(images: Any, strokes: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        napari_unet.train(images, strokes, **options).result()


def test_scribbles_and_images_of_our_own_work_too(scene: Any) -> None:
    model = napari_unet.train(Image(scene[0], "NYX"), Scribbles.from_array(scene[1]), index=[0], steps=1, seconds=None,
                              **TINY).result()
    assert model.weights.step == 1


def test_objects_and_images_in_place_of_strokes_are_noticed(scene: Any) -> None:
    grey = np.random.default_rng(0).integers(40, 240, (40, 44)).astype(np.uint8)
    objects = np.zeros((40, 44), np.uint8)
    for number in range(12):
        row, column = 10 * (number // 4), 11 * (number % 4)
        objects[row : row + 6, column : column + 6] = number + 1
    with pytest.warns(InputWarning, match="hold 12 numbers, nearly each of them one connected part: are these single"):
        as_training_set(grey, objects)
    with pytest.warns(InputWarning, match="hold 2.. numbers in many small parts: is it an image"):
        as_training_set(objects, grey)
    with pytest.warns(InputWarning, match="in many small parts: is it an image"):
        as_training_set(objects, grey - 40)  # some of it looks unpainted
    with pytest.warns(InputWarning, match="hold 128, 255: are these grey values"):
        as_training_set(grey, np.where(objects == 1, 128, 255 * (objects == 5)))
    as_training_set(scene[0], scene[1])
    twelve = np.tile(objects, (1, 2))  # of each class two strokes
    as_training_set(np.tile(grey, (1, 2)), twelve)


def test_masks_saved_here_are_known_when_given_as_strokes(scene: Any, tmp_path: Path) -> None:
    images, _, truth = scene
    classes = ClassTable.default((1, 2))
    save_mask(tmp_path / "mask.tif", truth[0], classes=classes)
    with pytest.warns(InputWarning, match="are a mask: 0 is learnt as background"):
        read = as_training_set(images[0], tmp_path / "mask.tif")
    assert np.array_equal(read.pairs[0].scribbles.to_array(), truth[0])
    save_objects(tmp_path / "objects.tif", ObjectMap.of((truth[0] == 2).astype(np.uint8), 2), classes=classes)
    with pytest.raises(UserError, match="holds single objects, not strokes"):
        as_training_set(images[0], tmp_path / "objects.tif")
