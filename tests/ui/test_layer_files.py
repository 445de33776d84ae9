"""File > Open and File > Save: what arrives in a layer, what goes into a file, and what is left to other plugins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from napari.layers import Labels, Layer

from napari_unet import io
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import InputWarning, UserError
from napari_unet.core.geometry import Geometry
from napari_unet.ui.files import ExportPlan, get_reader, write_labels
from napari_unet.ui.layer_axes import channel_axis, image_of
from napari_unet.ui.layer_geometry import layer_geometry
from napari_unet.ui.layer_metadata import class_table, mark_layer, role_of, set_class_table

CLASSES = ClassTable.named({1: "background", 2: "Zellkern", 4: "axon"})
PLACE = Geometry("TZYX", (30.0, 2.5, 0.5, 0.25), "micrometer", (10.0, -4.0, 7.0, 8.0), "second")


def opened(path: Path) -> list[Any]:
    """Layers that napari makes of a file."""
    reader = get_reader(str(path))
    assert reader is not None
    return [Layer.create(*one) for one in reader(str(path))]


def units(layer: Any) -> list[str]:
    return [str(unit) for unit in layer.units]


def ids(*shape: int, values: tuple[int, ...] = (1, 2, 4)) -> np.ndarray:
    return np.random.default_rng(0).choice(np.array(values, np.uint8), size=shape)


def ngff(path: Path, data: np.ndarray, version: str = "0.4") -> Path:
    """Write an image of two levels, axes t c z y x, that lies somewhere."""
    group = zarr.open_group(str(path), mode="w", zarr_format=2 if version == "0.4" else 3)
    kinds = zip("tczyx", ("time", "channel", "space", "space", "space"), strict=True)
    axes = [{"name": name, "type": kind, **({"unit": {"time": "second"}.get(kind, "micrometer")}
             if kind != "channel" else {})} for name, kind in kinds]
    datasets = []
    for level in range(2):
        group.create_array(str(level), data=data[..., :: 2**level, :: 2**level], chunks=(1, 1, 1, 8, 8))
        datasets.append({"path": str(level), "coordinateTransformations": [
            {"type": "scale", "scale": [30, 1, 2.5, 0.5 * 2**level, 0.25 * 2**level]},
            {"type": "translation", "translation": [10, 0, -4, 7, 8]}]})
    image = {"axes": axes, "datasets": datasets}
    group.attrs.update({"multiscales": [{"version": "0.4", **image}]} if version == "0.4"
                       else {"ome": {"version": "0.5", "multiscales": [image]}})
    return path


# -- images ----------------------------------------------------------------------------------------------------------


def test_an_imagej_file_arrives_with_voxel_size_unit_and_time_step(tmp_path: Path) -> None:
    data = np.arange(2 * 3 * 4 * 8 * 9, dtype=np.uint16).reshape(2, 3, 4, 8, 9)
    tifffile.imwrite(tmp_path / "a.tif", data, imagej=True, resolution=(4, 2), metadata={
        "axes": "TZCYX", "unit": "um", "spacing": 2.5, "finterval": 30, "xorigin": -32, "yorigin": -14})
    (layer,) = opened(tmp_path / "a.tif")
    assert (layer.name, layer.axis_labels) == ("a", ("t", "z", "c", "y", "x"))
    assert tuple(layer.scale) == pytest.approx((30, 2.5, 1, 0.5, 0.25))
    assert tuple(layer.translate) == pytest.approx((0, 0, 0, 7, 8))
    assert units(layer) == ["second", "micrometer", "pixel", "micrometer", "micrometer"]
    assert channel_axis(layer) == 2, "channels stay one axis, which the docks know"
    np.testing.assert_array_equal(layer.data, data)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_an_ome_zarr_image_arrives_in_all_its_resolutions(tmp_path: Path, version: str) -> None:
    data = np.random.default_rng(0).integers(0, 999, (2, 3, 4, 20, 30), dtype=np.uint16)
    (layer,) = opened(ngff(tmp_path / "cells.ome.zarr", data, version))
    assert layer.multiscale
    assert [level.shape for level in layer.data] == [(2, 3, 4, 20, 30), (2, 3, 4, 10, 15)]
    np.testing.assert_array_equal(np.asarray(layer.data[0]), data)
    assert tuple(layer.scale) == (30, 1, 2.5, 0.5, 0.25)
    assert tuple(layer.translate) == (10, 0, -4, 7, 8)
    assert units(layer)[0] == "second"
    assert layer.axis_labels == ("t", "c", "z", "y", "x")


@pytest.mark.parametrize("colour", [False, True])
def test_a_large_tiled_tiff_arrives_in_all_its_resolutions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, colour: bool
) -> None:
    pytest.importorskip("tifffile", minversion="2025.5.21")  # older ones do not know zarr 3
    monkeypatch.setattr("napari_unet.io._tiff_by_tile.LARGE", 1000)
    data = np.random.default_rng(0).integers(0, 255, (200, 300, 3) if colour else (200, 300)).astype(np.uint8)
    options: dict[str, Any] = {"tile": (64, 64), "compression": "zlib",
                               "photometric": "rgb" if colour else "minisblack"}
    with tifffile.TiffWriter(tmp_path / "slide.tif") as tiff:
        tiff.write(data, subifds=2, **options)
        for by in (2, 4):
            tiff.write(data[::by, ::by], subfiletype=1, **options)
    (layer,) = opened(tmp_path / "slide.tif")
    assert layer.multiscale
    assert layer.rgb == colour
    assert [level.shape[:2] for level in layer.data] == [(200, 300), (100, 150), (50, 75)]
    for by, level in zip((1, 2, 4), layer.data, strict=True):
        np.testing.assert_array_equal(np.asarray(level), data[::by, ::by])


@pytest.mark.parametrize(
    ("shape", "dtype", "axes", "expected", "rgb"),
    [((8, 9, 3), np.uint8, None, (8, 9, 3), True), ((5, 8, 9), np.float32, None, (5, 8, 9), False),
     ((8, 9, 2), np.uint8, "YXC", (2, 8, 9), False), ((2, 3, 2, 8, 9), np.uint8, None, (2, 3, 2, 8, 9), False),
     ((4, 1, 8, 9), np.uint8, "TZYX", (4, 8, 9), False)],
)
def test_rows_and_columns_are_last_and_colour_is_colour(
    tmp_path: Path, shape: tuple[int, ...], dtype: Any, axes: str | None, expected: tuple[int, ...], rgb: bool
) -> None:
    data = np.random.default_rng(0).integers(0, 255, shape).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="rgb" if rgb else "minisblack",
                     metadata={"axes": axes} if axes else {})
    (layer,) = opened(tmp_path / "a.tif")
    assert layer.data.shape == expected
    assert getattr(layer, "rgb", False) is rgb
    assert layer.name == "a"


def test_what_is_none_of_its_business_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"II*\0 but a picture")
    (tmp_path / "text.tif").write_text("no picture")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "note.txt").write_text("mine")
    zarr.create_array(str(tmp_path / "bare.zarr"), data=np.ones((3, 3)))
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((8, 9), np.uint8))
    for name in ("a.png", "text.tif", "folder", "bare.zarr", "missing.tif", "missing.zarr"):
        assert get_reader(str(tmp_path / name)) is None, name
    assert get_reader([str(tmp_path / "a.tif")] * 2) is None
    assert get_reader(str(tmp_path / "a.tif")) is not None


def test_a_damaged_file_is_said_in_a_sentence(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((800, 900), np.uint8))
    whole = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(whole[: len(whole) // 2])
    reader = get_reader(str(tmp_path / "a.tif"))
    assert reader is not None
    with pytest.raises(UserError, match=r"a.tif is truncated"):
        reader(str(tmp_path / "a.tif"))


# -- masks and strokes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["m.tif", "m.ome.zarr"])
def test_masks_come_back_as_results(tmp_path: Path, name: str) -> None:
    painted = ids(2, 3, 20, 30)
    io.save_mask(tmp_path / name, painted, classes=CLASSES, geometry=PLACE)
    (layer,) = opened(tmp_path / name)
    assert isinstance(layer, Labels)
    np.testing.assert_array_equal(layer.data, painted)
    assert class_table(layer) == CLASSES
    assert role_of(layer) == "result"
    assert layer_geometry(layer) == PLACE
    np.testing.assert_allclose(layer.get_color(2), [0.902, 0.624, 0, 1], atol=0.01)
    assert layer.get_color(1)[3] == 0, "a result lets the image shine through its background"


def test_a_large_mask_is_read_where_it_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_unet.ui.files.layer_reader.LARGEST_LABELS", 1000)
    painted = ids(3, 700, 800)
    io.save_mask(tmp_path / "m.ome.zarr", painted, classes=CLASSES, geometry=Geometry("ZYX", (1.0, 1.0, 1.0)))
    (layer,) = opened(tmp_path / "m.ome.zarr")
    assert layer.multiscale
    assert not isinstance(layer.data[0], np.ndarray)
    np.testing.assert_array_equal(np.asarray(layer.data[0]), painted)
    assert (class_table(layer), role_of(layer)) == (CLASSES, "result")


@pytest.mark.parametrize("name", ["m.tif", "m.ome.zarr"])
def test_strokes_come_back_as_strokes(tmp_path: Path, name: str) -> None:
    painted = ids(2, 3, 20, 30, values=(0, 0, 1, 2, 4))
    io.save_mask(tmp_path / name, painted, classes=CLASSES, geometry=PLACE, code="painted")
    (layer,) = opened(tmp_path / name)
    np.testing.assert_array_equal(layer.data, painted)
    assert (role_of(layer), class_table(layer)) == ("strokes", CLASSES)
    assert layer.get_color(1)[3] == 1


def test_the_role_that_was_saved_is_believed(tmp_path: Path) -> None:
    full = np.ones((8, 9), np.uint8)
    io.save_mask(tmp_path / "m.tif", full, classes=CLASSES, code="painted", role="strokes")
    assert role_of(opened(tmp_path / "m.tif")[0]) == "strokes"


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_labels_inside_an_image_come_with_it(tmp_path: Path, version: str) -> None:
    data = np.random.default_rng(0).integers(0, 999, (2, 3, 4, 20, 30), dtype=np.uint16)
    path = ngff(tmp_path / "cells.ome.zarr", data, version)
    painted = ids(2, 4, 20, 30)
    io.save_mask(path / "labels" / "nuclei", painted, classes=CLASSES, geometry=io.read_image(path).geometry)
    image, layer = opened(path)
    assert (image.name, layer.name, role_of(layer)) == ("cells", "nuclei", "result")
    np.testing.assert_array_equal(layer.data, painted)
    # both lie on each other: channels aside, the same steps and offset
    assert tuple(layer.scale) == tuple(np.delete(image.scale, 1))
    assert tuple(layer.translate) == tuple(np.delete(image.translate, 1))


def test_labels_of_another_program_keep_values_and_colours(tmp_path: Path) -> None:
    path = io.save_mask(tmp_path / "m.zarr", ids(20, 30), classes=CLASSES, axes="YX")
    group = zarr.open_group(str(path), mode="a")
    attributes = group.attrs.asdict()
    del attributes["napari_unet"]
    group.attrs.put(attributes)
    (layer,) = opened(path)
    np.testing.assert_array_equal(layer.data, ids(20, 30) - 1)
    assert (role_of(layer), class_table(layer)) == ("", None)
    np.testing.assert_allclose(layer.get_color(1), [0.902, 0.624, 0, 1], atol=0.01)


# -- saving ----------------------------------------------------------------------------------------------------------


def ours(data: np.ndarray, role: str, **place: Any) -> Labels:
    layer = Labels(data, name=f"cells {role}", **place)
    set_class_table(layer, CLASSES, background=role == "strokes")
    mark_layer(layer, role, "cells")
    return layer


@pytest.mark.parametrize("name", ["a.tif", "a.tiff", "a.ome.zarr", "a.zarr"])
@pytest.mark.parametrize("role", ["strokes", "prediction", "result"])
def test_a_layer_that_is_saved_comes_back_as_it_was(tmp_path: Path, name: str, role: str) -> None:
    data = ids(2, 3, 20, 30, values=(0, 1, 2, 4) if role == "strokes" else (1, 2, 4))
    layer = ours(data, role, scale=PLACE.scale, translate=PLACE.translate, units=PLACE.units, axis_labels=tuple("tzyx"))
    assert write_labels(str(tmp_path / name), [layer.as_layer_data_tuple()]) == [str(tmp_path / name)]
    (back,) = opened(tmp_path / name)
    np.testing.assert_array_equal(back.data, data)
    assert (role_of(back), class_table(back), layer_geometry(back)) == (role, CLASSES, PLACE)


def test_single_objects_keep_their_numbers(tmp_path: Path) -> None:
    for number, (largest, dtype) in enumerate([(200, np.uint8), (3000, np.uint16), (70000, np.uint32)]):
        data = np.zeros((20, 30), np.int64)
        data[3:8, 4:9], data[10:, 3:5] = 1, largest
        for name in (f"{number}.tif", f"{number}.zarr"):
            write_labels(str(tmp_path / name), [Labels(data, scale=(0.5, 0.25), units="um").as_layer_data_tuple()])
            (back,) = opened(tmp_path / name)
            assert isinstance(back, Labels)
            np.testing.assert_array_equal(back.data, data)
            assert (back.data.dtype, class_table(back), tuple(back.scale)) == (dtype, None, (0.5, 0.25))
            np.testing.assert_array_equal(io.read_labels(tmp_path / name)[0], data)


def test_several_layers_get_files_of_their_own(tmp_path: Path) -> None:
    layers = [ours(ids(8, 9), "result"), ours(ids(8, 9), "prediction")]
    written = write_labels(str(tmp_path / "a.tif"), [one.as_layer_data_tuple() for one in layers])
    assert [Path(one).name for one in written] == ["a_cells_result.tif", "a_cells_prediction.tif"]
    assert [role_of(opened(Path(one))[0]) for one in written] == ["result", "prediction"]


def test_a_folder_is_never_replaced_unasked(tmp_path: Path) -> None:
    layer = ours(ids(8, 9), "result").as_layer_data_tuple()
    write_labels(str(tmp_path / "a.zarr"), [layer])
    with pytest.raises(UserError, match=r"a.zarr exists already and is not overwritten"):
        write_labels(str(tmp_path / "a.zarr"), [layer])


@pytest.mark.parametrize("name", ["a.tif", "a.zarr"])
@pytest.mark.parametrize(
    ("place", "said"),
    [({"rotate": 30}, "rotation"), ({"shear": [0.3]}, "shear"), ({"scale": (-0.5, 0.25)}, "flip"),
     ({"affine": [[0, 2, 5], [1, 0, 6], [0, 0, 1]]}, "shear, flip")],
)
def test_a_rotation_is_said_and_comes_back(tmp_path: Path, name: str, place: dict[str, Any], said: str) -> None:
    layer = ours(ids(8, 9), "result", **{"scale": (0.5, 0.25), "translate": (3, 4), "units": "um", **place})
    with pytest.warns(InputWarning, match=rf"The {said} of the layer cannot be written in this format"):
        write_labels(str(tmp_path / name), [layer.as_layer_data_tuple()])
    (back,) = opened(tmp_path / name)
    for corner in ((0, 0), (7, 0), (0, 8), (3, 5)):
        np.testing.assert_allclose(back.data_to_world(corner), layer.data_to_world(corner), atol=1e-6)


def test_stretching_by_an_affine_is_just_another_step(tmp_path: Path) -> None:
    layer = ours(ids(8, 9), "result", scale=(0.5, 0.25), translate=(3, 4), units="um",
                 affine=[[2, 0, 1], [0, 3, 2], [0, 0, 1]])
    assert layer_geometry(layer) == Geometry("YX", (1, 0.75), "micrometer", (7, 14))
    assert ExportPlan(layer, tmp_path / "a.tif").save().note == ""


def test_units_that_differ_become_those_of_x() -> None:
    layer = Labels(np.zeros((3, 2, 8, 9), np.uint8), scale=(2, 500, 1, 0.5), translate=(1, 1000, 0, 2),
                   units=("minute", "nanometer", "micrometer", "micrometer"), axis_labels=("t", "z", "y", "x"))
    assert layer_geometry(layer) == Geometry(
        "TZYX", (2, 0.5, 1, 0.5), "micrometer", (1, 1, 0, 2), "minute")


def test_the_place_of_the_channels_is_left_out(tmp_path: Path) -> None:
    """Strokes on (Z, C, Y, X) have an axis of size 1 where the channels are."""
    layer = ours(ids(3, 1, 8, 9), "result", scale=(2, 3, 0.5, 0.25), axis_labels=("z", "c", "y", "x"))
    ExportPlan(layer, tmp_path / "a.zarr").save()
    labels, _ = io.read_labels(tmp_path / "a.zarr")
    np.testing.assert_array_equal(labels, ids(3, 1, 8, 9)[:, 0] - 1)
    assert io.read_image(tmp_path / "a.zarr").geometry == Geometry("ZYX", (2, 0.5, 0.25))


def test_what_the_file_says_of_no_data_reaches_the_methods(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(90, 200, (40, 50)).astype(np.int16)
    data[:6] = 100
    tifffile.imwrite(tmp_path / "a.tif", data, extratags=[(42113, 2, 0, "100", True)])
    (layer,) = opened(tmp_path / "a.tif")
    np.testing.assert_array_equal(np.isnan(image_of(layer).plane(0)[0]), data == 100)


def test_the_window_says_that_a_palette_was_applied(tmp_path: Path) -> None:
    indices = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
    colours = np.random.default_rng(1).integers(0, 2**16, (3, 256), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", indices, photometric="palette", colormap=colours)
    with pytest.warns(InputWarning, match=r"a\.tif: its palette was applied"):
        (layer,) = opened(tmp_path / "a.tif")
    assert layer.rgb
    np.testing.assert_array_equal(layer.data, (colours >> 8).T[indices])
