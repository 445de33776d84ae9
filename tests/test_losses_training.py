"""Losses as the trainer calls them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from loss_examples import DENSE, call
from training_scene import QUICK, Scene, Small, finish

from napari_unet import losses
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.method import assemble
from napari_unet.core.normalisation import Normalisation
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.learning.augmentation import Augmentation
from napari_unet.learning.trainer import train_network
from napari_unet.learning.training_data import TrainingDataCollector
from napari_unet.learning.training_plan import TrainingPlan
from napari_unet.networks.unet import UNet


def dense_scene():
    scene = Scene()
    scene.paint[:] = 1
    scene.paint[4:14, 4:14] = 2
    scene.paint[18:28, 18:28] = 2
    return scene


@pytest.mark.parametrize("name", losses.REGISTRY.names())
def test_every_loss_teaches(name):
    truth = dense_scene().paint
    scene = dense_scene() if name in DENSE else Scene().start()
    # bent and turned where labels are dense: what is unpainted then must not be taken for the space between strokes
    plan = dataclasses.replace(QUICK, steps=40, augmentation=Augmentation() if name in DENSE else Augmentation.none())
    _, model = finish(train_network(scene.training, Small(), losses.REGISTRY[name], plan))
    found = assemble(scene.image, model.segment(scene.image))
    both = (found == 2) & (truth == 2)
    assert 2 * both.sum() / ((found == 2).sum() + (truth == 2).sum()) > 0.75


def test_training_on_strokes_says_why_not():
    with pytest.raises(UserError, match="needs planes that are labelled everywhere"):
        finish(train_network(Scene().start().training, Small(), losses.REGISTRY["border_cross_entropy"], QUICK))


@pytest.mark.parametrize("shape", [(300, 300), (200, 90), (24, 24), (24, 200)])
def test_patches_of_a_densely_labelled_plane_pass_however_they_are_turned(shape):
    paint = np.ones(shape, np.uint8)
    paint[5:15, 5:15] = 2
    training = TrainingSet((Pair(Image(np.random.default_rng(0).random(shape, np.float32)),
                                 Scribbles.from_array(paint)),))
    plan = TrainingPlan()
    data = TrainingDataCollector(plan, UNet(), Normalisation(), hold=False).collect(training, 0)
    chance = torch.Generator().manual_seed(0)
    for _ in range(8):
        _, target = data.augmented_batch(plan.augmentation, chance)
        assert torch.isfinite(call("border_cross_entropy", torch.zeros(len(target), 2, *target.shape[1:]), target))
