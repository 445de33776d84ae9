"""The benchmark of prediction measures the networks that the program uses, and runs."""

from __future__ import annotations

import dataclasses
from types import ModuleType

import numpy as np
import pytest
from benchmark_scripts import load_script

from napari_unet.core.image import Image
from napari_unet.predicting.devices import choose_device
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.pretrained import load_features


@pytest.fixture(scope="module")
def prediction() -> ModuleType:
    """The script, which is no part of the package."""
    return load_script("prediction")


def test_the_default_network_is_that_of_the_program_with_and_without_trees(prediction: ModuleType) -> None:
    bare, default, one_eye, trees = map(prediction.network_weights, prediction.NETWORKS)
    shipped = load_features().network
    assert default.network == shipped
    assert (bare.network.filters, bare.network.surroundings, bare.network.halvings) == (False, False, 0)
    assert trees.network.trees == len(trees.tensors["trees.leaves"]) > 0
    assert default.network.trees == 0
    assert one_eye.network == dataclasses.replace(trees.network, eye=False, eye_kernel="linear")
    assert not any(name.startswith("trees.") for name in default.tensors)


def test_each_is_timed_on_the_same_image(prediction: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    image = Image(np.random.default_rng(0).integers(0, 255, (64, 96), dtype=np.uint8))
    forest_saw: list[tuple[Image, int]] = []
    candidates, told = prediction.contestants(
        NetworkModel(prediction.network_weights("bare"), "cpu"), image, choose_device("cpu"),
        lambda image, plane: forest_saw.append((image, plane)))
    assert told == "1 tile(s) of forward read 1.00 times the image"
    for run in candidates.values():
        run()
    assert forest_saw == [(image, 0)]
    prediction.print_times({"segment": [0.5, 1.0, 2.0], "monai": [1.0, 3.0, 4.0]}, 1_000_000)
    assert capsys.readouterr().out.splitlines() == [
        "             seconds    MPix/s  segment is",
        "segment        1.000      1.00       1.00x",
        "monai          3.000      0.33       2.00x",
    ]
