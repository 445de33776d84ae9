"""Masks saved as OME-Zarr."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import zarr
from ome_zarr_scene import VERSIONS, axis, image_group

from napari_unet import io
from napari_unet.core.classes import ClassTable, to_mask
from napari_unet.core.errors import UserError
from napari_unet.io._mode_levels import most_frequent

CLASSES = ClassTable.named({1: "background", 2: "Zellkörper", 4: "axon"})


def painted(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).choice(np.array([0, 1, 2, 4], np.uint8), size=shape)


SHAPES = [
    ("YX", (20, 30)), ("NYX", (3, 20, 30)), ("ZYX", (4, 20, 30)), ("NYX", (1, 20, 30)), ("TZYX", (2, 3, 20, 30)),
    ("ZTYX", (2, 3, 20, 30)), ("NTZYX", (2, 3, 2, 20, 30)), ("YX", (1, 30)), ("YX", (1, 1)),
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("code", ["mask", "painted"])
@pytest.mark.parametrize(("axes", "shape"), SHAPES)
def test_masks_come_back(tmp_path: Path, axes: str, shape: tuple[int, ...], code: io.Code, version: str) -> None:
    ids = painted(*shape)
    expected = to_mask(ids) if code == "mask" else ids
    steps = tuple(0.5 * (number + 1) for number in range(len(shape)))
    path = io.save_mask(tmp_path / "m.ome.zarr", ids, classes=CLASSES, axes=axes, scale=steps, unit="micrometer",
                        code=code, version=version)
    labels, classes = io.read_labels(path, axes)
    np.testing.assert_array_equal(labels, expected)
    assert labels.dtype == np.uint8
    assert classes == CLASSES
    image = io.read_image(path)
    known = dict(zip(axes, steps, strict=True))
    assert image.scale == tuple(known[letter] for letter in image.label_axes)
    assert image.unit == "micrometer"
    np.testing.assert_array_equal(np.squeeze(io.read_labels(path)[0]), np.squeeze(expected))
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.ome.zarr"]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_metadata_are_those_of_the_specification(tmp_path: Path, version: str) -> None:
    ids = painted(2, 100, 70)
    path = io.save_mask(tmp_path / "m.zarr", ids, classes=CLASSES, axes="ZYX", scale=(3, 0.5, 0.25), unit="um",
                        version=version, chunk=32)
    group = zarr.open(str(path), mode="r")
    assert isinstance(group, zarr.Group)
    assert group.metadata.zarr_format == (2 if version == "0.4" else 3)
    attributes = group.attrs.asdict()
    found = attributes if version == "0.4" else attributes["ome"]
    image = found["multiscales"][0]
    assert (image if version == "0.4" else found)["version"] == version
    assert image["name"] == "m"
    assert image["axes"] == [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]
    assert [one["path"] for one in image["datasets"]] == ["0", "1", "2"]
    smaller = to_mask(ids)
    for level, one in enumerate(image["datasets"]):
        array = group[one["path"]]
        step = 2**level
        smaller = most_frequent(smaller, (1, 2, 2)) if level else to_mask(ids)
        np.testing.assert_array_equal(array[...], smaller)
        assert array.chunks[0] == 1
        assert max(array.chunks) <= 32
        moved = [{"type": "translation", "translation": [0, 0.25 * (step - 1), 0.125 * (step - 1)]}] if level else []
        assert one["coordinateTransformations"] == [{"type": "scale", "scale": [3, 0.5 * step, 0.25 * step]}, *moved]
        assert array.dtype == np.uint8
        if version == "0.5":
            assert array.metadata.dimension_names == ("z", "y", "x")
    label = found["image-label"]
    assert label["properties"] == [{"label-value": 1, "class": "Zellkörper"}, {"label-value": 3, "class": "axon"}]
    assert label["colors"] == [{"label-value": 1, "rgba": [230, 159, 0, 255]},
                               {"label-value": 3, "rgba": [204, 121, 167, 255]}]
    if version == "0.4":
        assert label["version"] == "0.4"
        assert json.loads((path / "0" / ".zarray").read_text())["dimension_separator"] == "/"
        assert (path / "0" / "0" / "0" / "0").is_file()


def test_time_and_countings_come_before_space(tmp_path: Path) -> None:
    ids = painted(2, 3, 4, 20, 30)
    path = io.save_mask(tmp_path / "m.zarr", ids, classes=CLASSES, axes="ZNTYX")
    group = zarr.open_group(str(path), mode="r")
    assert [one["name"] for one in group.attrs["multiscales"][0]["axes"]] == list("tnzyx")
    np.testing.assert_array_equal(group["0"][...], to_mask(ids).transpose(2, 1, 0, 3, 4))
    np.testing.assert_array_equal(io.read_labels(path)[0], to_mask(ids))


@pytest.mark.parametrize("axes", ["TZYX", "ZTYX"])
def test_patches_may_come_one_by_one(tmp_path: Path, axes: str) -> None:
    ids = painted(2, 3, 45, 50)
    with io.create_mask(tmp_path / "m.zarr", ids.shape, classes=CLASSES, axes=axes, chunk=16) as out:
        for t, z in np.ndindex(2, 3):
            for y in range(0, 45, 20):
                for x in range(0, 50, 20):
                    where = (t, z, slice(y, min(y + 20, 45)), slice(x, min(x + 20, 50)))
                    out[where] = ids[where]
        assert not (tmp_path / "m.zarr").exists()
    np.testing.assert_array_equal(io.read_labels(tmp_path / "m.zarr", axes)[0], to_mask(ids))


def test_unpainted_parts_are_background(tmp_path: Path) -> None:
    with io.create_mask(tmp_path / "m.zarr", (3, 20, 30), classes=CLASSES) as out:
        out[1] = np.full((20, 30), 2)
        out[-1, ..., 0] = 4
        with pytest.raises(IndexError, match="no index 3 along an axis of 3"):
            out[3] = 2
    expected = np.zeros((3, 20, 30), np.uint8)
    expected[1], expected[2, :, 0] = 1, 3
    np.testing.assert_array_equal(io.read_labels(tmp_path / "m.zarr")[0], expected)


# napari's settings still use what pydantic deprecates
@pytest.mark.filterwarnings("ignore:`json_encoders` is deprecated:DeprecationWarning")
def test_napari_opens_the_folder(tmp_path: Path) -> None:
    """Napari's own reader takes the levels as one multiscale layer."""
    from napari_builtins.io import magic_imread

    ids = painted(2, 70, 80)
    path = io.save_mask(tmp_path / "m.zarr", ids, classes=CLASSES, chunk=32)
    levels = magic_imread([str(path)])
    np.testing.assert_array_equal(np.asarray(levels[0]), to_mask(ids))


