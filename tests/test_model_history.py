"""The models that one can go back to."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from session_scene import Constant, Event, Fake, plane, session  # noqa: F401 (fixtures)

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.work import run_to_end
from napari_unet.session.annotation_session import Session
from napari_unet.session.model_difference import model_difference
from napari_unet.session.model_history import HISTORY_LENGTH, HistoryEntry, end_of_training


@dataclasses.dataclass(frozen=True)
class Behind:
    """What a network's weights know of themselves."""

    step: int


@dataclasses.dataclass(frozen=True, eq=False)
class Trained(Constant):
    """A model that knows its steps, and whether strokes may refit it."""

    weights: Behind = dataclasses.field(default_factory=lambda: Behind(0))
    refits: bool = False


def event(step: int, dice: float | None = None, shown: int | None = None) -> Event:
    """An event that brings a model; ``shown``: the steps behind it, if not as many as were trained."""
    model = Trained(2, weights=Behind(step if shown is None else shown), refits=True)
    return Event(f"Learning: step {step}", None, model, step, 0.5, held_out_mean=dice)


def learnt(session: Session, *events: Event) -> None:
    """Take events as a training brings them."""
    session.training(Fake())
    for one in events:
        session.models.put(one.model)  # as the training's own thread does
        session.take(one)


def test_the_last_models_and_the_instant_answer_are_kept(session: Session) -> None:
    session.answered(Trained(1))
    learnt(session, *(event(step, step / 200) for step in range(10, 110, 10)))
    assert [(one.name, one.dice) for one in session.model_history] == [
        *((f"step {step}", step / 200) for step in range(100, 20, -10)), ("instant answer", None),
    ]
    assert session.shown is session.model_history[0]
    assert all(one.time > 1e9 for one in session.model_history)
    session.set_model(None)
    assert session.model_history == ()


def test_a_network_that_stays_the_best_takes_one_place(session: Session) -> None:
    learnt(session, event(10, 0.5), event(20, 0.6, shown=10), event(30, 0.7, shown=0))
    assert [(one.name, one.dice) for one in session.model_history] == [("step 10", 0.6), ("instant answer", 0.7)]


def test_what_was_gone_back_to_stays(session: Session) -> None:
    learnt(session, event(10, 0.5), event(20, 0.4))
    first = session.model_history[1]
    session.go_back(first)
    assert "step 10" in session.state.text
    assert session.models.get().weights.step == 10
    assert not session.models.get().refits, "new strokes must not change it either"
    heard: list[Any] = []
    session.model_changed.connect(heard.append)
    for step in range(30, 100, 10):
        newer = event(step, 0.9)
        session.models.put(newer.model)
        session.take(newer)
    session.answered(Trained(1, weights=Behind(90)))
    assert session.model is first.model
    assert session.models.get().weights.step == 10
    assert not heard
    assert "step 90" in session.state.text
    assert "(step 10)" in session.state.text
    assert first in session.model_history, "it is not dropped for newer ones"
    assert len(session.model_history) == HISTORY_LENGTH
    session.follow_newest()
    assert session.pinned is None
    assert session.models.get().weights.step == 90
    assert heard == [session.model]


def test_a_training_goes_on_from_what_was_gone_back_to(session: Session) -> None:
    learnt(session, event(10, 0.5), event(20, 0.4))
    session.end()
    session.go_back(session.model_history[1])
    chosen = session.model
    session.training(Fake())
    assert session.pinned is None
    assert session.model is chosen, "shown until the training brings its first"
    session.take(event(20, 0.8))
    assert [one.step for one in session.model_history] == [20, 20, 10], "of another training"


def test_going_back_to_what_is_gone_is_refused(session: Session) -> None:
    learnt(session, event(10))
    gone = session.model_history[0]
    session.set_model(None)
    with pytest.raises(UserError, match=r"'step 10' is not kept any more. Kept are: none yet\."):
        session.go_back(gone)


def test_a_late_answer_does_not_replace_a_trained_model(session: Session) -> None:
    came: list[int] = []
    session.answer_came.connect(lambda: came.append(session.model.label))
    session.answered(Trained(1))
    session.answered(Trained(1))
    assert session.model.label == 1
    assert came == [1, 1], "each answer is told of, whether or not anything else is said"
    learnt(session, event(10))
    assert session.model.label == 2
    session.answered(Trained(1))
    assert session.model.label == 2, "of the features before"
    session.answered(Trained(3, weights=Behind(10)))
    assert session.model.label == 3, "of the present features"
    session.set_model(Constant(2))
    session.answered(Trained(1))
    assert session.model.label == 2, "a loaded model is not fitted to strokes"


