"""The border-weighted loss: its weights, and which labels it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from loss_examples import DENSE, call, example

from napari_unet.core.errors import UserError
from napari_unet.losses.border import gap_weights


def two_cells(gap):
    labels = np.zeros((20, 40), np.int64)
    labels[5:15, 5:15] = 1
    labels[5:15, 15 + gap : 25 + gap] = 2
    return labels


@pytest.mark.parametrize("gap", [1, 3, 8])
def test_weights_in_a_gap_by_hand(gap):
    weights = gap_weights(two_cells(gap))
    # in a straight gap of g pixels d1 + d2 is g + 1 everywhere
    assert weights[10, 15 : 15 + gap] == pytest.approx(10 * np.exp(-((gap + 1) ** 2) / 50))
    assert (weights[two_cells(gap) > 0] == 0).all()
    assert weights.max() <= 10
    assert weights[0, 0] < weights[4, 15] < weights[10, 15]


def test_touching_cells_of_two_classes_are_one_object_and_one_object_has_no_gap():
    assert (gap_weights(two_cells(0)) == 0).all()
    assert (gap_weights(np.zeros((8, 8), np.int64)) == 0).all()


def test_a_third_cell_counts_only_where_it_is_among_the_nearest_two():
    labels = two_cells(4)
    third = labels.copy()
    third[0:2, 30:33] = 1
    assert gap_weights(third)[10, 15:19] == pytest.approx(gap_weights(labels)[10, 15:19])
    assert gap_weights(third)[3, 30] > gap_weights(labels)[3, 30]


def test_distances_beyond_reach_change_next_to_nothing():
    generator = np.random.default_rng(0)
    labels = (generator.random((60, 90)) > 0.995).astype(np.int64)
    exact = np.sort([np.hypot(*(np.indices(labels.shape) - np.array(at)[:, None, None]))
                     for at in np.argwhere(labels)], axis=0)
    expected = np.where(labels == 0, 10 * np.exp(-((exact[0] + exact[1]) ** 2) / 50), 0)
    assert np.abs(gap_weights(labels) - expected).max() < 10 * np.exp(-18)


def test_unknown_pixels_are_neither_gap_nor_object():
    labels = two_cells(3)
    labels[:, 35:] = -1
    weights = gap_weights(labels)
    assert (weights[:, 35:] == 0).all()
    assert weights[10, 16] == pytest.approx(gap_weights(two_cells(3))[10, 16])


def test_a_mistake_in_the_gap_costs_more_than_one_far_from_it():
    target = torch.from_numpy(two_cells(3))[None]
    right = 10.0 * torch.nn.functional.one_hot(target, 3).permute(0, 3, 1, 2).float()

    def mistaken(row, column):
        wrong = right.clone()
        wrong[0, :, row, column] = torch.tensor([0.0, 10.0, 0.0])
        return float(call("border_cross_entropy", wrong, target))

    assert mistaken(10, 16) > 4 * mistaken(1, 38)


@pytest.mark.parametrize("name", DENSE)
def test_strokes_are_refused(name):
    target = torch.full((2, 64, 64), -1)
    target[:, 4:7, 5:40] = 0
    target[:, 30:34, 10:50] = 1
    target[0] = 0
    logits = torch.zeros(2, 2, 64, 64)
    message = (
        r"^The border-weighted loss measures the gaps between objects, so it needs planes that are labelled "
        r"everywhere; but 6\.5% of a patch of 64 x 64 pixels are painted, and 16\.8% lie unpainted between these\. "
        r"Label every pixel of the planes to learn from, or choose another loss, such as dice_cross_entropy\.$"
    )
    with pytest.raises(UserError, match=message):
        call(name, logits, target)


@pytest.mark.parametrize("name", DENSE)
def test_a_single_stroke_and_scattered_dots_are_refused(name):
    stroke = torch.full((1, 64, 64), -1)
    stroke[0, 4:7, 5:40] = 1
    for target in (stroke, example(shape=(1, 2, 64, 64), painted=0.3)[1], example(shape=(1, 2, 64, 64))[1]):
        with pytest.raises(UserError, match="Label every pixel of the planes to learn from"):
            call(name, torch.zeros(len(target), 3, *target.shape[1:]), target)


def test_a_patch_without_any_paint_does_not_matter():
    target = torch.from_numpy(np.stack([two_cells(3), np.full((20, 40), -1)]))
    one = call("border_cross_entropy", torch.zeros(1, 3, 20, 40), target[:1])
    assert float(call("border_cross_entropy", torch.zeros(2, 3, 20, 40), target)) == pytest.approx(float(one))


def test_a_few_unknown_pixels_and_an_unknown_rim_are_allowed():
    target = torch.from_numpy(two_cells(3))[None].clone()
    target[0, 2:4, 2:20] = -1
    target[0, :, 36:] = -1
    assert float(call("border_cross_entropy", torch.zeros(1, 3, 20, 40), target)) > np.log(3)
