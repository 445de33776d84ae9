"""The core of a comparison: budgets, folds, failures and presets, with methods whose behaviour is known."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from napari_unet.comparison import contender_run
from napari_unet.comparison.contender_run import ComparisonEvent
from napari_unet.comparison.contenders import (
    PRESETS,
    Contender,
    contender_names,
    expand_presets,
    make_contenders,
    preset_methods,
)
from napari_unet.comparison.outcome import Comparison
from napari_unet.comparison.runner import run_comparison
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.image import Image
from napari_unet.core.method import Patch, Progress
from napari_unet.core.rows import Row
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.learning.folds import fold_strokes
from napari_unet.metrics.scoring import score_pair
from napari_unet.networks import REGISTRY as NETWORKS
from napari_unet.report.paired_differences import bootstrap_interval, by_plane, paired_difference, rank_methods
from napari_unet.segmenters import REGISTRY

few = settings(max_examples=40)


class Clock:
    """Time that passes only when somebody works."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(contender_run, "time", made)
    return made


@dataclasses.dataclass
class FakeModel:
    """Answers with strips of rows: the class it was told, in so many seconds each."""

    clock: Clock
    classes: ClassTable
    seconds: float
    strips: int
    note: str = "made up"

    def segment(self, image: Image, planes: Sequence[int] | None = None, **_: Any) -> Iterator[Patch]:
        wanted = list(planes if planes is not None else range(image.n_planes))
        rows = image.plane_shape[0] // self.strips
        total, done = len(wanted) * self.strips, 0
        for plane in wanted:
            for strip in range(self.strips):
                self.clock.now += self.seconds
                done += 1
                labels = np.full((rows, image.plane_shape[1]), 2, np.uint8)
                box = slice(strip * rows, (strip + 1) * rows), slice(0, image.plane_shape[1])
                yield Patch(image.where(plane, *box), labels, None, done, total)


@dataclasses.dataclass
class Fake:
    """A method that takes a known time."""

    clock: Clock
    to_fit: float = 0.0
    to_segment: float = 0.0
    strips: int = 1
    steps: int = 1
    early: bool = False
    error: Exception | None = None

    def fit(self, painted: Any) -> Generator[Progress, None, FakeModel]:
        model = FakeModel(self.clock, painted.classes, self.to_segment, self.strips)
        if self.error is not None:
            raise self.error
        for step in range(self.steps):
            self.clock.now += self.to_fit / self.steps
            yield Progress("working", step / self.steps, model if self.early else None)  # type: ignore[arg-type]
        return model


@dataclasses.dataclass
class Timed(Fake):
    """A method that is told how long to train, as networks are."""

    seconds: float | None = 60.0


def training(planes: int = 3, images: int = 1) -> TrainingSet:
    """Eight rows of which the lower half is class 2; four strokes of each class on every plane."""
    truth = np.ones((planes, 8, 40), np.uint8)
    truth[:, 4:] = 2
    strokes = np.zeros_like(truth)
    for column in range(2, 40, 10):
        strokes[:, 1:3, column : column + 4] = 1
        strokes[:, 5:7, column : column + 4] = 2
    data = (truth * 100).astype(np.uint8)
    return TrainingSet(tuple(
        Pair(Image(data, "NYX", f"image {number}"), Scribbles.from_array(strokes)) for number in range(images)
    ))


