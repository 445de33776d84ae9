"""What a sitting says while it learns: what is missing, how far it is, what an update brought; and that it is so."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from session_scene import Constant, plane, session  # noqa: F401 (fixtures)

from napari_unet.core.classes import ClassTable
from napari_unet.core.image import Image
from napari_unet.core.method import Progress
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.instant.answer_then_train import LIVE_SECONDS
from napari_unet.instant.held_out_evaluation import MIN_HELD_OUT
from napari_unet.learning.strokes import HELD_OUT, single_strokes
from napari_unet.learning.trainer import MOST_OFTEN, Step
from napari_unet.segmenters import REGISTRY as METHODS
from napari_unet.session import stroke_needs
from napari_unet.session.annotation_session import Session
from napari_unet.session.stroke_needs import STROKES_TO_JUDGE, StrokeCounter, StrokeNeeds, strokes_of
from napari_unet.session.training_words import LEARNING_SHARE, PUBLISH_SECONDS, JudgementClock, TrainingWords
from napari_unet.session.update_run import UPDATE_STEPS, fixed_run, outcome

CLASSES = ClassTable.named({1: "background", 2: "nucleus", 3: "rim"})


def test_what_is_said_to_be_needed_is_what_judging_takes() -> None:
    assert STROKES_TO_JUDGE == MIN_HELD_OUT * HELD_OUT
    assert PUBLISH_SECONDS == LIVE_SECONDS
    assert LEARNING_SHARE == MOST_OFTEN


@pytest.mark.parametrize(("counts", "text"), [
    ({}, ""),
    ({2: 6}, ""),
    ({1: 5, 2: 6}, "6 of 8 nucleus strokes, 5 of 8 background"),
    ({1: 9, 2: 6}, "6 of 8 nucleus strokes"),
    ({1: 8, 2: 8}, ""),
    ({1: 2, 2: 8, 3: 9}, ""),
    ({1: 2, 2: 3, 3: 9}, "3 of 8 nucleus strokes"),
])
def test_it_says_how_many_strokes_there_are_of_how_many(counts: dict[int, int], text: str) -> None:
    needs = StrokeNeeds(counts)
    assert needs.text(CLASSES) == text
    assert needs.enough == (len(counts) > 1 and not text)


def _training(*planes: np.ndarray) -> TrainingSet:
    stack = np.stack(planes)
    return TrainingSet((Pair(Image(np.zeros(stack.shape), "NYX"), Scribbles.from_array(stack)),), CLASSES)


def test_strokes_are_counted_as_the_training_counts_them() -> None:
    generator = np.random.default_rng(0)
    planes = [generator.choice([0, 0, 0, 1, 2, 3], (20, 30)).astype(np.uint8) for _ in range(3)]
    training = _training(*planes)
    mine = StrokeCounter().count(training).counts
    theirs = [one.class_id for one in single_strokes(training)]
    assert mine == {number: theirs.count(number) for number in sorted(set(theirs))}
    assert not strokes_of(np.zeros((4, 4), np.uint8))


@pytest.mark.parametrize("limit", [0, 10**9])
def test_what_was_taken_from_a_prediction_counts_as_no_stroke(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stroke_needs, "SPARSE", limit)
    session = Session()
    session.put_pair("a", Image(np.zeros((8, 8))))
    session.set_classes(CLASSES)
    session.paint("a", {0: plane(1) + plane(3, label=2)})
    counter = StrokeCounter()
    assert counter.count(session.snapshots.get()).counts == {1: 1, 2: 1}
    taken = plane(3, label=2) + plane(5, label=2)
    session.edit("Taken.", planes={"a": {0: plane(1) + taken}}, derived={"a": {0: (taken > 0).astype(np.uint8)}})
    assert session.snapshots.get().pairs[0].scribbles.derived
    assert counter.count(session.snapshots.get()).counts == {1: 1, 2: 0}


@pytest.mark.parametrize("share", [0.0005, 0.01, 0.3])
def test_sparse_and_dense_planes_are_counted_alike(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(2)
    part = np.where(generator.random((60, 70)) < share, generator.integers(1, 4, (60, 70)), 0).astype(np.uint8)
    part[0, 0] = part[30, -3:] = part[31, :3] = part[-1, -1] = 2  # rows that would touch around the edge
    counted = []
    for limit in (0, 10**9):
        monkeypatch.setattr(stroke_needs, "SPARSE", limit)
        counted.append(strokes_of(part))
    assert counted[0] == counted[1]
    assert counted[0][2] >= 4


def test_a_plane_that_has_not_changed_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []
    count = stroke_needs.strokes_of
    monkeypatch.setattr(stroke_needs, "strokes_of", lambda one, marks: seen.append(one) or count(one, marks))
    session = Session()
    session.put_pair("a", Image(np.zeros((2, 8, 8)), "NYX"))
    session.paint("a", {0: plane(1), 1: plane(2)})
    counter = StrokeCounter()
    counter.count(session.snapshots.get())
    session.paint("a", {1: plane(2) + plane(5, label=2)})
    assert counter.count(session.snapshots.get()).counts == {1: 2, 2: 1}
    assert len(seen) == 3


def test_the_state_says_what_is_missing_until_there_is_enough() -> None:
    session, heard = Session(), []
    session.put_pair("a", Image(np.zeros((8, 8))))
    session.set_classes(CLASSES)
    session.paint("a", {0: plane(1) + plane(4, label=2)})
    session.state_changed.connect(lambda state: heard.append(state.line))
    session.count_strokes(StrokeNeeds({1: 1, 2: 1}))
    assert not heard, "nobody has asked for a network yet"
    session.answered(Constant(2, CLASSES))
    assert heard[-1].endswith("Judging a network takes more: 1 of 8 background strokes, 1 of 8 nucleus.")
    session.count_strokes(StrokeNeeds({1: 8, 2: 7}))
    assert heard[-1].endswith("takes more: 7 of 8 nucleus strokes.")
    session.count_strokes(StrokeNeeds({1: 8, 2: 8}))
    assert heard[-1] == session.state.text


def _step(step: int, seconds: float, **more: Any) -> Step:
    return Step("Learning", step=step, seconds=seconds, loss=0.25, **{"judges": True, **more})


def test_a_training_says_how_far_it_is_what_is_shown_and_what_comes_next() -> None:
    words, few, enough = TrainingWords(), StrokeNeeds({1: 5, 2: 6}), StrokeNeeds({1: 8, 2: 9})

    def said(event: Progress, needs: StrokeNeeds) -> str:
        return words.sentence(event, "instant answer", needs, CLASSES)

    assert said(Progress("Warming up"), few) == "Warming up"
    assert said(_step(1, 0.2), few) == (
        "Learning: step 1, 0 s; showing the instant answer. To judge the network: 6 of 8 nucleus strokes, 5 of 8 "
        "background.")
    assert said(_step(9, 2.0), enough) == (
        "Learning: step 9, 2 s; showing the instant answer. The network is judged in about 10 s.")
    assert said(Progress("Judging the network"), enough) == "Learning: step 9, 2 s; judging the network"
    assert said(Progress("Only background is painted."), enough).endswith("2 s; only background is painted.")
    judged = _step(30, 9.0, remark="showing the network as trained: held-out Dice 0.84", held_out_mean=0.84)
    assert said(judged, enough) == "Learning: step 30, 9 s; showing the network as trained: held-out Dice 0.84"
    assert words.sentence(judged, "", enough, CLASSES, "likely 0.7").endswith("held-out Dice 0.84 (likely 0.7)")
    assert said(_step(31, 9.2, judges=False), enough) == "Learning: step 31, 9 s; loss 0.250"


def test_an_update_says_how_many_steps_are_left() -> None:
    words, enough = TrainingWords(50), StrokeNeeds({1: 8, 2: 9})
    assert words.sentence(_step(101, 0.3), "network of step 100", enough, CLASSES) == (
        "Updating: step 1 of 50, 0 s; showing the network of step 100. The network is judged at the end.")
    later = words.sentence(_step(120, 4), "network of step 100", enough, CLASSES)
    assert later.startswith("Updating: step 20 of 50, 4 s")


def test_the_next_judgement_is_later_where_judging_is_slow() -> None:
    clock = JudgementClock()
    assert clock.left == 10, "5 s of training and the judging, in fives"
    clock.note(4.0, judged=False)
    assert clock.left == 5
    clock.note(10.0, judged=True)  # it took 6 s
    assert clock.left == 30
    clock.note(60.0, judged=False)
    assert clock.left == 5, "late is no negative time"


@dataclasses.dataclass(frozen=True)
class _Weights:
    step: int


@dataclasses.dataclass(frozen=True)
class _Model:
    weights: _Weights


@pytest.mark.parametrize(("scores", "step", "words"), [
    ({"held_out_before": 0.81, "held_out_mean": 0.84}, 50, ": held-out Dice 0.81 before, 0.84 now."),
    ({"held_out_before": 0.81, "held_out_mean": 0.81}, 0,
     ": no better than the instant answer, which stays (held-out Dice 0.81)."),
    ({}, 0, "; whether that is better cannot be judged yet, so the instant answer stays."),
    ({"judges": False, "held_out_mean": 0.7}, 50, ": held-out Dice 0.70 now."),
    ({"judges": False}, 50, "; there are too few strokes for a score (three separate ones of each class)."),
])
def test_an_update_says_what_it_brought(scores: dict[str, Any], step: int, words: str) -> None:
    model: Any = _Model(_Weights(step))
    assert outcome(_step(50, 9.0, **scores), model, "instant answer") == f"Updated to step 50 in 9 s{words}"


def _painted() -> Session:
    made = Session()
    generator = np.random.default_rng(1)
    truth = np.ones((64, 64), np.uint8)
    truth[10:30, 10:30] = truth[38:58, 34:54] = 2
    made.put_pair("a", Image((truth * 60 + generator.normal(0, 5, truth.shape)).astype(np.uint8)))
    strokes = np.zeros_like(truth)
    for place in range(4):
        strokes[2 + 4 * place % 6, 2 + 14 * place:12 + 14 * place] = 1
        strokes[12 + 4 * place, 12:20] = 2
    made.paint("a", {0: np.where(strokes > 0, truth, 0).astype(np.uint8)})
    return made


def test_an_update_runs_its_steps_and_can_be_run_again_with_the_same_result() -> None:
    session = _painted()
    method = METHODS["unet"](start="scratch", width=4, depth=2, patch=32, batch=2, device="cpu", seed=3)
    work, steps = session.updating(method), []
    while True:
        try:
            event = next(work)
        except StopIteration as end:
            session.end_update(end.value)
            break
        session.take(event)
        steps += [event.step] if hasattr(event, "step") else []
    assert steps[-1] == len(set(steps)) == UPDATE_STEPS
    assert session.state.phase == "paused"
    assert session.state.text.startswith(f"Updated to step {UPDATE_STEPS} in ")
    run = session.last_run
    assert run is not None
    assert (run.steps, run.seed, run.method.steps, run.method.seconds) == (UPDATE_STEPS, 3, UPDATE_STEPS, None)
    again = run.method.fit(run.strokes)
    while True:
        try:
            next(again)
        except StopIteration as end:
            other = end.value
            break
    assert session.model is not None
    for name, tensor in session.model.weights.tensors.items():
        assert torch.equal(tensor, other.weights.tensors[name]), name


def test_an_update_goes_on_from_a_model_and_keeps_what_it_began_with() -> None:
    session = _painted()
    method = METHODS["unet"](start="scratch", width=4, depth=2, patch=32, batch=2, device="cpu", steps=2, seconds=None)
    work = method.fit(session.snapshots.get())
    while True:
        try:
            next(work)
        except StopIteration as end:
            model = end.value
            break
    run = fixed_run(method.continue_from(model.weights), session.snapshots.get())
    assert run.began is model.weights
    assert run.method.method.steps == UPDATE_STEPS
    assert run.strokes is session.snapshots.get()
