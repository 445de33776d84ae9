"""TIFF files of other programs: axes, voxel size, damage."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from tiff_scene import RNG, fetch, painted

from napari_unet import io
from napari_unet.core.errors import UserError


def saved(path: Path, data: np.ndarray, **options: Any) -> Path:
    tifffile.imwrite(path, data, **options)
    return path


READ = [
    # shape, how it was written, axes, words of the reason
    ((8, 9), {}, "YX", "two axes"),
    ((5, 8, 9), {}, "NYX", "guessed: the first of three"),
    ((3, 8, 9), {"photometric": "minisblack"}, "NYX", "guessed: the first of three"),
    ((3, 8, 9), {"photometric": "rgb"}, "NYX", "guessed: the first of three"),
    ((8, 9, 3), {"photometric": "rgb"}, "YXC", "a last axis of 3"),
    ((8, 9, 4), {"photometric": "minisblack"}, "YXC", "a last axis of 4"),
    ((5, 8, 9, 3), {"photometric": "rgb"}, "NYXC", "a last axis of 3"),
    ((8, 9, 2), {"photometric": "minisblack", "planarconfig": "contig"}, "YXC", "from the pages and samples"),
    ((6, 8, 9), {"photometric": "minisblack", "planarconfig": "separate"}, "CYX", "from the pages and samples"),
    ((5, 8, 9), {"metadata": None}, "NYX", "from the pages and samples of the file"),
    ((5, 8, 9), {"metadata": {"axes": "ZYX"}}, "ZYX", "metadata"),
    ((2, 3, 8, 9), {"metadata": {"axes": "TCYX"}, "photometric": "minisblack"}, "TCYX", "metadata"),
    ((5, 3, 8, 9), {"photometric": "rgb", "planarconfig": "separate"}, "NCYX", "guessed from how the file stores"),
    ((8, 9, 3), {"metadata": None, "photometric": "rgb"}, "YXC", "from the pages and samples of the file"),
    ((2, 3, 4, 8, 9), {"imagej": True, "metadata": {"axes": "TZCYX"}}, "TZCYX", "metadata"),
    ((3, 4, 8, 9), {"imagej": True, "metadata": {"axes": "ZCYX"}}, "ZCYX", "metadata"),
    ((3, 8, 9), {"imagej": True, "metadata": {"axes": "TYX"}}, "TYX", "metadata"),
    ((2, 3, 8, 9), {"ome": True, "metadata": {"axes": "TCYX"}, "photometric": "minisblack"}, "TCYX", "metadata"),
    ((3, 8, 9), {"ome": True, "metadata": {"axes": "ZYX"}, "photometric": "minisblack"}, "ZYX", "metadata"),
]


@pytest.mark.parametrize(("shape", "options", "axes", "reason"), READ)
def test_axes_of_other_programs(
    tmp_path: Path, shape: tuple[int, ...], options: dict[str, Any], axes: str, reason: str
) -> None:
    data = RNG.integers(0, 255, shape, dtype=np.uint8)
    image = io.read_image(saved(tmp_path / ("cells.ome.tif" if "ome" in options else "cells.tif"), data, **options))
    assert (image.name, image.axes) == ("cells", axes)
    assert f"axes {axes} (" in image.note
    assert reason in image.note
    np.testing.assert_array_equal(image.data, data)


def test_axes_given_come_first_and_count_axes_of_one(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", np.zeros((1, 5, 8, 9), np.uint8), metadata={"axes": "TZYX"})
    assert io.read_image(path).axes == "ZYX"
    assert io.read_image(path, "nyx").axes == "NYX"
    assert io.read_image(path, "TNYX").shape == (1, 5, 8, 9)
    with pytest.raises(UserError, match=r"a.tif: 'YX' \(the axes given\) does not fit.*\(1, 5, 8, 9\)"):
        io.read_image(path, "YX")


@pytest.mark.parametrize("shape", [(1, 9), (9, 1), (1, 1), (5, 1, 9), (1, 64, 3)])
def test_rows_and_columns_of_one_stay(tmp_path: Path, shape: tuple[int, ...]) -> None:
    image = io.read_image(saved(tmp_path / "a.tif", np.ones(shape, np.uint8)))
    assert image.data.shape == shape


def test_what_cannot_be_guessed_is_asked_for(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", np.zeros((2, 5, 8, 9), np.uint8))
    with pytest.raises(UserError, match=r"a.tif: .*\(2, 5, 8, 9\) cannot be guessed. Say what they are"):
        io.read_image(path)
    assert io.read_image(path, "TZYX").axes == "TZYX"


def test_colour_of_several_channels_becomes_channels(tmp_path: Path) -> None:
    data = RNG.integers(0, 255, (2, 4, 8, 9, 3), dtype=np.uint8)
    path = saved(tmp_path / "a.ome.tif", data, ome=True, metadata={"axes": "ZCYXS"}, photometric="rgb")
    image = io.read_image(path)
    assert (image.axes, image.n_channels) == ("ZCYX", 12)
    np.testing.assert_array_equal(image.plane(1)[3 * 2 + 1], data[1, 2, :, :, 1])


def test_the_first_of_several_pictures_is_taken_and_said(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.full((8, 9), 1, np.uint8))
        writer.write(np.full((4, 4), 2, np.uint8))
    image = io.read_image(tmp_path / "a.tif")
    assert "first of 2 series" in image.note
    assert (image.data == 1).all()


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("shape", [(3, 8, 9), (2, 8, 9, 3)])
def test_planes_that_were_written_one_by_one_are_a_stack(
    tmp_path: Path, shape: tuple[int, ...], compression: str | None, monkeypatch: pytest.MonkeyPatch,
) -> None:
    data, path = RNG.integers(0, 255, shape, dtype=np.uint8), tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        for plane in data:
            writer.write(plane, compression=compression, photometric="rgb" if len(shape) == 4 else "minisblack")
    for large in (2**27, 0):
        monkeypatch.setattr("napari_unet.io._tiff_by_tile.LARGE", large)
        image = io.read_image(path)
        assert image.axes == "NYXC"[: len(shape)]
        np.testing.assert_array_equal(np.asarray(image.data[:]), data)
    assert io.axes_of_file(path) == (image.axes, shape)


def test_pictures_with_names_of_their_own_are_no_stack(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for name in ("cells", "mask"):
            writer.write(np.full((8, 9), len(name), np.uint8), metadata={"name": name})
    image = io.read_image(tmp_path / "a.tif")
    assert "first of 2 series" in image.note
    assert (image.data == 5).all()


@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif"])
def test_a_pyramid_is_read_at_full_resolution(tmp_path: Path, name: str, levels: int) -> None:
    """Its smaller versions are named by the whole one, and some programs let them follow each other as well."""
    with tifffile.TiffWriter(tmp_path / name) as writer:
        writer.write(
            np.ones((2, 64, 64), np.uint8), subifds=levels, photometric="minisblack", metadata={"axes": "ZYX"}
        )
        for level in range(1, levels + 1):
            writer.write(np.ones((2, 64 >> level, 64 >> level), np.uint8), subfiletype=1, photometric="minisblack")
    image = io.read_image(tmp_path / name)
    assert image.shape == (2, 64, 64)
    assert f"full resolution of {levels + 1} levels" in image.note


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "e", "f", "d", "?"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_pixels_of_all_types(tmp_path: Path, dtype: str, byteorder: str) -> None:
    data = RNG.integers(0, 2, (3, 7, 8)).astype(dtype) if dtype == "?" else (RNG.random((3, 7, 8)) * 99).astype(dtype)
    path = saved(tmp_path / "a.tif", data, byteorder=byteorder, photometric="minisblack")
    image = io.read_image(path)
    np.testing.assert_array_equal(image.data, data)
    np.testing.assert_array_equal(image.plane(2)[0], data[2].astype(np.float32))


@pytest.mark.parametrize("compression", ["zlib", "lzw", "zstd", "packbits", "lzma"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_lossless_compression(tmp_path: Path, compression: str, tile: tuple[int, int] | None) -> None:
    data = RNG.integers(0, 9, (3, 40, 50), dtype=np.uint16)
    path = saved(tmp_path / "a.tif", data, compression=compression, tile=tile, photometric="minisblack")
    np.testing.assert_array_equal(fetch(path), data)


def test_jpeg(tmp_path: Path) -> None:
    smooth = np.broadcast_to(np.arange(64, dtype=np.uint8) * 3, (64, 64)).copy()
    got = fetch(saved(tmp_path / "a.tif", smooth, compression="jpeg"))
    assert np.abs(got.astype(int) - smooth).max() <= 6


def test_uncompressed_pixels_are_mapped_and_read_only(tmp_path: Path) -> None:
    image = io.read_image(saved(tmp_path / "a.tif", np.zeros((5, 8, 9), np.uint16)))
    assert isinstance(image.data.base, np.memmap) or isinstance(image.data, np.memmap)
    assert not image.data.flags.writeable


IMAGEJ = {"imagej": True, "resolution": (4.0, 2.0)}


@pytest.mark.parametrize("unit", ["um", "micron", "Microns", "\\u00B5m"])
def test_imagej_voxel_size(tmp_path: Path, unit: str) -> None:
    path = saved(tmp_path / "a.tif", np.zeros((3, 8, 9), np.uint8),
                 metadata={"axes": "ZYX", "spacing": 2.5, "unit": unit}, **IMAGEJ)
    image = io.read_image(path)
    assert image.scale == pytest.approx((2.5, 0.5, 0.25))
    assert image.unit == "micrometer"


def test_a_time_series_has_its_frame_interval(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", np.zeros((3, 2, 8, 9), np.uint8),
                 metadata={"axes": "TZYX", "spacing": 2, "unit": "nm", "finterval": 30}, **IMAGEJ)
    image = io.read_image(path)
    assert image.scale == pytest.approx((30, 2, 0.5, 0.25))
    assert (image.unit, image.time_unit) == ("nanometer", "second")


def test_ome_voxel_size_in_mixed_units(tmp_path: Path) -> None:
    metadata = {"axes": "ZYX", "PhysicalSizeX": 130, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.13,
                "PhysicalSizeZ": 0.28, "PhysicalSizeZUnit": "µm"}
    image = io.read_image(saved(tmp_path / "a.tif", np.zeros((3, 8, 9), np.uint8), ome=True, metadata=metadata,
                                photometric="minisblack"))
    assert image.scale == pytest.approx((280, 130, 130))
    assert image.unit == "nanometer"


def test_axes_given_keep_the_steps_of_the_file(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", np.zeros((3, 8, 9), np.uint8),
                 metadata={"axes": "ZYX", "spacing": 2.5, "unit": "um"}, **IMAGEJ)
    assert io.read_image(path, "NYX").scale == pytest.approx((2.5, 0.5, 0.25))


def test_pixels_per_centimetre_count_and_dots_per_inch_do_not(tmp_path: Path) -> None:
    data = np.zeros((8, 9), np.uint8)
    metric = io.read_image(saved(tmp_path / "a.tif", data, resolution=(20000, 10000), resolutionunit="centimeter"))
    assert metric.scale == pytest.approx((1, 0.5))
    assert metric.unit == "micrometer"
    printed = io.read_image(saved(tmp_path / "b.tif", data, resolution=(72, 72), resolutionunit="inch"))
    assert (printed.scale, printed.unit) == ((1, 1), "pixel")


def test_labels_of_three_planes_are_no_colour(tmp_path: Path) -> None:
    data = painted(3, 8, 9)
    for number, options in enumerate(({"photometric": "rgb"}, {"photometric": "minisblack"}, {"imagej": True})):
        labels, classes = io.read_labels(saved(tmp_path / f"{number}.tif", data, **options))
        np.testing.assert_array_equal(labels, data)
        assert classes is None
    labels, _ = io.read_labels(saved(tmp_path / "narrow.tif", painted(6, 8, 4), photometric="minisblack"))
    assert labels.shape == (6, 8, 4)


def test_labels_take_the_axes_of_their_image(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", painted(5, 8, 9))
    np.testing.assert_array_equal(io.read_labels(path, "NYXC")[0], painted(5, 8, 9))
    moved, _ = io.read_labels(saved(tmp_path / "b.tif", painted(8, 9, 5)), "YXN")
    np.testing.assert_array_equal(moved, np.moveaxis(painted(8, 9, 5), 2, 0))


def test_a_picture_of_labels_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", np.zeros((8, 9, 3), np.uint8), photometric="rgb", metadata=None)
    with pytest.raises(UserError, match=r"a colour picture \(shape \(8, 9, 3\).*one class number per pixel"):
        io.read_labels(path)


@pytest.mark.parametrize(
    "options",
    [
        {"photometric": "minisblack"}, {"compression": "zlib"}, {"compression": "lzw", "tile": (16, 16)},
        {"imagej": True, "metadata": {"axes": "ZYX"}}, {"imagej": True, "compression": "zlib"},
        {"ome": True, "metadata": {"axes": "ZYX"}, "compression": "zlib"}, {"metadata": None, "compression": "zlib"},
    ],
    ids=str,
)
def test_a_truncated_file_is_never_read_as_something_else(
    tmp_path: Path, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    data = RNG.integers(0, 255, (6, 40, 40), dtype=np.uint8)
    whole = saved(tmp_path / "whole.tif", data, **options).read_bytes()
    cut = tmp_path / "cut.tif"
    refused: list[str] = []
    for length in {*np.linspace(0, len(whole) - 1, 40).astype(int), 1, 4, 8, len(whole) - 1}:
        cut.write_bytes(whole[:length])
        try:
            read = fetch(cut)
        except UserError as error:
            refused.append(str(error))
        else:
            np.testing.assert_array_equal(read, data)
    assert len(refused) > 35
    assert all(str(cut) in message and "Allowed are TIFF files" in message for message in refused)
    assert not caplog.records  # nothing is left to tifffile's log


def test_damage_inside_is_found(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", RNG.integers(0, 255, (6, 40, 40), dtype=np.uint8), compression="zlib")
    raw = bytearray(path.read_bytes())
    raw[1000:1400] = bytes(400)
    path.write_bytes(raw)
    with pytest.raises(UserError, match="could not be read as TIFF"):
        io.read_image(path)
    assert logging.getLogger("tifffile").filters == []


@pytest.mark.parametrize(("told", "unit"), [(None, "second"), ("sec", "second"), ("min", "minute"), ("h", "hour"),
                                            ("frame", "pixel")])
def test_the_time_step_of_imagej_has_its_unit(tmp_path: Path, told: str | None, unit: str) -> None:
    metadata = {"axes": "TYX", "finterval": 5.0} | ({"tunit": told} if told else {})
    tifffile.imwrite(tmp_path / "a.tif", np.ones((3, 8, 9), np.uint8), imagej=True, metadata=metadata)
    image = io.read_image(tmp_path / "a.tif")
    assert (image.scale[0], image.time_unit) == (5.0, unit)
