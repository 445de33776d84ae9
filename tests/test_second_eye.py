"""The second eye: the classifier it is, the same in tiles as whole, in heads, networks and files; and without it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from bands_scene import TWO, picture, strokes, trained_on
from eye_scene import classifier, two_eyed_features
from torch import Tensor, nn

from napari_unet import pretrained
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.method import assemble
from napari_unet.core.work import Work
from napari_unet.instant import features as features_module
from napari_unet.instant.answer_then_train import answer_then_train
from napari_unet.instant.candidate_selection import interpolated
from napari_unet.instant.eye_features import PREFIX, eye_tensors
from napari_unet.instant.features import FeatureStore, same_features
from napari_unet.instant.instant_model import InstantModel, fit_instantly
from napari_unet.instant.leaving_out import FOLDS, best_prior, can_choose
from napari_unet.instant.painted_features import PaintedFeatures, gather_features
from napari_unet.instant.tree_growing import COUNT as TREES
from napari_unet.instant.trust import FACTORS
from napari_unet.io.model_file import load_model, save_model
from napari_unet.learning.strokes import single_strokes
from napari_unet.learning.training_plan import TrainingPlan
from napari_unet.losses import REGISTRY as LOSSES
from napari_unet.networks import _second_eye as eye_module
from napari_unet.networks._second_eye import BLOCKS, COUNT, EPSILON, LEVELS, TAPS, SecondEye, folded
from napari_unet.networks.unet import UNet
from napari_unet.predicting.devices import choose_device
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.weights import Weights, snapshot
from napari_unet.pretrained import eye_weights

FLOAT32 = choose_device("cpu").full_precision()


@pytest.fixture(scope="module")
def weights() -> Weights:
    return two_eyed_features()


@pytest.fixture
def store(weights: Weights) -> FeatureStore:
    return FeatureStore(weights, FLOAT32)


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(features_module, "TILE", 64)
    features_module._tiles.cache_clear()
    yield
    features_module._tiles.cache_clear()


def module_of(state: dict[str, Tensor]) -> SecondEye:
    module = SecondEye()
    module.load_state_dict(folded(state))
    return module.eval()


def test_it_is_the_classifier_layer_by_layer() -> None:
    """Against plain convolutions and batch norms, padded by hand."""
    state, plane = classifier(), torch.rand((1, 3, 32, 48), generator=torch.Generator().manual_seed(1))

    def layer(x: Tensor, convolution: str, norm: str, stride: int = 1) -> Tensor:
        weight = state[f"{convolution}.weight"]
        total = weight.shape[-1] - stride
        ends = (total // 2, total - total // 2)
        x = nn.functional.conv2d(nn.functional.pad(x, (*ends, *ends)), weight, None, stride,
                                 groups=x.shape[1] // weight.shape[1])
        return nn.functional.batch_norm(x, *(state[f"{norm}.{what}"] for what in
                                             ("running_mean", "running_var", "weight", "bias")), eps=EPSILON)

    x = nn.functional.interpolate(plane, scale_factor=2, mode="bilinear")
    x, found = layer((x * 255 - 127) / 128, "_conv_stem", "_bn0", 2).clamp(0, 6), []
    for number, (_, _, stride, _) in enumerate(BLOCKS):
        name, before = f"_blocks.{number}.", x
        if number:
            x = layer(x, f"{name}_expand_conv", f"{name}_bn0").clamp(0, 6)
        x = layer(x, f"{name}_depthwise_conv", f"{name}_bn1", stride).clamp(0, 6)
        x = layer(x, f"{name}_project_conv", f"{name}_bn2")
        x = x + before if x.shape == before.shape else x
        found += [x] * (number in TAPS)
    seen = module_of(state).cells(plane, ((0, 32), (0, 48)))
    assert [one.shape[1:] for one in seen] == [(count, 32 // stride, 48 // stride) for stride, count in LEVELS]
    for one, other in zip(seen, found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_grey_is_a_colour_picture_of_three_like_channels_and_others_are_seen_one_by_one() -> None:
    module, part = module_of(classifier()), ((0, 32), (0, 32))
    grey = torch.rand((1, 1, 32, 32), generator=torch.Generator().manual_seed(1))
    other = grey.flip(-1)
    alone = module.cells(grey, part)
    for one, three in zip(alone, module.cells(grey.expand(-1, 3, -1, -1), part), strict=True):
        torch.testing.assert_close(one, three, rtol=1e-4, atol=1e-4)
    two = module.cells(torch.cat([grey, other], 1), part)
    for one, both, turned in zip(alone, two, module.cells(other, part), strict=True):
        torch.testing.assert_close(both, torch.cat([one, turned], 1), rtol=1e-4, atol=1e-4)


def test_it_depends_on_no_more_than_its_reach() -> None:
    """A change of one pixel changes no feature of a cell that lies farther away, and some that are rather near."""
    module, side = module_of(classifier()), 320
    plane = torch.rand((1, 1, side, side), generator=torch.Generator().manual_seed(1))
    changed = plane.clone()
    changed[..., 160, 163] = 1 - changed[..., 160, 163]
    for (stride, _), one, other in zip(LEVELS, *(module.cells(x, ((0, side), (0, side))) for x in (plane, changed)),
                                       strict=True):
        rows, columns = np.nonzero(((one - other).abs().amax((0, 1)) > 0).numpy())
        for cells, place in ((rows, 160), (columns, 163)):
            assert place - (stride * (cells.min() - 1)) <= eye_module.REACH
            assert stride * (cells.max() + 2) - place <= eye_module.REACH


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_tiles_are_the_whole(channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a small network, which looks less far than the eye."""
    network = UNet(depth=2, width=4, features=3, channelwise=True, eye=True)
    module = network.build(channels, 2).eval()
    module.eye.load_state_dict(folded(classifier()))
    weights = snapshot(module, network, "unet", channels, ClassTable.default((1, 2)))
    image = Image(np.random.default_rng(0).random((channels, 150, 230), np.float32), "CYX")
    count = 3 * channels + COUNT * (1 if channels == 3 else channels)
    found = []
    for size in (64, 512):
        monkeypatch.setattr(features_module, "TILE", size)
        features_module._tiles.cache_clear()
        store = FeatureStore(weights, FLOAT32)
        assert len(store.prior(channels)) == count == module.head.in_channels
        out = np.full((count, *image.plane_shape), np.nan, np.float32)
        for number in range(len(store.boxes(image))):
            tile = store.tile(image, 0, number)
            out[(slice(None), *tile.box.slices)] = tile.enlarged().numpy()
        found.append(out)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(*found, rtol=4e-3, atol=4e-3)
    plane = weights.normalisation(image.plane(0))[0]
    whole, tiled = (NetworkModel(weights, "cpu", tile=tile, full_precision=True).logits(plane) for tile in (512, 64))
    np.testing.assert_allclose(whole, tiled, atol=1e-4)


