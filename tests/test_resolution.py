"""The size of a pixel, where a TIFF knows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from test_tiff_pictures import PLANES, ome, write_ome

from napari_unet import io

DATA = np.arange(12 * 13, dtype=np.uint8).reshape(12, 13)


def size_of(path: Path, **options: Any) -> tuple[tuple[float, ...], str]:
    tifffile.imwrite(path, DATA, **options)
    image = io.read_image(path)
    return image.scale, image.unit


@pytest.mark.parametrize(
    ("resolution", "unit"),
    [
        ((0, 1), "centimeter"), ((1, 1), "centimeter"), ((0, 0), "centimeter"), ((14173, 500), "centimeter"),
        ((28.35, 28.35), "centimeter"), ((28, 28), "centimeter"), ((37.8, 37.8), "centimeter"),
        ((38, 38), "centimeter"),
        ((118.11, 118.11), "centimeter"), ((118, 118), "centimeter"), ((59.06, 59.06), "centimeter"),
        ((236.22, 236.22), "centimeter"), ((72, 72), "centimeter"), ((96, 96), "centimeter"), ((72, 72), "inch"),
        ((96, 96), "inch"), ((300, 300), "inch"), ((20000, 20000), "none"), ((1, 1), "none"),
        ((20000, 0), "centimeter"),
    ],
)
def test_what_printers_and_programs_that_do_not_know_write(
    tmp_path: Path, resolution: tuple[float, float], unit: str
) -> None:
    if resolution == (14173, 500):  # the fraction itself
        resolution = (14173 / 500, 14173 / 500)
    found = size_of(tmp_path / "a.tif", resolution=resolution, resolutionunit=unit, metadata=None)
    assert found == ((1, 1), "pixel")


@pytest.mark.parametrize("per_cm", [40000, 20000, 9250.5, 1000, 500, 10000 / 3, 200])
def test_what_microscopes_write(tmp_path: Path, per_cm: float) -> None:
    sizes = (per_cm, per_cm / 2)
    scale, unit = size_of(tmp_path / "a.tif", resolution=sizes, resolutionunit="centimeter", metadata=None)
    assert scale == pytest.approx((20000 / per_cm, 10000 / per_cm), rel=1e-5)
    assert unit == "micrometer"


@pytest.mark.parametrize(
    ("resolution", "told", "expected"),
    [
        (72, "inch", (1, "pixel")), (300, "inch", (1, "pixel")), (28.35, "cm", (1, "pixel")),
        (4, "micron", (0.25, "micrometer")), (72, "micron", (1 / 72, "micrometer")), (1000, "cm", (1e-3, "centimeter")),
        (1, "pixel", (1, "pixel")), (0.5, "pixel", (2, "pixel")), (20, "mm", (0.05, "millimeter")),
    ],
)
def test_imagejs_own_unit(tmp_path: Path, resolution: float, told: str, expected: tuple[float, str]) -> None:
    scale, unit = size_of(tmp_path / "a.tif", imagej=True, resolution=(resolution, resolution), metadata={"unit": told})
    assert (scale, unit) == (pytest.approx((expected[0],) * 2), expected[1])


@pytest.mark.parametrize("given", ["X", "Y"])
def test_a_size_along_one_axis_of_ome_is_guessed_along_the_other(tmp_path: Path, given: str) -> None:
    more = f'PhysicalSize{given}="0.5" PhysicalSize{given}Unit="nm"'
    write_ome(tmp_path / "a.ome.tif", PLANES[:1], ome({}, "<TiffData/>", more))
    image = io.read_image(tmp_path / "a.ome.tif")
    assert (image.scale, image.unit) == ((0.5, 0.5), "nanometer")
    assert f"is guessed to be that along {given}" in image.note


@pytest.mark.parametrize("size", ["0", "-1", "nan", "inf", ""])
def test_a_size_of_nothing_in_ome_is_no_size(tmp_path: Path, size: str) -> None:
    more = f'PhysicalSizeX="{size}" PhysicalSizeXUnit="um" PhysicalSizeY="{size}" PhysicalSizeYUnit="um"'
    write_ome(tmp_path / "a.ome.tif", PLANES[:1], ome({}, "<TiffData/>", more))
    image = io.read_image(tmp_path / "a.ome.tif")
    assert (image.scale, image.unit) == ((1, 1), "pixel")


@pytest.mark.parametrize(
    ("name", "shape", "options", "reason"),
    [
        ("a.tif", (5, 8, 9), {"metadata": None}, "from the pages and samples of the file"),
        ("a.tif", (2, 5, 8, 9), {"metadata": {"axes": "QZYX"}}, "guessed: the axis without a name"),
        ("a.tif", (5, 3, 8, 9), {"photometric": "rgb", "planarconfig": "separate"}, "guessed from how the file stores"),
        ("a.tif", (5, 8, 9), {}, "guessed"),
        ("a.tif", (5, 8, 9), {"metadata": {"axes": "ZYX"}}, "from the file's metadata"),
        ("a.ome.tif", (5, 8, 9), {"metadata": {"axes": "ZYX"}}, "from the file's metadata"),
    ],
)
def test_a_guess_is_called_one(
    tmp_path: Path, name: str, shape: tuple[int, ...], options: dict[str, Any], reason: str
) -> None:
    tifffile.imwrite(tmp_path / name, np.zeros(shape, np.uint8), **{"photometric": "minisblack", **options})
    assert reason in io.read_image(tmp_path / name).note
