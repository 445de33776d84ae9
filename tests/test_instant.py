"""The instant method: features that ship, heads on strokes of any image, and the same model as a network."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_unet import pretrained
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import InputWarning, UsageError, UserError
from napari_unet.core.image import Image
from napari_unet.core.method import Progress, assemble
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import Work
from napari_unet.instant.features import FeatureStore
from napari_unet.instant.instant_model import InstantModel
from napari_unet.instant.tree_growing import COUNT
from napari_unet.io.model_file import load_model, save_model
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.oblivious_trees import without_trees
from napari_unet.predicting.weights import Weights
from napari_unet.segmenters.instant_answer import Instant

METHOD = Instant(device="cpu")


def scene(classes: int = 2, channels: int = 1, shape: tuple[int, int] = (64, 80), seed: int = 0
          ) -> tuple[Image, np.ndarray, np.ndarray]:
    """Stripes of several grey values: image, truth and strokes."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(classes), -(-shape[1] // classes))[: shape[1]]
    truth = np.broadcast_to(truth + 1, shape).astype(np.uint8)
    weight = rng.permutation(channels * classes).reshape(channels, classes)
    pixels = weight[:, truth - 1] * 40 + rng.normal(0, 5, (channels, *shape)) + 30
    strokes = np.zeros(shape, np.uint8)
    for row in (10, 30, 50):
        strokes[row : row + 3] = truth[row : row + 3]
    return Image(pixels.astype(np.float32), "CYX", "stripes"), truth, strokes


def training(image: Image, strokes: np.ndarray, **table: object) -> TrainingSet:
    return TrainingSet((Pair(image, Scribbles.from_array(strokes)),), **table)


def fitted(image: Image, strokes: np.ndarray, method: Instant = METHOD) -> InstantModel:
    return Work(method.fit(training(image, strokes))).result()


def labels_of(model: InstantModel | NetworkModel, image: Image) -> np.ndarray:
    return assemble(image, model.segment(image))


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("head", ["ridge", "logistic", "trees"])
def test_stripes_of_any_number_of_classes_and_channels(classes: int, channels: int, head: str) -> None:
    image, truth, strokes = scene(classes, channels)
    model = fitted(image, strokes, Instant(head=head, device="cpu"))
    assert model.classes.ids == tuple(range(1, classes + 1))
    assert head in model.note
    assert np.mean(labels_of(model, image) == truth) > 0.9


def test_the_first_answer_comes_before_the_better_one(store: FeatureStore) -> None:
    image, truth, strokes = scene(3)
    method = METHOD
    events = list(method.fit(training(image, strokes), store))
    assert [event.model is not None for event in events] == [False, True] + [False] * COUNT
    assert all(isinstance(event, Progress) for event in events)
    assert np.mean(labels_of(events[1].model, image) == truth) > 0.9
    # the second time nothing has to be looked at: the first event brings a model
    events = list(method.fit(training(image, strokes), store))
    assert events[0].model is not None
    assert events[0].model.trees is None
    assert len(list(Instant(device="cpu", head="logistic").fit(training(image, strokes), store))) == 0


@pytest.mark.parametrize("channels", [1, 3])
def test_the_same_labels_as_one_network_that_can_be_saved(channels: int, tmp_path: Path) -> None:
    image, _, strokes = scene(3, channels)
    model = fitted(image, strokes)
    network = model.as_network()
    assert isinstance(network, NetworkModel)
    assert network.device == "cpu"
    save_model(tmp_path / "model.pt", network)
    for other in (network, load_model(tmp_path / "model.pt", "cpu")):
        assert other.classes == model.classes
        assert other.weights.network.features == 32
        assert other.weights.network.channelwise
        patches = zip(model.segment(image, probabilities=True), other.segment(image, probabilities=True), strict=True)
        for mine, theirs in patches:
            best = np.sort(mine.probabilities, axis=0)
            clear = best[-1] - best[-2] > 1e-2
            assert clear.mean() > 0.9
            np.testing.assert_array_equal(mine.labels[clear], theirs.labels[clear])
            np.testing.assert_allclose(mine.probabilities, theirs.probabilities, atol=0.02)