def test_what_a_training_begins_with_does_not_replace_the_newer_answer_on_the_screen(session: Session) -> None:
    session.answered(Trained(1))
    heard: list[Any] = []
    session.model_changed.connect(heard.append)
    learnt(session, event(10, 0.5, shown=0))
    assert session.model.label == 1
    assert {one.label for one in heard} == {1}
    assert [(one.name, one.model.label, one.dice) for one in session.model_history] == [("instant answer", 1, 0.5)]


def test_erasing_everything_keeps_the_answer_and_says_so(session: Session) -> None:
    session.paint("a", {0: plane(1) + plane(2, label=2)})
    session.answered(Trained(1))
    assert session.state.phase == "answered"
    session.paint("a", {0: np.zeros((8, 8), np.uint8)})
    assert "Nothing is painted yet" in session.state.text
    assert "stays until then" in session.state.text
    assert session.model.label == 1


@pytest.mark.parametrize(("shown", "text"), [
    (30, "Training is done at step 30."),
    (20, "Training is done at step 30; the network of step 20 is shown, because it was not clearly beaten."),
    (0, "Training is done at step 30; the instant answer is shown, because it was not clearly beaten."),
])
def test_the_end_of_a_training_names_the_model_that_is_shown(session: Session, shown: int, text: str) -> None:
    last = event(30, 0.5, shown=shown)
    learnt(session, last)
    session.set_model(last.model)
    assert end_of_training(session.shown, session.learning_curve[-1].step) == text


def test_the_end_of_a_training_that_counts_no_steps() -> None:
    assert end_of_training(None, None) == "Training is done."


def test_the_best_of_before_stays_and_what_nobody_saw_goes_first(session: Session) -> None:
    learnt(session, event(10, 0.9), *(event(step, 0.5) for step in range(20, 100, 10)))
    assert [one.step for one in session.model_history] == [90, 80, 70, 60, 50, 40, 30, 10]
    session.go_back(session.model_history[1])
    for one in (event(100, 0.5), event(110, 0.5)):
        session.models.put(one.model)
        session.take(one)
    assert [(one.step, one.shown) for one in session.model_history[:2]] == [(110, False), (90, True)]
    session.take(event(120, 0.5))
    assert [one.step for one in session.model_history] == [120, 90, 80, 70, 60, 50, 40, 10]
    session.models.put(session.model_history[0].model)
    session.follow_newest()
    assert session.model_history[0].shown


def test_a_model_knows_the_strokes_it_has_learnt_from(session: Session) -> None:
    session.paint("a", {0: plane(1)})
    at = session.version("a")
    session.answered(Trained(1))
    session.training(Fake())
    session.take(dataclasses.replace(event(10, 0.5), versions=(at,)))
    session.paint("a", {0: plane(2)})
    assert [dict(one.versions) for one in session.model_history] == [{"a": at}, {"a": at}]
    assert session.version("a") > at


def test_models_of_a_project_are_taken_up_behind_those_there(session: Session) -> None:
    learnt(session, event(10, 0.5))
    old = [HistoryEntry(Trained(2, weights=Behind(step)), step, 0.4, 1000.0 + step, training=5) for step in (20, 30)]
    heard: list[Any] = []
    session.model_history_changed.connect(lambda: heard.append(True))
    session.restore_models([*old, HistoryEntry(Trained(1), 0, None, 900.0)])
    assert [(one.name, one.training) for one in session.model_history] == [
        ("step 10", 1), ("step 30", 5), ("step 20", 5), ("instant answer", 0)]
    assert heard
    session.go_back(session.model_history[1])
    assert session.model is old[1].model
    session.training(Fake())
    session.take(event(40))
    assert session.model_history[0].training == 6, "a new training has a number of its own"


def test_two_models_on_one_plane() -> None:
    image = Image(np.zeros((2, 8, 10), np.uint8), "ZYX")

    class Half(Constant):
        """The first rows are of class 3."""

        def segment(self, *given: Any, **options: Any) -> Any:
            for patch in super().segment(*given, **options):
                yield dataclasses.replace(patch, labels=np.full_like(patch.labels, 3)) if patch.done == 1 else patch

    found = run_to_end(model_difference(Constant(2), Half(2), image, 1))
    assert found.agreement == 0.5
    assert found.areas == {2: (1.0, 0.5), 3: (0.0, 0.5)}
    assert (found.differing[:4] == 3).all()
    assert not found.differing[4:].any()
