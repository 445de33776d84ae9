"""One choice of a network after the other, while training goes on."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
from bands_scene import picture, strokes, trained_on

from napari_unet.core.errors import UserError
from napari_unet.core.method import Progress
from napari_unet.core.scribbles import TrainingSet
from napari_unet.core.work import Work
from napari_unet.instant import candidate_selection as selection_module
from napari_unet.instant import decision as decision_module
from napari_unet.instant.candidate_selection import CandidateSelection
from napari_unet.instant.features import FeatureStore
from napari_unet.instant.held_out_evaluation import HeldOutResult
from napari_unet.instant.instant_model import Kind, fit_instantly, fit_to_pixels, head_kind
from napari_unet.instant.painted_features import PaintedFeatures, gather_features
from napari_unet.instant.unpainted_ground import UnpaintedGround
from napari_unet.learning.learner import Learner
from napari_unet.learning.strokes import single_strokes
from napari_unet.learning.training_data import TrainingData
from napari_unet.learning.validation import SETTLE_STEPS, ModelChoice
from napari_unet.losses import REGISTRY as LOSSES
from napari_unet.predicting.devices import choose_device
from napari_unet.predicting.oblivious_trees import without_trees


class Shown:
    """A selection over a training that a test makes up: which model it shows, choice by choice."""

    def __init__(self, store: FeatureStore, monkeypatch: pytest.MonkeyPatch, release: bool = True) -> None:
        """Losses of what training began with are 0.5."""
        self.losses: dict[str, float] = {}
        self.asked: list[tuple[bool, str]] = []
        self.since: list[int] = []

        def made_up(
            painted: PaintedFeatures, features: FeatureStore, strokes: object, step: int, seed: int, head: Kind
        ) -> Generator[None, None, HeldOutResult]:
            self.asked.append((features is store, head))
            self.since.append(step)
            yield
            old = features.weights.step < self.learner.step
            return HeldOutResult({1: 1.0, 2: 0.9}, 0.5 if features is store else self.losses["best" if old else head],
                                 4)

        monkeypatch.setattr(selection_module, "evaluate_held_out", made_up)
        places = [(row, column, number) for row in range(4, 60, 6) for column, number in ((4, 1), (34, 2))]
        self.training = trained_on(picture(), strokes(*places))
        self.strokes = tuple(dataclasses.replace(one, held_since=0 if one.number // 2 % 2 else None)
                             for one in single_strokes(self.training))
        answer = Work(fit_to_pixels(Work(gather_features(store, self.training)).result(), store)).result().as_network()
        self.selection = CandidateSelection(store, answer, release=release)
        weights = without_trees(answer.weights)
        self.learner = Learner(weights.network, 1, (1, 2), choose_device("cpu"), LOSSES["cross_entropy"],
                               initial=weights)

    def choice(self, holds: bool = True, **losses: float) -> tuple[ModelChoice, int, str]:
        """Return the choice after ten more steps, with the steps and the kind of head of what is shown."""
        self.learner.step += 10
        self.losses = losses
        sampler: Any = None
        held = self.strokes if holds else tuple(dataclasses.replace(one, held_since=None) for one in self.strokes)
        data = TrainingData(self.training, held, (1, 2), 1, 32, 1, sampler, holds)
        choice = Work(self.selection(self.learner, data, self.learner.step)).result()
        assert choice.model is not None
        return choice, choice.model.weights.step, head_kind(choice.model.weights)


@pytest.fixture
def shown(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> Shown:
    return Shown(store, monkeypatch)


@pytest.mark.parametrize(("losses", "head"), [
    ({"logistic": 0.2, "trees": 0.3}, "logistic"),
    ({"logistic": 0.3, "trees": 0.2}, "trees"),
])
def test_held_out_strokes_choose_the_head_of_a_trained_network(
    shown: Shown, losses: dict[str, float], head: str
) -> None:
    choice, step, kind = shown.choice(**losses)
    assert choice.settled
    assert (step, kind) == (10, head)


def test_an_answer_that_is_not_beaten_keeps_its_trees(shown: Shown) -> None:
    choice, step, kind = shown.choice(logistic=0.6, trees=0.6)
    assert not choice.settled
    assert (step, kind) == (0, "trees")
    assert (True, "logistic") not in shown.asked, "it is judged as it is shown"
    # and what lost does not become the best because nothing is left to judge it by
    assert shown.choice(holds=False)[1:] == (0, "trees")


def test_what_has_won_is_followed_when_nothing_is_held_out_any_more(shown: Shown) -> None:
    shown.choice(logistic=0.2, trees=0.3)
    asked = len(shown.asked)
    choice, step, kind = shown.choice(holds=False)
    assert len(shown.asked) == asked
    assert (step, kind) == (20, "logistic")
    assert choice.score == {}
    assert choice.remark.startswith("showing the network as trained, 50% of the way there: it was clearly better")


@pytest.mark.parametrize("trust", [0.5, 1.0])
def test_what_is_shown_of_a_trained_network_is_as_far_as_the_one_that_won(
    shown: Shown, monkeypatch: pytest.MonkeyPatch, trust: float
) -> None:
    name, learnt = next((name, one) for name, one in shown.learner.averaged.named_parameters() if one.ndim == 1)
    begun = learnt.clone()
    monkeypatch.setattr(selection_module, "agreement_lost", lambda *_given: 0.0)
    monkeypatch.setattr(decision_module, "select", lambda _first, _best, newest, _found: next(
        one for one in newest if one.trust == trust))
    for holds in (True, False):  # the second time nobody can judge
        learnt += 1.0
        model = shown.choice(holds, logistic=0.3, trees=0.3)[0].model
        assert model is not None
        assert np.allclose(model.weights.tensors[name], begun + trust * (learnt - begun), atol=1e-6)


def test_nothing_is_settled_for_an_older_network(shown: Shown) -> None:
    assert shown.choice(logistic=0.2, trees=0.3)[0].settled
    choice, step, _ = shown.choice(best=0.2, logistic=0.3, trees=0.3)
    assert not choice.settled
    assert step == 10


def test_held_out_strokes_stay_so_where_somebody_asks_for_it(
    store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    choice, step, _ = Shown(store, monkeypatch, release=False).choice(logistic=0.2, trees=0.3)
    assert step == 10
    assert not choice.settled


def test_networks_are_not_looked_at_where_nothing_can_be_judged(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[FeatureStore] = []

    def spy(features: FeatureStore, training: TrainingSet) -> Generator[Progress, None, PaintedFeatures]:
        looked.append(features)
        return gather_features(features, training)

    monkeypatch.setattr(selection_module, "gather_features", spy)
    shown.strokes = shown.strokes[:2]
    choice, step, _ = shown.choice()
    assert (step, len(looked), shown.asked) == (0, 1, [])
    assert choice.remark.startswith("showing the instant answer: judging the trained network takes 8")


def test_new_strokes_are_looked_up_anew(shown: Shown, store: FeatureStore) -> None:
    shown.choice(logistic=0.6, trees=0.6)
    shown.training = trained_on(picture(), strokes((10, 4, 1), (10, 60, 2), (20, 60, 2)))
    shown.strokes = tuple(single_strokes(shown.training))
    model = shown.choice()[0].model
    assert model is not None
    expected = Work(fit_instantly(store, shown.training)).result().as_network()
    assert np.array_equal(model.weights.tensors["head.weight"], expected.weights.tensors["head.weight"])


def test_what_is_shown_is_judged_by_strokes_that_it_has_not_learnt_either(shown: Shown) -> None:
    shown.choice(logistic=0.2, trees=0.3)
    shown.choice(best=0.2, logistic=0.3, trees=0.3)
    assert shown.since[-1] == 10


def test_what_has_learnt_the_strokes_that_judge_now_gives_way(shown: Shown) -> None:
    assert shown.choice(logistic=0.2, trees=0.3)[1] == 10
    # what was held out trains from step 10 on, and what was trained on is held out
    shown.strokes = tuple(dataclasses.replace(one, held_since=None if one.held else 10, fresh=False)
                          for one in shown.strokes)
    assert shown.choice(best=0.1, logistic=0.6, trees=0.6)[1] == 10, "nothing can be judged yet"
    shown.learner.step = 10 + SETTLE_STEPS
    assert shown.choice(best=0.1, logistic=0.6, trees=0.6)[1] == 0


def test_a_network_that_wavers_far_from_paint_is_not_shown(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = {"between": 0.0, "from first": 0.0}
    monkeypatch.setattr(UnpaintedGround, "labels", lambda _ground, answer: said(answer.store.weights.step))
    monkeypatch.setattr(selection_module, "agreement_lost",
                        lambda one, _other, _distance: lost["from first" if one[0] == 0 else "between"])

    def said(step: int) -> Generator[None, None, np.ndarray]:
        yield
        return np.full(3, step, np.uint8)

    for name, most in (("between", selection_module.MOST_LOST_BETWEEN),
                       ("from first", selection_module.MOST_LOST_FROM_FIRST)):
        lost[name] = most + 0.01
        choice, step, _ = shown.choice(logistic=0.2, trees=0.3)
        assert (step, choice.settled) == (0, False)
        assert choice.remark.startswith("showing the instant answer: held-out Dice 0.90; as trained now the network is "
                                        "unsteady far from your strokes")
        lost[name] = most - 0.01
        choice, step, _ = shown.choice(best=0.3, logistic=0.2, trees=0.3)
        assert step == shown.learner.step
        assert choice.remark == "showing the network as trained, 50% of the way there: held-out Dice 0.90"
        lost[name] = most + 0.01
        assert shown.choice(best=0.3, logistic=0.2, trees=0.3)[1] == 0, "it takes back what it brought"
        lost[name] = 0.0


def test_what_learns_all_strokes_is_followed_as_long_as_it_is_steady(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown.choice(logistic=0.2, trees=0.3)
    assert shown.choice(holds=False)[1] == 20
    monkeypatch.setattr(selection_module, "agreement_lost", lambda *_given: 1.0)
    choice, step, _ = shown.choice(holds=False)
    assert step == 20
    assert choice.remark == ("showing the network after 20 steps, 50% of the way there: it was clearly better; as "
                             "trained now the network is unsteady far from your strokes")


@pytest.mark.parametrize("fails", ["judging", "fitting"])
def test_where_something_goes_wrong_words_and_model_are_still_of_one_network(
    shown: Shown, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """A candidate that has won but cannot be fitted must not be the one that is talked about."""
    before, step, _ = shown.choice(logistic=0.6, trees=0.6)
    assert step == 0

    def refused(*_given: object) -> Generator[None, None, None]:
        yield
        raise UserError("Every painted pixel of cell is NaN.")

    monkeypatch.setattr(selection_module, "gather_features" if fails == "judging" else "fit_to_pixels", refused)
    choice, step, _ = shown.choice(logistic=0.2, trees=0.3)
    assert choice.model is before.model
    assert choice.remark == "still showing the instant answer. Every painted pixel of cell is NaN."
    assert choice.score == {}
    monkeypatch.undo()


@pytest.mark.parametrize("losses", [(0.6, 0.6), (0.2, 0.3), (0.3, 0.2)])
def test_the_text_names_the_network_that_is_returned(shown: Shown, losses: tuple[float, float]) -> None:
    for _ in range(3):
        choice, step, _ = shown.choice(best=0.1, logistic=losses[0], trees=losses[1])
        if "instant answer" in choice.remark:
            assert step == 0
        elif "showing the network as trained" in choice.remark:
            assert step == shown.learner.step
        else:
            assert f"the network after {step} steps" in choice.remark
