"""TIFF: what others wrote is understood; what we write, tifffile (and with it Fiji's rules) understands."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_unet import io
from napari_unet.core.classes import ClassTable, to_mask
from napari_unet.core.errors import UsageError, UserError

CLASSES = ClassTable.named({1: "background", 2: "Zellkörper", 4: "axon"})
RNG = np.random.default_rng(0)


def painted(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).choice(np.array([0, 1, 2, 4], np.uint8), size=shape)


def saved(path: Path, data: np.ndarray, **options: Any) -> Path:
    tifffile.imwrite(path, data, **options)
    return path


def fetch(path: Path, axes: str | None = None) -> np.ndarray:
    return np.array(io.read_image(path, axes).data)


# how axes are read

READ = [
    # shape, how it was written, axes, words of the reason
    ((8, 9), {}, "YX", "two axes"),
    ((5, 8, 9), {}, "NYX", "guessed: the first of three"),
    ((3, 8, 9), {"photometric": "minisblack"}, "NYX", "guessed: the first of three"),
    ((3, 8, 9), {"photometric": "rgb"}, "NYX", "guessed: the first of three"),
    ((8, 9, 3), {"photometric": "rgb"}, "YXC", "a last axis of 3"),
    ((8, 9, 4), {"photometric": "minisblack"}, "YXC", "a last axis of 4"),
    ((5, 8, 9, 3), {"photometric": "rgb"}, "NYXC", "a last axis of 3"),
    ((5, 8, 9), {"metadata": None}, "NYX", "metadata"),
    ((5, 8, 9), {"metadata": {"axes": "ZYX"}}, "ZYX", "metadata"),
    ((2, 3, 8, 9), {"metadata": {"axes": "TCYX"}, "photometric": "minisblack"}, "TCYX", "metadata"),
    ((5, 3, 8, 9), {"photometric": "rgb", "planarconfig": "separate"}, "NCYX", "metadata"),
    ((8, 9, 3), {"metadata": None, "photometric": "rgb"}, "YXC", "metadata"),
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


def test_a_pyramid_is_read_at_full_resolution(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.ones((64, 64), np.uint8), subifds=1)
        writer.write(np.ones((32, 32), np.uint8), subfiletype=1)
    image = io.read_image(tmp_path / "a.tif")
    assert image.shape == (64, 64)
    assert "full resolution of 2 levels" in image.note


# how pixels are read


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


# how the voxel size is read

IMAGEJ = {"imagej": True, "resolution": (4.0, 2.0)}


@pytest.mark.parametrize("unit", ["um", "micron", "Microns", "\\u00B5m"])
def test_imagej_voxel_size(tmp_path: Path, unit: str) -> None:
    path = saved(tmp_path / "a.tif", np.zeros((3, 8, 9), np.uint8),
                 metadata={"axes": "ZYX", "spacing": 2.5, "unit": unit}, **IMAGEJ)
    image = io.read_image(path)
    assert image.scale == pytest.approx((2.5, 0.5, 0.25))
    assert image.unit == "micrometer"


def test_a_time_series_has_no_step_length(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", np.zeros((3, 2, 8, 9), np.uint8),
                 metadata={"axes": "TZYX", "spacing": 2, "unit": "nm", "finterval": 30}, **IMAGEJ)
    image = io.read_image(path)
    assert image.scale == pytest.approx((1, 2, 0.5, 0.25))
    assert image.unit == "nanometer"


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


# labels


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


# saving

SHAPES = [
    ("YX", (8, 9)), ("NYX", (3, 8, 9)), ("ZYX", (4, 8, 9)), ("NYX", (1, 8, 9)), ("TZYX", (2, 3, 8, 9)),
    ("ZTYX", (2, 3, 8, 9)), ("NTZYX", (2, 3, 4, 8, 9)), ("YX", (1, 9)), ("YX", (1, 1)), ("NTZPYX", (2, 2, 2, 2, 8, 9)),
]


@pytest.mark.parametrize("compression", ["zlib", "none"])
@pytest.mark.parametrize("code", ["mask", "painted"])
@pytest.mark.parametrize(("axes", "shape"), SHAPES)
def test_masks_come_back(tmp_path: Path, axes: str, shape: tuple[int, ...], code: io.Code, compression: str) -> None:
    steps = tuple(0.5 * (number + 1) for number in range(len(shape)))
    ids = painted(*shape)
    expected = to_mask(ids) if code == "mask" else ids
    path = io.save_mask(tmp_path / "m.tif", ids, classes=CLASSES, axes=axes, scale=steps, unit="micrometer",
                        code=code, compression=compression)
    labels, classes = io.read_labels(path, axes)
    np.testing.assert_array_equal(labels, expected)
    assert classes == CLASSES
    without_ones, _ = io.read_labels(path)
    keep = [size for letter, size in zip(axes, shape, strict=True) if size > 1 or letter in "YX"]
    np.testing.assert_array_equal(without_ones, expected.reshape(keep))
    image = io.read_image(path)
    known = dict(zip(axes, steps, strict=True))
    assert image.scale[-2:] == pytest.approx(steps[-2:])
    if "Z" in image.axes and len(axes) < 6:
        assert image.scale[image.label_axes.index("Z")] == pytest.approx(known["Z"])
    assert image.unit == "micrometer"


def test_what_fiji_finds(tmp_path: Path) -> None:
    """The words of ImageJ's description, its axes, resolution and Info."""
    ids = painted(2, 3, 8, 9)
    path = io.save_mask(tmp_path / "m.tif", ids, classes=CLASSES, axes="TZYX", scale=(1, 0.3, 0.2, 0.1), unit="µm")
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_imagej
        assert not tiff.is_bigtiff
        metadata, page = tiff.imagej_metadata, tiff.pages.first
        assert metadata is not None
        assert {key: metadata[key] for key in ("frames", "slices", "hyperstack", "unit")} == {
            "frames": 2, "slices": 3, "hyperstack": True, "unit": "um",
        }
        assert metadata["spacing"] == pytest.approx(0.3)
        assert (metadata["min"], metadata["max"]) == (0, 3)  # shown from black to white
        assert metadata["Info"].splitlines()[:3] == [
            "values: 0 = background", "1: Zellkörper (#e69f00)", "3: axon (#cc79a7)",
        ]
        across, down = (page.tags[name].value for name in ("XResolution", "YResolution"))
        assert across[0] / across[1] == pytest.approx(10)
        assert down[0] / down[1] == pytest.approx(5)
        assert page.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        assert tiff.series[0].axes == "TZYX"
        assert tiff.asarray().dtype == np.uint8
        np.testing.assert_array_equal(tiff.asarray(), to_mask(ids))


