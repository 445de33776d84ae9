"""TIFF files for a printing press: four inks are one picture in colours, and never four channels."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from napari_unet import io
from napari_unet.core.errors import InputWarning

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_inks_are_read_as_colours(tmp_path: Path, planar: str, dtype: type) -> None:
    white = int(np.iinfo(dtype).max)
    inks = np.zeros((20, 30, 4), dtype)
    inks[:, :10, 0] = white  # cyan: no red light
    inks[:, 10:20, 3] = white // 2  # half as much black: grey
    stored = inks if planar == "contig" else np.moveaxis(inks, -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="separated", planarconfig=planar)
    with pytest.warns(InputWarning, match=r"a.tif: its inks \(CMYK\) are read as colours \(RGB\)"):
        image = io.read_image(tmp_path / "a.tif")
    plane = image.plane(0)
    assert (image.n_channels, image.data.dtype) == (3, dtype)
    np.testing.assert_array_equal(plane[:, 0, 5], (0, white, white))
    np.testing.assert_array_equal(plane[:, 0, 15], (white - white // 2,) * 3)
    np.testing.assert_array_equal(plane[:, 0, 25], (white,) * 3)


def test_pillow_sees_the_same_colours(tmp_path: Path) -> None:
    inks = RNG.integers(0, 256, (20, 30, 4), dtype=np.uint8)
    Pillow.fromarray(inks, "CMYK").save(tmp_path / "a.tif")
    with pytest.warns(InputWarning, match="inks"):
        image = io.read_image(tmp_path / "a.tif")
    wanted = np.asarray(Pillow.open(tmp_path / "a.tif").convert("RGB"), int)
    assert np.abs(np.moveaxis(image.plane(0), 0, -1) - wanted).max() <= 1


def test_other_inks_are_channels(tmp_path: Path) -> None:
    inks = RNG.integers(0, 256, (20, 30, 4), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", inks, photometric="separated", planarconfig="contig",
                     extratags=[(332, 3, 1, 2, True)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = io.read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(np.moveaxis(image.plane(0), 0, -1), inks)


def test_where_no_ink_was_measured_there_is_nothing(tmp_path: Path) -> None:
    inks = RNG.integers(1, 200, (20, 30, 4), dtype=np.uint8)
    inks[:5] = 255
    tifffile.imwrite(tmp_path / "a.tif", inks, photometric="separated", planarconfig="contig",
                     extratags=[(42113, 2, 0, "255", True)])
    with pytest.warns(InputWarning, match="inks"):
        plane = io.read_image(tmp_path / "a.tif").plane(0)
    assert np.isnan(plane[:, :5]).all()
    assert not np.isnan(plane[:, 5:]).any()