def test_it_is_kept_once_and_shared_with_networks_that_learn_beside_it(weights: Weights, store: FeatureStore) -> None:
    image = picture()
    assert not store.holds(image, 0, 0, eye=True)
    assert store.tile(image, 0, 0, eye=False).count == len(store.prior(1, eye=False))
    assert not store.holds(image, 0, 0, eye=True)
    both = store.tile(image, 0, 0)
    assert both.count == len(store.prior(1)) == store.tile(image, 0, 0, eye=False).count + COUNT
    assert store.holds(image, 0, 0, eye=True)
    assert store.bytes > both.bytes - 1
    changed = {name: tensor + (0 if name.startswith(PREFIX) else 1) for name, tensor in weights.tensors.items()
               if tensor.is_floating_point()}
    learnt = dataclasses.replace(weights, tensors={**weights.tensors, **changed}, step=5)
    beside = FeatureStore(interpolated(weights, learnt, 0.5), FLOAT32, eye=store.eye)
    assert beside.eye is store.eye
    assert beside.holds(image, 0, 0, eye=True)
    assert not beside.holds(image, 0, 0)
    name = f"{PREFIX}stem_bias"
    other = dataclasses.replace(weights, tensors={**weights.tensors, name: weights.tensors[name] + 1})
    assert FeatureStore(other, FLOAT32, eye=store.eye).eye is not store.eye
    assert not same_features(weights, other)


def test_what_is_kept_is_small(weights: Weights, store: FeatureStore) -> None:
    """Of every pixel 101 features in 16 bits were kept, before there were resolutions."""
    image = Image(np.random.default_rng(0).random((512, 512), np.float32))
    own, both = (store.tile(image, 0, 0, eye).bytes / (101 * 2 * image.data.size) for eye in (False, True))
    assert own <= 0.8
    assert both <= 1


def model_of(store: FeatureStore, image: Image, paint: np.ndarray) -> InstantModel:
    return Work(fit_instantly(store, trained_on(image, paint))).result()


