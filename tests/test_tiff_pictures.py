"""TIFF files whose numbers are not yet the picture: palettes, white that is zero, previews, planes that are missing."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_unet import io
from napari_unet.core.errors import InputWarning, UserError
from napari_unet.io._tiff_colours import is_ramp

RNG = np.random.default_rng(3)
INDICES = RNG.integers(0, 256, (30, 40), dtype=np.uint8)
GREY = np.arange(256, dtype=np.uint16) * 257


def quietly(path: Path, labels: bool = False) -> Any:
    """Read what must be read without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return io.read_labels(path)[0] if labels else io.read_image(path)


def table(red: Any, green: Any, blue: Any) -> np.ndarray:
    return np.stack(np.broadcast_arrays(red, green, blue, GREY)[:3]).astype(np.uint16)


SHUFFLED = RNG.integers(0, 2**16, (3, 256), dtype=np.uint16)
FIRE = table(*(np.clip(GREY * slope - start, 0, 65535) for slope, start in ((3.0, 0), (2.0, 40000), (3.0, 131000))))


@pytest.mark.parametrize("pages", [1, 4])
@pytest.mark.parametrize("colours", [SHUFFLED, SHUFFLED >> 8, FIRE], ids=["16 bits", "8 bits", "fire"])
def test_a_palette_is_applied_to_images_and_never_to_labels(tmp_path: Path, colours: np.ndarray, pages: int) -> None:
    path = tmp_path / "a.tif"
    data = np.stack([INDICES] * pages).squeeze()
    tifffile.imwrite(path, data, photometric="palette", colormap=colours, metadata=None, compression="zlib")
    with pytest.warns(InputWarning, match=r"a.tif: its palette was applied: the numbers in the file are no brightness"):
        image = io.read_image(path)
    eight = (colours if colours.max() < 256 else colours >> 8).astype(np.uint8)
    assert image.axes == ("YXC" if pages == 1 else "NYXC")
    np.testing.assert_array_equal(image.data, eight.T[data])
    np.testing.assert_array_equal(quietly(path, labels=True), data)


def test_a_palette_of_greys_gives_a_grey_image(tmp_path: Path) -> None:
    order = RNG.permutation(256).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", INDICES, photometric="palette", colormap=np.stack([order * 257] * 3))
    with pytest.warns(InputWarning, match=r"palette was applied.*\(greys\)"):
        image = io.read_image(tmp_path / "a.tif")
    assert image.axes == "YX"
    np.testing.assert_array_equal(image.data, order[INDICES])


RAMPS = {
    "grey": table(GREY, GREY, GREY), "inverted": table(*[GREY[::-1]] * 3), "green": table(0, GREY, 0),
    "magenta": table(GREY, 0, GREY), "orange": table(GREY, GREY / 2, GREY / 7), "black": table(0, 0, 0),
    "to blue": table(65535 - GREY, 65535 - GREY, 65535 - GREY / 4),
}


