"""Averages over turned versions of a plane."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from predict_scene import NETWORKS, Pointwise, pixels, probabilities, weights_of

from napari_unet.networks.unet import UNet
from napari_unet.predicting.network_model import NetworkModel


@pytest.mark.parametrize("tta", [True, 4, 7])
@pytest.mark.parametrize("name", ["batch-transposed", "channel-bilinear", "2015"])
def test_averages_agree_with_the_whole_plane_too(name: str, tta: bool | int) -> None:
    weights = weights_of(NETWORKS[name])
    plane = pixels(1, 45, 62)
    whole, tiled = (NetworkModel(weights, "cpu", tta, tile, full_precision=True).logits(plane) for tile in (1000, 20))
    assert np.abs(whole - tiled).max() <= 1e-4
    assert np.abs(whole - NetworkModel(weights, "cpu", full_precision=True).logits(plane)).max() > 1e-2


def test_average_over_flips_and_turns_turns_with_the_image() -> None:
    weights = weights_of(UNet(depth=2, width=4))
    plane = pixels(1, 48, 32)
    model = NetworkModel(weights, "cpu", tta=True, full_precision=True)
    expected = model.logits(plane)
    for turns, mirror in itertools.product(range(4), (False, True)):
        def turned(array: np.ndarray, turns: int = turns, mirror: bool = mirror) -> np.ndarray:
            return np.rot90(array[..., ::-1] if mirror else array, turns, (-2, -1))

        assert np.abs(model.logits(np.ascontiguousarray(turned(plane))) - turned(expected)).max() <= 1e-4


def test_seven_rotations_of_a_network_that_sees_single_pixels_change_nothing() -> None:
    weights = weights_of(Pointwise(), classes=(1, 2))
    y, x = np.mgrid[:50, :70].astype(np.float32)
    plane = (np.sin(y / 15) + np.cos(x / 12))[None]
    plain, averaged = (NetworkModel(weights, "cpu", tta, 16, full_precision=True).logits(plane) for tta in (False, 7))
    assert np.abs(probabilities(plain) - probabilities(averaged)).max() < 5e-3
