"""Laws of all losses in the registry."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch
from loss_examples import call, example_for
from torch.nn import functional

from napari_unet import losses

ALL = losses.REGISTRY.names()
LINES = ("cldice",)  # looks at ridges only, so many a painted pixel has no gradient
UNBALANCED = ("cross_entropy", "weighted_cross_entropy", "cldice", "cldice_dice")


def test_the_registry_has_every_family():
    assert {"cross_entropy", "balanced_cross_entropy", "weighted_cross_entropy", "focal", "dice", "dice_squared", "iou",
            "tversky", "focal_tversky", "cldice", "border_cross_entropy", "dice_cross_entropy", "cldice_dice"} <= {*ALL}


@pytest.mark.parametrize("name", ALL)
def test_the_first_line_says_what_it_is_for(name):
    entry = losses.REGISTRY.entry(name)
    assert entry.summary.endswith(".")
    assert entry.title != name
    assert list(inspect.signature(entry.item).parameters)[:2] == ["logits", "target"]


@pytest.mark.parametrize("name", ALL)
def test_perfect_prediction_costs_nothing_and_a_wrong_one_much(name):
    target = torch.tensor([[[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, -1]]])
    logits = 50.0 * functional.one_hot(target.clamp(min=0), 2).permute(0, 3, 1, 2).float()
    assert float(call(name, logits, target)) == pytest.approx(0, abs=1e-6)
    assert float(call(name, -logits, target)) > 0.4


@pytest.mark.parametrize("name", ALL)
def test_a_step_against_the_gradient_makes_it_smaller(name):
    logits, target = example_for(name)
    logits.requires_grad_()
    value = call(name, logits, target)
    value.backward()
    assert float(call(name, (logits - 1e-2 * logits.grad).detach(), target)) < value.item()


@pytest.mark.parametrize("name", ALL)
def test_gradient_at_an_unpainted_pixel_is_exactly_zero(name):
    logits, target = example_for(name)
    logits.requires_grad_()
    call(name, logits, target).backward()
    unpainted = (target < 0)[:, None].expand_as(logits)
    assert unpainted.any()
    assert (logits.grad[unpainted] == 0).all()
    painted = logits.grad[~unpainted] != 0
    assert painted.any() if name in LINES else painted.all()


@pytest.mark.parametrize("name", ALL)
def test_what_is_around_the_paint_changes_nothing(name):
    logits, target = example_for(name)
    padded = functional.pad(logits, (3, 2, 1, 4), value=7.0)
    around = functional.pad(target, (3, 2, 1, 4), value=-1)
    padded.requires_grad_()
    value = call(name, padded, around)
    value.backward()
    assert value.item() == pytest.approx(float(call(name, logits, target)), rel=1e-6)
    outside = torch.ones(padded.shape, dtype=torch.bool)
    outside[:, :, 1:-4, 3:-2] = False
    assert (padded.grad[outside] == 0).all()


@pytest.mark.parametrize("name", ALL)
def test_no_paint_at_all_gives_zero_and_a_zero_gradient(name):
    logits, target = example_for(name)
    logits[0, 0, 0, 0] = torch.inf
    logits.requires_grad_()
    value = call(name, logits, torch.full_like(target, -1))
    value.backward()
    assert value.item() == 0
    assert (logits.grad == 0).all()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("only", [0, 2])
def test_one_class_alone_is_finite_and_nothing_unpainted_moves(name, only):
    logits, target = example_for(name)
    target[target >= 0] = only
    logits.requires_grad_()
    value = call(name, logits, target)
    value.backward()
    assert 0 <= value.item() < np.inf
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad[(target < 0)[:, None].expand_as(logits)] == 0).all()
    if only:
        assert value.item() > 0


@pytest.mark.parametrize("name", ALL)
def test_a_single_output_channel_costs_nothing(name):
    logits, target = example_for(name)
    logits = logits[:, :1].requires_grad_()
    value = call(name, logits, target.clamp(max=0))
    value.backward()
    assert value.item() == 0
    assert (logits.grad == 0).all()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("value", [torch.inf, -torch.inf, torch.nan])
def test_nonsense_at_unpainted_pixels_does_no_harm(name, value):
    logits, target = example_for(name)
    clean = float(call(name, logits, target))
    logits[(target < 0)[:, None].expand_as(logits)] = value
    logits.requires_grad_()
    found = call(name, logits, target)
    found.backward()
    assert found.item() == clean
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("size", [1e2, 1e4, 1e30])
@pytest.mark.parametrize("right", [True, False])
def test_huge_logits_stay_finite(name, size, right):
    logits, target = example_for(name)
    logits = size * functional.one_hot(target.clamp(min=0), 3).permute(0, 3, 1, 2).float() * (1 if right else -1)
    logits.requires_grad_()
    value = call(name, logits, target)
    value.backward()
    assert value.item() >= 0
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()
    if right:
        assert value.item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("seed", [0, 1])
def test_gradient_agrees_with_finite_differences(name, seed):
    logits, target = example_for(name, seed, (2, 3, 4, 4))
    assert torch.autograd.gradcheck(lambda x: call(name, x, target), logits.double().requires_grad_(), atol=1e-6)


@pytest.mark.parametrize("name", [name for name in ALL if name not in UNBALANCED])
def test_painting_a_class_more_broadly_does_not_change_its_weight(name):
    once = torch.randn(1, 2, 1, 2, generator=torch.Generator().manual_seed(3))
    broad = torch.cat([once[..., :1].expand(-1, -1, -1, 5), once[..., 1:]], -1)
    assert float(call(name, once, torch.tensor([[[0, 1]]]))) == pytest.approx(
        float(call(name, broad, torch.tensor([[[0, 0, 0, 0, 0, 1]]]))), rel=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_sixteen_bits_are_computed_in_float32(name):
    logits, target = example_for(name)
    logits = logits.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        value = call(name, logits, target)
    assert value.dtype is torch.float32
    assert value.item() == pytest.approx(float(call(name, logits.float(), target)), rel=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_inputs_are_not_changed(name):
    logits, target = example_for(name)
    copies = logits.clone(), target.clone()
    call(name, logits, target)
    assert torch.equal(logits, copies[0])
    assert torch.equal(target, copies[1])
