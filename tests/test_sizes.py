"""Files that say they are larger than they can be are refused before anything is allocated."""

from __future__ import annotations

import json
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from napari_unet import io
from napari_unet.core.errors import UserError
from napari_unet.io._sizes import LIMIT, check_size
from napari_unet.io._zarr_sizes import holds

GREY = np.random.default_rng(0).integers(0, 255, (24, 20), dtype=np.uint8)


def lying_zarr(path: Path, shape: tuple[int, ...], block: tuple[int, ...], version: int, dtype: str = "f8") -> Path:
    zarr.create_array(str(path), data=GREY.astype(dtype), chunks=GREY.shape, zarr_format=version)
    told = path / (".zarray" if version == 2 else "zarr.json")
    metadata = json.loads(told.read_text())
    metadata["shape"] = list(shape)
    if version == 2:
        metadata["chunks"] = list(block)
    else:
        metadata["chunk_grid"]["configuration"]["chunk_shape"] = list(block)
    told.write_text(json.dumps(metadata))
    return path


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    ("shape", "block"),
    [
        ((40000, 20000), (64, 64)),  # a plane
        ((16, 16), (2**31, 16)),  # a block
        ((2**62, 2**40), (64, 64)),
        ((2**40, 64, 64), (1, 64, 64)),  # planes without end
        ((8, 2**20, 16, 16), (1, 8, 16, 16)),  # 2 GB in a million planes
        ((65536, 24, 20), (1, 16, 16)),  # few bytes in 262 144 blocks
    ],
)
@pytest.mark.parametrize("read", [io.read_image, io.read_labels])
def test_zarr_metadata_that_lie(
    tmp_path: Path, shape: tuple[int, ...], block: tuple[int, ...], version: int, read: Any
) -> None:
    path = lying_zarr(tmp_path / "a.zarr", shape, block, version)
    tracemalloc.start()
    with pytest.raises(UserError, match=rf"a.zarr says it holds .* GB.*set the environment variable {LIMIT}"):
        read(path)
    assert tracemalloc.get_traced_memory()[1] < 2**25
    tracemalloc.stop()


def test_labels_are_held_against_the_folder_as_a_whole(tmp_path: Path) -> None:
    path = lying_zarr(tmp_path / "a.zarr", (4000, 600, 600), (1, 600, 600), 2)
    assert io.read_image(path).shape == (4000, 600, 600)  # plane by plane it is small
    with pytest.raises(UserError, match=r"says it holds 10.7 GB.*at most 2 GB"):
        io.read_labels(path)


def test_an_empty_image_within_the_limit_is_read(tmp_path: Path) -> None:
    zarr.create_array(str(tmp_path / "a.zarr"), shape=(30, 2000, 2000), chunks=(1, 500, 500), dtype="u1", zarr_format=2)
    assert io.read_labels(tmp_path / "a.zarr")[0].shape == (30, 2000, 2000)
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((30, 2000, 2000), np.uint8), compression="zlib")
    assert (tmp_path / "a.tif").stat().st_size < 2**20
    assert io.read_labels(tmp_path / "a.tif")[0].shape == (30, 2000, 2000)


def test_the_limit_is_the_persons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zarr.create_array(str(tmp_path / "a.zarr"), shape=(3000, 3000), chunks=(500, 500), dtype="u1", zarr_format=2)
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3000, 3000), np.uint8), compression="lzma")
    monkeypatch.setenv(LIMIT, "0.001")
    for name in ("a.zarr", "a.tif"):
        with pytest.raises(UserError, match=rf"{name} says it holds 0.0084 GB.*at most 0.001 GB.*{LIMIT} to more"):
            io.read_image(tmp_path / name)
    monkeypatch.setenv(LIMIT, "0.5")
    assert io.read_image(tmp_path / "a.zarr").shape == io.read_image(tmp_path / "a.tif").shape == (3000, 3000)
    for wrong in ("much", "-1", "0", "nan", "inf", "1e400"):
        monkeypatch.setenv(LIMIT, wrong)
        with pytest.raises(UserError, match=rf"{LIMIT} is '{wrong}'. Allowed: a positive number of gigabytes"):
            io.read_image(tmp_path / "a.tif")


