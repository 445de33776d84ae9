"""*Predict all* goes on past an image that the model cannot do, and says which."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_unet.core.classes import ClassTable
from napari_unet.networks import REGISTRY
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.weights import snapshot


@pytest.fixture
def dock(hands: Any) -> Any:
    """The dock with a model of grey images."""
    made = hands.dock("Train U-Net")
    hands.tiny_network(made)
    network = REGISTRY["unet"](depth=1, width=2)
    made.session.set_model(NetworkModel(
        snapshot(network.build(1, 2), network, "unet", 1, ClassTable.default()), "cpu"))
    return made


def test_predict_all_goes_on_past_an_image_that_cannot_be_done(hands: Any, viewer: Any, dock: Any) -> None:
    rng = np.random.default_rng(0)
    for name, shape in (("first", (40, 48)), ("colour", (40, 48, 3)), ("last", (32, 40))):
        viewer.add_image(rng.integers(0, 255, shape, np.uint8), name=name)
    said: list[str] = []
    dock.controller.said.connect(said.append)
    hands.click(dock, "train_predict_all")
    hands.wait(lambda: not dock.jobs.busy and bool(said))
    made = {layer.name for layer in viewer.layers if layer.name.endswith(" segmentation")}
    assert made == {"first segmentation", "last segmentation"}
    assert viewer.layers["last segmentation"].data.shape == (32, 40)
    assert said[-1].startswith("1 of 3 could not be done, the others are:\n  colour: ")
    assert "channel" in said[-1]


def test_one_image_that_cannot_be_done_gives_its_reason(hands: Any, viewer: Any, dock: Any) -> None:
    viewer.add_image(np.zeros((40, 48, 3), np.uint8), name="colour")
    said: list[str] = []
    dock.controller.said.connect(said.append)
    hands.click(dock, "train_predict_all")
    hands.wait(lambda: not dock.jobs.busy and bool(said))
    assert "channel" in said[-1]
    assert "could not be done" not in said[-1]
    assert [layer.name for layer in viewer.layers] == ["colour"]
