"""How large a pixel is, where objects are measured: the mask, its image or the person knows it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import tifffile

import napari_unet
from napari_unet.cli import main
from napari_unet.core.geometry import Geometry
from napari_unet.core.image import Image
from napari_unet.io import load_objects

MASK = np.zeros((40, 60), np.uint8)
MASK[3:13, 3:13] = MASK[20:30, 20:40] = 1


@pytest.mark.parametrize("blocks", [[], ["--blocks"]])
@pytest.mark.parametrize("told", [[], ["--voxel-size", "0.5", "--unit", "um"]])
def test_the_image_or_the_person_knows_what_a_mask_does_not(tmp_path: Path, told: list[str], blocks: list[str]) -> None:
    mask, image, table = tmp_path / "a.tif", tmp_path / "i.tif", tmp_path / "t.csv"
    tifffile.imwrite(mask, MASK, metadata=None)
    unit = {} if told else {"resolution": (2, 2), "metadata": {"unit": "um"}}
    tifffile.imwrite(image, np.full((40, 60), 7, np.uint16), imagej=True, **unit)
    assert main(["objects", str(mask), "-o", str(tmp_path / "o.zarr"), "--way", "parts", "--table", str(table),
                 "--image", str(image), "--values", "mask", *told, *blocks]) == 0
    with table.open(encoding="utf-8-sig") as file:
        areas = [(row["area (pixel)"], row["area (micrometer^2)"]) for row in csv.DictReader(file)]
    assert areas == [("100", "25"), ("200", "50")]
    assert load_objects(tmp_path / "o.zarr").geometry == Geometry("YX", (0.5, 0.5), "micrometer")


@pytest.mark.parametrize(("words", "said"), [
    (["--voxel-size", "2,0.5"], "--voxel-size 2,0.5 is of no unit"),
    (["--voxel-size", "2,0.5", "--blocks"], "--voxel-size 2,0.5 is of no unit"),
    (["--voxel-size", "2,0.5", "--unit", "foo"], "'foo' is no unit of length"),
])
def test_a_size_needs_a_unit(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", MASK, metadata=None)
    command = ["objects", str(tmp_path / "a.tif"), "-o", str(tmp_path / "o.tif"), "--values", "mask", *words]
    assert main(command) in (1, 2)
    assert said in capsys.readouterr().err
    assert not (tmp_path / "o.tif").exists()


def test_a_size_without_a_unit_is_not_called_unknown() -> None:
    objects = napari_unet.objects_of(MASK, way="parts", scale=(2, 0.5)).result()
    assert "unit of the size of a pixel, (2.0, 0.5), is not known" in napari_unet.measure_objects(objects).notes[0]
    image = Image(np.zeros((40, 60)), "YX", scale=(2, 0.5), unit="micrometer")
    assert napari_unet.measure_objects(objects, image).units["area"] == "micrometer^2"