def test_tiles_agree_with_the_whole_plane_but_for_single_pixels_where_trees_answer_otherwise() -> None:
    """What holds with trees: the linear answer agrees to 1e-4, and so do trees but where a feature is at a threshold.

    There a tree moves a probability by up to 1 / (2 T), see the tests of trees; hardly ever two of them do.
    """
    image, _, strokes = scene(3)
    weights = fitted(image, strokes).as_network("cpu").weights
    noise = ndimage.gaussian_filter(np.random.default_rng(0).random((1, 192, 256)), (0, 1.5, 1.5))
    plane = ((noise - noise.min()) / np.ptp(noise)).astype(np.float32)
    whole, tiled = _logits(without_trees(weights), plane)
    np.testing.assert_allclose(whole, tiled, atol=1e-4)
    corrected, by_tiles = _logits(weights, plane)
    assert np.abs(corrected - whole).max() > 0.1, "the trees have a say"
    differ = np.abs(corrected - by_tiles).max(axis=0) > 1e-4
    assert differ.mean() < 1e-4
    assert np.abs(np.exp(corrected) - np.exp(by_tiles)).max() <= 4 / (2 * COUNT) + 1e-4
    second, best = np.sort(np.exp(corrected), axis=0)[-2:]
    clear = (best - second > 4 / COUNT) | (~differ & (best - second > 1e-2))
    assert clear.mean() > 0.9
    np.testing.assert_array_equal(corrected.argmax(0)[clear], by_tiles.argmax(0)[clear])


def _logits(weights: Weights, plane: np.ndarray) -> list[np.ndarray]:
    """Return the logits of the whole plane at once, and by tiles."""
    return [NetworkModel(weights, "cpu", tile=tile, full_precision=True).logits(plane) for tile in (1000, 64)]


def test_wrong_answers_are_less_sure_than_right_ones() -> None:
    rng = np.random.default_rng(0)
    slope = np.linspace(0, 10, 80)[None].repeat(80, axis=0)
    truth = np.where(slope < 5, 1, 2)
    image = Image((slope + rng.normal(0, 1.5, truth.shape)).astype(np.float32))
    strokes = np.zeros(truth.shape, np.uint8)
    strokes[20:23], strokes[60:63] = truth[20:23], truth[60:63]
    model = fitted(image, strokes)
    (patch,) = model.segment(image, probabilities=True)
    left_out = strokes == 0
    claimed, right = patch.probabilities.max(axis=0), patch.labels == truth
    np.testing.assert_allclose(patch.probabilities.sum(axis=0), 1, atol=1e-5)
    assert 0.5 < right[left_out].mean() < 0.99
    assert claimed[left_out & right].mean() > claimed[left_out & ~right].mean() + 0.05


def test_pixels_that_hold_no_number_are_background() -> None:
    image, truth, strokes = scene(3)
    spoilt = image.data.copy()
    spoilt[0, 20:25, 60:70] = np.nan
    spoilt[0, 30, :] = np.inf  # under a stroke too
    broken = Image(spoilt, "CYX", "spoilt")
    model = fitted(broken, strokes)
    with pytest.warns(InputWarning, match=r"'spoilt': 130 of 5120 pixels are NaN or infinite") as record:
        (patch,) = model.segment(broken, probabilities=True)
    assert len(record) == 1
    hidden = ~np.isfinite(spoilt[0])
    assert (patch.labels[hidden] == 1).all()
    assert (patch.probabilities[0, hidden] == 1).all()
    assert np.mean((patch.labels == truth)[~hidden]) > 0.9


def test_a_class_painted_only_where_there_are_no_numbers() -> None:
    image, truth, strokes = scene(3)
    spoilt = image.data.copy()
    spoilt[0, truth == 3] = np.nan
    with pytest.raises(UserError, match=r"Every painted pixel of class 3 is NaN or infinite\. Paint a little of it"):
        fitted(Image(spoilt, "CYX"), strokes)


def test_strokes_that_are_not_enough() -> None:
    image, _, strokes = scene()
    with pytest.raises(UserError, match="Nothing is painted yet"):
        fitted(image, np.zeros_like(strokes))
    with pytest.raises(UserError, match=r"Only background is painted\. Paint a little of a second class too"):
        fitted(image, np.where(strokes == 1, 1, 0))
    colour, _, _ = scene(2, 3)
    both = TrainingSet((Pair(image, Scribbles.from_array(strokes)), Pair(colour, Scribbles.from_array(strokes))))
    with pytest.raises(UserError, match=r"differ in their channels: .* has 1; .* has 3\."):
        Work(METHOD.fit(both)).result()


def test_one_pixel_of_each_class_is_enough() -> None:
    image, _, strokes = scene()
    single = np.zeros_like(strokes)
    single[30, 5], single[30, 75] = 1, 2
    labels = labels_of(fitted(image, single), image)
    assert (labels[30, 5], labels[30, 75]) == (1, 2)


