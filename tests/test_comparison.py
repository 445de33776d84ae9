"""A comparison: budgets, failures, what is scored."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from comparison_scene import Clock, Fake, clock, run, training, truths  # noqa: F401 (fixtures)

from napari_unet.comparison.contenders import Contender, make_contenders
from napari_unet.comparison.runner import run_comparison
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.scribbles import Pair, TrainingSet


@dataclasses.dataclass
class Timed(Fake):
    """A method that is told how long to train, as networks are."""

    seconds: float | None = 60.0


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
    found, _ = run(Contender("slow", Fake(clock, to_fit=19, to_segment=2), budget=20.0))  # type: ignore[arg-type]
    assert found.done["slow"] == ((0,),)


def test_not_one_plane_is_a_failure_with_its_reason(clock: Clock) -> None:
    slow = Fake(clock, to_fit=1, to_segment=15, strips=4)
    found, events = run(Contender("slow", slow, budget=20.0))  # type: ignore[arg-type]
    assert found.masks == {}
    assert found.failures["slow"] == ("Not one plane was segmented after 31 s; its budget is 20 s. Give it more time, "
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
    assert found.notes["a"] == "made up. Learning was stopped after 30 s. 1 of 3 planes in its time."
    found, _ = run(Contender("b", dataclasses.replace(endless, early=False), budget=20.0))  # type: ignore[arg-type]
    assert found.failures["b"].startswith("It was not done learning after 30 s; its budget is 20 s. Give it more time")


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