def truths(of: TrainingSet) -> list[np.ndarray]:
    return [(pair.image.data // 100).astype(np.uint8) for pair in of.pairs]


def run(*contenders: Contender, of: TrainingSet | None = None, dense: bool = True, **given_: Any
        ) -> tuple[Comparison, list[ComparisonEvent]]:
    of = of or training()
    work = run_comparison(of, contenders, references=truths(of) if dense else None, **given_)
    events = []
    while True:
        try:
            events.append(next(work))
        except StopIteration as stop:
            return stop.value, events


# -- budgets ----------------------------------------------------------------------------------------------------------


def test_what_is_not_done_in_time_is_left_out_and_marked(clock: Clock) -> None:
    found, events = run(Contender("slow", Fake(clock, to_fit=5, to_segment=8), budget=20.0))  # type: ignore[arg-type]
    assert found.done["slow"] == ((0, 1),), "5 + 8 + 8 s are over 20 s, the third plane is not begun"
    assert found.partial("slow") == (2, 3)
    assert found.notes["slow"] == "made up. 2 of 3 planes in its time."
    assert {row.plane for row in found.rows if row.metric == "dice"} == {0, 1}
    assert (found.masks["slow"][0][:2] == 2).all()
    assert not found.masks["slow"][0][2].any()
    assert [row.value for row in found.rows if row.metric == "seconds"] == [21]
    assert events[-1].stage == "done"


def test_a_method_in_time_is_whole(clock: Clock) -> None:
    found, _ = run(Contender("quick", Fake(clock, to_fit=5, to_segment=4), budget=20.0))  # type: ignore[arg-type]
    assert found.partial("quick") is None
    assert found.notes["quick"] == "made up"


def test_without_a_budget_all_the_time_in_the_world(clock: Clock) -> None:
    found, _ = run(Contender("slow", Fake(clock, to_fit=1e6, to_segment=1e6)))  # type: ignore[arg-type]
    assert found.partial("slow") is None


def test_the_first_plane_has_some_more_time(clock: Clock) -> None:
    found, _ = run(Contender("slow", Fake(clock, to_fit=19, to_segment=20), budget=20.0))  # type: ignore[arg-type]
    assert found.done["slow"] == ((0,),)


def test_not_one_plane_is_a_failure_with_its_reason(clock: Clock) -> None:
    slow = Fake(clock, to_fit=1, to_segment=15, strips=4)
    found, events = run(Contender("slow", slow, budget=20.0))  # type: ignore[arg-type]
    assert found.masks == {}
    assert found.failures["slow"] == ("Not one plane was segmented after 46 s; its budget is 20 s. Give it more time, "
                                      "or choose smaller images.")
    assert events[-1].stage == "failed"


def test_a_plane_half_done_is_taken_back(clock: Clock) -> None:
    slow = Fake(clock, to_segment=4, strips=4)
    found, events = run(Contender("slow", slow, budget=25.0))  # type: ignore[arg-type]
    assert found.done["slow"] == ((0,),)
    assert not found.masks["slow"][0][1:].any()
    shown = np.zeros((3, 8, 40), np.uint8)
    for event in events:
        if event.patch is not None:
            assert event.image == 0
            shown[event.patch.where] = event.patch.labels
    np.testing.assert_array_equal(shown, found.masks["slow"][0])


def test_learning_is_stopped_with_what_there_is(clock: Clock) -> None:
    endless = Fake(clock, to_fit=1000, steps=100, early=True)
    found, _ = run(Contender("a", endless, budget=20.0))  # type: ignore[arg-type]
    assert found.notes["a"] == "made up. Learning was stopped after 50 s. 1 of 3 planes in its time."
    found, _ = run(Contender("b", dataclasses.replace(endless, early=False), budget=20.0))  # type: ignore[arg-type]
    assert found.failures["b"].startswith("It was not done learning after 50 s; its budget is 20 s. Give it more time")


def test_a_network_has_its_training_time_and_as_much_for_segmenting(clock: Clock) -> None:
    network = Timed(clock, to_fit=60, to_segment=19)
    found, _ = run(Contender("net", network, budget=60.0))  # type: ignore[arg-type]
    assert found.partial("net") is None
    found, _ = run(Contender("net", dataclasses.replace(network, to_segment=31), budget=60.0))  # type: ignore[arg-type]
    assert found.partial("net") == (2, 3)


def test_budgets_come_with_the_contenders() -> None:
    made = make_contenders(["threshold", "unet"], {}, {"seconds": 45.0}, budget=20.0)
    assert [(one.name, one.budget) for one in made] == [("threshold", 20.0), ("unet", 45.0)]
    assert [one.trains_by_the_clock for one in made] == [False, True]
    assert [one.budget for one in make_contenders(["threshold"], {}, {})] == [None]
    steps = make_contenders(["unet"], {"unet": {"seconds": None, "steps": 3}}, {}, budget=20.0)
    assert steps[0].budget is None, "told to train a number of steps, it is not stopped by a clock"


# -- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("error", "words"), [
    (UserError("No such luck."), "No such luck."),
    (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
    (MemoryError(), "MemoryError: "),
])
def test_a_failure_says_why_and_stops_nobody(clock: Clock, error: Exception, words: str) -> None:
    found, _ = run(Contender("bad", Fake(clock, error=error)), Contender("good", Fake(clock)))  # type: ignore[arg-type]
    assert found.failures == {"bad": words}
    assert list(found.masks) == ["good"]
    assert found.methods.keys() == found.models.keys() == {"good"}


@pytest.mark.parametrize("when", ["before it starts", "while it learns", "while it segments", "while it is scored"])
def test_a_method_called_off_leaves_nothing_and_the_others_go_on(clock: Clock, when: str) -> None:
    of = training()
    unwanted: set[str] = {"b"} if when == "before it starts" else set()
    contenders = [Contender(name, Fake(clock, steps=3)) for name in "abc"]  # type: ignore[arg-type]
    work = run_comparison(of, contenders, references=truths(of), cancelled=lambda: unwanted)
    told = []
    while True:
        try:
            told.append(next(work))
        except StopIteration as stop:
            found = stop.value
            break
        at = {"fit": "while it learns", "segment": "while it segments"}.get(told[-1].stage)
        at = "while it is scored" if "scoring" in told[-1].text else at
        if told[-1].method == "b" and at == when:
            unwanted.add("b")
    mine = [one.stage for one in told if one.method == "b"]
    assert mine[-1] == "cancelled"
    assert "done" not in mine
    assert list(found.masks) == ["a", "c"]
    assert {row.method for row in found.rows} == {"a", "c"}
    assert not found.failures


def test_wrong_calls() -> None:
    clock = Clock()
    one = Contender("a", Fake(clock))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="No method was chosen"):
        run()
    with pytest.raises(UserError, match=r"Two methods have the same name \(a, a\)"):
        run(one, one)
    with pytest.raises(UsageError, match=r"folds cannot be 3\. Allowed: .* 1 with a reference"):
        run(one, folds=3)
    with pytest.raises(UsageError, match="folds cannot be 0"):
        run(one, dense=False, folds=0)
    with pytest.raises(UsageError, match=r"metrics has no parameter 'reach'\. Allowed: tolerance"):
        run(one, judging={"reach": 1})
    with pytest.raises(UsageError, match="no metric or family of metrics called 'beauty'"):
        run(one, metrics=["beauty"])
    with pytest.raises(UserError, match="1 images but 2 references"):
        list(run_comparison(training(), [one], references=[None, None]))


