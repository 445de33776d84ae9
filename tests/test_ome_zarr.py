"""OME-Zarr: both versions, read and written; what we write is checked with plain zarr and against the specification."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from napari_unet import io
from napari_unet.core.classes import ClassTable, to_mask
from napari_unet.core.errors import UserError

CLASSES = ClassTable.named({1: "background", 2: "Zellkörper", 4: "axon"})
VERSIONS = ("0.4", "0.5")
RNG = np.random.default_rng(0)


def painted(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).choice(np.array([0, 1, 2, 4], np.uint8), size=shape)


def axis(name: str, kind: str = "space", unit: str = "micrometer") -> dict[str, str]:
    return {"name": name, "type": kind, **({"unit": unit} if kind == "space" else {})}


TCZYX = [axis("t", "time"), axis("c", "channel"), axis("z"), axis("y"), axis("x")]


def image_group(
    path: Path, data: np.ndarray, version: str = "0.4", axes: Any = TCZYX, scale: Any = None, **more: Any
) -> Path:
    """Write an image as other programs do: two levels."""
    group = zarr.open_group(str(path), mode="w", zarr_format=2 if version == "0.4" else 3)
    levels = [data, data[..., ::2, ::2]]
    for number, level in enumerate(levels):
        group.create_array(str(number), data=level, chunks=(*(1,) * (data.ndim - 2), 8, 8))
    steps = list(scale or (1,) * data.ndim)
    image = {
        "axes": axes,
        "datasets": [
            {"path": str(number), "coordinateTransformations": [
                {"type": "scale", "scale": [*steps[:-2], steps[-2] * 2**number, steps[-1] * 2**number]},
                {"type": "translation", "translation": [0.0] * data.ndim},
            ]}
            for number in range(2)
        ],
        **more,
    }
    if axes is None:
        del image["axes"]
    group.attrs.update({"multiscales": [{"version": "0.4", **image}]} if version == "0.4"
                       else {"ome": {"version": "0.5", "multiscales": [image]}})
    return path


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


# reading


@pytest.mark.parametrize("version", VERSIONS)
def test_an_image_is_read_lazily_at_full_resolution(tmp_path: Path, version: str) -> None:
    data = RNG.integers(0, 999, (2, 3, 4, 20, 30), dtype=np.uint16)
    path = image_group(tmp_path / "cells.ome.zarr", data, version, scale=(30, 1, 2.5, 0.5, 0.25))
    image = io.read_image(path)
    assert (image.name, image.axes, image.unit) == ("cells", "TCZYX", "micrometer")
    assert image.scale == (1, 2.5, 0.5, 0.25)
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
    assert "first series of the file" in image.note
    assert not np.asarray(image.data).any()


@pytest.mark.parametrize("kind", ["plate", "well"])
def test_plates_are_refused(tmp_path: Path, kind: str) -> None:
    zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=2).attrs[kind] = {"rows": []}
    with pytest.raises(UserError, match=r"a plate or a well with many images. Give the folder of one"):
        io.read_image(tmp_path / "a.zarr")


# saving

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
    known = dict(zip(axes, steps, strict=True)) | {"T": 1.0}
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
    for level, one in enumerate(image["datasets"]):
        array = group[one["path"]]
        step = 2**level
        np.testing.assert_array_equal(array[...], to_mask(ids)[:, ::step, ::step])
        assert array.chunks[0] == 1
        assert max(array.chunks) <= 32
        assert one["coordinateTransformations"] == [{"type": "scale", "scale": [3, 0.5 * step, 0.25 * step]}]
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


# overwriting


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


# damage


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
