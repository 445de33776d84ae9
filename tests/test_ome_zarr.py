"""OME-Zarr of other programs: axes, levels, labels, damage."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from ome_zarr_scene import TCZYX, VERSIONS, axis, image_group

from napari_unet import io
from napari_unet.core.errors import UserError

RNG = np.random.default_rng(0)


def label_group(path: Path, labels: np.ndarray, version: str, names: dict[int, str]) -> Path:
    """Write labels as other programs do, into an image."""
    axes = [axis(letter) for letter in "zyx"[-labels.ndim:]]
    image_group(path, labels, version, axes)
    group = zarr.open_group(str(path), mode="r+")
    label = {"properties": [{"label-value": value, "name": name} for value, name in names.items()],
             "colors": [{"label-value": 1, "rgba": [255, 0, 128, 255]}]}
    if version == "0.4":
        group.attrs["image-label"] = {"version": "0.4", **label}
    else:
        group.attrs["ome"] = {**group.attrs["ome"], "image-label": label}
    return path


@pytest.mark.parametrize("version", VERSIONS)
def test_an_image_is_read_lazily_at_full_resolution(tmp_path: Path, version: str) -> None:
    data = RNG.integers(0, 999, (2, 3, 4, 20, 30), dtype=np.uint16)
    path = image_group(tmp_path / "cells.ome.zarr", data, version, scale=(30, 1, 2.5, 0.5, 0.25))
    image = io.read_image(path)
    assert (image.name, image.axes, image.unit) == ("cells", "TCZYX", "micrometer")
    assert image.scale == (30, 2.5, 0.5, 0.25)
    assert image.note == "axes TCZYX (from the file's metadata); full resolution of 2 levels"
    assert not isinstance(image.data, np.ndarray)
    for number in (0, 5, 7):
        np.testing.assert_array_equal(image.plane(number), data[number // 4, :, number % 4])
    np.testing.assert_array_equal(np.asarray(image.data), data)
    np.testing.assert_array_equal(image.data[1, ..., 3:5], data[1, ..., 3:5])


@pytest.mark.parametrize("version", VERSIONS)
def test_axes_of_one_are_dropped_unless_named(tmp_path: Path, version: str) -> None:
    data = RNG.integers(0, 999, (1, 2, 1, 20, 30), dtype=np.uint16)
    path = image_group(tmp_path / "a.zarr", data, version)
    image = io.read_image(path)
    assert (image.axes, image.shape) == ("CYX", (20, 30))
    np.testing.assert_array_equal(image.plane(0), data[0, :, 0])
    np.testing.assert_array_equal(image.data[1, 3:5], data[0, 1, 0, 3:5])
    assert io.read_image(path, "TCZYX").shape == (1, 1, 20, 30)


def test_a_chosen_level_knows_its_scale(tmp_path: Path) -> None:
    path = image_group(tmp_path / "a.zarr", np.zeros((3, 20, 30)), axes=[axis("z"), axis("y"), axis("x")],
                       scale=(2, 0.5, 0.5))
    image = io.read_image(path / "1")
    assert (image.axes, image.shape, image.scale) == ("ZYX", (3, 10, 15), (2, 1, 1))
    assert "level 1 of its image" in image.note


def test_units_of_axes_are_brought_to_that_of_x(tmp_path: Path) -> None:
    axes = [axis("z", unit="micrometer"), axis("y", unit="nanometer"), axis("x", unit="nanometer")]
    image = io.read_image(image_group(tmp_path / "a.zarr", np.zeros((3, 20, 30)), axes=axes, scale=(0.3, 100, 100)))
    assert image.scale == pytest.approx((300, 100, 100))
    assert image.unit == "nanometer"


def test_the_scale_of_the_whole_image_multiplies(tmp_path: Path) -> None:
    path = image_group(tmp_path / "a.zarr", np.zeros((20, 30)), axes=[axis("y"), axis("x")], scale=(2, 3),
                       coordinateTransformations=[{"type": "scale", "scale": [0.5, 0.5]}])
    assert io.read_image(path).scale == (1, 1.5)


@pytest.mark.parametrize(
    ("axes", "ndim", "letters"),
    [
        (None, 5, "TCZYX"),  # version 0.2
        (["z", "y", "x"], 3, "ZYX"),  # version 0.3
        ([{"name": "time", "type": "time"}, {"name": "y"}, {"name": "x"}], 3, "TYX"),
        ([{"name": "ch", "type": "channel"}, axis("y"), axis("x")], 3, "CYX"),
        ([{"name": "position"}, axis("y"), axis("x")], 3, "NYX"),
        ([{"name": "n"}, axis("y"), axis("x")], 3, "NYX"),
    ],
)
def test_axes_of_all_versions(tmp_path: Path, axes: Any, ndim: int, letters: str) -> None:
    shape = (2, 3, 4, 20, 30)[-ndim:]
    assert io.read_image(image_group(tmp_path / "a.zarr", np.zeros(shape), axes=axes)).axes == letters


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_bare_arrays_follow_the_rules_for_axes(tmp_path: Path, zarr_format: Any) -> None:
    for name, shape, letters in (("a", (5, 8, 9), "NYX"), ("b", (8, 9, 3), "YXC"), ("c", (1, 8, 9), "YX")):
        data = RNG.random(shape)
        zarr.create_array(str(tmp_path / f"{name}.zarr"), data=data, zarr_format=zarr_format)
        image = io.read_image(tmp_path / f"{name}.zarr")
        assert image.axes == letters
        np.testing.assert_array_equal(np.asarray(image.data), data.reshape(image.data.shape))


def test_names_of_dimensions_are_metadata(tmp_path: Path) -> None:
    zarr.create_array(str(tmp_path / "a"), data=np.zeros((2, 5, 8, 9)), dimension_names=("c", "time", "dim_y", "dim_x"))
    assert io.read_image(tmp_path / "a").axes == "CTYX"
    array = zarr.create_array(str(tmp_path / "b"), data=np.zeros((5, 8, 9)), zarr_format=2)
    array.attrs["_ARRAY_DIMENSIONS"] = ["z", "y", "x"]
    assert io.read_image(tmp_path / "b").axes == "ZYX"


@pytest.mark.parametrize("dtype", ["?", "u1", "i2", ">u2", "u4", "i8", "u8", "e", "f", ">f", "d"])
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_pixels_of_all_types(tmp_path: Path, dtype: str, zarr_format: Any) -> None:
    data = (RNG.random((3, 9, 8)) * 9).astype(dtype)
    array = zarr.create_array(
        str(tmp_path / "a"), shape=data.shape, dtype=data.dtype if zarr_format == 2 else data.dtype.newbyteorder("="),
        chunks=(1, 4, 4), zarr_format=zarr_format,
    )
    array[...] = data
    image = io.read_image(tmp_path / "a")
    np.testing.assert_array_equal(image.plane(2)[0], data[2].astype(np.float32))


@pytest.mark.parametrize("version", VERSIONS)
def test_labels_of_other_programs(tmp_path: Path, version: str) -> None:
    names = {1: "cell", 2: "cell", 3: ""}
    labels = RNG.integers(0, 4, (3, 20, 30), dtype=np.int32)
    image = image_group(tmp_path / "a.zarr", np.zeros((3, 20, 30)), version, [axis("z"), axis("y"), axis("x")])
    label_group(image / "labels" / "nuclei", labels, version, names)
    for path in (image / "labels" / "nuclei", image, image / "labels" / "nuclei" / "0"):
        got, classes = io.read_labels(path)
        np.testing.assert_array_equal(got, labels)
        assert classes is not None
        assert [(one.id, one.name) for one in classes.classes] == [
            (1, "background"), (2, "cell"), (3, "cell (id 3)"), (4, "class 4"),
        ]
        assert classes.color(2) == "#ff0080"
    assert io.read_image(image).data.dtype == float
    label_group(image / "labels" / "axons", labels, version, names)
    with pytest.raises(UserError, match=r"several labels. Say which: .*labels/axons, .*labels/nuclei"):
        io.read_labels(image)


def test_a_group_of_one_is_read_and_of_several_asked_for(tmp_path: Path) -> None:
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    group.create_array("first", data=np.ones((8, 9)))
    assert io.read_image(tmp_path / "a.zarr").shape == (8, 9)
    group.create_array("second", data=np.ones((8, 9)))
    with pytest.raises(UserError, match=r"holds several arrays or images. Say which: .*first, .*second"):
        io.read_image(tmp_path / "a.zarr")


def test_the_first_series_of_bioformats2raw(tmp_path: Path) -> None:
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=2)
    group.attrs["bioformats2raw.layout"] = 3
    for number in range(2):
        image_group(tmp_path / "a.zarr" / str(number), np.full((20, 30), number), axes=[axis("y"), axis("x")])
    image = io.read_image(tmp_path / "a.zarr")
    assert "first of 2 series of the file" in image.note
    assert not np.asarray(image.data).any()


@pytest.mark.parametrize("kind", ["plate", "well"])
def test_plates_are_refused(tmp_path: Path, kind: str) -> None:
    zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=2).attrs[kind] = {"rows": []}
    with pytest.raises(UserError, match=r"a plate or a well with many images. Give the folder of one"):
        io.read_image(tmp_path / "a.zarr")


def test_a_damaged_block_is_named_when_it_is_read(tmp_path: Path) -> None:
    path = image_group(tmp_path / "a.zarr", RNG.random((3, 20, 30)), axes=[axis("z"), axis("y"), axis("x")])
    image = io.read_image(path)
    (path / "0" / "1.0.0").write_bytes(b"nonsense")
    image.plane(0)
    with pytest.raises(UserError, match=r"a.zarr is damaged: part of it could not be read"):
        image.plane(1)


@pytest.mark.parametrize("text", ["", "hello", "[]", '{"zarr_format": 9}', '{"zarr_format": 2, "shape": [3]}'])
@pytest.mark.parametrize("mark", [".zgroup", ".zarray", "zarr.json"])
def test_nonsense_for_metadata(tmp_path: Path, text: str, mark: str) -> None:
    folder = tmp_path / "a.zarr"
    folder.mkdir()
    (folder / mark).write_text(text)
    with pytest.raises(UserError, match=r"a\.zarr .*(could not be read as zarr|without an image).*OME-Zarr image"):
        io.read_image(folder)


@pytest.mark.parametrize(
    "multiscales",
    [
        [{"axes": TCZYX, "datasets": [{"path": "7"}]}], [{"axes": TCZYX, "datasets": [{}]}],
        [{"axes": "zyx", "datasets": [{"path": "0", "coordinateTransformations": [3]}]}],
        [{"axes": [axis("z"), axis("y"), axis("x")], "datasets": [{"path": "0", "coordinateTransformations": 5}]}],
    ],
)
def test_nonsense_for_multiscales(tmp_path: Path, multiscales: Any) -> None:
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=2)
    group.create_array("0", data=np.zeros((2, 3, 4)))
    group.attrs["multiscales"] = multiscales
    with pytest.raises(UserError, match=r"a\.zarr.*OME-Zarr image"):
        io.read_image(tmp_path / "a.zarr")


class Trap:
    """What a pickle of this does when it is loaded: it leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize(
    "codec",
    [
        {"dtype": "|O", "filters": [{"id": "pickle"}], "compressor": None},
        {"dtype": "<f4", "filters": [{"id": "pickle"}], "compressor": None},
        {"dtype": "<f4", "filters": None, "compressor": {"id": "pickle"}},
        {"dtype": "<f4", "filters": [{"id": "pickle"}, {"id": "delta", "dtype": "<f4"}], "compressor": None},
    ],
    ids=str,
)
def test_pickles_are_never_loaded(tmp_path: Path, codec: dict[str, Any]) -> None:
    folder, sprung = tmp_path / "a.zarr", tmp_path / "sprung"
    folder.mkdir()
    metadata = {"zarr_format": 2, "shape": [4, 4], "chunks": [4, 4], "fill_value": 0, "order": "C", **codec}
    (folder / ".zarray").write_text(json.dumps(metadata))
    (folder / "0.0").write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(UserError, match=r"a.zarr (could not be read as zarr|holds pickled objects)"):
        np.asarray(io.read_image(folder).data)
    assert not sprung.exists()
