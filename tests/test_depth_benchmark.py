"""A short run of the benchmark of networks that see depth, in this process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from benchmark_scripts import load_script

from napari_unet.core.classes import ClassTable
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Pair, Scribbles
from napari_unet.sample_data import Sample


def test_a_network_learns_and_is_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark = load_script("depth")
    truth = np.ones((6, 24, 24), np.uint8)
    truth[:, 8:16, 8:16] = 2
    paint = np.zeros_like(truth)
    paint[2] = truth[2]
    image = Image(truth * 50.0 + np.random.default_rng(0).normal(size=truth.shape), "ZYX")
    sample = Sample("squares", "Squares", (Pair(image, Scribbles.from_array(paint)),), (truth,),
                    ClassTable.default((1, 2)), ((0, 2),), ((0, 4), (0, 5)))
    monkeypatch.setattr(benchmark, "load_set", lambda _: sample)
    options = {"steps": 25, "seconds": None, "device": "cpu", "width": 4, "learning_rate": 0.02}
    found = benchmark.measured(Path("squares"), "unet25d", 0, 1, options)
    assert (found.sees, found.steps, found.network) == ("volumes", 25, "unet25d")
    assert found.dice > 0.6
    assert "Dice 0." in benchmark.line([found])
