"""Numbers that stand for no data: found, left alone, and said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from napari_unet import io
from napari_unet.core.errors import InputWarning, UserError
from napari_unet.core.image import Image, warn_not_finite
from napari_unet.core.no_data import empty_pixels, odd_value
from napari_unet.core.normalisation import Normalisation
from napari_unet.io._lazy import LazyArray

RNG = np.random.default_rng(5)


def bordered(value: float, dtype: str, rows: int = 8) -> np.ndarray:
    """Grey noise around 120 with a border of one number."""
    data = RNG.normal(120, 20, (48, 50)).clip(40, 220).astype(dtype)
    data[:rows] = value
    return data


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (-9999, "f4"), (-9999, "i2"), (-9999, "<f8"), (-9999, ">f4"), (-99999, "f4"), (-32768, "i2"), (-32768, ">i2"),
        (-32768, "f4"), (-3.4028234663852886e38, "f4"), (3.4028234663852886e38, "f4"), (-3.40282306074e38, "f8"),
        (-1.7976931348623157e308, "f8"), (1e20, "f4"), (9.969209968386869e36, "f4"), (1.70141e38, "f4"),
        (-(2**31), "i4"), (2**31 - 1, "i4"), (2**32 - 1, "u4"), (-(2**63), "i8"), (2**63 - 1, "i8"), (2**64 - 1, "u8"),
        (-65504, "f2"),
    ],
)
def test_a_border_of_a_fill_value_is_as_good_as_nan(value: float, dtype: str) -> None:
    data = bordered(0, "f8")
    data = data.astype(dtype)
    data[:8] = value
    plane = Image(data).plane(0)[0]
    assert np.isnan(plane[:8]).all()
    np.testing.assert_allclose(plane[8:], data[8:].astype(np.float64), rtol=1e-3)
    normalised, valid = Normalisation()(plane[None])
    holes = np.where(np.arange(48)[:, None] < 8, np.nan, data).astype("f4")
    expected, expected_valid = Normalisation()(holes[None])
    np.testing.assert_array_equal(valid, expected_valid)
    np.testing.assert_array_equal(normalised, expected)


def test_several_fill_values_in_one_plane() -> None:
    data = bordered(-9999, "f4")
    data[-5:] = -3.4028234663852886e38
    data[:, :3] = 1e20
    data[20, 20] = np.nan
    empty, values = empty_pixels(data[None])
    assert empty is not None
    np.testing.assert_array_equal(empty[0], (np.abs(data) > 5000))
    assert values == (np.finfo("f4").min, -9999, np.float32(1e20))


@pytest.mark.parametrize(
    "data",
    [
        RNG.normal(0, 9000, (48, 50)).clip(-9999, None).astype("f4"),  # measured down to there
        np.where(RNG.random((48, 50)) < 0.1, 65535, RNG.integers(0, 60000, (48, 50))).astype("u2"),  # overexposed
        bordered(0, "u2"), bordered(255, "u1"), bordered(-1, "i2"), bordered(-128, "i1"),
        RNG.normal(1e25, 1e25, (48, 50)).astype("f4"),
        np.eye(48, 50) * 7,
    ],
    ids=["dark", "overexposed", "black", "white", "minus", "bytes", "large", "mask"],
)
def test_what_may_have_been_measured_stays(data: np.ndarray) -> None:
    assert empty_pixels(data[None]) == (None, ())


def test_one_pixel_is_no_border_and_a_handful_no_picture() -> None:
    data = bordered(120, "f4")
    data[3, 3] = -9999
    assert empty_pixels(data[None])[0] is None
    assert empty_pixels(np.array([[[-9999.0, -9999.0, 3.0]]]))[0] is None


def test_a_plane_without_any_data_says_so() -> None:
    image = Image(np.full((2, 20, 20), -9999, "f4"), "NYX", "edge")
    assert np.isnan(image.plane(1)).all()
    message = r"'edge' holds no numbers .*every pixel is NaN, infinite or without data \(-9999"
    with pytest.raises(UserError, match=message):
        warn_not_finite(image, 800)


def test_the_count_names_the_number() -> None:
    image = Image(bordered(-9999, "i2"), name="dem")
    image.plane(0)
    message = r"'dem': 400 of 2400 pixels are NaN, infinite or without data \(-9999\); they are left out"
    with pytest.warns(InputWarning, match=message):
        warn_not_finite(image, 400)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "i4", "f4", "f8"])
def test_what_the_file_declares_counts_wherever_it_stands(tmp_path: Path, dtype: str) -> None:
    data = bordered(100, dtype)
    tifffile.imwrite(tmp_path / "a.tif", data, extratags=[(42113, 2, 0, "100 ", True)])
    image = io.read_image(tmp_path / "a.tif")
    assert image.no_data == (100,)
    np.testing.assert_array_equal(np.isnan(image.plane(0)[0]), data == 100)
    labels, _ = io.read_labels(tmp_path / "a.tif")
    np.testing.assert_array_equal(labels, data)


@pytest.mark.parametrize("text", ["nan", "none", "", "-inf", "1e400", "-9999.5", "300"])
def test_a_declared_number_that_no_pixel_can_hold(tmp_path: Path, text: str) -> None:
    data = RNG.integers(0, 256, (40, 40), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", data, extratags=[(42113, 2, 0, text, True)])
    np.testing.assert_array_equal(io.read_image(tmp_path / "a.tif").plane(0)[0], data)


@pytest.mark.parametrize("number", [0, 60, 255])
def test_what_the_file_declares_is_a_number_of_the_file_not_of_the_picture(tmp_path: Path, number: int) -> None:
    """Greys that are turned round and palettes change the numbers, and what stands for nothing goes with them."""
    data = bordered(number, "u1")
    tag = {"extratags": [(42113, 2, 0, str(number), True)], "metadata": None}
    tifffile.imwrite(tmp_path / "white.tif", data, photometric="miniswhite", **tag)
    colours = RNG.integers(0, 2**16, (3, 256), dtype=np.uint16)
    colours[:, number] = colours[:, 120]  # the colour of nothing is that of something, too
    tifffile.imwrite(tmp_path / "palette.tif", data, photometric="palette", colormap=colours, **tag)
    for name, shown in (("white.tif", 255 - data[None]), ("palette.tif", np.moveaxis((colours >> 8).T[data], -1, 0))):
        with pytest.warns(InputWarning):
            plane = io.read_image(tmp_path / name).plane(0)
        for channel, told in zip(plane, shown, strict=True):
            np.testing.assert_array_equal(channel, np.where(data == number, np.nan, told.astype(np.float32)))


def test_black_is_a_colour() -> None:
    data = RNG.integers(0, 4, (40, 40, 3), dtype=np.uint8) * 60
    data[:4] = 0
    plane = Image(data, "YXC", no_data=(0,)).plane(0)
    np.testing.assert_array_equal(np.isnan(plane).all(axis=0), (data == 0).all(axis=2))
    np.testing.assert_array_equal(np.isnan(plane).any(axis=0), (data == 0).all(axis=2))
    bands = np.stack([bordered(-9999, "f4"), bordered(50, "f4")])
    found = np.isnan(Image(bands, "CYX", no_data=(-9999,)).plane(0))
    assert found[0, :8].all()
    assert not found[1].any()


@pytest.mark.parametrize(("name", "told"), [("_FillValue", -9999), ("nodata", "0"), ("missing_value", [7])])
def test_attributes_of_zarr(tmp_path: Path, name: str, told: object) -> None:
    number = float(told[0] if isinstance(told, list) else told)  # type: ignore[arg-type]
    data = bordered(number, "i2")
    array = zarr.create_array(str(tmp_path / "a.zarr"), data=data, attributes={name: told})
    assert json.loads(json.dumps(dict(array.attrs)))
    image = io.read_image(tmp_path / "a.zarr")
    assert image.no_data == (number,)
    assert np.isnan(image.plane(0)[0, :8]).all()
    np.testing.assert_array_equal(io.read_labels(tmp_path / "a.zarr")[0], data)


def test_attributes_of_xarray_in_zarr_3(tmp_path: Path) -> None:
    zarr.create_array(str(tmp_path / "a.zarr"), data=bordered(-5, "f8"), attributes={"_FillValue": "AAAAAAAAFMA="})
    assert io.read_image(tmp_path / "a.zarr").no_data == (-5,)
    zarr.create_array(str(tmp_path / "b.zarr"), data=bordered(-5, "f8"), attributes={"_FillValue": "what"})
    assert io.read_image(tmp_path / "b.zarr").no_data == ()


@pytest.mark.parametrize(("value", "dtype"), [(-2000, "i2"), (65535, "u2"), (255, "u1"), (-1000, "f4"), (4000, "f8")])
def test_an_odd_number_is_named_once_and_stays(value: float, dtype: str) -> None:
    data = bordered(value, dtype) if dtype != "u1" else np.minimum(bordered(0, "u1"), 150)
    data[:8] = value
    image = Image(data, name="field")
    message = rf"'field': more than 1 % of the pixels of a plane hold exactly {value}, far from all other values. If"
    with pytest.warns(InputWarning, match=message) as said:
        planes = [image.plane(0) for _ in range(3)]
    assert len(said) == 1
    np.testing.assert_array_equal(planes[2][0], data.astype(np.float32))
    assert str(value) in str(said[0].message)


def test_what_is_not_odd() -> None:
    noise = RNG.normal(120, 20, (100, 100)).astype("f4")
    noise[0, :90] = -2000
    assert odd_value(noise) is None  # less than 1 %
    assert odd_value(np.where(RNG.random((50, 50)) < 0.3, 255, 0).astype("u1")) is None  # a mask
    assert odd_value(np.maximum(RNG.normal(0, 30, (50, 50)), 0).astype("u2")) is None  # a dark ground
    assert odd_value(np.full((50, 50), 7.0)) is None
    found = odd_value(bordered(-2000, "f4"))
    assert found is not None
    assert (found.value, found.low >= 40, found.high <= 220) == (-2000, True, True)


@pytest.mark.parametrize("attributes", [5, [1], "text", None])
def test_attributes_that_are_none(tmp_path: Path, attributes: object) -> None:
    zarr.create_array(str(tmp_path / "a.zarr"), data=bordered(7, "u1"), zarr_format=3)
    told = tmp_path / "a.zarr" / "zarr.json"
    told.write_text(json.dumps({**json.loads(told.read_text()), "attributes": attributes}))
    array = zarr.open(str(tmp_path / "a.zarr"), mode="r")
    assert LazyArray(array, str(tmp_path / "a.zarr")).no_data == ()
