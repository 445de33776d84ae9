"""Large compressed TIFF files are read where they are looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import napari_unet.io._tiff_by_tile as module
from napari_unet.core.errors import UserError
from napari_unet.io import read_image
from napari_unet.io._lazy import LazyArray

pytest.importorskip("tifffile", minversion="2025.5.21")  # older ones do not know zarr 3


@pytest.fixture(autouse=True)
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGE", 1000)


@pytest.mark.parametrize("options", [
    {"tile": (64, 64)}, {"rowsperstrip": 16}, {"tile": (64, 64), "predictor": True}, {"compression": "lzw"},
    {"tile": (32, 64), "bigtiff": True}])
def test_windows_are_those_of_the_whole(tmp_path: Path, options: dict[str, Any]) -> None:
    data = np.random.default_rng(0).integers(0, 2000, (3, 150, 130)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="minisblack", **{"compression": "zlib", **options})
    image = read_image(tmp_path / "a.tif")
    assert isinstance(image.data, LazyArray)
    np.testing.assert_array_equal(image.plane(2)[0], data[2])
    np.testing.assert_array_equal(image.window(1, slice(40, 140), slice(3, 99))[0], data[1, 40:140, 3:99])


def test_colours(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 255, (150, 130, 3)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="rgb", compression="zlib", tile=(64, 64))
    image = read_image(tmp_path / "a.tif")
    assert isinstance(image.data, LazyArray)
    assert image.axes == "YXC"
    np.testing.assert_array_equal(image.window(0, slice(9, 80), slice(0, 130)), data[9:80].transpose(2, 0, 1))


def test_a_damaged_tile_is_named(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 255, (150, 130)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", data, compression="zlib", tile=(64, 64))
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        offset = tiff.pages[0].dataoffsets[4]
    with (tmp_path / "a.tif").open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 40)
    image = read_image(tmp_path / "a.tif")
    with pytest.raises(UserError, match=r"a\.tif is damaged.*at Y=64 to 127, X=64 to 127"):
        image.window(0, slice(64, 128), slice(64, 128))


def test_palettes_and_small_files_are_decoded_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = np.random.default_rng(0).integers(0, 255, (150, 130)).astype(np.uint8)
    colours = np.random.default_rng(0).integers(0, 65535, (3, 256)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "p.tif", data, photometric="palette", colormap=colours, compression="zlib")
    with pytest.warns(UserWarning, match="palette was applied"):
        assert not isinstance(read_image(tmp_path / "p.tif").data, LazyArray)
    monkeypatch.setattr(module, "LARGE", 2**27)
    tifffile.imwrite(tmp_path / "a.tif", data, compression="zlib")
    assert isinstance(read_image(tmp_path / "a.tif").data, np.ndarray)