def test_more_than_five_axes_go_to_tiff(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"at most five axes, not 6 .NTZPYX.. Save as TIFF"):
        io.save_mask(tmp_path / "m.zarr", painted(1, 1, 1, 2, 3, 4), classes=CLASSES, axes="NTZPYX")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_mask_is_replaced_as_a_whole(tmp_path: Path, version: str) -> None:
    path = tmp_path / "m.zarr"
    io.save_mask(path, painted(2, 300, 300), classes=CLASSES, chunk=32)
    with pytest.raises(UserError, match=r"m.zarr exists already and is not overwritten.*--overwrite"):
        io.save_mask(path, painted(8, 9), classes=CLASSES)
    io.save_mask(path, painted(8, 9), classes=CLASSES, overwrite=True, version=version)
    np.testing.assert_array_equal(io.read_labels(path)[0], to_mask(painted(8, 9)))
    assert not (path / "1").exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.zarr"]


def test_what_is_no_mask_is_never_replaced(tmp_path: Path) -> None:
    home = tmp_path / "home.zarr"
    home.mkdir()
    (home / "thesis.txt").write_text("years of work")
    image = image_group(tmp_path / "image.zarr", np.ones((20, 30)), axes=[axis("y"), axis("x")])
    bare = tmp_path / "bare.zarr"
    zarr.create_array(str(bare), data=np.ones((3, 3)))
    mixed = io.save_mask(tmp_path / "mixed.zarr", painted(8, 9), classes=CLASSES)
    (mixed / "notes.txt").write_text("mine")
    file = tmp_path / "file.zarr"
    file.write_text("not a folder")
    for path, reason in (
        (home, "not an OME-Zarr folder"), (image, "not a mask but another zarr folder"),
        (bare, "not a mask but another zarr folder"), (mixed, r"also holds other things \(notes.txt\)"),
        (file, "not a folder"),
    ):
        before = sorted((entry, entry.stat().st_mtime_ns) for entry in path.rglob("*"))
        with pytest.raises(UserError, match=f"is not overwritten: it .*{reason}.*remove it yourself"):
            io.save_mask(path, painted(8, 9), classes=CLASSES, overwrite=True)
        assert sorted((entry, entry.stat().st_mtime_ns) for entry in path.rglob("*")) == before
