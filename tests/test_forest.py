"""Random forest and boosting: the filters are scikit-image's, the trees scikit-learn's, tiles change nothing."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.feature import multiscale_basic_features
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

import napari_unet
from napari_unet.cli import main
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.image import Image
from napari_unet.core.latest import Latest
from napari_unet.core.method import View, assemble
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.io import save_mask
from napari_unet.io.model_file import can_be_saved, load_model, load_network, save_model
from napari_unet.segmenters import _filters
from napari_unet.segmenters._filters import Filters
from napari_unet.segmenters._tree_arrays import TreeArrays
from napari_unet.segmenters.forest import Forest, ForestModel

QUICK: dict[str, Any] = {"trees": 10, "largest": 4.0}


def textures(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fine stripes on the left, blobs of the same brightness on the right: image, truth, strokes of (2, 72, 96)."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:72, :96]
    image = np.where(x < 48, np.sin(y * 2.0) > 0, np.sin(y / 3) * np.sin(x / 3) > 0)
    truth = np.where(x < 48, 2, 1)
    images = np.stack([image, image[::-1]]) * 100 + generator.normal(60, 10, (2, 72, 96))
    strokes = np.zeros((2, 72, 96), np.uint8)
    strokes[0, 20:24, 4:44] = strokes[0, 4:68, 30:34] = 2
    strokes[0, 10:14, 52:90] = strokes[0, 4:68, 60:64] = strokes[0, 4:68, 80:84] = 1
    return np.clip(images, 0, 255).astype(np.uint8), np.stack([truth, truth]).astype(np.uint8), strokes


def fitted(method: Forest, images: np.ndarray, strokes: np.ndarray, axes: str = "NYX") -> ForestModel:
    fit = method.fit(TrainingSet((Pair(Image(images, axes), Scribbles.from_array(strokes)),)))
    while True:
        try:
            next(fit)
        except StopIteration as stop:
            model: ForestModel = stop.value
            return model


@pytest.fixture(scope="module")
def model() -> ForestModel:
    images, _, strokes = textures()
    return fitted(Forest(), images, strokes)


# -- filters ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("smallest", "largest", "channels"), [(1.0, 16.0, 1), (0.5, 2.0, 3)])
def test_tiles_have_the_filters_of_the_whole_plane(
    monkeypatch: pytest.MonkeyPatch, smallest: float, largest: float, channels: int
) -> None:
    plane = np.random.default_rng(0).random((channels, 150, 203)).astype(np.float32)
    filters = Filters(smallest, largest)
    expected = multiscale_basic_features(np.moveaxis(plane, 0, -1), sigma_min=smallest, sigma_max=largest,
                                         channel_axis=-1)
    assert expected.shape[-1] == filters.count * channels
    monkeypatch.setattr(_filters, "_MOST_VALUES", 1)
    boxes = list(filters.tiles((150, 203), channels))
    assert len(boxes) == 3 * 4
    whole = np.full_like(expected, np.nan)
    for box in boxes:
        whole[box] = filters.measure(plane, box)
    np.testing.assert_allclose(whole, expected, rtol=0, atol=1e-6)


def test_a_tile_is_about_as_large_as_memory_allows() -> None:
    rows, columns = next(iter(Filters(1, 16).tiles((5000, 6000), 1)))
    side = rows.stop - rows.start
    assert columns.stop - columns.start == side
    assert (side + 2 * Filters(1, 16).halo) ** 2 * 20 * 4 <= 2**26 < (side + 1 + 2 * Filters(1, 16).halo) ** 2 * 20 * 4


def test_patches_are_tiles_and_those_in_view_come_first(model: ForestModel, monkeypatch: pytest.MonkeyPatch) -> None:
    images, _, _ = textures()
    image = Image(images, "NYX")
    whole = assemble(image, model.segment(image))
    monkeypatch.setattr(_filters, "_MOST_VALUES", 1)
    view: Latest[View | None] = Latest(View((1, slice(66, 70), slice(80, 90))))
    patches = list(model.segment(image, view=view))
    assert len(patches) == patches[-1].total == 2 * 4
    assert patches[0].where == (1, slice(64, 72), slice(64, 96))
    np.testing.assert_array_equal(assemble(image, patches), whole)


# -- trees ------------------------------------------------------------------------------------------------------------


@settings(max_examples=12)
@given(st.integers(2, 4), st.integers(0, 1000), st.booleans())
def test_plain_arrays_say_what_scikit_learn_says(classes: int, seed: int, boosting: bool) -> None:
    generator = np.random.default_rng(seed)
    measured = generator.normal(size=(300, 5)).astype(np.float32)
    labels = np.concatenate([np.arange(classes), generator.integers(0, classes, 300 - classes)])
    if boosting:
        theirs: Any = HistGradientBoostingClassifier(max_iter=5, early_stopping=False, random_state=0)
        ours = TreeArrays.of_boosting(theirs.fit(measured, labels))
    else:
        theirs = RandomForestClassifier(8, random_state=0)
        ours = TreeArrays.of_forest(theirs.fit(measured, labels).estimators_)
    new = generator.normal(size=(200, 5)).astype(np.float32)
    again = TreeArrays.from_arrays(ours.arrays())
    np.testing.assert_allclose(ours.probabilities(new), theirs.predict_proba(new), atol=1e-5)
    np.testing.assert_array_equal(ours.probabilities(new), again.probabilities(new))
    assert ours.is_forest is not boosting


def stump(**changes: Any) -> TreeArrays:
    """One question: a first feature of at most 0.5 means class 0."""
    arrays: dict[str, Any] = {
        "sizes": [3], "left": [1, -1, -1], "right": [2, -1, -1], "feature": [0, -2, -2], "threshold": [0.5, 0, 0],
        "value": [[0.5, 0.5], [1, 0], [0.25, 0.75]], "owner": [-1], "baseline": [0, 0], "features": 1,
    }
    return TreeArrays.from_arrays({name: np.array(value) for name, value in {**arrays, **changes}.items()})


def test_a_tree_made_by_hand() -> None:
    values = np.array([[0.5], [0.6], [-3.0]], np.float32)
    np.testing.assert_allclose(stump().probabilities(values), [[1, 0], [0.25, 0.75], [1, 0]])
    boosted = stump(value=[[0.0], [-1.0], [np.log(3)]], owner=[0], baseline=[0.0])
    np.testing.assert_allclose(boosted.probabilities(values)[1], [0.25, 0.75], atol=1e-6)
    assert stump().probabilities(np.zeros((0, 1), np.float32)).shape == (0, 2)


@pytest.mark.parametrize(("changes", "words"), [
    ({"left": [9, -1, -1]}, "a child or a feature that is not there"),
    ({"left": [0, -1, -1]}, "a child or a feature that is not there"),  # would never end
    ({"left": [-1, -1, -1]}, "a child or a feature that is not there"),
    ({"right": [-2, -1, -1]}, "a child or a feature that is not there"),
    ({"feature": [1, -2, -2]}, "a child or a feature that is not there"),
    ({"sizes": [2]}, "do not add up"),
    ({"sizes": [3, 0], "owner": [-1, -1]}, "do not add up"),
    ({"threshold": [0.5]}, "different lengths"),
    ({"baseline": [0, 0, 0]}, "another number of values"),
    ({"owner": [2], "value": [[0], [1], [2]]}, "a class that is not there"),
])
def test_trees_that_would_read_foreign_memory_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        stump(**changes)


# -- the method -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["forest", "boosting"])
def test_textures_of_equal_brightness_are_told_apart(kind: Any) -> None:
    images, truth, strokes = textures()
    found = fitted(Forest(kind=kind), images, strokes)
    labels = assemble(Image(images, "NYX"), found.segment(Image(images, "NYX")))
    overlap = 2 * np.count_nonzero((labels == 2) & (truth == 2)) / (np.count_nonzero(labels == 2) + (truth == 2).sum())
    assert overlap >= 0.95
    assert ("Random forest: 100 trees" if kind == "forest" else "Gradient boosting: 100 trees") in found.note
    assert "on 20 filter values a pixel, 1 to 16 px; tells apart background, class 2." in found.note


def test_the_defaults_are_those_of_the_tools_it_stands_for() -> None:
    method = Forest()
    assert (method.kind, method.trees, method.depth, method.samples) == ("forest", 100, 20, 20_000)
    assert (method.smallest, method.largest, method.background) == (1, 16, 0)


def test_the_kind_is_chosen_on_the_strokes_when_left_to_auto() -> None:
    images, _, strokes = textures()
    found = fitted(Forest(kind=None, **QUICK), images, strokes)
    assert found.method.kind in ("forest", "boosting")
    assert {one.parameters["kind"] for one in found.tried} == {"forest", "boosting"}


@pytest.mark.parametrize("kind", ["forest", "boosting"])
def test_fewer_samples_than_paint_still_know_a_rare_class(kind: Any) -> None:
    images, _, strokes = textures()
    strokes[1, 5, 5] = 3
    found = fitted(Forest(kind=kind, samples=20, **QUICK), images, strokes)
    assert found.classes.ids == found.ids == (1, 2, 3)
    (patch,) = found.segment(Image(images[:1], "NYX"), probabilities=True)
    assert patch.probabilities is not None
    assert patch.probabilities.shape == (3, 72, 96)


def test_the_forest_votes_as_scikit_learn_s_does() -> None:
    generator = np.random.default_rng(0)
    measured = generator.normal(size=(600, 6)).astype(np.float32)
    labels = (measured[:, 0] + measured[:, 1] ** 2 + generator.normal(0, 0.5, 600) > 0.8).astype(np.intp)
    growing = Forest(trees=200, depth=8)._grow(measured[:400], labels[:400])
    while True:
        try:
            next(growing)
        except StopIteration as stop:
            ours = stop.value.probabilities(measured[400:])
            break
    theirs = RandomForestClassifier(200, max_depth=8, random_state=0).fit(measured[:400], labels[:400])
    other = RandomForestClassifier(200, max_depth=8, random_state=1).fit(measured[:400], labels[:400])
    expected, again = theirs.predict_proba(measured[400:]), other.predict_proba(measured[400:])
    assert np.abs(ours - expected).mean() < 1.5 * np.abs(again - expected).mean(), "as near as another seed of theirs"


def test_growing_trees_leaves_the_filters_of_warnings_alone() -> None:
    before = list(warnings.filters)
    images, _, strokes = textures()
    fitted(Forest(trees=40, largest=2.0), images, strokes)
    assert list(warnings.filters) == before


def test_scales_in_the_wrong_order() -> None:
    with pytest.raises(UsageError, match=r"largest 2 px is below smallest 4 px\. Give a largest scale of at least"):
        Forest(smallest=4, largest=2)


# -- as a file --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["forest", "boosting"])
def test_a_fitted_forest_comes_back_from_its_file(tmp_path: Path, kind: Any) -> None:
    images, _, strokes = textures()
    found = fitted(Forest(kind=kind, **QUICK), images, strokes)
    assert can_be_saved(found)
    save_model(tmp_path / "forest.pt", found)
    loaded = load_model(tmp_path / "forest.pt")
    assert isinstance(loaded, ForestModel)
    assert (loaded.method, loaded.classes, loaded.note, loaded.ids) == (
        found.method, found.classes, found.note, found.ids)
    other = Image(textures(seed=1)[0], "NYX")
    for ours, theirs in zip(loaded.segment(other, probabilities=True), found.segment(other, probabilities=True),
                            strict=True):
        np.testing.assert_array_equal(ours.labels, theirs.labels)
        np.testing.assert_array_equal(ours.probabilities, theirs.probabilities)
    mask = napari_unet.predict(other, tmp_path / "forest.pt").result()
    np.testing.assert_array_equal(mask, assemble(other, found.segment(other)) - 1)
    with pytest.raises(UserError, match=r"holds (random forest|gradient boosting), not a network\. Choose the model"):
        load_network(tmp_path / "forest.pt")
    with pytest.raises(UserError, match="has 3 channels, but this model learnt from images with 1"):
        list(loaded.segment(Image(np.zeros((8, 9, 3), np.uint8), "YXC")))


@pytest.mark.parametrize(("change", "words"), [
    ({"method": "oracle"}, r"a method called 'oracle', but there is none of that name here that can be loaded"),
    ({"method": "threshold"}, "'threshold', but there is none of that name here that can be loaded"),
    ({"knobs": {"branches": 3}}, r"forest has no parameter 'branches'\. Allowed: background, kind"),
    ({"knobs": {"trees": 0}}, "Forest: trees cannot be 0"),
    ({"channels": 2}, r"missing or wrong \(ValueError: trees for 20 filter values, but there are 20 for each of 2"),
    ({"ids": [1, 2, 3]}, "ValueError: trees for 2 classes, but ids"),
    ({"ids": [1, 7]}, "ValueError: trees for 2 classes, but ids"),
    ({"tensors": {}}, "KeyError: 'sizes'"),
    ({"tensors": {"sizes": 3}}, "'tensors: sizes' holds 3, where there should be a tensor"),
])
def test_files_whose_parts_do_not_fit_are_refused(
    tmp_path: Path, model: ForestModel, change: dict[str, Any], words: str
) -> None:
    path = tmp_path / "forest.pt"
    save_model(path, model)
    torch.save({**torch.load(path, weights_only=True), **change}, path)
    with pytest.raises(UserError, match=words) as caught:
        load_model(path)
    assert str(path) in str(caught.value)


def test_train_and_predict_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tifffile import imread, imwrite

    images, truth, strokes = textures()
    imwrite(tmp_path / "i.tif", images, photometric="minisblack")
    save_mask(tmp_path / "s.tif", strokes, classes=napari_unet.ClassTable.default(), axes="NYX", code="painted")
    model = str(tmp_path / "forest.pt")
    assert main(["train", str(tmp_path / "i.tif"), str(tmp_path / "s.tif"), "--network", "forest", "--set", "trees=20",
                 "-o", model]) == 0
    assert "20 trees on 20 filter values" in capsys.readouterr().err
    assert main(["predict", str(tmp_path / "i.tif"), "--model", model, "-o", str(tmp_path / "m.tif")]) == 0
    assert (imread(tmp_path / "m.tif") + 1 == truth).mean() > 0.95
    assert main(["predict", str(tmp_path / "i.tif"), "--model", model, "--tta", "-o", str(tmp_path / "n.tif")]) == 2
    assert "only for networks" in capsys.readouterr().err
