"""One step of training and its parts: precision, memory, average, head, statistics."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn
from training_scene import LOSS, Layers, Small

from napari_unet.learning import batchnorm
from napari_unet.learning.learner import Learner
from napari_unet.learning.output_channels import match_channels, replace_head
from napari_unet.losses import REGISTRY as LOSSES
from napari_unet.predicting.devices import Device, choose_device


def test_parts_of_a_batch_add_up_to_the_batch():
    torch.manual_seed(0)
    images, targets = torch.rand(4, 1, 8, 8), torch.randint(0, 2, (1, 8, 8)).expand(4, -1, -1)
    device = choose_device("cpu").full_precision()
    after = []
    for parts in (1, 2):
        learner = Learner(Plain(), 1, (1, 2), device, LOSSES["cross_entropy"])
        learner.parts = parts
        learner.learn(images, targets)
        after.append(learner.module.head.weight.detach().clone())
    assert torch.allclose(*after, atol=1e-6)


def test_memory_that_runs_out_halves_the_batch_and_changes_no_result():
    torch.manual_seed(0)
    images, targets = torch.rand(4, 1, 8, 8), torch.randint(0, 2, (1, 8, 8)).expand(4, -1, -1)
    device, calls = choose_device("cpu").full_precision(), []

    def greedy(_module, inputs):
        calls.append(len(inputs[0]))
        if len(inputs[0]) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    learners = [Learner(Plain(trouble), 1, (1, 2), device, LOSSES["cross_entropy"]) for trouble in (greedy, None)]
    for _ in range(3):
        losses = [learner.learn(images, targets) for learner in learners]
        assert np.allclose(*losses, atol=1e-6)
    assert calls == [4, 2] + [1] * 12, "halved until it fits, and not tried again"
    assert learners[0].where == "CPU (as asked; its memory is full, so batches go in 4 parts)"
    assert learners[1].where == str(device)
    for one, other in zip(*[learner.module.parameters() for learner in learners], strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_scores_are_computed_in_parts_too_where_memory_is_full():
    def greedy(_module, inputs):
        if len(inputs[0]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")

    def insatiable(_module, _inputs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    device, images = choose_device("cpu").full_precision(), torch.rand(4, 1, 8, 8)
    mine, other, hopeless = (
        Learner(Plain(trouble), 1, (1, 2), device, LOSS) for trouble in (greedy, None, insatiable))
    assert torch.allclose(mine.forward(images), other.forward(images), atol=1e-6)
    assert mine.parts == 2
    with pytest.raises(torch.OutOfMemoryError):
        hopeless.forward(images)


@dataclasses.dataclass(frozen=True)
class Plain:
    """A head alone, and what happens before it."""

    trouble: object = None
    stride = 1
    halo = 0

    def build(self, channels, classes):
        module = nn.Sequential()
        module.add_module("head", nn.Conv2d(channels, classes, 1))
        if self.trouble is not None:
            module.register_forward_pre_hook(self.trouble)
        return module


def test_sixteen_bits_give_way_to_thirty_two():
    def trouble(module, x):
        return x * torch.nan if module.training and torch.is_autocast_enabled("cpu") else x

    device = Device("cpu", "CPU", "as asked", torch.bfloat16)
    learner = Learner(Small(trouble), 1, (1, 2), device, LOSS)
    images, targets = torch.rand(2, 1, 8, 8), torch.randint(0, 2, (2, 8, 8))
    assert np.isfinite(learner.learn(images, targets))
    assert learner.device.dtype is None
    assert all(torch.isfinite(tensor).all() for tensor in learner.averaged.state_dict().values())


def test_the_average_forgets_the_random_start():
    learner = Learner(Plain(), 1, (1, 2), choose_device("cpu"), LOSS, learning_rate=0.1, average=10)
    images = torch.rand(2, 1, 8, 8)
    targets = (images[:, 0] > 0.5).long()
    followed, history = None, []
    for count in range(1, 200):
        learner.learn(images, targets)
        history.append(learner.module.head.weight.detach().clone())
        weight = max(0.1, 10 / (count + 10))
        start = history[-1] if followed is None else followed
        followed = start + weight * (history[-1] - start)
    assert torch.allclose(learner.averaged.head.weight, followed, atol=1e-3)
    assert (learner.averaged.head.weight - history[-1]).abs().max() > 0


def test_a_new_class_leaves_the_rest_of_head_and_optimizer_alone():
    torch.manual_seed(0)
    module = Layers(1, 2)
    optimizer = torch.optim.AdamW(module.parameters())
    module(torch.rand(1, 1, 8, 8)).square().sum().backward()
    optimizer.step()
    old = module.head
    state = {name: value.clone() for name, value in optimizer.state[old.weight].items()}
    body = module.body[0].weight
    body_state = optimizer.state[body]
    x = torch.rand(1, 1, 8, 8)
    module.eval()
    before = module(x)
    replace_head(module, match_channels((1, 5), (1, 3, 5)), optimizer)
    after = module(x)
    assert torch.equal(after[:, [0, 2]], before)
    assert torch.allclose(after[:, 1], before.mean(1) - 2, atol=1e-5)
    assert optimizer.state[body] is body_state
    moved = optimizer.state[module.head.weight]
    assert torch.equal(moved["exp_avg"][[0, 2]], state["exp_avg"])
    assert moved["step"] == state["step"]
    assert old.weight not in optimizer.state
    listed = [id(parameter) for group in optimizer.param_groups for parameter in group["params"]]
    assert sorted(listed) == sorted(id(parameter) for parameter in module.parameters())


def test_statistics_are_those_of_the_batches():
    torch.manual_seed(0)
    module = Layers(1, 2)
    module.body[1].running_mean.fill_(99)
    batches = [torch.rand(4, 1, 8, 8) for _ in range(5)]
    for _ in batchnorm.reestimate_batchnorm(module, batches, module):
        pass
    outputs = torch.stack([module.body[0](batch) for batch in batches])
    assert torch.allclose(module.body[1].running_mean, outputs.mean((0, 1, 3, 4)), atol=1e-5)
    assert torch.allclose(module.body[1].running_var, outputs.var((1, 3, 4)).mean(0), atol=1e-3)
    assert module.body[1].momentum == 0.1
    assert not module.training
    assert not module.body[1].training
