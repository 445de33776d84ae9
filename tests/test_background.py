"""Uneven lighting is taken away, objects and grey values stay."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_unet.classical.background import BackgroundCorrection, estimate_shading, prepare_plane, subtract_shading
from napari_unet.core.errors import UsageError


def everywhere(shape: tuple[int, int]) -> np.ndarray:
    return np.ones(shape, bool)


def test_shading_of_a_flat_plane_is_that_plane() -> None:
    flat = np.full((37, 53), 0.4, np.float32)
    np.testing.assert_allclose(estimate_shading(flat, everywhere(flat.shape), 20), 0.4, atol=1e-6)


@pytest.mark.parametrize("sigma", [3.0, 12.0, 30.0])
def test_shading_agrees_with_a_full_size_gaussian(sigma: float) -> None:
    values = np.random.default_rng(0).random((160, 200)).astype(np.float32)
    values += np.linspace(0, 2, 200, dtype=np.float32)
    weight = ndimage.gaussian_filter(np.ones(values.shape), sigma, mode="constant")
    expected = ndimage.gaussian_filter(values.astype(float), sigma, mode="constant") / weight
    assert np.abs(estimate_shading(values, everywhere(values.shape), sigma) - expected).max() < 0.05


def test_shading_leaves_invalid_pixels_out() -> None:
    values = np.full((40, 40), 1.0, np.float32)
    valid = everywhere(values.shape)
    values[10:20, 10:20], valid[10:20, 10:20] = 1000, False
    np.testing.assert_allclose(estimate_shading(values, valid, 8), 1, atol=1e-5)


def test_a_ramp_goes_and_a_spot_stays_at_the_mean_grey_value() -> None:
    ramp = np.broadcast_to(np.linspace(0, 4, 200, dtype=np.float32), (1, 120, 200)).copy()
    spotted = ramp.copy()
    spotted[0, 58:62, 98:102] += 1
    flat = subtract_shading(spotted, everywhere((120, 200)), 15)
    assert flat[0, :, 30:80].std() < 0.05
    assert flat[0, 60, 100] - flat[0, 60, 90] > 0.9
    assert flat.mean() == pytest.approx(spotted.mean(), abs=1e-3)


def test_no_background_means_normalised_only_and_the_input_is_not_changed() -> None:
    pixels = np.random.default_rng(1).normal(100, 20, (2, 30, 31)).astype(np.float32)
    pixels[1, 3, 4] = np.nan
    before = pixels.copy()
    plane = prepare_plane(pixels, 0)
    assert not plane.valid[3, 4]
    assert plane.valid.sum() == 30 * 31 - 1
    assert (plane.pixels[:, 3, 4] == 0).all()
    assert np.percentile(plane.pixels[0], [1, 99]) == pytest.approx([0, 1], abs=0.02)
    prepare_plane(pixels, 10)
    prepare_plane(pixels, 10, normalise=False)
    np.testing.assert_array_equal(pixels, before)


def test_grey_values_of_the_file_can_be_kept() -> None:
    pixels = np.array([[[10, 200], [30, 4000]]], np.float32)
    np.testing.assert_array_equal(prepare_plane(pixels, 0, normalise=False).pixels, pixels)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (3, 2)])
def test_tiny_planes(shape: tuple[int, int]) -> None:
    plane = prepare_plane(np.ones((1, *shape), np.float32), 40)
    assert plane.pixels.shape == (1, *shape)
    assert np.isfinite(plane.pixels).all()


def test_the_parameter_says_what_is_allowed() -> None:
    with pytest.raises(UsageError, match=r"background cannot be -1. Allowed: a number from 0 to 10000 \(px\), or auto"):
        BackgroundCorrection(background=-1)
