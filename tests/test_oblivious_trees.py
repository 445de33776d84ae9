"""Trees that correct a linear answer: leaves counted by hand, the same answer on every path, none where one learns."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score

from napari_unet import losses
from napari_unet.core import parameters
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import Work
from napari_unet.instant.answer_then_train import answer_then_train
from napari_unet.instant.tree_growing import COUNT, DOUBT, grow_trees, leaf_purity
from napari_unet.io.model_file import load_model, save_model
from napari_unet.learning.trainer import train_network
from napari_unet.learning.training_plan import TrainingPlan
from napari_unet.networks.unet import UNet
from napari_unet.predicting.oblivious_trees import (
    DEPTH,
    ObliviousTrees,
    as_float16,
    feature_tensors,
    unrounded_limits,
    without_trees,
)
from napari_unet.pretrained import load_features
from napari_unet.segmenters import REGISTRY as METHODS
from napari_unet.segmenters.instant_answer import Instant

LOSS = losses.REGISTRY["dice_cross_entropy"]


def grown(features: np.ndarray, labels: np.ndarray, seed: int = 0) -> ObliviousTrees:
    return Work(grow_trees(features, labels, np.full(len(labels), 1 / len(labels), np.float32), seed)).result()


def clouds(rows: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Three classes that no line tells apart: the middle one lies between the two halves of the first."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(rows, 5)).astype(np.float32)
    labels = np.where(np.abs(features[:, 1]) > 0.8, 0, np.where(features[:, 3] > 0, 1, 2))
    return features, labels


def test_a_pixel_takes_what_was_painted_in_its_leaf_and_else_the_linear_answer() -> None:
    chosen, thresholds = torch.zeros(1, DEPTH, dtype=torch.int64), torch.zeros(1, DEPTH)
    chosen[0, -1] = 1  # all questions but the last ask whether feature 0 is above 0
    leaves = torch.zeros(1, 2**DEPTH, 3)
    leaves[..., -1] = 1
    leaves[0, 2**DEPTH - 1] = torch.tensor([0.75, 0.25, 0.0])
    features = torch.tensor([[1.0, 1.0, -1.0], [1.0, -1.0, 1.0]])  # two features of three pixels
    linear = torch.tensor([[0.5, 0.2, 0.9], [0.5, 0.8, 0.1]])
    found = torch.exp(ObliviousTrees(chosen, thresholds, leaves)(linear.log(), features))
    torch.testing.assert_close(found, torch.tensor([[0.625, 0.2, 0.9], [0.375, 0.8, 0.1]]))


def test_trees_vote_alike_on_every_device() -> None:
    rng = torch.Generator().manual_seed(0)
    features = torch.randn(7, 500, generator=rng)
    trees = ObliviousTrees(torch.randint(7, (9, DEPTH), generator=rng), torch.randn(9, DEPTH, generator=rng),
                           torch.rand(9, 2**DEPTH, 4, generator=rng))
    votes = trees._voted(features)
    torch.testing.assert_close(votes, trees._voted_on_device(features))
    by_hand = torch.zeros(4)
    for chosen, thresholds, leaves in zip(trees.chosen, trees.thresholds, trees.leaves, strict=True):
        answers = (str(int(features[number, 3] > limit)) for number, limit in zip(chosen, thresholds, strict=True))
        by_hand += leaves[int("".join(answers), 2)]
    torch.testing.assert_close(votes[3], by_hand)


def test_numbers_of_32_bits_are_asked_what_they_would_be_after_rounding_to_16() -> None:
    rng = np.random.default_rng(0)
    halves = np.arange(0, 0x7C00, 97, dtype=np.uint16).view(np.float16)  # tiny ones and the largest among them
    halves = np.concatenate([halves, -halves])
    middles = (halves.astype(np.float32) + np.nextafter(halves, np.float16(np.inf)).astype(np.float32)) / 2
    values = np.concatenate([halves, middles, np.nextafter(middles, np.float32(0)), [0, 1e-9, 7e4, -7e4, 65519.996],
                             rng.normal(size=500)]).astype(np.float32)
    limits = np.concatenate([halves[::50], rng.normal(size=50), [0, -0.0, 65504, 7e4, -7e4]]).astype(np.float32)
    rounded = as_float16(torch.from_numpy(values)).float().numpy()
    finite = np.isfinite(values)
    np.testing.assert_array_equal((values > unrounded_limits(limits)[:, None])[:, finite],
                                  (rounded > limits[:, None])[:, finite])


def test_a_feature_that_differs_by_rounding_may_move_a_probability_by_half_a_tree() -> None:
    """Why tiles agree to 1e-4 in the linear answer only: a tree is a step, and its question is yes or no."""
    count = 4
    chosen, thresholds = torch.zeros(count, DEPTH, dtype=torch.int64), torch.zeros(count, DEPTH)
    thresholds[1:] = -5.0
    leaves = torch.zeros(count, 2**DEPTH, 3)
    leaves[..., 0] = 1
    leaves[0, -1] = torch.tensor([0.0, 1.0, 0.0])  # what is above 0 is the second class, says the first tree
    trees = ObliviousTrees(chosen, thresholds, leaves)
    linear = torch.log(torch.tensor([[0.9], [0.1]]))
    below, above = (trees(linear, torch.tensor([[feature]])) for feature in (0.0, 1e-7))
    moved = (below.exp() - above.exp()).abs()
    torch.testing.assert_close(moved, torch.full((2, 1), 1 / (2 * count)))
    assert (below - above).abs().max() > 1, "in logits that is a lot where a class is improbable"


def test_trees_learn_what_no_line_can() -> None:
    features, labels = clouds()
    before = features.copy(), labels.copy()
    trees = grown(features[:300], labels[:300])
    even = torch.zeros(3, 300)
    found = trees(even, torch.from_numpy(features[300:].T.copy())).argmax(0).numpy()
    assert accuracy_score(labels[300:], found) > 0.8
    np.testing.assert_array_equal(features, before[0])
    np.testing.assert_array_equal(labels, before[1])


def test_leaves_count_what_was_painted() -> None:
    features, labels = clouds(50)
    trees = grown(features, labels)
    assert len(trees.leaves) == COUNT
    torch.testing.assert_close(trees.leaves.sum(2), torch.ones(COUNT, 2**DEPTH))
    above = features[:, trees.chosen[4].numpy()] > trees.thresholds[4].numpy()
    ends = above @ 2 ** np.arange(DEPTH - 1, -1, -1)
    for leaf in np.unique(ends):
        painted = np.bincount(labels[ends == leaf], minlength=3)
        np.testing.assert_allclose(
            trees.leaves[4, leaf], np.append(painted, DOUBT) / (painted.sum() + DOUBT), rtol=1e-5)
    empty = np.setdiff1d(np.arange(2**DEPTH), ends)
    assert trees.leaves[4, empty].tolist() == [[0, 0, 0, 1]] * len(empty)


def test_the_same_seed_grows_the_same_trees() -> None:
    features, labels = clouds()
    one, same, other = grown(features, labels), grown(features, labels), grown(features, labels, 1)
    assert torch.equal(one.leaves, same.leaves)
    assert torch.equal(one.chosen, same.chosen)
    assert not torch.equal(one.chosen, other.chosen)


def test_purity_by_hand() -> None:
    labels, counts = np.array([0, 0, 1, 1]), np.ones(4)
    assert leaf_purity(np.array([0, 0, 1, 1]), labels, counts, 2) == 4
    assert leaf_purity(np.array([0, 1, 0, 1]), labels, counts, 2) == 2
    assert leaf_purity(np.array([3, 3, 3, 3]), labels, counts, 2) == 2


def scene() -> TrainingSet:
    rng = np.random.default_rng(0)
    plane = np.kron(np.arange(4) % 2, np.ones((64, 16))) + rng.normal(0, 0.2, (64, 64))
    paint = np.zeros((64, 64), np.uint8)
    for row in (8, 24, 40):
        paint[row : row + 2, 2:12], paint[row : row + 2, 18:28] = 1, 2
    return TrainingSet((Pair(Image(plane.astype(np.float32)), Scribbles.from_array(paint)),))


def test_a_saved_answer_keeps_its_trees(tmp_path: Path) -> None:
    training = scene()
    image = training.pairs[0].image
    answer = Work(Instant(device="cpu").fit(training)).result()
    assert answer.trees is not None
    save_model(tmp_path / "model.pt", answer.as_network())
    loaded = load_model(tmp_path / "model.pt", "cpu")
    assert loaded.weights.network.trees == COUNT
    assert torch.equal(loaded.weights.tensors["trees.leaves"], answer.trees.leaves)
    maps = [next(iter(model.segment(image, probabilities=True))).probabilities
            for model in (answer, loaded, dataclasses.replace(answer, trees=None))]
    apart = np.abs(maps[0] - maps[1])  # a feature at a threshold: a tree moves it by 1 / (2 COUNT)
    assert np.mean(apart > 0.003) < 1e-3
    assert apart.max() < 2 / (2 * COUNT) + 0.003
    assert np.abs(maps[0] - maps[2]).max() > 0.05  # it is the trees that are kept


def test_a_file_whose_trees_look_at_what_is_not_there_is_refused(tmp_path: Path) -> None:
    model = Work(Instant(device="cpu").fit(scene())).result().as_network()
    tensors = dict(model.weights.tensors)
    tensors["trees.chosen"] = tensors["trees.chosen"] + 1000
    save_model(tmp_path / "model.pt",
               dataclasses.replace(model, weights=dataclasses.replace(model.weights, tensors=tensors)))
    with pytest.raises(UserError, match="missing or wrong"):
        load_model(tmp_path / "model.pt", "cpu")


@pytest.mark.parametrize("hold_out", [False, None])
def test_what_trains_has_no_trees_and_what_is_shown_has(hold_out: bool | None) -> None:
    plan = TrainingPlan(seconds=None, steps=2, patch=64, device="cpu", hold_out=hold_out)
    events = list(answer_then_train(scene(), load_features(), LOSS, plan))
    models = [event.model for event in events if event.model is not None]
    assert models[0].weights.network.trees == COUNT
    assert models[-1].weights.network.trees == (0 if hold_out is False else COUNT)


def test_training_goes_on_from_an_answer_without_its_trees() -> None:
    answer = Work(Instant(device="cpu").fit(scene())).result().as_network("cpu")
    bare = without_trees(answer.weights)
    assert bare.network == dataclasses.replace(answer.weights.network, trees=0)
    assert set(bare.tensors) == set(feature_tensors(bare)) | {"head.weight", "head.bias"}
    plan = TrainingPlan(seconds=None, steps=1, patch=64, device="cpu")
    model = Work(train_network(scene(), answer.weights.network, LOSS, plan, initial=answer.weights)).result()
    assert model.weights.network == bare.network
    model = Work(train_network(scene(), UNet(depth=1, width=2, trees=3), LOSS, plan)).result()
    assert model.weights.network.trees == 0


def test_features_that_16_bits_do_not_hold_are_as_large_as_they_do() -> None:
    assert as_float16(torch.tensor([1e6, -1e6, 2.0])).tolist() == [65504.0, -65504.0, 2.0]


def test_nobody_is_asked_for_trees() -> None:
    assert "trees" not in {field.name for field in parameters.fields(METHODS["unet"])}


def test_trees_that_were_never_grown_leave_logits_as_they_are() -> None:
    torch.manual_seed(0)
    network = UNet(depth=1, width=4, trees=3)
    module = network.build(1, 3).eval()
    plain = dataclasses.replace(network, trees=0).build(1, 3).eval()
    plain.load_state_dict({name: tensor for name, tensor in module.state_dict().items() if "trees" not in name})
    x = torch.randn(2, 1, 16, 24)
    with torch.inference_mode():
        torch.testing.assert_close(torch.softmax(module(x), 1), torch.softmax(plain(x), 1))
