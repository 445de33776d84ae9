"""A dock with an image and strokes that are answered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


@pytest.fixture
def dock(hands: Any) -> Any:
    """The dock as it opens."""
    return hands.dock("Train U-Net")


def open_image(hands: Any, dock: Any, data: np.ndarray, name: str = "cells", **options: Any) -> Any:
    """Add an image, let the dock take note of it, and make strokes; returns their layer."""
    image = hands.viewer.add_image(data, name=name, **options)
    hands.wait(lambda: dock.chooser.image_box.layer is image)
    hands.click(dock, "train_new_strokes")
    return hands.viewer.layers[f"{name} strokes"]


def answer(hands: Any, dock: Any, strokes: Any) -> Any:
    """Paint a stroke of each class with the mouse; returns the prediction layer once it is filled."""
    dock.hold_class(1)
    hands.drag(strokes, [(3, 4), (3, 70)])
    dock.hold_class(2)
    hands.drag(strokes, [(12, 12), (20, 20)])
    return filled(hands)


def filled(hands: Any) -> Any:
    """The prediction layer, once all of it is predicted."""
    layers = hands.viewer.layers
    hands.wait(lambda: "cells prediction" in layers and layers["cells prediction"].data.all())
    return layers["cells prediction"]