def test_an_image_with_other_channels() -> None:
    image, _, strokes = scene(2, 3)
    with pytest.raises(UserError, match=r"has 1 channel, but this model learnt from images with 3"):
        list(fitted(image, strokes).segment(scene()[0]))


def test_unpainted_classes_and_images_are_left_out() -> None:
    image, _, strokes = scene()
    other = Image(np.zeros((9, 9, 3), np.uint8), "YXC")
    table = ClassTable.named({1: "background", 2: "cell", 9: "dust"})
    pairs = (Pair(image, Scribbles.from_array(strokes)), Pair(other, Scribbles.empty(other.shape)))
    model = Work(METHOD.fit(TrainingSet(pairs, table))).result()
    assert model.classes == ClassTable.named({1: "background", 2: "cell"})


def test_parameters_are_checked() -> None:
    with pytest.raises(UsageError, match=r"head cannot be 'svm'\. Allowed: one of ridge, logistic, trees"):
        Instant(head="svm")
    with pytest.raises(UsageError, match="memory cannot be 3"):
        Instant(memory=3)
    assert METHOD.store().limit == 2**31
    assert Instant(memory=64, device="cpu").store().limit == 2**26


# --- the features that ship ------------------------------------------------------------------------------------------


def test_what_ships_says_where_it_comes_from() -> None:
    facts = pretrained.feature_provenance()
    assert tuple(facts) == pretrained.FACTS
    assert facts["steps"] > 0
    assert 0 < facts["accuracy"] < 1
    assert pretrained.FILE.stat().st_size <= 8_000_000
    contents = torch.load(pretrained.FILE, weights_only=True)
    assert pretrained.tensor_hash(contents["tensors"]) == facts["sha256"]
    assert {tensor.dtype for tensor in contents["tensors"].values()} == {torch.float16, torch.int64}
    steps = [row[0] for row in contents["curve"]]
    assert steps == sorted(steps)
    assert steps[-1] <= facts["steps"]


def test_the_features_are_one_network_without_a_last_layer() -> None:
    state = torch.random.get_rng_state()
    weights = pretrained.load_features()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert weights.channels == 1
    assert not any(name.startswith("head") for name in weights.tensors)
    assert {tensor.dtype for tensor in weights.tensors.values()} == {torch.float32, torch.int64}
    assert pretrained.load_features() is weights


def changed(tmp_path: Path, **parts: object) -> Path:
    contents = torch.load(pretrained.FILE, weights_only=True)
    path = tmp_path / "features.pt"
    torch.save(contents | parts, path)
    return path


WORKS = r"the method 'unet', which can train from nothing, and all classical methods work without it"


def test_missing_or_damaged_features_say_what_still_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=f"features are missing .*{WORKS}"):
        pretrained.load_features(tmp_path / "none.pt")
    cut = tmp_path / "cut.pt"
    cut.write_bytes(pretrained.FILE.read_bytes()[:100_000])
    with pytest.raises(UserError, match=f"the file is damaged.*{WORKS}"):
        pretrained.feature_provenance(cut)
    with pytest.raises(UserError, match=r"have version 99, this napari-unet reads version 1"):
        pretrained.load_features(changed(tmp_path, version=99))
    tensors = dict(torch.load(pretrained.FILE, weights_only=True)["tensors"])
    name = next(iter(tensors))
    with pytest.raises(UserError, match="not what was shipped"):
        pretrained.load_features(changed(tmp_path, tensors=tensors | {name: tensors[name] * 2}))
    fewer = dict(itertools.islice(tensors.items(), 5))
    facts = pretrained.feature_provenance() | {"sha256": pretrained.tensor_hash(fewer)}
    with pytest.raises(UserError, match="do not fit this version"):
        pretrained.load_features(changed(tmp_path, tensors=fewer, facts=facts))
    monkeypatch.setattr(pretrained, "FILE", tmp_path / "none.pt")
    image, _, strokes = scene()
    with pytest.raises(UserError, match=WORKS):
        fitted(image, strokes)


def test_info_tells_where_the_features_come_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from napari_unet.cli import main

    assert main(["info"]) == 0
    assert pretrained.feature_provenance()["sha256"] in capsys.readouterr().out
    monkeypatch.setattr(pretrained, "FILE", tmp_path / "none.pt")
    assert main(["info"]) == 0
    assert "features are missing" in capsys.readouterr().out
