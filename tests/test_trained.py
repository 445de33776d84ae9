"""Networks as methods: parameters, names, continuing."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import numpy as np
import pytest
import torch
from torch import nn

from napari_unet import losses, networks, segmenters
from napari_unet.core import parameters
from napari_unet.core.errors import UsageError
from napari_unet.core.image import Image
from napari_unet.core.method import Segmenter, assemble
from napari_unet.core.parameters import Parameter
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import Work
from napari_unet.segmenters.trained_networks import NetworkTraining, register_network


@dataclasses.dataclass(frozen=True)
class Single:
    """One convolution, and a head."""

    width: Annotated[int, Parameter("Channels", min=1, max=8)] = 4

    stride = 1
    halo = 1

    def build(self, channels, classes):
        module = nn.Sequential(nn.Conv2d(channels, self.width, 3, padding=1), nn.ReLU())
        module.add_module("head", nn.Conv2d(self.width, classes, 1))
        return module


@pytest.fixture
def single(monkeypatch):
    monkeypatch.setattr(networks.REGISTRY, "_entries", dict(networks.REGISTRY._entries))
    segmenters.REGISTRY.names()
    monkeypatch.setattr(segmenters.REGISTRY, "_entries", dict(segmenters.REGISTRY._entries))
    networks.register("single", "One layer")(Single)
    return register_network(networks.REGISTRY.entry("single"))


def painted():
    data = np.zeros((24, 24), np.float32)
    data[8:16, 8:16] = 1
    paint = np.zeros((24, 24), np.uint8)
    paint[2, 2:20] = 1
    paint[11, 9:14] = 2
    return TrainingSet((Pair(Image(data), Scribbles.from_array(paint)),))


@pytest.mark.parametrize("name", networks.REGISTRY.names())
def test_every_network_is_a_method(name):
    entry = segmenters.REGISTRY.entry(name)
    assert entry.title == networks.REGISTRY.entry(name).title
    assert entry.summary == networks.REGISTRY.entry(name).summary
    method = entry.item()
    assert isinstance(method, Segmenter)
    assert segmenters.REGISTRY.name_of(method) == name
    assert method == entry.item()
    assert hash(method) == hash(entry.item())
    assert method.network == networks.REGISTRY[name]()
    mine = [field.name for field in parameters.fields(method)]
    assert mine == [field.name for field in (*parameters.fields(NetworkTraining), *parameters.fields(method.network))
                    if not field.parameter.fitted]
    assert all(field.parameter.help for field in parameters.fields(method))


def test_parameters_reach_the_network_and_the_plan():
    values = parameters.parse(segmenters.REGISTRY["unet"], {"width": "8", "depth": "2", "seconds": "auto", "steps": "7",
                                                            "loss": "dice", "augmentation": "0"})
    method = segmenters.REGISTRY["unet"](**values)
    assert method.network == networks.REGISTRY["unet"](depth=2, width=8)
    assert (method.plan().seconds, method.plan().steps) == (None, 7)
    assert method.plan().augmentation.elastic == 0
    assert [field.choices for field in parameters.fields(method) if field.name == "loss"] == [losses.REGISTRY.names()]


@pytest.mark.parametrize(("options", "message"), [
    ({"batch": 0}, r"UNet: batch cannot be 0. Allowed: a whole number from 1 to 64, or auto\."),
    ({"learning_rate": 2.0}, r"UNet: learning_rate cannot be 2.0. Allowed: a number from 1e-06 to 0.1, or auto\."),
    ({"loss": "hinge"}, r"UNet: loss cannot be 'hinge'. Allowed: one of .*dice_cross_entropy"),
    ({"depth": 9}, r"depth cannot be 9"),
])
def test_parameters_out_of_bounds(options, message):
    with pytest.raises(UsageError, match=message):
        segmenters.REGISTRY["unet"](**options)


def test_a_new_network_learns_predicts_and_continues(single):
    method = single(seconds=None, steps=80, device="cpu", width=6, augmentation=0, learning_rate=0.02, threads=1)
    threads = torch.get_num_threads()
    work = Work(method.fit(painted()))
    model = work.result()
    assert torch.get_num_threads() == threads
    assert model.weights.network == Single(6)
    assert model.weights.network_name == "single"
    data = painted().pairs[0].image
    labels = assemble(data, model.segment(data))
    assert (labels[10:14, 10:14] == 2).all()
    assert (labels[:6] == 1).all()

    more = method.continue_from(model.weights)
    assert isinstance(more, Segmenter)
    assert more.network == Single(6)
    assert Work(more.fit(painted())).result().weights.step == 160


def test_weights_of_another_network_are_refused(single):
    model = Work(single(seconds=None, steps=1, device="cpu").fit(painted())).result()
    with pytest.raises(UsageError, match="These weights are those of 'single', so 'unet' cannot continue"):
        segmenters.REGISTRY["unet"]().continue_from(model.weights)


def test_a_network_with_a_training_parameter_is_refused():
    greedy = dataclasses.make_dataclass("Greedy", [("batch", int, 3)], frozen=True)
    entry = dataclasses.replace(networks.REGISTRY.entry("unet"), name="greedy", item=greedy)
    with pytest.raises(UsageError,
                       match=r"The network 'greedy' has parameters that training has too: batch. Rename them"):
        register_network(entry)
