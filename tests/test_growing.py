"""Growing objects and finding basins: the same as scikit-image's watershed, counted in whole arrays."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.segmentation import watershed

from napari_unet.core.components import label_components
from napari_unet.objects.basins import find_basins
from napari_unet.objects.growing import FADES, FAINTEST, grown, mean_of
from napari_unet.objects.halves import LARGE, shared, two_parts


def by_scikit_image(numbers: np.ndarray, sure: np.ndarray, free: np.ndarray) -> np.ndarray:
    """The same rule with a watershed of everything, and connected parts of what came of it."""
    taken = numbers > 0
    least = np.clip(FADES * mean_of(numbers, sure), FAINTEST, 0.5)
    around = (sure > least[1:].min()) & free & ~taken
    flown = watershed(-sure, np.where(taken, numbers, 0), mask=around | taken, connectivity=numbers.ndim)
    flown[around & ~(sure > least[flown])] = 0
    parts = label_components(flown)
    whole = np.isin(parts, parts[taken])
    return np.where(taken, numbers, np.where(whole, flown, 0))


def bumps(shape: tuple[int, ...], seed: int, wide: float) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), wide)
    return ((noise - noise.min()) / np.ptp(noise)).astype(np.float32)


@pytest.mark.parametrize(("shape", "wide"), [((90, 70), 2.5), ((60, 80), 1.0), ((9, 30, 35), 1.5), ((1, 60), 2.0)])
def test_objects_grow_as_by_a_watershed(shape: tuple[int, ...], wide: float) -> None:
    for seed in range(4):
        sure = bumps(shape, seed, wide)
        numbers = label_components(sure > 0.62).astype(np.int32)
        numbers[(numbers % 4 == 3)] = 0  # some tops belong to no object: what flows to them goes over a saddle
        free = bumps(shape, seed + 50, 3) > 0.3
        found, theirs = grown(numbers, sure, free), by_scikit_image(numbers, sure, free)
        assert (found != numbers).any()
        # what is reached over a saddle may be divided from its neighbour in another place
        assert np.mean(found != theirs) < 0.03
        assert np.mean((found > 0) != (theirs > 0)) < 0.002


def test_objects_with_one_top_each_grow_exactly_as_by_a_watershed() -> None:
    y, x = np.mgrid[:60, :90]
    middles = ((20, 20, 1.0), (22, 45, 0.8), (40, 33, 0.9), (35, 70, 0.7))
    sure = np.max([high * np.exp(-((y - top) ** 2 + (x - left) ** 2 + 0.37 * x + 0.11 * y) / 260)
                   for top, left, high in middles], axis=0).astype(np.float32)
    numbers = label_components(sure > 0.55).astype(np.int32)
    assert numbers.max() > 2
    free = (x + y) % 31 > 0
    found = grown(numbers, sure, free)
    assert np.count_nonzero(found) > 1.3 * np.count_nonzero(numbers)
    np.testing.assert_array_equal(found, by_scikit_image(numbers, sure, free))


@pytest.mark.parametrize("shape", [(70, 90), (8, 30, 40), (1, 40), (40, 1)])
def test_basins_are_those_of_a_watershed(shape: tuple[int, ...]) -> None:
    height = bumps(shape, 3, 2)
    mask = height > 0.45
    basins = find_basins(height, mask)
    theirs = watershed(-height, mask=mask, connectivity=height.ndim)
    pairs = np.unique(np.stack([basins.numbers[mask], theirs[mask]]), axis=1)
    assert basins.numbers.max() == theirs.max()
    shares = [np.bincount(theirs[basins.numbers == one]).max() / np.count_nonzero(basins.numbers == one)
              for one in range(1, int(theirs.max()) + 1)]
    assert pairs.shape[1] >= theirs.max()
    assert np.mean(shares) > 0.95


def test_a_plain_has_one_way_up() -> None:
    basins = find_basins(np.full((50, 60), 3, np.float32), np.ones((50, 60), bool))
    assert basins.numbers.max() == 1


def test_work_in_two_parts_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    height, numbers = bumps((120, 90), 1, 2), label_components(bumps((120, 90), 1, 2) > 0.6).astype(np.int32)
    whole = find_basins(height, height > 0.4), grown(numbers, height, np.ones_like(height, bool))
    monkeypatch.setattr("napari_unet.objects.halves.LARGE", 1)
    parted = find_basins(height, height > 0.4), grown(numbers, height, np.ones_like(height, bool))
    np.testing.assert_array_equal(parted[0].numbers, whole[0].numbers)
    np.testing.assert_array_equal(parted[0].saddles, whole[0].saddles)
    np.testing.assert_array_equal(parted[1], whole[1])
    assert shared([lambda: 1, lambda: 2], LARGE) == [1, 2]
    assert [part.stop for part in two_parts(5)] == [2, 5]