def test_the_first_answer_does_not_wait_for_it(store: FeatureStore) -> None:
    training = trained_on(picture(), strokes(*TWO))
    image = training.pairs[0].image
    models = [(event.model.two_eyed, event.model.trees, store.holds(image, 0, 0, eye=True))
              for event in fit_instantly(store, training) if event.model is not None]
    assert models == [(False, None, False), (True, None, True)]
    again = list(fit_instantly(store, training))
    assert again[0].model is not None
    assert again[0].model.two_eyed
    assert len(again) == 1 + TREES


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_the_same_labels_as_one_network_that_can_be_saved(store: FeatureStore, channels: int, tmp_path: Path) -> None:
    grey = picture().plane(0)[0]
    image = Image(np.stack([grey * (1 + number) for number in range(channels)]), "CYX")
    model = model_of(store, image, strokes(*TWO))
    assert model.two_eyed
    network = model.as_network("cpu")
    save_model(tmp_path / "model.pt", network)
    assert (tmp_path / "model.pt").stat().st_size < 12_000_000
    loaded = load_model(tmp_path / "model.pt", "cpu")
    assert isinstance(loaded, NetworkModel)
    assert loaded.weights.network.eye
    (mine,) = model.segment(image, probabilities=True)
    for other in (network, loaded):
        (theirs,) = dataclasses.replace(other, full_precision=True).segment(image, probabilities=True)
        apart = np.abs(mine.probabilities - theirs.probabilities)
        assert np.mean(apart > 0.005) < 1e-3, "where a feature lies at the threshold of a tree"
        assert apart.max() < 2 / (2 * TREES) + 0.005
    one_eyed = next(event.model for event in fit_instantly(FeatureStore(store.weights, FLOAT32),
                                                           trained_on(image, strokes(*TWO))) if event.model)
    alone = one_eyed.as_network("cpu")
    assert not alone.weights.network.eye
    assert not eye_tensors(alone.weights)
    np.testing.assert_array_equal(assemble(image, alone.segment(image)) > 0, True)


