"""Plates: all fields in one command, each with a name of its own."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from cli_scene import run
from ome_zarr_scene import axis, image_group
from test_block_runs import network

from napari_unet.io.model_file import save_model
from napari_unet.report.csv_cells import ENCODING

FIELDS = ("A/1/0", "A/1/1", "B/3/0")


def test_all_fields_of_a_plate_are_predicted_and_counted_in_one_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    for field in FIELDS:
        image_group(tmp_path / "plate.zarr" / field, rng.integers(0, 255, (40, 30), np.uint8),
                    axes=[axis("y"), axis("x")])
    save_model(tmp_path / "m.pt", dataclasses.replace(network(), tile=None, full_precision=False))
    monkeypatch.chdir(tmp_path)
    assert run("predict", "plate.zarr/*/*/*", "--model", "m.pt", "--device", "cpu", "-o", "out", "--objects", "found",
               "--counts", "counts.csv") == 0
    names = [f"plate_{field.replace('/', '_')}" for field in FIELDS]
    assert sorted(one.name for one in (tmp_path / "out").glob("*.tif")) == [f"{one}_mask.tif" for one in names]
    assert sorted(one.name for one in (tmp_path / "found").glob("*.tif")) == [f"{one}_objects.tif" for one in names]
    with (tmp_path / "counts.csv").open(encoding=ENCODING) as file:
        assert list(dict.fromkeys(line["image"] for line in csv.DictReader(file))) == names
