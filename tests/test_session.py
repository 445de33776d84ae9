"""One sitting at the microscope, without a window: strokes reach a running training, models come out of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from typing import Any

import numpy as np
import pytest

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.latest import Latest
from napari_unet.core.method import Patch, Progress, newest_training_set
from napari_unet.core.scribbles import Scribbles, TrainingSet
from napari_unet.session.annotation_session import Session
from napari_unet.session.live_prediction import AllPredicted, AnswersUnavailable, PredictionFailed, live_prediction
from napari_unet.session.run_schedule import LivePatch, ViewFocus
from napari_unet.ui.sessions import session_of


@dataclasses.dataclass(frozen=True, eq=False)
class Constant:
    """A model that gives one class everywhere, tile by tile of 4 rows."""

    label: int
    classes: ClassTable = dataclasses.field(default_factory=ClassTable.default)
    note: str = "constant"

    def segment(self, image: Image, planes: Any = None, *, probabilities: bool = False, view: Any = None) -> Any:
        starts = list(range(0, image.plane_shape[0], 4))
        for plane in range(image.n_planes) if planes is None else planes:
            for done, start in enumerate(starts, 1):
                where = image.where(plane, slice(start, start + 4), slice(0, image.plane_shape[1]))
                shape = (min(4, image.plane_shape[0] - start), image.plane_shape[1])
                yield Patch(where, np.full(shape, self.label, np.uint8), None, done, len(starts))


@dataclasses.dataclass(frozen=True)
class Fake:
    """A method that publishes a model at every second step and ends when it is told."""

    steps: int = 6

    def fit(self, painted: TrainingSet | Latest[TrainingSet]) -> Generator[Progress, None, Any]:
        for step in range(1, self.steps + 1):
            training = newest_training_set(painted)
            yield Event(f"step {step}", step / self.steps, Constant(2) if step % 2 == 0 else None, step, 1 / step,
                        training.versions)
        return Constant(2)


@dataclasses.dataclass(frozen=True, eq=False)
class Event(Progress):
    step: int = 0
    loss: float = 0.0
    versions: tuple[int, ...] = ()
    held_out_mean: float | None = None
    device: str = "CPU (fake)"


def plane(*rows: int, label: int = 1) -> np.ndarray:
    made = np.zeros((8, 8), np.uint8)
    made[list(rows)] = label
    return made


@pytest.fixture
def session() -> Session:
    made = Session()
    made.put_pair("a", Image(np.zeros((3, 8, 8), np.uint8), "NYX", "a"))
    return made


def test_it_says_what_to_do_next() -> None:
    session = Session()
    assert "press + beside Strokes" in session.state.text
    session.put_pair("a", Image(np.zeros((8, 8))))
    assert "Nothing is painted yet" in session.state.text
    session.paint("a", {0: plane(1)})
    assert "Only background is painted" in session.state.text
    session.paint("a", {0: plane(1) + plane(2, label=2)})
    assert session.state.text.startswith("Ready")
    session.enable("a", False)
    assert "Tick at least one image" in session.state.text


def test_paint_is_copied_versioned_and_published_only_when_it_changes(session: Session) -> None:
    drawn = plane(1)
    assert session.paint("a", {1: drawn})
    first = session.version("a")
    assert not session.paint("a", {1: drawn.copy()}), "the same paint is no news"
    drawn[:] = 2
    assert session.pair("a").scribbles.planes[1].max() == 1, "a snapshot does not follow the layer"
    assert session.paint("a", {1: drawn})
    assert session.version("a") > first
    assert session.snapshots.get().pairs[0].scribbles is session.pair("a").scribbles
    assert session.paint("a", {1: np.zeros((8, 8), np.uint8)}), "erasing is a change"
    assert not session.pair("a").scribbles.planes


def test_strokes_of_another_shape_are_refused(session: Session) -> None:
    with pytest.raises(UserError, match="have shape"):
        session.put_pair("b", Image(np.zeros((8, 8))), Scribbles.from_array(np.ones((4, 4), np.uint8)))


def test_painting_a_new_id_adds_a_class(session: Session) -> None:
    heard = []
    session.classes_changed.connect(heard.append)
    session.paint("a", {0: plane(1, label=5)})
    assert session.classes.ids == (1, 2, 5)
    assert heard == [session.classes]
    session.set_classes(ClassTable.default((1, 2)))
    assert session.classes.ids == (1, 2, 5), "a painted id cannot leave the table"


def test_a_training_reads_new_strokes_and_brings_models(session: Session) -> None:
    session.paint("a", {0: plane(1) + plane(2, label=2)})
    run = session.training(Fake())
    session.take(next(run))
    before = session.seen_versions
    session.paint("a", {1: plane(4)})
    session.take(next(run))
    assert session.seen_versions[0] > before[0], "the running training has the stroke"
    assert isinstance(session.model, Constant)
    assert [point.step for point in session.learning_curve] == [1, 2]
    assert session.state.text == "step 2"
    assert session.device == "CPU (fake)"
    run.close()


def test_only_the_newest_training_brings_models(session: Session) -> None:
    old = session.training(Fake())
    next(old)
    new = session.training(Fake())
    next(new)
    next(old)
    assert session.model is None, "the old training is overtaken"
    next(new)
    assert session.model is not None
    session.set_model(None)
    session.end()
    next(new)
    next(new)
    assert session.model is None, "after the end none comes"


def test_a_loaded_model_brings_its_classes(session: Session) -> None:
    named = ClassTable.named({1: "background", 2: "nucleus", 3: "rim"})
    session.set_model(Constant(2, named))
    assert session.classes == named
    session.paint("a", {0: plane(1)})
    session.set_model(Constant(2, ClassTable.named({1: "background", 4: "other"})))
    assert session.classes.ids == (1, 2, 3, 4)


def test_a_viewer_has_one_session_that_goes_with_it() -> None:
    class Owner:
        pass

    owner = Owner()
    assert session_of(owner) is session_of(owner)
    assert session_of(owner) is not session_of(Owner())


# --- the live prediction ----------------------------------------------------------------------------------------------


def drain(predictor: Any, n: int = 200) -> list[Any]:
    """Everything the predictor has to say until it has caught up."""
    found = []
    for _ in range(n):
        item = next(predictor)
        if item is not None:
            found.append(item)
        if isinstance(item, AllPredicted):
            break
    return found


def test_the_plane_shown_comes_first_and_then_the_others() -> None:
    image = Image(np.zeros((3, 8, 8)), "NYX")
    models, focus = Latest[Any](Constant(2)), Latest[Any](ViewFocus("a", image, plane=1))
    predictor = live_prediction(models, focus, pause=0)
    patches = [one for one in drain(predictor) if isinstance(one, LivePatch)]
    assert [image.plane_of(one.patch.where) for one in patches] == [1, 1, 0, 0, 2, 2] or \
        [image.plane_of(one.patch.where) for one in patches] == [1, 1, 2, 2, 0, 0]
    predictor.close()


def test_a_newer_model_repaints_everything() -> None:
    image = Image(np.zeros((8, 8)))
    models, focus = Latest[Any](Constant(1)), Latest[Any](ViewFocus("a", image))
    predictor = live_prediction(models, focus, pause=0)
    out = np.zeros((8, 8), np.uint8)
    for one in drain(predictor):
        if isinstance(one, LivePatch):
            out[one.patch.where] = one.patch.labels
    assert (out == 1).all()
    models.put(Constant(2))
    for one in drain(predictor):
        if isinstance(one, LivePatch):
            out[one.patch.where] = one.patch.labels
    assert (out == 2).all()
    predictor.close()


def test_a_model_that_cannot_says_so_once_and_waits_for_another() -> None:
    class Refuses(Constant):
        def segment(self, *_: Any, **__: Any) -> Any:
            raise UserError("too many channels")

    models, focus = Latest[Any](Refuses(1)), Latest[Any](ViewFocus("a", Image(np.zeros((8, 8)))))
    predictor = live_prediction(models, focus, pause=0)
    assert isinstance(next(predictor), PredictionFailed)
    assert next(predictor) is None
    models.put(Constant(2))
    assert any(isinstance(one, LivePatch) for one in drain(predictor))
    focus.put(None)
    assert next(predictor) is None
    predictor.close()


# --- models before ----------------------------------------------------------------------------------------------------


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


def test_the_last_five_models_and_the_instant_answer_are_kept(session: Session) -> None:
    session.answered(Trained(1))
    learnt(session, *(event(step, step / 100) for step in range(10, 80, 10)))
    assert [(one.name, one.dice) for one in session.model_history] == [
        ("step 70", 0.7), ("step 60", 0.6), ("step 50", 0.5), ("step 40", 0.4), ("step 30", 0.3),
        ("instant answer", None),
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
    assert len(session.model_history) == 5
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
    session.answered(Trained(1))
    assert session.model.label == 1
    learnt(session, event(10))
    assert session.model.label == 2
    session.answered(Trained(1))
    assert session.model.label == 2, "of the features before"
    session.answered(Trained(3, weights=Behind(10)))
    assert session.model.label == 3, "of the present features"
    session.set_model(Constant(2))
    session.answered(Trained(1))
    assert session.model.label == 2, "a loaded model is not fitted to strokes"


def test_erasing_everything_keeps_the_answer_and_says_so(session: Session) -> None:
    session.paint("a", {0: plane(1) + plane(2, label=2)})
    session.answered(Trained(1))
    assert session.state.phase == "answered"
    session.paint("a", {0: np.zeros((8, 8), np.uint8)})
    assert "Nothing is painted yet" in session.state.text
    assert "stays until then" in session.state.text
    assert session.model.label == 1


def test_without_features_it_says_that_a_network_learns_from_nothing(session: Session) -> None:
    session.paint("a", {0: plane(1) + plane(2, label=2)})
    assert "answered at once" in session.state.text
    session.no_answers()
    assert "press Live" in session.state.text
    assert "no instant answers" in session.state.text


# --- uncertainty and answers in the live prediction -------------------------------------------------------------------


class Unsure(Constant):
    """A model whose uncertainty is 0.4 everywhere."""

    def segment(self, image: Image, planes: Any = None, *, probabilities: bool = False, view: Any = None) -> Any:
        for patch in super().segment(image, planes, view=view):
            maps = np.stack([np.full(patch.labels.shape, value, np.float32) for value in (0.8, 0.2)])
            yield dataclasses.replace(patch, probabilities=maps if probabilities else None)


def test_uncertainty_comes_tile_by_tile_only_while_it_is_asked_for() -> None:
    image = Image(np.zeros((2, 8, 8)), "NYX")
    models, focus = Latest[Any](Unsure(2)), Latest[Any](ViewFocus("a", image))
    predictor = live_prediction(models, focus, pause=0)
    assert all(one.unsure is None for one in drain(predictor) if isinstance(one, LivePatch))
    focus.put(ViewFocus("a", image, unsure=1))
    found = [one for one in drain(predictor) if isinstance(one, LivePatch)]
    assert len(found) == 4, "everything anew, with the same model"
    for one in found:
        assert one.unsure is not None
        assert one.unsure.shape == one.patch.labels.shape
        assert np.allclose(one.unsure, 0.4, atol=1e-3)
        assert one.patch.probabilities is None
    focus.put(ViewFocus("a", image))
    assert not [one for one in drain(predictor, 5) if isinstance(one, LivePatch)], "nothing to do again"
    focus.put(ViewFocus("a", image, unsure=2))
    assert len([one for one in drain(predictor) if isinstance(one, LivePatch)]) == 4, "it may be asked for again"
    predictor.close()


def test_without_features_models_are_predicted_all_the_same() -> None:
    def missing() -> Any:
        raise UserError("the file is gone")

    models, focus = Latest[Any](None), Latest[Any](ViewFocus("a", Image(np.zeros((8, 8)))))
    predictor = live_prediction(models, focus, answers=missing, pause=0)
    assert next(predictor) == AnswersUnavailable("the file is gone")
    assert [next(predictor) for _ in range(3)] == [None] * 3, "said once"
    models.put(Constant(2))
    assert any(isinstance(one, LivePatch) for one in drain(predictor))
    predictor.close()
