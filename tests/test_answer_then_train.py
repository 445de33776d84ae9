"""Training that begins with an answer to strokes."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from bands_scene import TWO, picture, strokes, trained_on

from napari_unet.comparison.contenders import make_method
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import InputWarning, UsageError, UserError
from napari_unet.core.image import Image
from napari_unet.core.latest import Latest
from napari_unet.core.method import assemble
from napari_unet.core.work import Work
from napari_unet.instant import answer_then_train, candidate_selection, decision
from napari_unet.instant.answers import InstantAnswers
from napari_unet.instant.features import FeatureStore, with_usual_range
from napari_unet.instant.held_out_evaluation import MOST_PLANES
from napari_unet.instant.instant_model import InstantModel, Kind, fit_instantly, head_kind
from napari_unet.predicting.devices import choose_device
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.weights import Weights
from napari_unet.pretrained import load_features


class TestStart:
    """The network begins with pre-trained features where it can."""

    def test_the_first_model_is_the_instant_answer_and_the_last_knows_every_stroke(self) -> None:
        image = picture()
        paint = strokes(*TWO, (30, 4, 1), (30, 34, 2), (50, 4, 1), (50, 34, 2))
        events = list(Work(make_method("unet", seconds=None, steps=3, device="cpu", patch=32).fit(
            trained_on(image, paint))))
        models = [event.model for event in events if event.model is not None]
        assert models[0].weights.step == 0
        assert all(isinstance(model, NetworkModel) and model.refits for model in models)
        labels = assemble(image, models[-1].segment(image))
        assert (labels[:, 2:24] == 1).mean() > 0.9
        assert (labels[:, 30:50] == 2).mean() > 0.9
        assert sum(getattr(event, "step", None) == 3 for event in events) >= 1

    def test_an_answer_that_is_there_is_not_found_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        image, method = picture(), make_method("unet", seconds=None, steps=None, device="cpu", patch=32)
        training = trained_on(image, strokes(*TWO))
        answer = next(event.model for event in method.fit(Latest(training)) if event.model is not None)
        assert method.begins_with(answer.weights)
        assert not dataclasses.replace(method, start="scratch").begins_with(answer.weights)
        assert not make_method("unet", width=4).begins_with(answer.weights)
        found: list[int] = []

        def looked(*given: Any, **options: Any) -> Any:
            found.append(1)
            return fit_instantly(*given, **options)

        monkeypatch.setattr(answer_then_train, "fit_instantly", looked)
        events = method.continue_from(answer.weights).fit(Latest(training))
        begun = next(event.model for event in events if event.model is not None)
        assert all(begun.weights.tensors[name] is tensor for name, tensor in answer.weights.tensors.items())
        assert next(event for event in events if getattr(event, "step", 0)).step == 1
        assert not found, "the first step comes at once"
        events.close()
        other = trained_on(image, np.where(strokes(*TWO) == 2, 3, strokes(*TWO)))
        colour = trained_on(Image(np.stack([image.plane(0)[0]] * 3), "CYX"), strokes(*TWO))
        for newer in (other, colour):  # the answer is one to strokes of before
            next(event for event in method.continue_from(answer.weights).fit(Latest(newer)) if event.model)
            assert found.pop()

    @pytest.mark.parametrize("eye", [True, False])
    def test_a_first_answer_is_enough_to_begin_with_and_is_finished_by_who_shows_it(
        self, eye: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image, method = picture(), make_method("unet", seconds=None, steps=None, device="cpu", patch=32)
        training = trained_on(image, strokes(*TWO))
        store = FeatureStore(with_usual_range(load_features(), training), choose_device("cpu"))
        first = [event.model for event in fit_instantly(store, training) if event.model is not None]
        (answer,) = [one for one in first if one.two_eyed == eye]
        weights = answer.as_network().weights
        assert head_kind(weights) == "logistic"
        assert method.begins_with(weights)
        assert not method.begins_with(dataclasses.replace(weights, step=1))
        foreign = {name: tensor.clone() for name, tensor in weights.tensors.items()}
        assert not method.begins_with(dataclasses.replace(weights, tensors=foreign)), "features of somebody else"

        def looked(*_given: Any, **_options: Any) -> Any:
            raise AssertionError("it need not be found again")

        monkeypatch.setattr(answer_then_train, "fit_instantly", looked)
        box = Latest(training)
        events = method.continue_from(weights).fit(box)
        begun = next(event.model for event in events if event.model is not None)
        known = weights.tensors["head.weight"].shape[1]
        assert torch.equal(begun.weights.tensors["head.weight"][:, :known], weights.tensors["head.weight"])
        assert not begun.weights.tensors["head.weight"][:, known:].any()
        assert next(event for event in events if getattr(event, "step", 0)).step == 1
        events.close()
        answers = InstantAnswers(box, load_features, "cpu")
        shown = answers.over(begun)
        while answers.unfinished:
            shown = answers.over(begun)
        assert isinstance(shown, InstantModel)
        assert shown.trees is not None, "the window goes on to the whole answer"
        with pytest.raises(AssertionError, match="found again"):  # a whole one would do
            next(event for event in method.continue_from(weights).fit(training) if event.model is not None)

    @pytest.mark.parametrize("head", ["logistic", "trees"])
    @pytest.mark.parametrize("planes", [1, MOST_PLANES + 2])
    def test_the_last_head_is_fitted_to_every_stroke_of_every_plane(
        self, planes: int, head: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(candidate_selection, "agreement_lost", lambda *_given: 0.0)
        monkeypatch.setattr(decision, "select", lambda _first, _best, newest, _found: next(
            one for one in newest if one.head == head))
        stack = Image(np.stack([picture(seed).plane(0)[0] for seed in range(planes)]), "NYX")
        paint = np.stack([strokes(*TWO, (30, 4, 1), (30, 34, 2), (50, 4, 1), (50, 34, 2)) for _ in range(planes)])
        training = trained_on(stack, paint)
        model = Work(make_method("unet", seconds=None, steps=2, device="cpu", patch=32).fit(training)).result()
        store = FeatureStore(model.weights, choose_device("cpu"))
        assert head_kind(model.weights) == head
        expected = Work(fit_instantly(store, training, 0, head_kind(model.weights))).result().as_network()
        assert set(model.weights.tensors) == set(expected.weights.tensors)
        assert all(torch.equal(one, expected.weights.tensors[name]) for name, one in model.weights.tensors.items())

    @pytest.mark.parametrize(("hold_out", "release"), [("auto", True), ("always", False)])
    def test_held_out_strokes_are_released_only_where_nobody_asked_for_them(
        self, hold_out: str, release: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = []

        def spy(*given: Any) -> candidate_selection.CandidateSelection:
            asked.append(given[3])
            return candidate_selection.CandidateSelection(*given)

        monkeypatch.setattr(answer_then_train, "CandidateSelection", spy)
        method = make_method("unet", seconds=None, steps=1, device="cpu", patch=32, hold_out=hold_out)
        Work(method.fit(trained_on(picture(), strokes(*TWO)))).result()
        assert asked == [release]

    def test_with_nothing_held_out_the_newest_network_counts(self) -> None:
        image = picture()
        training = trained_on(image, strokes(*TWO, (30, 4, 1), (30, 34, 2), (50, 4, 1), (50, 34, 2)))
        method = make_method("unet", seconds=None, steps=2, device="cpu", patch=32, hold_out="never")
        events = list(Work(method.fit(training)))
        models = [event.model for event in events if event.model is not None]
        assert models[0].refits, "the answer at once"
        assert models[-1].weights.step == 2
        assert not models[-1].refits, "its last layer is the one that was trained"
        steps = [event for event in events if getattr(event, "step", None)]
        assert all(one.painted == training.counts()[1] + training.counts()[2] for one in steps)
        assert all(sum(one.held_strokes) == 0 for one in steps)

    def test_another_network_begins_with_nothing(self) -> None:
        training = trained_on(picture(), strokes(*TWO))
        events = list(Work(make_method("unet", width=4, depth=2, seconds=None, steps=2, device="cpu", patch=32).fit(
            training)))
        assert events[-1].model is not None
        assert events[-1].model.weights.network.width == 4
        with pytest.raises(UsageError, match=r"no pre-trained features for UNet.*choose start 'scratch'"):
            Work(make_method("unet", width=4, start="pretrained").fit(training)).result()

    def test_missing_features_are_said_and_training_goes_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from napari_unet.segmenters import trained_networks

        def missing() -> Weights:
            raise UserError("The pre-trained features are missing (there).")

        monkeypatch.setattr(trained_networks, "load_features", missing)
        training = trained_on(picture(), strokes(*TWO))
        with pytest.warns(InputWarning, match=r"features are missing \(there\)\. Training from nothing goes on\."):
            events = list(Work(make_method("unet", seconds=None, steps=1, device="cpu", patch=32).fit(training)))
        assert events[-1].model is not None
        assert not events[-1].model.refits
        with pytest.raises(UserError, match="features are missing"):
            Work(make_method("unet", start="pretrained").fit(training)).result()

    def test_a_loaded_model_waits_for_strokes_and_then_answers_them(self) -> None:
        image = picture()
        method = make_method("unet", seconds=None, steps=1, device="cpu", patch=32)
        weights = Work(method.fit(trained_on(image, strokes(*TWO)))).result().weights
        box = Latest(trained_on(image, strokes()))
        events = method.continue_from(weights).fit(box)
        assert next(events).model is None
        box.put(trained_on(image, strokes(*TWO)))
        first = next(event for event in events if event.model is not None)
        assert first.text.startswith("Answered at once")
        assert first.model is not None
        assert first.model.refits
        events.close()

    def test_a_stroke_where_there_are_no_numbers_keeps_what_is_shown(self) -> None:
        clean = picture()
        pixels = np.array(clean.plane(0)[0])
        pixels[50:, 40:] = np.nan
        image = Image(pixels, "YX", "holes")
        box = Latest(trained_on(image, strokes(*TWO)))
        events = make_method("unet", seconds=None, steps=3, device="cpu", patch=32).fit(box)
        first = next(event.model for event in events if event.model is not None)
        box.put(trained_on(image, strokes(*TWO, (54, 50, 3))))
        with pytest.warns(InputWarning, match="NaN"):
            rest = list(Work(events))
        shown = [event.model for event in rest if event.model is not None]
        assert shown
        assert all(one is first for one in shown), "however often the clock has one published"

    @pytest.mark.parametrize("head", ["logistic", "trees"])
    def test_what_has_learnt_goes_on_as_it_was_shown(self, head: Kind) -> None:
        training = trained_on(picture(), strokes(*TWO))
        store = FeatureStore(load_features(), choose_device("cpu"))
        shown = Work(fit_instantly(store, training, 0, head)).result().as_network()
        weights = dataclasses.replace(shown.weights, step=300)
        events = make_method("unet", seconds=None, steps=1, device="cpu", patch=32).continue_from(weights).fit(training)
        first = next(event.model for event in events if event.model is not None)
        assert head_kind(first.weights) == head

    def test_names_and_colours_are_those_of_the_table(self) -> None:
        table = ClassTable.named({1: "ground", 2: "band"})
        training = trained_on(picture(), strokes(*TWO), classes=table)
        model = Work(make_method("unet", seconds=None, steps=1, device="cpu", patch=32).fit(training)).result()
        assert [one.name for one in model.classes.classes] == ["ground", "band"]