def test_a_file_of_before_answers_as_it_did(weights: Weights, tmp_path: Path) -> None:
    """Files without a word of it were enlarged straight, which must stay; an answer of today is found beside it."""
    shipped = pretrained.load_features().network
    assert shipped.eye_kernel == ("even" if shipped.eye else "linear")
    network = UNet(depth=1, width=2, channelwise=True, eye=True)
    module = network.build(1, 2).eval()
    module.eye.load_state_dict(folded(classifier()))
    before = NetworkModel(snapshot(module, network, "unet", 1, ClassTable.default((1, 2))), "cpu")
    save_model(tmp_path / "now.pt", before)
    contents = torch.load(tmp_path / "now.pt", weights_only=True)
    assert contents["knobs"].pop("eye_kernel") == "linear"
    torch.save(contents, tmp_path / "before.pt")
    loaded = load_model(tmp_path / "before.pt", "cpu")
    assert isinstance(loaded, NetworkModel)
    plane = picture().plane(0)
    seen = module.eye.cells(torch.from_numpy(plane[None]), ((0, plane.shape[1]), (0, plane.shape[2])))
    large = [nn.functional.interpolate(one, scale_factor=8, mode="bilinear") for one in seen]
    with torch.no_grad():
        own = module._features(torch.from_numpy(plane[None]), ((0, plane.shape[1]), (0, plane.shape[2])))
        right = module.head(torch.cat([own, *large], 1))[0]
        found = module(torch.from_numpy(plane[None]))[0]
    torch.testing.assert_close(found, right, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(loaded.logits(plane), before.logits(plane))
    even = dataclasses.replace(before.weights, network=dataclasses.replace(network, eye_kernel="even"))
    assert np.abs(NetworkModel(even, "cpu").logits(plane) - before.logits(plane)).max() > 1e-3
    assert FeatureStore(even, FLOAT32, eye=FeatureStore(before.weights, FLOAT32).eye).eye.weights is even
    assert not same_features(even, before.weights)


@pytest.mark.parametrize("kernel", ["linear", "even"])
def test_training_goes_on_from_an_answer_of_today_only(weights: Weights, kernel: str) -> None:
    training = trained_on(picture(), strokes(*TWO))
    theirs = dataclasses.replace(weights, network=dataclasses.replace(weights.network, eye_kernel=kernel))
    answered = Work(fit_instantly(FeatureStore(theirs, FLOAT32), training)).result().as_network("cpu").weights
    run = answer_then_train(training, weights, LOSSES["cross_entropy"], TrainingPlan(steps=1, device="cpu"),
                            answered=answered)
    begun = next(event.model for event in run if event.text.startswith("Answered at once"))
    run.close()
    assert isinstance(begun, NetworkModel)
    assert begun.weights.network.eye_kernel == "even"
    assert (begun.weights is answered) is (kernel == "even")


# --- the package of its weights --------------------------------------------------------------------------------------


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package as the known one is laid out, with other numbers; returns its file."""
    folder = tmp_path / eye_weights.PACKAGE / "models"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise AssertionError('no code of it is run')", encoding="utf-8")
    torch.save(classifier(), folder / eye_weights.NAME)
    monkeypatch.syspath_prepend(tmp_path)
    for cached in (eye_weights._numbers, pretrained._with_eye):
        cached.cache_clear()
    yield folder / eye_weights.NAME
    for cached in (eye_weights._numbers, pretrained._with_eye):
        cached.cache_clear()


def test_the_package_is_read_but_not_run(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eye_weights, "eye_file", lambda: installed)
    monkeypatch.setattr(eye_weights, "SHA256", eye_weights.hashlib.sha256(installed.read_bytes()).hexdigest())
    for name, tensor in folded(classifier()).items():
        torch.testing.assert_close(eye_weights.load_eye()[name], tensor)
    weights = pretrained.load_features()
    assert weights.network.eye
    assert len(eye_tensors(weights)) == len(eye_module.shapes())
    assert "Apache License 2.0" in eye_weights.eye_state()


def test_a_damaged_package_is_told_and_everything_works_without(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eye_weights, "eye_file", lambda: installed)
    with pytest.raises(UserError, match=r"are not what is known: the file is damaged\. Everything works without it"):
        eye_weights.load_eye()
    assert not pretrained.load_features().network.eye
    installed.unlink()
    assert "cannot be read" in eye_weights.eye_state()


def test_no_package_is_told_and_everything_works_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eye_weights, "PACKAGE", "a_package_that_nobody_has")
    assert eye_weights.eye_file() is None
    assert "is not installed. Everything works without it" in eye_weights.eye_state()
    weights = pretrained.load_features()
    assert not weights.network.eye
    assert not eye_tensors(weights)


# --- trust in it -----------------------------------------------------------------------------------------------------


def painted_with(seen: float, strokes_of_each: int = 8, own: int = 3) -> PaintedFeatures:
    """Strokes of two classes; the own features tell a little, that of the second eye tells ``seen`` times the noise."""
    rng, stroke = np.random.default_rng(0), np.repeat(np.arange(2 * strokes_of_each), 40)
    ids = np.where(stroke < strokes_of_each, 1, 2).astype(np.uint8)
    features = rng.normal(0, 1, (len(ids), own + 1))
    features += rng.normal(0, 1, (2 * strokes_of_each, own + 1))[stroke]  # strokes differ as a whole
    features[:, 0] += 0.7 * ids
    features[:, -1] += seen * ids
    count = len(ids)
    return PaintedFeatures(features.astype(np.float16), ids, np.zeros((count, 2), np.int32), np.arange(count), stroke,
                           2 * strokes_of_each, 1, ClassTable.default((1, 2)))


@pytest.mark.parametrize(("seen", "factor"), [(5.0, 2.0), (0.3, 1.0)])
def test_what_is_seen_is_trusted_more_where_strokes_left_out_say_so(seen: float, factor: float) -> None:
    painted = painted_with(seen)
    assert can_choose(painted)
    priors = [np.array([1, 1, 1, 0.2 * times], np.float32) for times in FACTORS]
    assert FACTORS[Work(best_prior(painted, priors)).result()] == factor


def test_what_misleads_is_trusted_less() -> None:
    """A feature that is the same all over a stroke, and says nothing of the class."""
    painted = painted_with(0.0)
    rng = np.random.default_rng(1)
    several = np.concatenate([painted.features[:, :3], 4 * rng.normal(0, 1, (16, 40))[painted.stroke]], axis=1)
    misled = dataclasses.replace(painted, features=several.astype(np.float16))
    priors = [np.concatenate([np.ones(3), np.full(40, 0.5 * times)]).astype(np.float32) for times in FACTORS]
    assert FACTORS[Work(best_prior(misled, priors)).result()] == 0.5


def test_few_strokes_leave_none_out(store: FeatureStore) -> None:
    assert not can_choose(painted_with(1.0, FOLDS - 1))
    few, many = strokes(*TWO), strokes(*((10 * row, column, number) for row in range(1, 6)
                                         for column, number in ((4, 1), (34, 2))))
    for paint, chosen in ((few, False), (many, True)):
        events = [event.text for event in fit_instantly(store, trained_on(picture(), paint))]
        assert ("Leaving strokes out" in events) is chosen


def test_pixels_know_their_stroke(store: FeatureStore) -> None:
    training = trained_on(picture(), strokes(*TWO, (30, 4, 1), (50, 60, 2)))
    painted = Work(gather_features(store, training)).result()
    for number, one in enumerate(single_strokes(training)):
        mine = painted.of([one], 4)
        assert set(mine.stroke) == {number}
        np.testing.assert_array_equal(np.flatnonzero(painted.stroke == number), np.flatnonzero(np.isin(
            painted.pixels, one.pixels)))
