"""The choice between networks, by strokes that none of them learnt."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from bands_scene import picture, strokes, trained_on

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import Work
from napari_unet.instant import held_out_evaluation as evaluation_module
from napari_unet.instant.decision import Candidate, Decision, decide, select
from napari_unet.instant.features import FeatureStore
from napari_unet.instant.held_out_evaluation import HeldOutResult, evaluate_held_out, few_planes
from napari_unet.instant.instant_model import Kind, fit_instantly
from napari_unet.instant.painted_features import gather_features
from napari_unet.learning.strokes import Stroke, single_strokes
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.pretrained import load_features


def at(dice: float | None, loss: float | None, strokes: int = 4) -> HeldOutResult:
    return HeldOutResult({1: 1.0, 2: dice}, loss, strokes)


class TestContest:
    """A trained network is shown only where held-out strokes are clearly for it."""

    @pytest.fixture
    def field(self, store: FeatureStore) -> tuple[Candidate, ...]:
        return tuple(Candidate(store, "trees", step, step, trust) for step, trust in ((0, 0.0), (50, 1.0), (100, 1.0)))

    @pytest.mark.parametrize(("mine", "theirs", "wins"), [
        ((0.80, 0.40), (0.90, 0.30), True),
        ((0.80, 0.40), (0.90, 0.39), False),  # by too little
        ((0.900, 0.40), (0.895, 0.30), True),  # as good, and surer
        ((0.90, 0.40), (0.80, 0.30), False),  # a lower Dice never wins
        ((1.00, 0.02), (1.00, 0.01), False),  # both are sure
        ((None, None), (None, None), False),
    ])
    def test_a_newer_network_must_be_clearly_better(
        self, field: tuple[Candidate, ...], mine: tuple[float | None, float | None],
        theirs: tuple[float | None, float | None], wins: bool,
    ) -> None:
        first, newer, _ = field
        found = {first: at(mine[0], mine[1]), newer: at(theirs[0], theirs[1])}
        assert select(first, first, [newer], found) is (newer if wins else first)

    @pytest.mark.parametrize(("strokes", "wins"), [(1, False), (4, False), (25, True)])
    def test_on_many_strokes_a_small_difference_is_clear(
        self, field: tuple[Candidate, ...], strokes: int, wins: bool
    ) -> None:
        first, newer, _ = field
        found = {first: at(0.9, 0.28, strokes), newer: at(0.9, 0.27, strokes)}
        assert select(first, first, [newer], found) is (newer if wins else first)

    def test_small_losses_do_not_add_up(self, field: tuple[Candidate, ...]) -> None:
        first, best, newer = field
        found = {first: at(0.905, 0.30), best: at(0.90, 0.20), newer: at(0.895, 0.10)}
        assert select(first, first, [best], found) is best  # the first step may cost a little
        assert select(first, best, [newer], found) is best

    def test_a_best_one_that_falls_behind_gives_way_to_the_first(self, field: tuple[Candidate, ...]) -> None:
        first, best, newer = field
        found = {first: at(0.9, 0.2), best: at(0.9, 0.21), newer: at(0.9, 0.3)}
        assert select(first, best, [newer], found) is first
        assert select(first, best, [newer], found | {best: at(0.905, 0.21)}) is first, "as good, and surer"
        assert select(first, best, [newer], found | {best: at(0.92, 0.21)}) is best

    def test_the_reason_is_that_of_what_is_shown(self, field: tuple[Candidate, ...]) -> None:
        first, best, newer = field
        unknown = decide(first, first, [newer], dict.fromkeys(field, at(None, None)))
        assert unknown.candidate is first
        assert unknown.reason.startswith("showing the instant answer: judging the trained network takes 8 separate")
        known = {first: at(0.8, 0.3), best: at(0.85, 0.2), newer: at(0.9, 0.15)}
        won = decide(first, first, [newer], known, release=True)
        assert (won.candidate, won.reason) == (newer, "showing the network as trained: held-out Dice 0.90")
        assert won.settled
        assert won.score == {1: 1.0, 2: 0.9}
        lost = decide(first, best, [newer], known | {newer: at(0.80, 0.25)}, release=True)
        assert (lost.candidate, lost.reason) == (best, "showing the network after 50 steps: held-out Dice 0.85, as "
                                                       "trained now 0.80, not clearly better")
        assert not lost.settled

    def test_where_held_out_strokes_find_nothing_wrong_they_decide_nothing(self, field: tuple[Candidate, ...]) -> None:
        first, newer, _ = field
        found = {first: at(1.00, 0.30), newer: at(1.00, 0.10)}
        decision = decide(first, first, [newer], found)
        assert decision.candidate is first
        assert decision.reason == ("showing the instant answer: held-out Dice 1.00 leaves nothing to judge the trained "
                                   "network by: paint where the answer is wrong")
        assert decide(first, first, [newer], found | {first: at(0.94, 0.30)}).candidate is newer

    def test_the_farther_way_must_be_clearly_better_than_the_half(self, store: FeatureStore) -> None:
        first, half, whole = (Candidate(store, "trees", step, step, trust)
                              for step, trust in ((0, 0.0), (50, 0.5), (50, 1.0)))
        found = {first: at(0.80, 0.40), half: at(0.86, 0.30), whole: at(0.86, 0.27)}  # margin: 0.04 / sqrt(4)
        assert select(first, first, [half, whole], found) is half
        assert select(first, first, [whole, half], found | {whole: at(0.86, 0.25)}) is whole
        assert select(first, first, [half, whole], found | {half: at(0.80, 0.39)}) is whole, "where the half fails"

    def test_what_wavers_is_not_shown_however_good_on_held_out_strokes(self, field: tuple[Candidate, ...]) -> None:
        first, _, newer = field
        decision = decide(first, first, [newer], {first: at(0.8, 0.4), newer: at(0.9, 0.1)}, wavers=True, release=True)
        assert decision.candidate is first
        assert not decision.settled
        assert decision.reason == ("showing the instant answer: held-out Dice 0.80; as trained now the network is "
                                   "unsteady far from your strokes: paint some there")

    def test_a_training_that_wavers_takes_back_what_it_brought(self, field: tuple[Candidate, ...]) -> None:
        first, best, newer = field
        found = {first: at(0.8, 0.4), best: at(0.85, 0.2), newer: at(0.9, 0.1)}
        assert decide(first, best, [newer], found, wavers=True).candidate is first

    def test_a_decision_hands_on_its_own_words_model_and_score(self, field: tuple[Candidate, ...]) -> None:
        model = NetworkModel(load_features())
        decision = Decision(field[1], "showing it", {2: 0.5}, True, model)
        choice = decision.as_choice()
        assert (choice.model, choice.remark, choice.score, choice.settled) == (model, "showing it", {2: 0.5}, True)
        kept = decision.kept_because(UserError("No number there.")).as_choice()
        assert kept.model is model
        assert kept.remark == "still showing the network after 50 steps. No number there."
        assert (kept.score, kept.settled) == ({}, False)

    def test_the_standing_counts_held_out_strokes_only(self, store: FeatureStore) -> None:
        image = picture()
        paint = strokes(*((row, 4, 1) for row in (10, 30, 50)), *((row, 34, 2) for row in (10, 30, 50)))
        training = trained_on(image, paint)
        every = tuple(single_strokes(training))
        chosen = tuple(dataclasses.replace(one, held_since=0) if one.pixels.min() >= 30 * 80 else one for one in every)
        assert _judged(store, training, every, 0).mean is None
        good = _judged(store, training, chosen, 0)
        assert good.mean == 1.0
        # what is held out is not learnt: with wrong paint there, everything is mistaken
        wrong = np.where(np.arange(64)[:, None] >= 30, paint[:, :] % 2 + (paint > 0), paint).astype(np.uint8)
        mistaken = trained_on(image, wrong)
        swapped = tuple(dataclasses.replace(one, held_since=0) if one.pixels.min() >= 30 * 80 else one
                        for one in single_strokes(mistaken))
        assert _judged(store, mistaken, swapped, 0).mean == 0.0

    def test_a_class_of_which_nothing_is_learnt_does_not_count(self, store: FeatureStore) -> None:
        paint = strokes(*((row, 4, 1) for row in (10, 30, 50)), *((row, 34, 2) for row in (10, 30, 50)))
        paint[5:8, 60:70] = paint[20:23, 60:70] = 3
        training = trained_on(picture(), paint)
        held = tuple(dataclasses.replace(one, held_since=0) if one.class_id == 3 or one.pixels.min() >= 30 * 80 else one
                     for one in single_strokes(training))
        found = _judged(store, training, held, 0)
        assert found.dice[3] is None
        assert found.dice[2] == 1.0

    def test_held_out_strokes_of_one_class_alone_are_no_score(self, store: FeatureStore) -> None:
        paint = strokes(*((row, 4, 1) for row in (10, 30, 50)), *((row, 34, 2) for row in (10, 30, 50)))
        plane = picture().plane(0)[0].copy()
        plane[30:, 34:50] = np.nan
        training = trained_on(Image(plane), paint)
        held = tuple(dataclasses.replace(one, held_since=0) if one.pixels.min() >= 30 * 80 else one
                     for one in single_strokes(training))
        assert _judged(store, training, held, 0).loss is None

    def test_of_those_that_are_better_the_one_with_the_lowest_loss_is_shown(
        self, field: tuple[Candidate, ...]
    ) -> None:
        first, half, whole = field
        found = {first: at(0.80, 0.40), half: at(0.86, 0.30), whole: at(0.85, 0.28)}
        assert select(first, first, [half, whole], found) is whole
        assert select(first, first, [half, whole], found | {whole: at(None, None)}) is half
        assert select(first, first, [half, whole], found | {whole: at(0.70, 0.28)}) is half

    def test_every_head_is_judged_as_it_is_shown(self, store: FeatureStore) -> None:
        paint = strokes(*((row, column, number) for row in (8, 16, 24, 32, 40, 48)
                          for column, number in ((4, 1), (34, 2), (64, 1))))
        training = trained_on(picture(levels=(20, 60, 20)), paint)
        held = tuple(dataclasses.replace(one, held_since=0) if one.pixels.min() >= 40 * 80 else one
                     for one in single_strokes(training))
        kept = trained_on(training.pairs[0].image, np.where(np.arange(64)[:, None] < 40, paint, 0).astype(np.uint8))
        for head in ("logistic", "trees"):
            model = Work(fit_instantly(store, kept, 0, head)).result()
            chance = next(iter(model.segment(training.pairs[0].image, probabilities=True))).probabilities
            assert chance is not None
            losses = [-np.log(chance[number - 1][(paint == number) & (np.arange(64)[:, None] >= 40)]).mean()
                      for number in (1, 2)]
            assert _judged(store, training, held, 0, head).loss == pytest.approx(np.mean(losses), abs=1e-4)

    def test_a_few_planes_stand_for_many(self) -> None:
        stack = np.zeros((evaluation_module.MOST_PLANES + 4, 16, 16), np.uint8)
        stack[:, 2:4, 2:8] = 1
        stack[-1, 8:10, 2:8] = 2
        image = Image(np.zeros(stack.shape, np.float32), "ZYX")
        training = TrainingSet((Pair(image, Scribbles.from_array(stack)),))
        every: tuple[Stroke, ...] = tuple(single_strokes(training))
        less, kept = few_planes(training, every)
        assert len(less.pairs[0].scribbles.planes) == evaluation_module.MOST_PLANES
        assert less.painted_ids == (1, 2)
        assert {one.plane for one in kept} == set(less.pairs[0].scribbles.planes)
        assert few_planes(less, kept) == (less, kept)

    def test_planes_with_most_strokes_held_out_are_looked_at(self) -> None:
        stack = np.zeros((evaluation_module.MOST_PLANES + 4, 16, 16), np.uint8)
        stack[:, 2:4, 2:8], stack[:, 8:10, 2:8] = 1, 2
        training = trained_on(Image(np.zeros(stack.shape, np.float32), "ZYX"), stack)
        every = tuple(dataclasses.replace(one, held_since=0) if one.plane < 4 else one
                      for one in single_strokes(training))
        assert set(range(4)) <= set(few_planes(training, every)[0].pairs[0].scribbles.planes)

    def test_no_class_is_left_out_for_being_alone_on_its_plane(self) -> None:
        planes = evaluation_module.MOST_PLANES + 4
        stack = np.zeros((planes, 16, 16), np.uint8)
        stack[:, 2:4, 2:8] = np.arange(1, planes + 1)[:, None, None]
        training = trained_on(Image(np.zeros(stack.shape, np.float32), "ZYX"), stack)
        less, _ = few_planes(training, tuple(single_strokes(training)))
        assert less.painted_ids == training.painted_ids


def _judged(
    store: FeatureStore, training: TrainingSet, strokes: tuple[Stroke, ...], step: int, head: Kind = "logistic"
) -> HeldOutResult:
    painted = Work(gather_features(store, training)).result()
    return Work(evaluate_held_out(painted, store, strokes, step, 0, head)).result()