def test_metrics_are_those_asked_for_in_the_unit_of_the_image(clock: Clock) -> None:
    of = training()
    image = dataclasses.replace(of.pairs[0].image, scale=(1.0, 0.5, 0.5), unit="micrometer")
    of = TrainingSet((Pair(image, of.pairs[0].scribbles),))
    found, _ = run(Contender("a", Fake(clock)), of=of, metrics=["hausdorff"])  # type: ignore[arg-type]
    rows = [row for row in found.rows if row.metric != "seconds"]
    assert {(row.metric, row.unit, row.value) for row in rows} == {("hausdorff", "micrometer", 2.0)}, "4 rows too many"


# -- folds ------------------------------------------------------------------------------------------------------------


@few
@given(st.integers(2, 6), st.integers(0, 99), st.lists(st.integers(0, 5), min_size=2, max_size=4))
def test_every_stroke_is_held_out_once_and_every_class_is_always_learnt(
    folds: int, seed: int, counts: list[int]
) -> None:
    strokes = np.zeros((2, 3 * len(counts), 24), np.uint8)
    for index, count in enumerate(counts):
        for place in range(count):
            strokes[place % 2, 3 * index, 4 * (place // 2) : 4 * (place // 2) + 2] = index + 1
    image = Image(np.zeros(strokes.shape, np.uint8), "NYX")
    parts = fold_strokes(TrainingSet((Pair(image, Scribbles.from_array(strokes)),)), folds, seed)
    assert len(parts) <= folds
    held_sum = np.zeros(strokes.shape, int)
    for kept, held in parts:
        inside, outside = held.pairs[0].scribbles.to_array(), kept.pairs[0].scribbles.to_array()
        np.testing.assert_array_equal(inside + outside, strokes)
        assert not ((inside > 0) & (outside > 0)).any()
        assert inside.any()
        assert kept.painted_ids == tuple(index + 1 for index, count in enumerate(counts) if count)
        held_sum += inside > 0
    for index, count in enumerate(counts):
        assert (held_sum[strokes == index + 1] == (count > 1)).all()


def test_one_fold_is_no_fold() -> None:
    with pytest.raises(UsageError, match=r"folds cannot be 1\. Allowed: a whole number of at least 2"):
        fold_strokes(training(), 1)


@dataclasses.dataclass
class Crammer:
    """Knows every pixel it has seen painted, and gets every other one wrong."""

    fits: list[int] = dataclasses.field(default_factory=list)

    def fit(self, painted: TrainingSet) -> Generator[Progress, None, Any]:
        yield Progress("cramming")
        self.fits.append(sum(painted.counts().values()))
        known = {pair.image.name: pair.scribbles.to_array() for pair in painted.pairs}

        def segment(image: Image, planes: Sequence[int], **_: Any) -> Iterator[Patch]:
            for done, plane in enumerate(planes, 1):
                right = image.plane(plane)[0] / 100
                seen = known[image.name][image.where(plane)]
                yield Patch(image.where(plane), np.where(seen > 0, seen, 3 - right).astype(np.uint8), None, done,
                            len(planes))

        return SimpleNamespace(segment=segment, classes=painted.classes, note="")


@pytest.mark.parametrize("folds", [1, 3, 4])
def test_nobody_is_scored_on_what_it_has_seen(folds: int) -> None:
    crammer = Crammer()
    of = training(images=2)
    found, events = run(Contender("crammer", crammer), of=of, dense=False, folds=folds)  # type: ignore[arg-type]
    assert len(crammer.fits) == folds
    assert found.held_out
    dice = [row.value for row in found.rows if row.metric == "dice" and row.value is not None]
    assert set(dice) == {0.0}
    total = sum(of.counts().values())
    held = sum(int((truth > 0).sum()) for truth in found.references if truth is not None)
    if folds > 1:
        assert held == total, "every stroke is scored"
        assert sum(total - one for one in crammer.fits) == total
    assert all(event.patch is None or event.fraction for event in events)
    again = [
        row for pair, mask, truth in zip(of.pairs, found.masks["crammer"], found.references, strict=True)
        for row in score_pair(mask, truth, found.classes, method="crammer", image_name=pair.image.name, pixel_only=True)
    ]
    assert again == [row for row in found.rows if row.metric != "seconds"], "the masks are what was scored"


def test_a_plane_that_one_fold_did_not_do_is_not_done(clock: Clock) -> None:
    slow = Fake(clock, to_fit=5, to_segment=8)
    found, _ = run(Contender("slow", slow, budget=20.0), dense=False, folds=2)  # type: ignore[arg-type]
    assert found.done["slow"] == ((0, 1),)
    assert found.notes["slow"] == "made up. 2 of 3 planes in its time."


def test_where_nothing_can_be_held_out_nothing_is_scored(clock: Clock) -> None:
    of = training(planes=1)
    one = np.zeros((1, 8, 40), np.uint8)
    one[0, 1, 1:4], one[0, 6, 1:4] = 1, 2
    of = TrainingSet((Pair(of.pairs[0].image, Scribbles.from_array(one)),))
    found, _ = run(Contender("a", Fake(clock)), of=of, dense=False, folds=4)  # type: ignore[arg-type]
    assert [row.metric for row in found.rows] == ["seconds"]


# -- presets ----------------------------------------------------------------------------------------------------------


def test_presets_are_read_from_the_registry() -> None:
    offered = {entry.name for entry in REGISTRY if entry.extras.get("preset", True)}
    assert set(preset_methods("everything")) == offered
    assert set(preset_methods("networks")) == {name for name in NETWORKS.names() if name in offered}
    assert set(preset_methods("classical")) == offered - set(preset_methods("networks"))
    assert set(preset_methods("quick")) < set(preset_methods("classical"))
    with pytest.raises(UsageError, match=r"There is no preset 'all'\. Allowed: quick, classical, networks, everything"):
        preset_methods("all")
    assert not set(PRESETS) & set(REGISTRY.names())


def test_presets_mix_with_names_and_each_method_comes_once() -> None:
    assert contender_names(["threshold", "quick", "unet"])[0] == "threshold"
    assert sorted(contender_names(["threshold", "quick", "unet"])) == sorted({*preset_methods("quick"), "threshold",
                                                                              "unet"})
    assert expand_presets(["networks"])["unet2015"] == {"width": 16}, "a minute on a processor"
    assert expand_presets(["unet2015"])["unet2015"] == {}
    assert expand_presets(["networks", "unet2015"])["unet2015"] == {}, "named by itself"
    method: Any = make_contenders(["networks"], {"unet2015": {"width": 8}},
                                  {})[contender_names(["networks"]).index("unet2015")]
    assert method.method.width == 8


# -- how sure a ranking is --------------------------------------------------------------------------------------------


def rows(method: str, values: Sequence[float | None], metric: str = "dice", class_id: int = 2) -> list[Row]:
    return [Row(method, "i", plane, class_id, "", metric, value) for plane, value in enumerate(values)]


def test_means_spreads_and_paired_differences_by_hand() -> None:
    given_ = [*rows("b", [0.5, 0.6, 0.7]), *rows("a", [0.6, 0.7, 0.8]), *rows("none", [None, None])]
    first, second = rank_methods(given_)
    assert (first.method, first.best, first.difference, first.planes) == ("a", True, None, 3)
    assert first.mean == pytest.approx(0.7)
    assert first.spread == pytest.approx(0.1)
    assert second.difference is not None
    assert second.difference.mean == pytest.approx(-0.1)
    assert (second.difference.low, second.difference.high) == (pytest.approx(-0.1), pytest.approx(-0.1))
    assert not second.level, "planes differ more than methods, but always by as much"


def test_a_difference_that_the_planes_do_not_agree_on_is_a_tie() -> None:
    first, second = rank_methods([*rows("a", [0.9, 0.5, 0.8, 0.7, 0.6]), *rows("b", [0.6, 0.8, 0.5, 0.9, 0.5])])
    assert first.method == "a"
    assert second.difference is not None
    assert second.difference.tie
    assert second.level


def test_the_mean_over_classes_is_taken_on_each_plane() -> None:
    both = [*rows("a", [0.2, 0.4]), *rows("a", [0.6, None], class_id=3)]
    assert by_plane(both, "dice") == {"a": {("i", 0): pytest.approx(0.4), ("i", 1): pytest.approx(0.4)}}
    assert by_plane(both, "dice", 3) == {"a": {("i", 0): 0.6}}


def test_one_that_did_only_easy_planes_beats_nobody() -> None:
    first, second = rank_methods([*rows("slow", [0.99]), *rows("whole", [0.8, 0.7])])
    assert (first.method, second.method) == ("whole", "slow")
    assert second.difference is not None
    assert second.difference.mean == pytest.approx(0.19)
    assert (second.difference.low, second.spread) == (None, None)
    assert not second.level


def test_lower_is_better_where_the_registry_says_so() -> None:
    first, _ = rank_methods([*rows("a", [3, 5], "components_error"), *rows("b", [1, 2], "components_error")],
                            "components_error")
    assert first.method == "b"


def test_nothing_in_common() -> None:
    assert paired_difference({("i", 0): 1.0}, {("i", 1): 1.0}) is None
    assert rank_methods([]) == ()


@pytest.mark.parametrize("count", [8, 30, 200])
def test_intervals_agree_with_students_on_normal_numbers(count: int) -> None:
    values = np.random.default_rng(count).normal(0.1, 1, count)
    low, high = bootstrap_interval(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    assert low == pytest.approx(expected.low, abs=0.2 * (expected.high - expected.low) / 2)
    assert high == pytest.approx(expected.high, abs=0.2 * (expected.high - expected.low) / 2)


@few
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=20))
def test_an_interval_is_ordered_repeatable_and_inside_the_values(values: list[float]) -> None:
    array = np.array(values)
    low, high = bootstrap_interval(array)
    assert low is not None
    assert high is not None
    assert array.min() - 1e-9 <= low <= high <= array.max() + 1e-9
    assert bootstrap_interval(array) == (low, high)
    mirrored = bootstrap_interval(-array)
    assert mirrored == (pytest.approx(-high, abs=1e-6), pytest.approx(-low, abs=1e-6))
