"""The choice between networks, by strokes that none of them learnt."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
from bands_scene import picture, strokes, trained_on

from napari_unet.core.image import Image
from napari_unet.core.instant import contest as contest_module
from napari_unet.core.instant import standing as standing_module
from napari_unet.core.instant.contest import Candidate, Contest, reason, winner
from napari_unet.core.instant.features import FeatureStore
from napari_unet.core.instant.instant import Kind, fit_instantly, fit_to, kind_of
from napari_unet.core.instant.painted import Painted, gather
from napari_unet.core.instant.standing import Standing, few, standing
from napari_unet.core.learning.judge import Verdict
from napari_unet.core.learning.learner import Learner
from napari_unet.core.learning.material import Material
from napari_unet.core.learning.strokes import Stroke, single_strokes
from napari_unet.core.method import Progress
from napari_unet.core.predicting.devices import choose_device
from napari_unet.core.predicting.trees import without_trees
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import Work
from napari_unet.losses import SHELF as LOSSES
from napari_unet.pretrained import load_features


def at(dice: float | None, loss: float | None, strokes: int = 4) -> Standing:
    return Standing({1: 1.0, 2: dice}, loss, strokes)


@pytest.fixture(scope="module")
def store() -> FeatureStore:
    return FeatureStore(load_features(), choose_device("cpu"))


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
        assert winner(first, first, [newer], found) is (newer if wins else first)

    @pytest.mark.parametrize(("strokes", "wins"), [(1, False), (4, False), (25, True)])
    def test_on_many_strokes_a_small_difference_is_clear(
        self, field: tuple[Candidate, ...], strokes: int, wins: bool
    ) -> None:
        first, newer, _ = field
        found = {first: at(0.9, 0.28, strokes), newer: at(0.9, 0.27, strokes)}
        assert winner(first, first, [newer], found) is (newer if wins else first)

    def test_small_losses_do_not_add_up(self, field: tuple[Candidate, ...]) -> None:
        first, best, newer = field
        found = {first: at(0.905, 0.30), best: at(0.90, 0.20), newer: at(0.895, 0.10)}
        assert winner(first, first, [best], found) is best  # the first step may cost a little
        assert winner(first, best, [newer], found) is best

    def test_a_best_one_that_falls_behind_gives_way_to_the_first(self, field: tuple[Candidate, ...]) -> None:
        first, best, newer = field
        found = {first: at(0.9, 0.2), best: at(0.9, 0.21), newer: at(0.9, 0.3)}
        assert winner(first, best, [newer], found) is first

    def test_the_reason_is_said(self, field: tuple[Candidate, ...]) -> None:
        first, best, newer = field
        unknown = dict.fromkeys(field, at(None, None))
        assert reason(first, [newer], unknown).startswith("showing the instant answer: too few strokes")
        known = {first: at(0.8, 0.3), best: at(0.9, 0.2), newer: at(0.85, 0.25)}
        assert reason(newer, [newer], known) == "showing the network as trained: held-out Dice 0.85"
        assert reason(best, [newer], known) == (
            "showing the network after 50 steps: held-out Dice 0.90, as trained now 0.85, not clearly better")

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

    def test_of_those_that_are_better_the_one_with_the_lowest_loss_is_shown(
        self, field: tuple[Candidate, ...]
    ) -> None:
        first, half, whole = field
        found = {first: at(0.80, 0.40), half: at(0.86, 0.30), whole: at(0.85, 0.28)}
        assert winner(first, first, [half, whole], found) is whole
        assert winner(first, first, [half, whole], found | {whole: at(None, None)}) is half
        assert winner(first, first, [half, whole], found | {whole: at(0.70, 0.28)}) is half

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
        stack = np.zeros((standing_module.MOST_PLANES + 4, 16, 16), np.uint8)
        stack[:, 2:4, 2:8] = 1
        stack[-1, 8:10, 2:8] = 2
        image = Image(np.zeros(stack.shape, np.float32), "ZYX")
        training = TrainingSet((Pair(image, Scribbles.from_array(stack)),))
        every: tuple[Stroke, ...] = tuple(single_strokes(training))
        less, kept = few(training, every)
        assert len(less.pairs[0].scribbles.planes) == standing_module.MOST_PLANES
        assert less.painted_ids == (1, 2)
        assert {one.plane for one in kept} == set(less.pairs[0].scribbles.planes)
        assert few(less, kept) == (less, kept)

    def test_no_class_is_left_out_for_being_alone_on_its_plane(self) -> None:
        planes = standing_module.MOST_PLANES + 4
        stack = np.zeros((planes, 16, 16), np.uint8)
        stack[:, 2:4, 2:8] = np.arange(1, planes + 1)[:, None, None]
        training = trained_on(Image(np.zeros(stack.shape, np.float32), "ZYX"), stack)
        less, _ = few(training, tuple(single_strokes(training)))
        assert less.painted_ids == training.painted_ids


class Shown:
    """A contest over a training that a test makes up: which model it shows, verdict by verdict."""

    def __init__(self, store: FeatureStore, monkeypatch: pytest.MonkeyPatch, release: bool = True) -> None:
        """Losses of what training began with are 0.5."""
        self.losses: dict[str, float] = {}
        self.asked: list[tuple[bool, str]] = []

        def made_up(
            painted: Painted, features: FeatureStore, strokes: object, step: int, seed: int, head: Kind
        ) -> Generator[None, None, Standing]:
            self.asked.append((features is store, head))
            yield
            old = features.weights.step < self.learner.step
            return at(0.9, 0.5 if features is store else self.losses["best" if old else head])

        monkeypatch.setattr(contest_module, "standing", made_up)
        places = [(row, column, number) for row in range(4, 60, 6) for column, number in ((4, 1), (34, 2))]
        self.training = trained_on(picture(), strokes(*places))
        self.strokes = tuple(dataclasses.replace(one, held_since=0 if one.number // 2 % 2 else None)
                             for one in single_strokes(self.training))
        answer = Work(fit_to(Work(gather(store, self.training)).result(), store)).result().as_network()
        self.contest = Contest(store, answer, release=release)
        weights = without_trees(answer.weights)
        self.learner = Learner(weights.network, 1, (1, 2), choose_device("cpu"), LOSSES["cross_entropy"],
                               initial=weights)

    def verdict(self, holds: bool = True, **losses: float) -> tuple[Verdict, int, str]:
        """Return the verdict after ten more steps, with the steps and the kind of head of what is shown."""
        self.learner.step += 10
        self.losses = losses
        sampler: Any = None
        held = self.strokes if holds else tuple(dataclasses.replace(one, held_since=None) for one in self.strokes)
        material = Material(self.training, held, (1, 2), 1, 32, 1, sampler, holds)
        verdict = Work(self.contest(self.learner, material, self.learner.step)).result()
        assert verdict.model is not None
        return verdict, verdict.model.weights.step, kind_of(verdict.model.weights)


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
    verdict, step, kind = shown.verdict(**losses)
    assert verdict.settled
    assert (step, kind) == (10, head)


def test_an_answer_that_is_not_beaten_keeps_its_trees(shown: Shown) -> None:
    verdict, step, kind = shown.verdict(logistic=0.6, trees=0.6)
    assert not verdict.settled
    assert (step, kind) == (0, "trees")
    assert (True, "logistic") not in shown.asked, "it is judged as it is shown"
    # and what lost does not become the best because nothing is left to judge it by
    assert shown.verdict(holds=False)[1:] == (0, "trees")


def test_what_has_won_is_followed_when_nothing_is_held_out_any_more(shown: Shown) -> None:
    shown.verdict(logistic=0.2, trees=0.3)
    asked = len(shown.asked)
    verdict, step, kind = shown.verdict(holds=False)
    assert len(shown.asked) == asked
    assert (step, kind) == (20, "logistic")
    assert verdict.score == {}
    assert verdict.remark.startswith("showing the network as trained: it was clearly better")


def test_nothing_is_settled_for_an_older_network(shown: Shown) -> None:
    assert shown.verdict(logistic=0.2, trees=0.3)[0].settled
    verdict, step, _ = shown.verdict(best=0.2, logistic=0.3, trees=0.3)
    assert not verdict.settled
    assert step == 10


def test_held_out_strokes_stay_so_where_somebody_asks_for_it(
    store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict, step, _ = Shown(store, monkeypatch, release=False).verdict(logistic=0.2, trees=0.3)
    assert step == 10
    assert not verdict.settled


def test_networks_are_not_looked_at_where_nothing_can_be_judged(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[FeatureStore] = []

    def spy(features: FeatureStore, training: TrainingSet) -> Generator[Progress, None, Painted]:
        looked.append(features)
        return gather(features, training)

    monkeypatch.setattr(contest_module, "gather", spy)
    shown.strokes = shown.strokes[:2]
    verdict, step, _ = shown.verdict()
    assert (step, len(looked), shown.asked) == (0, 1, [])
    assert verdict.remark.startswith("showing the instant answer: too few strokes")


def _judged(
    store: FeatureStore, training: TrainingSet, strokes: tuple[Stroke, ...], step: int, head: Kind = "logistic"
) -> Standing:
    painted = Work(gather(store, training)).result()
    return Work(standing(painted, store, strokes, step, 0, head)).result()
