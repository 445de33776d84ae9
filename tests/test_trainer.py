"""Training with an end: its events, its result, its errors, what it leaves behind."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from training_scene import LIVE, LOSS, QUICK, Scene, Small, finish, is_step, tick, until

from napari_unet.core.errors import UsageError, UserError, WorkError
from napari_unet.core.latest import Latest
from napari_unet.core.method import assemble
from napari_unet.core.scribbles import TrainingSet
from napari_unet.learning import trainer
from napari_unet.learning.augmentation import Augmentation
from napari_unet.learning.learner import MAX_BAD_STEPS
from napari_unet.learning.trainer import train_network
from napari_unet.learning.training_plan import TrainingPlan
from napari_unet.learning.validation import ModelChoice
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.weights import snapshot


def test_a_run_from_the_first_to_the_last_event():
    scene = Scene().start()
    before = scene.data.copy()
    events, model = finish(train_network(scene.training, Small(), LOSS, dataclasses.replace(QUICK, steps=40)))
    steps = [event for event in events if is_step(event)]
    assert events[0].text == "Warming up"
    assert [event.step for event in steps] == list(range(1, 41))
    assert steps[-1].model is model
    assert steps[-1].fraction == 1
    assert all(later.fraction >= earlier.fraction for earlier, later in itertools.pairwise(steps))
    assert steps[-1].loss < 0.5 * steps[0].loss
    assert steps[-1].painted == 32 + 7
    assert steps[-1].versions == (1,)
    assert steps[-1].device == "CPU (as asked)"
    assert max(event.learning_rate for event in steps) == pytest.approx(0.02)
    assert steps[0].learning_rate < 0.01  # warm-up
    assert steps[-1].learning_rate < 0.002  # and the end
    assert model.weights.step == 40
    assert model.classes.ids == (1, 2)
    labels = assemble(scene.image, model.segment(scene.image))
    assert (labels[6:12, 6:12] == 2).all()
    assert (labels[:2] == 1).all()
    assert np.array_equal(scene.data, before)


def test_the_same_seed_gives_the_same_weights():
    plan = dataclasses.replace(QUICK, augmentation=Augmentation())
    first, second, other, busy = (
        finish(train_network(Scene().start().training, Small(), LOSS, changed))[1].weights.tensors
        for changed in (plan, plan, dataclasses.replace(plan, seed=1), dataclasses.replace(plan, publish_seconds=1e-9))
    )
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())
    assert all(torch.equal(tensor, busy[name]) for name, tensor in first.items())  # publishing changes nothing
    assert not torch.equal(first["head.weight"], other["head.weight"])


@pytest.mark.parametrize(("live", "steps", "released"), [(False, None, True), (True, None, False), (False, 500, False)])
def test_held_out_strokes_are_learnt_from_once_a_referee_needs_them_no_more(monkeypatch, live, steps, released):
    asked = []
    tick(monkeypatch)

    def selector(learner, data, step):
        asked.append(data.held)
        yield
        return ModelChoice({}, settled=True)

    scene = Scene().start()
    for row in (4, 14, 20, 26):
        scene.paint[row, 20:24] = 1
    training = scene.training
    plan = dataclasses.replace(QUICK, steps=steps, seconds=2.0, publish_seconds=0.1, hold_out=True)
    events = [event
              for event in train_network(Latest(training) if live else training, Small(), LOSS, plan, selector=selector)
              if is_step(event)]
    assert sum(asked[0]) > 0
    assert sum(asked[-1]) == (0 if released else sum(asked[0]))
    early = [event for event in events if event.fraction < trainer.SETTLED]
    assert len(early) > 10
    assert all(event.painted == events[0].painted for event in early)
    assert events[-1].painted > events[0].painted if released else events[-1].painted == events[0].painted


def test_what_is_said_with_a_model_is_said_of_that_model():
    """The text, the score and the model of an event come from one choice, not from two that follow each other."""
    shown = []

    def selector(learner, data, step):
        yield
        weights = snapshot(learner.averaged, Small(), "small", 1, data.classes, step=step)
        shown.append(ModelChoice({1: 1.0, 2: step / 100}, NetworkModel(weights), f"showing step {step}"))
        return shown[-1]

    plan = dataclasses.replace(QUICK, steps=6, publish_seconds=1e-9)
    events, model = finish(train_network(Scene().start().training, Small(), LOSS, plan, selector=selector))
    brought = [event for event in events if event.model is not None]
    assert len(brought) > 1
    for event, choice in zip(brought, shown, strict=True):
        assert event.model is choice.model
        assert event.text == f"Learning: step {event.step}; {choice.remark}"
        assert event.held_out_mean == choice.score[2]
    assert model is shown[-1].model
    assert brought[-1].text == "Learning: step 6; showing step 6"


@pytest.mark.parametrize("pace", [1e-6, 30.0])
def test_no_clock_decides_what_is_judged_where_only_steps_limit_a_training(monkeypatch, pace):
    tick(monkeypatch, pace)
    monkeypatch.setattr(trainer, "PUBLISH_STEPS", 7)
    plan = dataclasses.replace(QUICK, steps=12)
    events, _ = finish(train_network(Scene().start().training, Small(), LOSS, plan))
    assert [event.step for event in events if event.model is not None] == [7, 12]


def test_nothing_global_is_left_behind():
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    finish(train_network(Scene().start().training, Small(), LOSS, dataclasses.replace(QUICK, threads=1)))
    events = train_network(Scene().start().training, Small(), LOSS, dataclasses.replace(QUICK, threads=1))
    until(events, is_step)
    assert torch.get_num_threads() == 1
    events.close()
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


def test_seconds_end_a_run_and_pauses_do_not_count(monkeypatch):
    tick(monkeypatch)
    plan = dataclasses.replace(QUICK, steps=None, seconds=0.2)
    events, _ = finish(train_network(Scene().start().training, Small(), LOSS, plan))
    steps = [event for event in events if is_step(event)]
    assert len(steps) > 1
    assert steps[-1].seconds >= 0.2
    assert steps[-2].fraction < 1 or steps[-2].step == steps[-1].step


def test_a_plain_training_set_without_two_classes_is_an_error():
    scene = Scene()
    with pytest.raises(UserError, match=r"Nothing is painted yet\. Paint a little background"):
        next(train_network(scene.training, Small(), LOSS, QUICK))
    scene.paint[0] = 1
    with pytest.raises(UserError, match=r"Only background is painted\. Paint a little .* \(class 2\)"):
        next(train_network(scene.training, Small(), LOSS, QUICK))


def test_a_plain_training_set_needs_an_end():
    with pytest.raises(UsageError, match=r"Training needs an end\. Give a number of seconds or of steps"):
        next(train_network(Scene().start().training, Small(), LOSS, LIVE))


def test_images_with_different_channels_are_named():
    pairs = (Scene(1, name="left").start().pair, Scene(3, name="right").start().pair)
    with pytest.raises(UserError, match=r"channels: 'left' has 1; 'right' has 3\. One model learns from"):
        finish(train_network(TrainingSet(pairs), Small(), LOSS, QUICK))


def test_an_absent_device_is_an_error():
    with pytest.raises(UserError, match="'cuda:99' was asked for but"):
        next(train_network(Scene().start().training, Small(), LOSS, dataclasses.replace(QUICK, device="cuda:99")))


def test_small_images_make_small_patches_and_more_of_them():
    assert TrainingPlan().shape(1000, 16) == (192, 4)
    assert TrainingPlan().shape(100, 16) == (112, 12)
    assert TrainingPlan().shape(1, 16) == (16, 16)
    assert TrainingPlan(patch=100, batch=2).shape(1000, 16) == (112, 2)


def test_out_of_memory_halves_the_batch():
    sizes = []

    def trouble(module, x):
        if module.training:
            sizes.append(len(x))
            if len(x) > 5:
                raise torch.OutOfMemoryError("the card is full")
        return x

    events, _ = finish(train_network(Scene().start().training, Small(trouble), LOSS,
                                     dataclasses.replace(QUICK, steps=2)))
    assert [event.step for event in events if is_step(event)] == [1, 2]
    assert sizes == [16, 8, *(4,) * 8]  # a step of 16 patches in 1, 2, then 4 parts; the next in 4 at once


def test_one_patch_that_does_not_fit_is_told():
    def trouble(*_):
        raise torch.OutOfMemoryError("the card is full")

    with pytest.raises(UserError, match=r"memory of CPU does not hold a single patch of \(32, 32\).*smaller patch"):
        finish(train_network(Scene().start().training, Small(trouble), LOSS, QUICK))


def test_errors_of_torch_become_errors_that_are_not_swallowed():
    def trouble(*_):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(WorkError, match="Training failed: mat1 and mat2 shapes") as caught:
        finish(train_network(Scene().start().training, Small(trouble), LOSS, QUICK))
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_divergence_is_told():
    def broken(logits, _):
        return logits.sum() * torch.nan

    with pytest.raises(UserError, match=f"not a number for {MAX_BAD_STEPS} steps. Choose a lower learning rate"):
        finish(train_network(Scene().start().training, Small(), broken, dataclasses.replace(QUICK, steps=100)))
