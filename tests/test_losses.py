"""Laws of all losses, and their values against plain formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_unet import losses

ALL = losses.SHELF.names()


def example(seed=0, shape=(2, 3, 4, 5), painted=0.5):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(shape, generator=generator)
    target = torch.randint(0, shape[1], (shape[0], *shape[2:]), generator=generator)
    target[torch.rand(target.shape, generator=generator) > painted] = -1
    return logits, target


def softmax(logits):
    """Probabilities (C, n) of float64 logits (C, n), by hand."""
    raised = np.exp(logits - logits.max(0))
    return raised / raised.sum(0)


def painted(logits, target):
    """Logits (C, n) and labels (n,) of painted pixels."""
    keep = target.numpy().ravel() >= 0
    flat = logits.double().numpy().transpose(1, 0, 2, 3).reshape(logits.shape[1], -1)
    return flat[:, keep], target.numpy().ravel()[keep]


def plain_cross_entropy(logits, target):
    values, labels = painted(logits, target)
    probabilities = softmax(values)
    per_class = [-np.log(probabilities[k, labels == k]).mean() for k in np.unique(labels)]
    return float(np.mean(per_class))


def plain_dice(logits, target):
    values, labels = painted(logits, target)
    probabilities = softmax(values)
    weight = 1 / np.bincount(labels, minlength=len(values))[labels]
    terms = []
    for k in np.unique(labels):
        truth = labels == k
        overlap = (weight * probabilities[k] * truth).sum()
        terms.append(1 - 2 * overlap / ((weight * probabilities[k]).sum() + (weight * truth).sum()))
    return float(np.mean(terms))


def plain_sum(logits, target):
    return plain_cross_entropy(logits, target) + plain_dice(logits, target)


PLAIN = {"cross_entropy": plain_cross_entropy, "dice": plain_dice, "dice_cross_entropy": plain_sum}


def test_every_loss_here_has_a_plain_formula_to_compare_with():
    assert set(PLAIN) <= set(ALL)


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_value_agrees_with_the_plain_formula(name, seed):
    logits, target = example(seed)
    assert float(losses.SHELF[name](logits, target)) == pytest.approx(PLAIN[name](logits, target), rel=1e-5)


@pytest.mark.parametrize("name", PLAIN)
def test_a_class_without_paint_does_not_contribute(name):
    logits, target = example()
    target[target == 2] = -1
    assert float(losses.SHELF[name](logits, target)) == pytest.approx(PLAIN[name](logits, target), rel=1e-5)


def test_hand_counted_values():
    # logits 0 give probabilities 1/2; two pixels of class 0, one of class 1
    logits, target = torch.zeros(1, 2, 1, 4), torch.tensor([[[0, 0, 1, -1]]])
    assert float(losses.SHELF["cross_entropy"](logits, target)) == pytest.approx(np.log(2))
    # per class: overlap 1/2, predicted 1/2 + 1/2, true 1: 2 * 0.5 / 2
    assert float(losses.SHELF["dice"](logits, target)) == pytest.approx(0.5)


def test_perfect_prediction_costs_nothing():
    target = torch.tensor([[[0, 1], [1, -1]]])
    logits = 50.0 * torch.nn.functional.one_hot(target.clamp(min=0), 2).permute(0, 3, 1, 2).float()
    for name in PLAIN:
        assert float(losses.SHELF[name](logits, target)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_gradient_at_an_unpainted_pixel_is_exactly_zero(name):
    logits, target = example()
    logits.requires_grad_()
    losses.SHELF[name](logits, target).backward()
    unpainted = (target < 0)[:, None].expand_as(logits)
    assert (logits.grad[unpainted] == 0).all()
    assert (logits.grad[~unpainted] != 0).all()


@pytest.mark.parametrize("name", ALL)
def test_what_is_around_the_paint_changes_nothing(name):
    logits, target = example()
    padded = torch.nn.functional.pad(logits, (3, 2, 1, 4), value=7.0)
    around = torch.nn.functional.pad(target, (3, 2, 1, 4), value=-1)
    padded.requires_grad_()
    value = losses.SHELF[name](padded, around)
    value.backward()
    assert value.item() == pytest.approx(float(losses.SHELF[name](logits, target)), rel=1e-6)
    outside = torch.ones(padded.shape, dtype=torch.bool)
    outside[:, :, 1:-4, 3:-2] = False
    assert (padded.grad[outside] == 0).all()


@pytest.mark.parametrize("name", ALL)
def test_no_paint_at_all_gives_zero_and_a_zero_gradient(name):
    logits, target = example()
    logits.requires_grad_()
    value = losses.SHELF[name](logits, torch.full_like(target, -1))
    value.backward()
    assert value.item() == 0
    assert (logits.grad == 0).all()


@pytest.mark.parametrize("name", ALL)
def test_nonsense_at_unpainted_pixels_does_no_harm(name):
    logits, target = example()
    clean = float(losses.SHELF[name](logits, target))
    logits[(target < 0)[:, None].expand_as(logits)] = torch.inf
    logits.requires_grad_()
    value = losses.SHELF[name](logits, target)
    value.backward()
    assert value.item() == clean
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("name", ALL)
def test_gradient_agrees_with_finite_differences(name):
    logits, target = example(shape=(1, 3, 2, 3), painted=0.8)
    logits = logits * 0.7
    logits.requires_grad_()
    losses.SHELF[name](logits, target).backward()
    step = 1e-2
    for index in np.ndindex(*logits.shape):
        moved = logits.detach().clone()
        moved[index] += step
        above = float(losses.SHELF[name](moved, target))
        moved[index] -= 2 * step
        below = float(losses.SHELF[name](moved, target))
        assert float(logits.grad[index]) == pytest.approx((above - below) / (2 * step), abs=2e-4)


@pytest.mark.parametrize("name", ALL)
def test_painting_a_class_twice_as_broadly_does_not_change_its_weight(name):
    logits, target = torch.randn(1, 2, 1, 6, generator=torch.Generator().manual_seed(3)), torch.tensor([[[0, 1]]])
    once = logits[..., :2]
    broad = torch.cat([once[..., :1].expand(-1, -1, -1, 5), once[..., 1:]], -1)
    assert float(losses.SHELF[name](once, target)) == pytest.approx(
        float(losses.SHELF[name](broad, torch.tensor([[[0, 0, 0, 0, 0, 1]]]))), rel=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_sixteen_bits_are_computed_in_float32(name):
    logits, target = example()
    logits = logits.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        value = losses.SHELF[name](logits, target)
    assert value.dtype is torch.float32
    assert value.item() == pytest.approx(float(losses.SHELF[name](logits.float(), target)), rel=1e-6)
