"""Files that cannot be read, and names of those that can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given
from hypothesis import strategies as st
from io_scene import CLASSES, IDS

from napari_unet import io
from napari_unet.core.errors import UserError


@pytest.mark.parametrize("read", [io.read_image, io.read_labels])
@pytest.mark.parametrize(
    ("name", "contents", "message"),
    [
        ("a.tif", b"", r"a.tif is empty \(0 bytes\). Allowed are TIFF files"),
        ("a.tif", b"this is a text file", "a.tif could not be read as TIFF: .*Save or copy the file again"),
        ("a.TIFF", b"\x89PNG\r\n\x1a\n" + bytes(50), "a.TIFF could not be read as TIFF"),
        ("a.tif", b"II*\0" + bytes(40), "a.tif could not be read as TIFF"),
        ("a.tif", b"II*\0\xff\xff\xff\x7f", "a.tif"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "a.png is damaged or truncated"),
        ("a", b"", "a is of a kind that is not read"),
    ],
)
def test_what_is_no_image_is_refused(tmp_path: Path, read: Any, name: str, contents: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(contents)
    with pytest.raises(UserError, match=message):
        read(tmp_path / name)


def test_missing_and_foreign_folders(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no file or folder .*nothing.tif. Check the name"):
        io.read_image(tmp_path / "nothing.tif")
    with pytest.raises(UserError, match=r"is a folder without zarr metadata. Allowed: TIFF, PNG, JPEG"):
        io.read_image(tmp_path)
    (tmp_path / "a.zarr").mkdir()
    with pytest.raises(UserError, match=r"a.zarr is a folder without zarr metadata. Give the folder of an OME-Zarr"):
        io.read_image(tmp_path / "a.zarr")
    (tmp_path / "b.tif").mkdir()
    with pytest.raises(UserError, match=r"b.tif is a folder without zarr metadata"):
        io.read_image(tmp_path / "b.tif")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_tiff_or_a_message(tmp_path_factory: pytest.TempPathFactory, tail: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.tif"
    path.write_bytes(b"II*\0\x08\0\0\0" + tail)
    with pytest.raises(UserError, match=r"noise\.tif"):
        io.read_image(path)


def test_pixels_that_are_no_real_numbers(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 4), np.complex64))
    with pytest.raises(UserError, match=r"complex64. Allowed: bool, integer or real numbers"):
        io.read_image(tmp_path / "a.tif")
    zarr.create_array(str(tmp_path / "a.zarr"), data=np.array([["a", "b"]]), zarr_format=2)
    with pytest.raises(UserError, match=r"a.zarr are .*Allowed: bool, integer or real numbers"):
        io.read_image(tmp_path / "a.zarr")


def test_empty_arrays(tmp_path: Path) -> None:
    zarr.create_array(str(tmp_path / "a.zarr"), shape=(0, 4), dtype="u1")
    with pytest.raises(UserError, match=r"a.zarr is empty \(shape \(0, 4\)\)"):
        io.read_image(tmp_path / "a.zarr")
    zarr.create_array(str(tmp_path / "b.zarr"), shape=(4,), dtype="u1")
    with pytest.raises(UserError, match=r"b.zarr: .*needs rows and columns"):
        io.read_image(tmp_path / "b.zarr")


@pytest.mark.parametrize("name", ["a.tif", "a.zarr"])
def test_axes_that_do_not_fit_name_the_file(tmp_path: Path, name: str) -> None:
    io.save_mask(tmp_path / name, IDS, classes=CLASSES)
    for axes in ("NYX", "XY", "Y", "YY"):
        with pytest.raises(UserError, match=rf"{name}: '{axes}' \(the axes given\) does not fit an array of shape"):
            io.read_image(tmp_path / name, axes)


@pytest.mark.parametrize(
    ("path", "name"),
    [("x/cells.tif", "cells"), ("cells.ome.tiff", "cells"), ("a.b.ome.zarr", "a.b"), ("a.zarr/labels/n", "n"),
     (".tif", ".tif")],
)
def test_names_of_images(path: str, name: str) -> None:
    assert io.file_stem(path) == name
    assert io.result_stem(path) == name


@pytest.mark.parametrize(
    ("path", "name"),
    [("in/plate.ome.zarr/A/1/0", "plate_A_1_0"), ("s3://b/plate.zarr/B/12/3", "plate_B_12_3"), ("a.zarr/0", "a_0"),
     ("plate.zarr/A/1/0/labels/nuclei", "plate_A_1_0_nuclei"), ("old.zarr/new.zarr/2", "new_2"),
     ("C:\\data\\plate.zarr\\A\\1\\0", "plate_A_1_0")],
)
def test_fields_of_a_plate_have_names_of_their_own(path: str, name: str) -> None:
    assert io.result_stem(path) == name