@pytest.mark.parametrize("name", RAMPS)
def test_a_ramp_leaves_the_numbers(tmp_path: Path, name: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", INDICES, photometric="palette", colormap=RAMPS[name])
    image = quietly(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.data, INDICES)


def test_only_colours_in_use_count(tmp_path: Path) -> None:
    colours = RAMPS["green"].copy()
    colours[:, 100:] = SHUFFLED[:, 100:]
    tifffile.imwrite(tmp_path / "a.tif", np.minimum(INDICES, 99), photometric="palette", colormap=colours)
    assert quietly(tmp_path / "a.tif").axes == "YX"


def test_ramps_are_straight() -> None:
    assert is_ramp(np.array([[0, 0, 0], [9, 90, 0], [20, 200, 0]], np.uint8))
    assert is_ramp(np.array([[5, 5, 5]], np.uint8))
    assert not is_ramp(np.array([[0, 0, 0], [200, 0, 0], [200, 200, 0], [200, 200, 200]], np.uint8))
    assert not is_ramp(np.array([[0, 0, 0], [90, 90, 90], [50, 50, 50]], np.uint8))


def test_what_imagej_colours_for_display_stays(tmp_path: Path) -> None:
    for name, colours, axes in (("fire", FIRE, "YX"), ("reduced", SHUFFLED, "YXC")):
        path = tmp_path / f"{name}.tif"
        tifffile.imwrite(path, INDICES, photometric="palette", colormap=colours, metadata=None,
                         description="ImageJ=1.54f\nimages=1\n")
        if axes == "YX":
            np.testing.assert_array_equal(quietly(path).data, INDICES)
        else:
            with pytest.warns(InputWarning, match="palette was applied"):
                assert io.read_image(path).axes == axes


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4"])
def test_white_that_is_zero(tmp_path: Path, dtype: str) -> None:
    data = (INDICES // 2).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="miniswhite", metadata=None)
    with pytest.warns(InputWarning, match="a.tif: 0 is white in this file: dark and bright are turned round"):
        image = io.read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.data, np.iinfo(dtype).max - data)
    np.testing.assert_array_equal(quietly(tmp_path / "a.tif", labels=True), data)


def test_white_of_one_bit_is_one_for_masks_too(tmp_path: Path) -> None:
    white = INDICES > 128
    tifffile.imwrite(tmp_path / "black.tif", white, photometric="minisblack", metadata=None)
    tifffile.imwrite(tmp_path / "white.tif", ~white, photometric="miniswhite", metadata=None, software="a scanner")
    for name in ("black.tif", "white.tif"):
        np.testing.assert_array_equal(quietly(tmp_path / name, labels=True), white)
        np.testing.assert_array_equal(quietly(tmp_path / name).data, white)


def test_a_mask_of_booleans_as_python_saves_it(tmp_path: Path) -> None:
    mask = INDICES > 200
    tifffile.imwrite(tmp_path / "mask.tif", mask)  # which calls 0 white, of its own accord
    np.testing.assert_array_equal(quietly(tmp_path / "mask.tif", labels=True), mask)


def test_imagejs_inverted_table_is_only_for_display(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", INDICES, photometric="miniswhite", metadata=None,
                     description="ImageJ=1.54f\nimages=1\n")
    np.testing.assert_array_equal(quietly(tmp_path / "a.tif").data, INDICES)


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("planes", [1, 3])
def test_the_image_is_taken_not_its_preview(tmp_path: Path, planes: int, compression: Any, labels: bool) -> None:
    data = RNG.integers(0, 255, (planes, 90, 120), dtype=np.uint16)
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(RNG.integers(0, 255, (16, 20, 3), dtype=np.uint8), photometric="rgb", metadata=None)
        for plane in data:
            writer.write(plane, photometric="minisblack", metadata=None, compression=compression)
    read = quietly(tmp_path / "a.tif", labels)
    np.testing.assert_array_equal(read if labels else read.data, data.squeeze())
    if not labels:
        assert "series 2 of 2, the largest; the first is a preview of 20 x 16 pixels" in read.note


def test_a_page_marked_as_reduced_is_a_preview_whatever_its_size(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.full((80, 100), 1, np.uint8), subfiletype=1, metadata=None)
        writer.write(np.full((90, 120), 2, np.uint8), metadata=None)
    assert (np.asarray(quietly(tmp_path / "a.tif").data) == 2).all()


def test_pictures_of_like_size_are_both_images(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.full((80, 100), 1, np.uint8), metadata=None)
        writer.write(np.full((90, 120), 2, np.uint8), metadata=None)
    image = quietly(tmp_path / "a.tif")
    assert (np.asarray(image.data) == 1).all()
    assert "first of 2 series" in image.note


def ome(sizes: dict[str, int], inner: str, more: str = "") -> str:
    told = " ".join(f'Size{axis}="{size}"' for axis, size in {"C": 1, "T": 1, "Z": 1, **sizes}.items())
    return (
        '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
        f'UUID="urn:uuid:{{}}"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" '
        f'SizeX="40" SizeY="30" {told} {more}>{inner}</Pixels></Image></OME>'
    )


def write_ome(path: Path, data: np.ndarray, xml: str) -> None:
    with tifffile.TiffWriter(path) as writer:
        for number, plane in enumerate(data):
            writer.write(plane, description=xml if number == 0 else None, metadata=None, contiguous=False)


PLANES = RNG.integers(0, 9999, (6, 30, 40)).astype(np.uint16)


@pytest.mark.parametrize("labels", [False, True])
def test_planes_that_the_metadata_only_name(tmp_path: Path, labels: bool) -> None:
    path = tmp_path / "a.ome.tif"
    write_ome(path, PLANES[:2], ome({"Z": 4}, "<TiffData/>"))
    with pytest.warns(InputWarning, match=r"a.ome.tif names 4 planes, of which 2 are missing; 2 that exist"):
        read = io.read_labels(path)[0] if labels else io.read_image(path).data
    np.testing.assert_array_equal(read, PLANES[:2])


@pytest.mark.parametrize(
    ("sizes", "there", "expected", "said"),
    [
        ({"Z": 3, "T": 2}, 4, PLANES[:3], r"6 planes, of which 2 are missing; 3 that exist are read \(T 0\)"),
        ({"Z": 2, "C": 3}, 4, PLANES[:4].reshape(2, 2, 30, 40), r"2 are missing; 4 that exist are read \(C 0, 1\)"),
        ({"Z": 6}, 5, PLANES[:5], r"1 are missing; 5 that exist are read \(Z 0 to 4\)"),
    ],
)
def test_what_is_left_is_a_regular_block(
    tmp_path: Path, sizes: dict[str, int], there: int, expected: np.ndarray, said: str
) -> None:
    write_ome(tmp_path / "a.ome.tif", PLANES[:there], ome(sizes, "<TiffData/>"))
    with pytest.warns(InputWarning, match=said):
        image = io.read_image(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(image.data, expected)


def several_files(folder: Path) -> None:
    where = "".join(
        f'<TiffData IFD="{z % 2}" FirstZ="{z}" PlaneCount="1">'
        f'<UUID FileName="{z // 2}.ome.tif">urn:uuid:{z // 2}</UUID></TiffData>' for z in range(6)
    )
    for number in range(3):
        planes = PLANES[2 * number : 2 * number + 2]
        write_ome(folder / f"{number}.ome.tif", planes, ome({"Z": 6}, where).format(number))


@pytest.mark.parametrize("gone", [(), (1,), (2,), (0, 1)])
def test_files_of_a_series_that_are_gone(tmp_path: Path, gone: tuple[int, ...]) -> None:
    several_files(tmp_path)
    for number in gone:
        (tmp_path / f"{number}.ome.tif").unlink()
    left = [number for number in range(3) if number not in gone]
    path = tmp_path / f"{left[-1]}.ome.tif"
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        image = io.read_image(path)
    kept = [2 * number + half for number in left for half in (0, 1)]
    np.testing.assert_array_equal(image.data, PLANES[kept])
    if gone:
        names = ", ".join(f"{number}.ome.tif" for number in gone)
        assert f"6 planes, of which {2 * len(gone)} are missing (there is no {names})" in str(said[0].message)
    assert len(said) == bool(gone)


def test_planes_without_any_order_are_refused(tmp_path: Path) -> None:
    """Diagonal planes of two axes are no image."""
    inner = "".join(f'<TiffData IFD="{at}" FirstZ="{at}" FirstT="{at}" PlaneCount="1"/>' for at in (0, 1))
    write_ome(tmp_path / "a.ome.tif", PLANES[:2], ome({"Z": 2, "T": 2}, inner))
    with pytest.raises(UserError, match=r"names 4 planes, of which 2 are missing. What is left is no regular image"):
        io.read_image(tmp_path / "a.ome.tif")


@pytest.mark.parametrize(
    ("sizes", "inner"),
    [
        ({"Z": 2 * 10**9}, "<TiffData/>"), ({"Z": 10**5, "T": 10**5}, "<TiffData/>"), ({"Z": 10**400}, "<TiffData/>"),
        ({"Z": 2}, '<TiffData IFD="0" PlaneCount="3000000000"/>'), ({"Z": 2}, '<TiffData FirstZ="99999999999"/>'),
    ],
    ids=str,
)
def test_metadata_that_name_billions_of_planes(tmp_path: Path, sizes: dict[str, int], inner: str) -> None:
    write_ome(tmp_path / "a.ome.tif", PLANES[:2], ome(sizes, inner))
    with pytest.raises(UserError, match="is damaged: its OME metadata name more than 10000000 planes"):
        io.read_image(tmp_path / "a.ome.tif")


def test_a_part_that_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "b.ome.tif").mkdir()
    inner = '<TiffData IFD="0" PlaneCount="1"><UUID FileName="b.ome.tif">urn:uuid:2</UUID></TiffData>'
    write_ome(tmp_path / "a.ome.tif", PLANES[:2], ome({"Z": 2}, inner))
    with pytest.raises(UserError, match=r"name 'b.ome.tif' as a part of it, which is no file"):
        io.read_image(tmp_path / "a.ome.tif")


def test_every_page_has_a_palette_of_its_own(tmp_path: Path) -> None:
    tables = RNG.integers(0, 2**16, (3, 3, 256), dtype=np.uint16)
    data = RNG.integers(0, 256, (3, 30, 40), dtype=np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for plane, colours in zip(data, tables, strict=True):
            writer.write(plane, photometric="palette", colormap=colours, metadata=None)
    with pytest.warns(InputWarning, match="palette was applied"):
        image = io.read_image(tmp_path / "a.tif")
    assert image.axes == "NYXC"
    np.testing.assert_array_equal(image.data, np.stack([(t >> 8).T[one] for t, one in zip(tables, data, strict=True)]))


@pytest.mark.parametrize("marked", [0, 1])
def test_levels_of_a_pyramid_are_no_other_pictures(tmp_path: Path, marked: int) -> None:
    data = RNG.integers(0, 255, (101, 130), dtype=np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for level in range(3):
            writer.write(data[:: 2**level, :: 2**level], metadata=None, subfiletype=marked if level else 0)
    image = quietly(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.data, data)
    assert "full resolution of 3 levels" in image.note
    assert "series" not in image.note


def test_the_axes_of_a_picture_behind_its_preview(tmp_path: Path) -> None:
    data = RNG.integers(0, 255, (4, 90, 120), dtype=np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(data[0, ::9, ::9], metadata={"axes": "YX"})
        writer.write(data, metadata={"axes": "ZYX"}, photometric="minisblack")
    image = quietly(tmp_path / "a.tif")
    assert image.axes == "ZYX"
    np.testing.assert_array_equal(image.data, data)