def test_the_preview_shows_every_class(tmp_path: Path) -> None:
    ids = painted(3, 8, 9)
    two = ClassTable.named({1: "background", 2: "nucleus"})
    io.save_mask(tmp_path / "m.tif", np.minimum(ids, 2), classes=two, preview=True)
    preview = tifffile.imread(tmp_path / "m_preview.tif")
    np.testing.assert_array_equal(preview, np.where(ids >= 2, 255, 0))
    io.save_mask(tmp_path / "m.zarr", ids, classes=CLASSES, preview=True, overwrite=True)
    np.testing.assert_array_equal(np.unique(tifffile.imread(tmp_path / "m_preview.tif")), [0, 85, 255])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.tif", "m.zarr", "m_preview.tif"]


def test_patches_may_come_one_by_one(tmp_path: Path) -> None:
    ids = painted(2, 8, 9)
    with io.create_mask(tmp_path / "m.tif", (2, 8, 9), classes=CLASSES, axes="NYX") as out:
        for plane in range(2):
            for y in (slice(0, 5), slice(5, 8)):
                out[plane, y, slice(0, 9)] = ids[plane, y]
        assert not (tmp_path / "m.tif").exists()
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "m.tif"), to_mask(ids))


@pytest.mark.parametrize("planes", [1, 3])
def test_probabilities(tmp_path: Path, planes: int) -> None:
    values = RNG.random((planes, 3, 8, 9), dtype=np.float32)
    with io.create_probabilities(
        tmp_path / "p.tif", values.shape, classes=CLASSES, scale=(9, 0.5, 0.25), unit="nm"
    ) as out:
        for plane in reversed(range(planes)):
            out[plane, :, 0:4] = values[plane, :, 0:4]
            out[plane, :, 4:8] = values[plane, :, 4:8]
    with tifffile.TiffFile(tmp_path / "p.tif") as tiff:
        assert tiff.series[0].axes == "NCYX"
        assert tiff.asarray().shape == values.shape
        assert tiff.asarray().dtype == np.float32
        np.testing.assert_array_equal(tiff.asarray(), values)
    contents, _ = io.read_contents(tmp_path / "p.tif")
    assert contents.classes == CLASSES
    assert (contents.scale[-2:], contents.unit) == ((0.5, 0.25), "nanometer")
    io.save_probabilities(tmp_path / "p.tif", values, overwrite=True)
    np.testing.assert_array_equal(fetch(tmp_path / "p.tif", "NCYX"), values)
    with pytest.raises(UserError, match=r"saved as TIFF, not as 'p.zarr'. Allowed: .tif, .tiff"):
        io.save_probabilities(tmp_path / "p.zarr", values)
    with pytest.raises(UserError, match=r"axes N C Y X.*\(3, 8, 9\)"):
        io.save_probabilities(tmp_path / "q.tif", values[0])


def test_wrong_options_are_named(tmp_path: Path) -> None:
    for options, message in (
        ({"quality": 3}, "TIFF has no option 'quality'. Allowed: compression"),
        ({"compression": "jpeg"}, "compression cannot be 'jpeg'. Allowed: one of zlib"),
        ({"code": "instances"}, "cannot be saved as 'instances'. Allowed: mask"),
    ):
        with pytest.raises(UsageError, match=message):
            io.save_mask(tmp_path / "m.tif", painted(3, 3), classes=CLASSES, **options)
    assert not list(tmp_path.iterdir())


# damage


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