def test_a_large_file_is_no_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT, "1")
    check_size("a", 2**40, lambda least: least <= 2**31)  # 500 times as much as is stored
    with pytest.raises(UserError, match=r"a says it holds 1024 GB"):
        check_size("a", 2**40, lambda least: least <= 2**29)


def test_bytes_are_counted_through_folders(tmp_path: Path) -> None:
    (tmp_path / "0" / "1").mkdir(parents=True)
    (tmp_path / "0" / "1" / "2").write_bytes(bytes(100))
    (tmp_path / "3").write_bytes(bytes(50))
    assert holds(tmp_path, 150)
    assert not holds(tmp_path, 151)


def entries(path: Path) -> dict[int, int]:
    """Byte at which each tag of the first page of a little-endian classic TIFF begins."""
    data = path.read_bytes()
    at = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, at)[0]
    return {struct.unpack_from("<H", data, at + 2 + 12 * one)[0]: at + 2 + 12 * one for one in range(count)} | {
        0: at + 2 + 12 * count
    }


def spoiled(path: Path, at: int, form: str, value: int) -> Path:
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, at, value)
    path.write_bytes(data)
    return path


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GREY, compression="zlib", metadata=None)
    return path


def test_a_page_that_is_its_own_next_page(packed: Path) -> None:
    first = struct.unpack_from("<I", packed.read_bytes(), 4)[0]
    spoiled(packed, entries(packed)[0], "<I", first)
    with pytest.raises(UserError, match=r"a.tif is damaged: its directories follow each other in a circle.*Allowed"):
        io.read_image(packed)


def test_a_tag_larger_than_the_file(packed: Path) -> None:
    spoiled(packed, entries(packed)[273] + 4, "<I", 2**28)  # offsets of strips
    with pytest.raises(UserError, match=r"is damaged: tag 273 says it holds 268435456 values, more than fit into \d+ "):
        io.read_image(packed)


def test_sides_that_are_too_long(packed: Path) -> None:
    for tag, value in ((256, 2**18), (257, 2**18)):
        at = entries(packed)[tag]
        spoiled(packed, at + 2, "<H", 4)
        spoiled(packed, at + 8, "<I", value)
    with pytest.raises(UserError, match=r"a.tif says it holds 64 GB, but next to nothing is stored"):
        io.read_image(packed)


def test_missing_strips_are_noticed_before_any_is_read(packed: Path) -> None:
    """A height of millions, one strip: found by its count, not by decoding what is not there."""
    at = entries(packed)[257]
    spoiled(packed, at + 2, "<H", 4)
    spoiled(packed, at + 8, "<I", 2_000_000)
    tracemalloc.start()
    with pytest.raises(UserError, match=r"a.tif is damaged or truncated: .*incorrect Strip"):
        io.read_image(packed)
    assert tracemalloc.get_traced_memory()[1] < 2**25
    tracemalloc.stop()


def test_a_directory_of_too_many_tags(packed: Path) -> None:
    first = struct.unpack_from("<I", packed.read_bytes(), 4)[0]
    spoiled(packed, first, "<H", 60000)
    with pytest.raises(UserError, match=r"is damaged: a directory at byte \d+ names 60000 tags"):
        io.read_image(packed)


@pytest.mark.parametrize("big", [True, False])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_good_files_of_all_kinds_pass(tmp_path: Path, big: bool, byteorder: Any) -> None:
    data = np.stack([GREY] * 3)
    how: dict[str, Any] = {"tile": (16, 16), "compression": "zlib", "photometric": "minisblack"}
    with tifffile.TiffWriter(tmp_path / "a.tif", bigtiff=big, byteorder=byteorder) as writer:
        writer.write(np.tile(data, (1, 4, 4)), subifds=1, **how)
        writer.write(np.tile(data, (1, 2, 2)), subfiletype=1, **how)
    np.testing.assert_array_equal(io.read_image(tmp_path / "a.tif").data, np.tile(data, (1, 4, 4)))
