"""A training that fails: started again once, with what it had learnt, and then told."""

import math

import numpy as np
import pytest
import torch

from napari_unet.core.errors import UserError, WorkError
from napari_unet.core.image import Image
from napari_unet.core.method import Progress
from napari_unet.core.scribbles import Scribbles
from napari_unet.learning.learner import Learner
from napari_unet.segmenters import REGISTRY
from napari_unet.segmenters.trained_networks import ContinuedTraining
from napari_unet.session.annotation_session import Session
from napari_unet.session.resumed_training import resumed


def painted_session():
    session = Session()
    strokes = np.zeros((64, 64), np.uint8)
    strokes[4:8, 4:30], strokes[40:44, 4:30] = 1, 2
    image = np.zeros((64, 64), np.uint8)
    image[32:] = 200
    session.put_pair("a", Image(image), Scribbles.from_array(strokes))
    return session


class Failing:
    """A method that fails as often as it is told, after a step each time."""

    def __init__(self, *errors):
        self.errors, self.fits = list(errors), 0

    def fit(self, painted):
        self.fits += 1
        yield Progress(f"fit {self.fits}")
        if self.errors:
            raise self.errors.pop(0)
        return "model"


def test_a_training_that_fails_once_is_started_again_and_says_so():
    method = Failing(WorkError("Training failed: the device was lost"))
    said = [event.text for event in painted_session().training(method)]
    assert said == ["fit 1", "The training was started again, it had stopped: Training failed: the device was lost",
                    "fit 2"]


def test_a_training_that_fails_twice_is_told_with_its_last_error():
    method = Failing(WorkError("first"), RuntimeError("second"))
    with pytest.raises(RuntimeError, match="second"):
        list(painted_session().training(method))
    assert method.fits == 2


def test_what_the_user_can_mend_is_not_tried_again():
    method = Failing(UserError("Training has diverged: the loss was not a number for 20 steps."))
    with pytest.raises(UserError, match="diverged"):
        list(painted_session().training(method))
    assert method.fits == 1


def test_a_network_that_was_learning_goes_on_from_what_it_had_learnt(monkeypatch):
    method = REGISTRY["unet"](width=4, depth=2, patch=32, batch=2, start="scratch")
    session, steps, broken = painted_session(), [], [False]
    training = session.training(method)
    old = torch.optim.AdamW.step

    def step(self, *args, **kwargs):
        if not broken[0] and session.models.newest is not None:
            broken[0] = True
            raise RuntimeError("CUDA error: unspecified launch failure")
        return old(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    told = ""
    for event in training:
        told = event.text if "started again" in event.text else told
        steps.append(getattr(event, "step", None))
        if told and steps[-1] is not None:
            break
    training.close()
    assert "CUDA error: unspecified launch failure" in told
    before = max(one for one in steps[:-1] if one is not None)
    assert steps[-1] > 1
    assert steps[-1] <= before + 1


def small_session(monkeypatch, attempt):
    """A session and its training, whose steps go through a function that gets the real one first."""
    real = Learner._attempt
    monkeypatch.setattr(Learner, "_attempt", lambda self, *batch: attempt(lambda: real(self, *batch), self))
    session = painted_session()
    return session, session.training(REGISTRY["unet"](width=4, depth=2, patch=32, batch=4, start="scratch"), 1)


def test_a_loss_that_is_no_number_ends_the_training_and_keeps_what_was_learnt(monkeypatch):
    broken = [False]
    session, training = small_session(monkeypatch, lambda step, _: math.nan if broken[0] else step())
    model = next(event.model for event in training if event.model is not None)
    broken[0] = True
    said = []
    with pytest.raises(UserError, match=r"the loss was not a number for 20 steps\. Choose a lower learning rate"):
        said.extend(event.text for event in training)
    assert not [one for one in said if "started again" in one], "it would diverge again"
    assert session.models.newest.weights.step >= model.weights.step


def test_full_memory_halves_the_batch_and_the_training_goes_on_and_says_so(monkeypatch):
    full = [True]

    def attempt(step, learner):
        if full[0] and learner.parts == 1:
            return None
        return step()

    _, training = small_session(monkeypatch, attempt)
    step = next(event for event in training if getattr(event, "step", 0) == 3)
    training.close()
    assert "its memory is full, so batches go in 2 parts" in step.device


def test_only_networks_go_on_from_a_model():
    method = REGISTRY["unet"]()
    assert resumed(method, None) is method
    assert resumed(Failing(), object()).__class__ is Failing
    model = type("Model", (), {"weights": object()})()
    continued = resumed(method, model)
    assert isinstance(continued, ContinuedTraining)
    assert resumed(continued, model).method is method
