"""Features of several resolutions: a head applied where they are and enlarged gives what enlarging first would give."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from napari_unet.predicting import enlarging
from napari_unet.predicting.enlarging import KEPT, Kernel, enlarged, even_weights
from napari_unet.predicting.feature_groups import (
    FeatureGroup,
    Part,
    Resolution,
    by_stride,
    joined,
    of_all_channels,
    pixel_by_pixel,
    summed,
    weighed_sums,
)

SHAPE = (64, 96)
PARTS: list[Part] = [((0, 64), (0, 96)), ((0, 17), (40, 96)), ((21, 50), (9, 10)), ((63, 64), (95, 96)),
                     ((32, 64), (0, 32))]
STRIDES = (1, 2, 4, 8)
KERNELS: tuple[Kernel, ...] = ("linear", "even")


def whole(stride: int, seed: int = 0, count: int = 3) -> torch.Tensor:
    """All cells of a plane."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((count, SHAPE[0] // stride, SHAPE[1] // stride), generator=generator)


def group_of(
    stride: int, part: Part, first: int = 0, seed: int = 0, kernel: Kernel = "linear"
) -> FeatureGroup:
    resolution, values = Resolution(stride, (first, first + 1, first + 2), kernel), whole(stride, seed)
    (top, bottom), (left, right) = resolution.cells(part, SHAPE)
    return resolution.group(values[:, top:bottom, left:right], part, SHAPE)


def size(part: Part) -> tuple[int, int]:
    return part[0][1] - part[0][0], part[1][1] - part[1][0]


def by_hand(cells: torch.Tensor, stride: int) -> torch.Tensor:
    """Each pixel from the four by four cells around it, those beyond the border like the outermost ones."""
    table, first = even_weights(stride)
    found = cells
    for axis in (1, 2):
        length, lines = found.shape[axis], []
        for pixel in range(length * stride):
            cell, place = divmod(pixel, stride)
            near = [min(max(cell + int(first[place]) + step, 0), length - 1) for step in range(4)]
            lines.append(sum(float(table[place, step]) * found.select(axis, one) for step, one in enumerate(near)))
        found = torch.stack(lines, axis)
    return found


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_the_same_as_of_the_whole(stride: int, part: Part, kernel: Kernel) -> None:
    large = whole(stride)
    if stride > 1 and kernel == "linear":
        large = torch.nn.functional.interpolate(large[None], scale_factor=stride, mode="bilinear")[0]
    elif stride > 1:
        large = by_hand(large, stride)
    (top, bottom), (left, right) = part
    torch.testing.assert_close(group_of(stride, part, kernel=kernel).enlarged(size(part)),
                               large[:, top:bottom, left:right])


def test_the_even_weights_counted_by_hand() -> None:
    """At the centre of a cell, and half way between two."""
    table, first = even_weights(3)
    beside = (2 - 1.84**0.5) / 6
    np.testing.assert_allclose(table[1], [beside, 1 - 2 * beside, beside, 0], atol=1e-6)
    np.testing.assert_array_equal(first, [-2, -1, -1])
    between = even_weights(2**12)[0][-1]  # half way: 2 a^2 + 2 (1/2 + a)^2 = 0.64
    outer = (-2 + (4 + 16 * 0.14)**0.5) / 8
    np.testing.assert_allclose(between, [-outer, 0.5 + outer, 0.5 + outer, -outer], atol=1e-3)


def test_what_a_prediction_has_kept_serves_those_that_learn() -> None:
    """A network that learned stopped with an error where tiles of its size had been predicted before."""
    enlarging._matrix.cache_clear()
    with torch.inference_mode():
        enlarged(torch.ones(1, 1, 3, 5), 8, "even")
    values = torch.ones(1, 1, 3, 5, requires_grad=True)
    enlarged(values, 8, "even").sum().backward()
    assert values.grad is not None
    assert values.grad.sum().item() == pytest.approx(64 * 15)


