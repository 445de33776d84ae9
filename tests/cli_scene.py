"""Files that the command line is tried on."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_unet.cli import main

QUICK = ["--set", "width=4", "--set", "depth=2", "--set", "patch=32", "--device", "cpu"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three planes with a bright square each, strokes in two, the truth of all; a model of them."""
    folder = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(0)
    truth = np.ones((3, 48, 40), np.uint8)
    for plane, corner in enumerate((8, 14, 20)):
        truth[plane, corner : corner + 14, 8:24] = 2
    images = (truth * 80 + rng.normal(0, 8, truth.shape)).astype(np.uint8)
    scribbles = np.zeros_like(truth)
    scribbles[:2, 1:4, 2:36] = 1
    scribbles[:2, 40:43, 2:36] = 1
    for start in (10, 18):  # two strokes a plane: whole strokes can be held out
        scribbles[:2, 20:22, start : start + 4] = 2
    background = scribbles * (scribbles == 1)
    for name, array in (("images", images), ("truth", truth), ("scribbles", scribbles), ("mask", truth - 1),
                        ("background", background)):
        tifffile.imwrite(folder / f"{name}.tif", array, photometric="minisblack")
    code = main(["train", str(folder / "images.tif"), str(folder / "scribbles.tif"), "-o", str(folder / "model.pt"),
                 "--steps", "30", *QUICK])
    assert code == 0
    return folder


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def run(*words: object) -> int:
    return main([str(word) for word in words])
