"""What surrounds a pixel: rings, walls and lines counted by hand; agreement with scipy and scikit-image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.morphology import footprint_rectangle, opening

from napari_unet.networks._surroundings import (
    COUNT,
    DIRECTIONS,
    LINES,
    RAYS,
    STRIDE,
    Surroundings,
    edged,
    enclosure,
    inner,
    ray_length,
    running_extrema,
    thinness,
)

Best = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def scene(*bright: tuple[slice, slice]) -> torch.Tensor:
    plane = torch.zeros(1, 1, 80, 80)
    for place in bright:
        plane[(0, 0, *place)] = 1
    return plane


def box(low: int, high: int) -> torch.Tensor:
    """The rim of a square, two pixels wide."""
    plane = scene((slice(low, high), slice(low, high)))
    plane[..., low + 2 : high - 2, low + 2 : high - 2] = 0
    return plane


def test_only_what_lies_inside_a_rim_is_enclosed() -> None:
    least, mean, walls = (one[0, 0] for one in enclosure(box(34, 46))[:3])
    assert least[40, 40] == 1  # the rim is 4 px away, a ray is RAYS[0] / STRIDE = 8 long
    assert mean[40, 40] == 1
    assert least[40, 30] == 0
    assert 0 < mean[40, 30] < 0.5
    assert least[34, 40] == 0  # on the rim itself nothing is brighter
    assert walls[40, 30] == 0


def test_a_rim_farther_than_a_ray_is_not_seen_but_by_the_longer_one() -> None:
    found = enclosure(box(20, 60))
    assert RAYS[0] // STRIDE < 18 < RAYS[1] // STRIDE
    assert found[0][0, 0, 40, 40] == 0
    assert found[3][0, 0, 40, 40] == 1


def test_between_two_walls_is_enclosed_on_one_axis_only() -> None:
    least, _, walls = (one[0, 0] for one in enclosure(scene((slice(34, 36), slice(0, 80)),
                                                            (slice(44, 46), slice(0, 80))))[:3])
    assert least[40, 40] == 0
    assert walls[40, 40] == 1
    assert walls[30, 40] == 0


def test_a_gap_opens_a_rim() -> None:
    rim = box(34, 46)
    rim[..., 38:42, 44:46] = 0
    assert enclosure(rim)[0][0, 0, 40, 40] == 0


def test_long_lines_are_not_thin_and_specks_are() -> None:
    line, speck = scene((slice(40, 41), slice(5, 75))), scene((slice(40, 42), slice(40, 42)))
    for number in range(len(LINES)):
        assert thinness(line)[number][0, 0, 40, 40] == 0
        assert thinness(speck)[number][0, 0, 40, 40] == 1
    assert thinness(scene((slice(10, 70), slice(10, 70))))[0].max() == 0


def along(plane: torch.Tensor, down: int, right: int, steps: int, best: Best, beyond: float) -> torch.Tensor:
    """The extremum over so many steps from each pixel on, one step after the other."""
    height, width = plane.shape[-2:]
    wide = torch.nn.functional.pad(plane, (steps * 2,) * 4, value=beyond)
    found = plane
    for step in range(1, steps + 1):
        top, left = 2 * steps + step * down, 2 * steps + step * right
        found = best(found, wide[..., top : top + height, left : left + width])
    return found


@pytest.mark.parametrize("counts", [[1], [2, 3], [7, 8, 20]])
def test_running_extrema_are_a_filter_of_scipy(counts: list[int]) -> None:
    plane = np.random.default_rng(0).normal(size=(9, 30)).astype(np.float32)
    lines = running_extrema(torch.from_numpy(plane)[None, None], 0, 1, counts, torch.maximum)
    for count, line in zip(counts, lines, strict=True):
        wanted = ndimage.maximum_filter1d(plane, count, axis=1, origin=-(count // 2))[:, : 31 - count]
        np.testing.assert_array_equal(line[0, 0].numpy(), wanted)


@pytest.mark.parametrize("shape", [(37, 53), (1, 9), (3, 3)])
def test_rays_and_lines_are_those_that_go_pixel_by_pixel(shape: tuple[int, int]) -> None:
    plane = torch.randn(2, 1, *shape, generator=torch.Generator().manual_seed(3))
    wanted = []
    for length in RAYS:
        pairs = [[along(plane, sign * down, sign * right, ray_length(length, down, right), torch.maximum, -torch.inf)
                  for sign in (1, -1)] for down, right in DIRECTIONS]
        least = torch.stack([torch.minimum(*pair) for pair in pairs])
        mean = torch.stack([one for pair in pairs for one in pair]).mean(0)
        wanted += [least.amin(0) - plane, mean - plane, least.amax(0) - plane]
    for length in LINES:
        opened = []
        for down, right in DIRECTIONS:
            steps = max(2, ray_length(length, down, right)) - 1
            eroded = along(plane, down, right, steps, torch.minimum, torch.inf)
            opened.append(along(eroded, -down, -right, steps, torch.maximum, -torch.inf))
        wanted.append(plane - torch.stack(opened).amax(0))
    torch.testing.assert_close(enclosure(plane) + thinness(plane), wanted)


def test_opening_by_level_lines_is_that_of_scikit_image() -> None:
    plane = np.random.default_rng(1).normal(size=(20, 40)).astype(np.float32)
    eroded = next(running_extrema(torch.from_numpy(plane)[None, None], 0, 1, [5], torch.minimum))
    found = next(running_extrema(eroded, 0, 1, [5], torch.maximum))[0, 0].numpy()
    wanted = opening(plane, footprint_rectangle((1, 5)))  # the border apart, where it cuts segments
    np.testing.assert_array_equal(found, wanted[:, 4:-4])


def test_an_edge_lies_where_a_direction_comes_from_and_goes_to() -> None:
    plane = torch.arange(12.0).reshape(1, 1, 3, 4)
    wide = edged(plane, 1, -2, 1, 0, -1.0)
    assert wide[0, 0].tolist() == [[-1] * 6, *([*row, -1, -1] for row in plane[0, 0].tolist())]
    for down, right in DIRECTIONS:
        assert torch.equal(inner(edged(plane, down, right, 3, 2, 0.0), down, right, 3, 2), plane)


def test_dark_and_bright_are_treated_alike() -> None:
    plane = torch.randn(2, 3, 40, 56, generator=torch.Generator().manual_seed(0))
    layer, part = Surroundings(), ((8, 40), (0, 50))
    found, turned = (layer(one, part).reshape(2, 3, COUNT, 32, 50) for one in (plane, -plane))
    torch.testing.assert_close(found[:, :, : COUNT // 2], turned[:, :, COUNT // 2 :])
    assert found.min() > -1e-5


def test_a_plane_smaller_than_a_ray() -> None:
    found = Surroundings()(torch.randn(1, 1, 4, 2, generator=torch.Generator().manual_seed(0)), ((0, 4), (0, 2)))
    assert found.shape == (1, COUNT, 4, 2)
    assert torch.isfinite(found).all()
