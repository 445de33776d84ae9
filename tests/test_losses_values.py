"""Values of losses: against plain formulas, by hand and as other libraries have them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from loss_examples import DENSE, call, example, example_for
from loss_formulas import PLAIN

from napari_unet import losses
from napari_unet.core.errors import UsageError
from napari_unet.losses.cldice import soft_skeleton


def test_every_loss_of_ours_has_a_plain_formula_to_compare_with():
    ours = {entry.name for entry in losses.REGISTRY if entry.item.__module__.startswith("napari_unet.losses")}
    assert set(PLAIN) == ours


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 2, 9, 11)])
def test_value_agrees_with_the_plain_formula(name, seed, shape):
    logits, target = example_for(name, seed, shape)
    assert float(call(name, logits, target)) == pytest.approx(PLAIN[name](logits, target), rel=1e-5)
    assert float(call(name, logits.double(), target)) == pytest.approx(PLAIN[name](logits, target), rel=1e-10)


@pytest.mark.parametrize("name", PLAIN)
def test_a_class_without_paint_does_not_contribute(name):
    logits, target = example_for(name)
    target[target == 2] = 0 if name in DENSE else -1
    assert float(call(name, logits, target)) == pytest.approx(PLAIN[name](logits, target), rel=1e-5)


def test_hand_counted_values():
    # logits 0 give probabilities 1/2; two pixels of class 0, one of class 1
    logits, target = torch.zeros(1, 2, 1, 4), torch.tensor([[[0, 0, 1, -1]]])
    assert float(call("cross_entropy", logits, target)) == pytest.approx(np.log(2))
    assert float(call("focal", logits, target)) == pytest.approx(np.log(2) / 4)
    # per class: overlap 1/2, predicted 1/2 + 1/2, true 1
    assert float(call("dice", logits, target)) == pytest.approx(1 - 2 * 0.5 / 2)
    assert float(call("iou", logits, target)) == pytest.approx(1 - 0.5 / 1.5)
    # squares: predicted 1/4 + 1/4
    assert float(call("dice_squared", logits, target)) == pytest.approx(1 - 2 * 0.5 / 1.5)
    # class 1 alone: half hit, half missed, half false
    assert float(call("tversky", logits, target)) == pytest.approx(1 - 0.5 / (0.5 + 0.3 * 0.5 + 0.7 * 0.5))
    assert float(call("focal_tversky", logits, target)) == pytest.approx(0.5**0.75, abs=1e-4)
    # not balanced, class 0: overlap 1, predicted 1.5, true 2; class 1: 0.5, 1.5, 1
    assert float(call("dice", logits, target, balanced=False)) == pytest.approx(1 - (2 / 3.5 + 1 / 2.5) / 2)


def test_weights_of_cross_entropy_by_hand_and_as_torch_has_them():
    # -log p is log 2 for class 0 and log 4 for class 1
    logits = torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 2).repeat(1, 2, 1, 1)
    logits[0, 0, 0, 1] += np.log(3)
    target = torch.tensor([[[0, 1]]])
    assert float(call("weighted_cross_entropy", logits, target, weights=(1.0, 3.0))) == pytest.approx(
        (np.log(2) + 3 * np.log(4)) / 4)
    logits, target = example()
    weights = torch.tensor([0.2, 1.0, 5.0])
    torchs = torch.nn.functional.cross_entropy(logits, target, weights, ignore_index=-1)
    assert float(call("weighted_cross_entropy", logits, target, weights=weights)) == pytest.approx(float(torchs))
    plain = torch.nn.functional.cross_entropy(logits, target, ignore_index=-1)
    assert float(call("cross_entropy", logits, target)) == pytest.approx(float(plain))


@pytest.mark.parametrize("weights", [(1.0, 2.0), (1.0, 0.0, 2.0), (1.0, float("nan"), 2.0)])
def test_weights_that_cannot_be(weights):
    with pytest.raises(UsageError, match=r"The class weights cannot be \[.*\]. Give one number above 0 for each of the "
                                         r"3 classes\."):
        call("weighted_cross_entropy", *example(), weights=weights)


def test_focal_without_focus_is_cross_entropy():
    logits, target = example()
    assert float(call("focal", logits, target, gamma=0)) == pytest.approx(
        float(call("balanced_cross_entropy", logits, target)))
    assert float(call("focal", logits, target, gamma=0, balanced=False)) == pytest.approx(
        float(call("cross_entropy", logits, target)))


def test_a_focal_power_below_one_has_a_finite_slope_where_the_network_is_sure():
    logits = torch.tensor([60.0, -60.0]).reshape(1, 2, 1, 1).requires_grad_()
    call("focal", logits, torch.zeros(1, 1, 1, dtype=torch.long), gamma=0.5).backward()
    assert torch.isfinite(logits.grad).all()


def test_tversky_minds_what_is_missed():
    target = torch.tensor([[[0] * 10 + [1] * 10]])

    def loss(extent):
        chosen = (torch.arange(20) >= 10 - extent).long()
        logits = 20.0 * torch.nn.functional.one_hot(chosen, 2).T.reshape(1, 2, 1, 20).float()
        return float(call("tversky", logits, target))

    assert loss(-2) > 1.5 * loss(2) > 0
    logits, target = example(shape=(1, 2, 6, 6))
    both = [float(call("tversky", logits, target, false=x, missed=x)) for x in (0.5, 1.0)]
    swapped = logits.flip(1), torch.where(target < 0, target, 1 - target)
    for name, value, other in zip(("dice", "iou"), both, (0.5, 1.0), strict=True):
        # class 1 of both orders of the classes: the two terms of Dice and IoU
        mirrored = float(call("tversky", *swapped, false=other, missed=other))
        assert float(call(name, logits, target)) == pytest.approx((value + mirrored) / 2)


def test_soft_skeleton_of_a_bar_is_its_middle_line():
    bar = torch.zeros(1, 1, 9, 20)
    bar[0, 0, 2:7, 3:17] = 1
    lines = soft_skeleton(bar, 10)[0, 0]
    assert set(lines.unique().tolist()) == {0.0, 1.0}
    assert (lines[4, 5:15] == 1).all()
    assert lines[3, 7:13].sum() == lines[2, 7:13].sum() == 0
    assert torch.equal(soft_skeleton(bar, 2), soft_skeleton(bar, 50))


def test_a_gap_in_a_line_costs_more_cldice_than_as_many_pixels_at_its_side():
    target = torch.zeros(1, 15, 40, dtype=torch.long)
    target[0, 5:10, 2:38] = 1

    def prediction(change):
        chosen = target.clone()
        change(chosen[0])
        return 20.0 * torch.nn.functional.one_hot(chosen, 2).permute(0, 3, 1, 2).float()

    def cut(x):
        x[5:10, 18:22] = 0

    def shave(x):
        x[9, 10:30] = 0

    cut_through, shaved = prediction(cut), prediction(shave)
    assert float(call("dice", cut_through, target)) == pytest.approx(float(call("dice", shaved, target)), abs=1e-6)
    assert float(call("cldice", cut_through, target)) > 2 * float(call("cldice", shaved, target))


def test_cldice_masks_before_it_thins():
    """A line predicted far beyond its painted part is not wrong there, and its ridge is that of the painted part."""
    target = torch.full((1, 9, 30), -1)
    target[0, 3:6, 10:20] = 1
    logits = torch.zeros(1, 2, 9, 30)
    logits[:, 1] = 30
    assert float(call("cldice", logits, target)) == pytest.approx(0, abs=1e-6)


def densely_painted(classes=2, batch=1, size=12, seed=5):
    logits, target = example(seed, (batch, classes, size, size), painted=1.1)
    assert (target >= 0).all()
    return logits, target


@pytest.fixture(scope="module")
def monai():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what monai's own imports deprecate is not our matter
        import monai.losses
    return monai.losses


@pytest.mark.parametrize("classes", [2, 4])
def test_agrees_with_monai_where_all_is_painted(monai, classes):
    logits, target = densely_painted(classes, batch=2)
    options = {"softmax": True, "to_onehot_y": True, "batch": True, "smooth_nr": 0.0, "smooth_dr": 0.0}
    theirs = {
        "dice": monai.DiceLoss(**options),
        "dice_squared": monai.DiceLoss(squared_pred=True, **options),
        "iou": monai.DiceLoss(jaccard=True, **options),
        "tversky": monai.TverskyLoss(alpha=0.3, beta=0.7, include_background=False, **options),
    }
    for name, reference in theirs.items():
        value = float(call(name, logits, target, balanced=False))
        assert value == pytest.approx(float(reference(logits, target[:, None])), rel=1e-6), name
    # MONAI takes the mean over classes too, though only the painted class of a pixel has a term
    focal = monai.FocalLoss(gamma=2.0, use_softmax=True, to_onehot_y=True)
    value = float(call("focal", logits, target, balanced=False))
    assert value == pytest.approx(float(focal(logits, target[:, None])) * classes, rel=1e-6)


def test_skeleton_and_cldice_agree_with_monai(monai):
    from monai.losses.cldice import soft_skel

    logits, target = densely_painted(size=16)
    probability = torch.nn.functional.pad(logits.softmax(1)[:, 1:], (4, 4, 4, 4))  # MONAI lets a border be inside
    truth = torch.nn.functional.pad((target[:, None] == 1).float(), (4, 4, 4, 4))
    assert torch.allclose(soft_skeleton(probability, 5), soft_skel(probability, 5), atol=1e-6)
    theirs = monai.SoftclDiceLoss(iter_=5, smooth=1e-12)(probability, truth)
    assert float(call("cldice", logits, target, iterations=5)) == pytest.approx(float(theirs), rel=1e-5)
