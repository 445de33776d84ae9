"""Answers to strokes while they are painted."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from bands_scene import TWO, picture, strokes, trained_on
from eye_scene import two_eyed_features

from napari_unet import pretrained
from napari_unet.core.errors import UserError
from napari_unet.core.floor import BRUSH
from napari_unet.core.image import Image
from napari_unet.core.latest import Latest
from napari_unet.core.method import Model, assemble
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.instant import answers as answers_module
from napari_unet.instant.answers import InstantAnswers
from napari_unet.instant.eye_features import without_eye
from napari_unet.instant.features import same_features, with_usual_range
from napari_unet.instant.instant_model import InstantModel
from napari_unet.predicting.oblivious_trees import without_trees
from napari_unet.predicting.weights import Weights
from napari_unet.session.annotation_session import Session
from napari_unet.session.live_prediction import AllPredicted, AnswerFitted, PredictionFailed, live_prediction
from napari_unet.session.run_schedule import LivePatch, ViewFocus
from napari_unet.session.session_state import ANSWERED

ALONE = without_eye(pretrained.load_features())


def load_features() -> Weights:
    """The features that ship without the second eye, whose answer is one more: each has two answers here."""
    return ALONE


def settled(answers: InstantAnswers, model: Model | None = None) -> Model | None:
    found = answers.over(model)
    while answers.unfinished:
        found = answers.over(model)
    return found


class TestAnswers:
    """The newest strokes on the newest features."""

    def test_nothing_to_show_before_the_second_class(self) -> None:
        box = Latest(trained_on(picture(), strokes(TWO[0])))
        assert settled(InstantAnswers(box, load_features, "cpu")) is None

    def test_every_stroke_gives_another_answer_on_the_same_features(self) -> None:
        image = picture()
        box = Latest(trained_on(image, strokes(*TWO)))
        answers = InstantAnswers(box, load_features, "cpu")
        first = settled(answers)
        assert isinstance(first, InstantModel)
        assert settled(answers) is first
        box.put(trained_on(image, strokes(*TWO, (30, 62, 3))))
        second = answers.over(None)  # what trees correct later is shown at once
        assert second is not first
        assert isinstance(second, InstantModel)
        assert second.trees is None
        assert answers.unfinished
        assert not answers.busy
        last = settled(answers)
        assert isinstance(last, InstantModel)
        assert last.trees is not None
        assert last.head is second.head
        assert last.store is first.store
        assert last.classes.ids == (1, 2, 3)
        assert (assemble(image, last.segment(image))[:, 60:76] == 3).mean() > 0.9

    def test_a_device_that_is_not_there_is_for_the_training_to_say(self) -> None:
        box = Latest(trained_on(picture(), strokes(*TWO)))
        assert isinstance(settled(InstantAnswers(box, load_features, "cuda:99")), InstantModel)

    def test_what_cannot_be_answered_is_said_once(self) -> None:
        def broken() -> Weights:
            raise UserError("no features")

        box = Latest(trained_on(picture(), strokes(*TWO)))
        answers = InstantAnswers(box, broken, "cpu")
        with pytest.raises(UserError, match="no features"):
            answers.over(None)
        assert answers.over(None) is None
        box.put(trained_on(picture(), strokes(*TWO)))
        with pytest.raises(UserError, match="no features"):
            answers.over(None)

    def test_erased_strokes_leave_the_old_answer(self) -> None:
        image = picture()
        box = Latest(trained_on(image, strokes(*TWO)))
        answers = InstantAnswers(box, load_features, "cpu")
        first = settled(answers)
        for paint in (strokes(), strokes(TWO[0])):
            box.put(trained_on(image, paint))
            assert settled(answers) is first

    def test_a_class_that_is_erased_is_claimed_no_more(self) -> None:
        image = picture()
        box = Latest(trained_on(image, strokes(*TWO, (30, 62, 3))))
        answers = InstantAnswers(box, load_features, "cpu")
        settled(answers)
        box.put(trained_on(image, strokes(*TWO)))
        left = settled(answers)
        assert left is not None
        assert left.classes.ids == (1, 2)

    def test_another_image_under_the_same_name(self) -> None:
        box = Latest(trained_on(picture(), strokes(*TWO)))
        answers = InstantAnswers(box, load_features, "cpu")
        settled(answers)
        other = picture(1, levels=(100, 60, 20))
        box.put(trained_on(other, strokes(*TWO)))
        model = settled(answers)
        assert model is not None
        labels = assemble(other, model.segment(other))
        assert (labels[:, 2:24] == 1).mean() > 0.9
        assert (labels[:, 30:50] == 2).mean() > 0.9

    def test_models_that_strokes_may_not_change_stay_as_they_are(self) -> None:
        image = picture()
        box = Latest(trained_on(image, strokes(*TWO)))
        answers = InstantAnswers(box, load_features, "cpu")
        answer = settled(answers)
        assert isinstance(answer, InstantModel)
        loaded = answer.as_network("cpu")
        assert settled(answers, loaded) is loaded
        again = settled(answers, dataclasses.replace(loaded, refits=True))
        assert isinstance(again, InstantModel)
        assert same_features(again.store.weights, loaded.weights)

    def test_features_are_computed_anew_only_for_other_features(self) -> None:
        image = picture()
        box = Latest(trained_on(image, strokes(*TWO)))
        answers = InstantAnswers(box, load_features, "cpu")
        first = settled(answers)
        assert isinstance(first, InstantModel)
        head = dataclasses.replace(first.as_network("cpu"), refits=True)
        same = settled(answers, head)
        assert isinstance(same, InstantModel)
        assert same.store is first.store
        tensors = {name: tensor.clone() for name, tensor in head.weights.tensors.items()}
        trained = dataclasses.replace(head, weights=dataclasses.replace(head.weights, tensors=tensors, step=9))
        other = settled(answers, trained)
        assert isinstance(other, InstantModel)
        assert other.store is not first.store
        back = settled(answers, None)
        assert isinstance(back, InstantModel)
        assert back.store.weights.step == 0

    def test_a_better_answer_waits_for_the_end_of_a_stroke(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("napari_unet.instant.answers.REST", 0.0)
        answers = InstantAnswers(Latest(trained_on(picture(), strokes(*TWO))), load_features, "cpu")
        try:
            BRUSH.take(1e6)
            while (first := answers.over(None)) is None:
                pass
            for _ in range(20):
                assert answers.over(None) is first, "strokes are answered while they are painted, and no more is done"
            assert answers.resting
            assert answers.unfinished
        finally:
            BRUSH.leave()
        last = settled(answers)
        assert isinstance(last, InstantModel)
        assert last.trees is not None

    def test_an_answer_has_trees_where_the_model_has(self) -> None:
        box = Latest(trained_on(picture(), strokes(*TWO)))
        answers = InstantAnswers(box, load_features, "cpu")
        first = settled(answers)
        assert isinstance(first, InstantModel)
        whole = dataclasses.replace(first.as_network("cpu"), refits=True)
        bare = dataclasses.replace(whole, weights=dataclasses.replace(without_trees(whole.weights), step=9))
        for model, expected in ((bare, False), (whole, True), (bare, False), (None, True)):
            answer = settled(answers, model)
            assert isinstance(answer, InstantModel)
            assert (answer.trees is not None) is expected

    def test_features_that_cannot_be_read_are_said(self) -> None:
        def broken() -> Weights:
            raise UserError("The features are missing.")

        session = Session()
        session.put_pair("a", picture(), Scribbles.from_array(strokes(*TWO)))
        focus = Latest(ViewFocus("a", session.pair("a").image))
        predictor = live_prediction(
            session.models, focus, answers=lambda: InstantAnswers(session.snapshots, broken, "cpu"), pause=0)
        assert isinstance(next(predictor), PredictionFailed)
        # a model from elsewhere is predicted all the same
        answer = settled(InstantAnswers(session.snapshots, load_features, "cpu"))
        assert isinstance(answer, InstantModel)
        session.set_model(answer.as_network("cpu"))
        assert any(isinstance(found, LivePatch) for found in (next(predictor) for _ in range(20)))


def test_a_better_answer_waits_until_the_first_is_on_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers_module, "REST", 1000.0)
    image = picture()
    box = Latest(trained_on(image, strokes(*TWO)))
    answers = InstantAnswers(box, load_features, "cpu")
    while answers.over(None) is None:
        pass
    first = answers.over(None)
    assert isinstance(first, InstantModel)
    assert first.trees is None
    assert answers.resting
    assert answers.unfinished
    assert answers.over(None) is first
    box.put(trained_on(image, strokes(*TWO, (30, 62, 3))))
    assert answers.over(None) is not first  # a stroke does not wait


def test_a_live_prediction_follows_strokes_without_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers_module, "REST", 0.0)
    session, image = Session(), picture()
    session.put_pair("a", image)
    focus = Latest(ViewFocus("a", image))
    predictor = live_prediction(
        session.models, focus, answers=lambda: InstantAnswers(session.snapshots, load_features, "cpu"), pause=0)

    def next_patch(most: int = 200) -> LivePatch:
        for found, _ in zip(predictor, range(most), strict=False):
            if isinstance(found, LivePatch):
                return found
        raise AssertionError("no patch")

    assert next(predictor) is None
    session.paint("a", {0: strokes(*TWO)})
    assert set(np.unique(next_patch().patch.labels)) == {1, 2}
    session.paint("a", {0: strokes(*TWO, (30, 62, 3))})
    patch = next_patch()
    assert set(np.unique(patch.patch.labels)) == {1, 2, 3}
    assert isinstance(patch.model, InstantModel)
    assert patch.model.trees is None  # what is fitted at once is shown at once
    closer = next_patch()
    assert isinstance(closer.model, InstantModel)
    assert closer.model.trees is not None
    assert closer.model.head is patch.model.head
    assert isinstance(next(predictor), AllPredicted)
    session.answered(patch.model.as_network("cpu"))
    assert session.state.text == ANSWERED
    assert session.model is not None
    session.set_model(None)
    assert session.model is None


def test_of_a_stack_the_better_answer_to_what_is_looked_at_comes_before_the_other_planes() -> None:
    session = Session()
    stack = Image(np.random.default_rng(0).normal(size=(6, 64, 80)).astype(np.float32), "NYX")
    session.put_pair("a", stack)
    session.paint("a", {2: strokes(*TWO)})
    predictor = live_prediction(
        session.models, Latest(ViewFocus("a", stack, plane=2)),
        answers=lambda: InstantAnswers(session.snapshots, load_features, "cpu"), pause=0)
    found: list[LivePatch | AllPredicted | AnswerFitted] = []
    while not found or not isinstance(found[-1], AllPredicted):
        event = next(predictor)
        if isinstance(event, (LivePatch, AllPredicted, AnswerFitted)):
            found.append(event)
    patches = [one for one in found if isinstance(one, LivePatch)]
    assert [stack.plane_of(one.patch.where) for one in patches[:2]] == [2, 2]
    models = [one.model for one in patches]
    assert all(isinstance(model, InstantModel) for model in models)
    assert [model.trees is None for model in models if isinstance(model, InstantModel)] == [True] + [False] * 6
    assert {stack.plane_of(one.patch.where) for one in patches[1:]} == set(range(6))
    fitted = [one for one in found if isinstance(one, AnswerFitted)]
    assert [one.whole for one in fitted] == [False, True]
    assert all(one.training is session.snapshots.get() for one in fitted)
    assert fitted[1].model is models[-1]
    assert found.index(fitted[1]) < found.index(patches[1]), "who waits for it need not wait for all planes"


def test_the_second_eye_answers_between_the_first_and_the_better_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers_module, "REST", 0.0)
    weights, box = two_eyed_features(), Latest(trained_on(picture(), strokes(*TWO)))
    answers = InstantAnswers(box, lambda: weights, "cpu")
    found: list[tuple[bool, bool]] = []
    while not found or answers.unfinished:
        model = answers.over(None)
        if isinstance(model, InstantModel) and (model.two_eyed, model.trees is not None) not in found:
            found.append((model.two_eyed, model.trees is not None))
    assert found == [(False, False), (True, False), (True, True)]
    box.put(trained_on(picture(), strokes(*TWO, (30, 4, 1))))
    first = answers.over(None)
    while answers.busy:
        first = answers.over(None)
    assert isinstance(first, InstantModel)


def test_what_is_open_beside_what_is_painted_does_not_change_the_answer():
    """The window knows images that nobody has painted on; the command line is given those that are learnt from."""
    dark, light = (Image(np.random.default_rng(seed).normal(level, spread, (64, 64)).clip(0, 255).astype(np.uint8))
                   for seed, level, spread in ((0, 60, 8), (1, 160, 40)))
    strokes = np.zeros((64, 64), np.uint8)
    strokes[5:8, 5:30], strokes[40:43, 5:30] = 1, 2
    empty = Scribbles.empty((64, 64))
    painted = Pair(dark, Scribbles.from_array(strokes))
    alone = with_usual_range(load_features(), TrainingSet((painted,))).normalisation
    beside = TrainingSet((painted, Pair(light, empty)))
    assert with_usual_range(load_features(), beside).normalisation == alone
    both = with_usual_range(load_features(), beside, light).normalisation
    assert both != alone, "one that is looked at may be painted on next"
    latest = Latest(TrainingSet((Pair(dark, empty), Pair(light, empty))))
    answers = InstantAnswers(latest, load_features, "cpu")
    while answers.look_ahead(dark, 0, None):
        pass
    store = answers._store
    latest.put(beside)
    answers.over(None)
    assert answers._store is store, "what was computed ahead is of use"
    assert store.weights.normalisation == alone