def test_few_cells_and_many_are_enlarged_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = torch.randn(2, 3, 5, 40, generator=torch.Generator().manual_seed(0))
    few = enlarged(cells, 8, "even")
    monkeypatch.setattr(enlarging, "FEW_ROWS", 4)
    monkeypatch.setattr(enlarging, "FEW_COLUMNS", 4)
    torch.testing.assert_close(enlarged(cells, 8, "even"), few, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(few[0, 0], by_hand(cells[0], 8)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("stride", [3, 4, 8])
def test_noise_is_kept_alike_at_every_place_of_a_cell(stride: int) -> None:
    table, first = even_weights(stride)
    places = (np.arange(stride) + 0.5) / stride - 0.5
    np.testing.assert_allclose(table.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose((table * (first[:, None] + np.arange(4))).sum(1), places, atol=1e-6)
    np.testing.assert_allclose((table**2).sum(1), KEPT, atol=1e-6)
    noise = torch.randn(1, 1, 400, 400, generator=torch.Generator().manual_seed(0))
    spread = {}
    for kernel in KERNELS:
        large = enlarged(noise, stride, kernel).reshape(400, stride, 400, stride)[2:-2, :, 2:-2]
        variance = large.pow(2).mean((0, 2))
        spread[kernel] = float(variance.max() / variance.min())
    assert spread["even"] < 1.1 < spread["linear"]


def test_the_even_way_has_no_kink() -> None:
    """A cell of 1 among cells of 0: its slope changes by no more from one pixel to the next than a bend does."""
    line = torch.zeros(1, 1, 1, 9)
    line[..., 4] = 1
    for kernel, smooth in (("linear", False), ("even", True)):
        bend = float(enlarged(line, 64, kernel)[0, 0, 0].diff().diff().abs().max()) * 64  # of a slope, in cells
        assert (bend < 0.15) is smooth


@pytest.mark.parametrize("part", PARTS)
def test_a_head_on_cells_is_a_head_on_pixels(part: Part) -> None:
    weights = torch.randn((4, 24), generator=torch.Generator().manual_seed(5))
    groups = [group_of(stride, part, 3 * number, number, kernel)
              for number, (stride, kernel) in enumerate(itertools.product(STRIDES, KERNELS))]
    first = torch.einsum("kf,fyx->kyx", weights, torch.cat([one.enlarged(size(part)) for one in groups]))
    heads = [FeatureGroup(one.stride, one.columns,
                          torch.einsum("kf,fyx->kyx", weights[:, list(one.columns)], one.values), one.lead, one.kernel)
             for one in groups]
    torch.testing.assert_close(summed(heads, size(part)), first, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("part", PARTS)
def test_single_pixels_and_rows_are_those_of_the_part(stride: int, part: Part, kernel: Kernel) -> None:
    group, (height, width) = group_of(stride, part, kernel=kernel), size(part)
    large = group.enlarged((height, width))
    rows, columns = np.divmod(np.arange(height * width), width)
    np.testing.assert_allclose(group.at(rows, columns), large.flatten(1), rtol=1e-5, atol=1e-6)
    for low in range(0, height, 7):
        high = min(height, low + 7)
        torch.testing.assert_close(group.rows(low, high).enlarged((high - low, width)), large[:, low:high])


def test_groups_at_the_same_places_are_added_before_they_are_enlarged() -> None:
    part = PARTS[2]
    groups = [group_of(4, part, 0, seed) for seed in range(3)]
    apart = sum(one.enlarged(size(part)) for one in groups)
    torch.testing.assert_close(summed(groups, size(part)), apart)


def test_resolutions_of_one_stride_are_one_and_channels_follow_one_another() -> None:
    found = by_stride([Resolution(1, (0, 1)), Resolution(2, (2,)), Resolution(1, (3,)), Resolution(2, (4, 5))])
    assert found == (Resolution(1, (0, 1, 3)), Resolution(2, (2, 4, 5)))
    apart = (Resolution(8, (1,), "even"), Resolution(8, (0,), "linear"))
    assert by_stride(reversed(apart)) == apart
    assert of_all_channels((2, 4), 3, 6) == (2, 4, 8, 10, 14, 16)


def test_only_some_features_by_their_places() -> None:
    part = PARTS[2]
    groups = [group_of(1, part, 0), group_of(4, part, 3, seed=1), group_of(8, part, 6, seed=2)]
    every = joined(groups, size(part))
    kept = [one for group in groups for one in group.only([1, 4, 5])]
    assert [one.stride for one in kept] == [1, 4]
    torch.testing.assert_close(joined(kept, size(part)), every[[1, 4, 5]])


@pytest.mark.parametrize("beside", [True, False])
def test_weighed_sums_and_chosen_features_are_the_same_however_features_lie(beside: bool) -> None:
    values = torch.randn(2, 5, 40, 1300, generator=torch.Generator().manual_seed(0))
    values = values.contiguous(memory_format=torch.channels_last) if beside else values
    part, weights = values[..., 1:, 3:], torch.randn(3, 5, generator=torch.Generator().manual_seed(1))
    assert pixel_by_pixel(part) is beside
    torch.testing.assert_close(weighed_sums(weights, part), torch.einsum("kf,bfyx->bkyx", weights, part))
    chosen, = FeatureGroup(1, (7, 3, 9, 4, 8), part).only([9, 7])
    assert chosen.columns == (1, 0)
    assert torch.equal(chosen.values, part[:, [0, 2]])
