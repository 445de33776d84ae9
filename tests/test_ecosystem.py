"""What we write is valid, and other programs find in it what we put there: values, steps, offsets, units, names."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from ecosystem_scene import bioio_image, level_geometry, ngff_zarr, ome_zarr_nodes, validate
from hypothesis import given, settings
from hypothesis import strategies as st
from ome_zarr_scene import VERSIONS, image_group

from napari_unet import io
from napari_unet.core.classes import ClassTable, to_mask
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.objects.object_map import ObjectMap

# other packages' own affairs
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

CLASSES = ClassTable.named({1: "background", 2: "Zellkern", 4: "axon"})
ALONE = ClassTable.named({1: "background"})
AXES = ("YX", "NYX", "ZYX", "TYX", "TZYX", "ZTYX", "NTYX", "NZYX", "TNZYX", "ZNTYX", "QYX")
UNITS = st.sampled_from(["pixel", "nanometer", "micrometer", "millimeter"])
TIMES = st.sampled_from(["pixel", "millisecond", "second", "minute", "hour"])
STEPS = st.one_of(st.floats(1e-3, 1e4), st.floats(1e-12, 1e12))
OFFSETS = st.one_of(st.just(0.0), st.floats(-1e5, 1e5).filter(lambda value: abs(value) > 1e-3))


@st.composite
def geometries(draw: st.DrawFn, axes: tuple[str, ...] = AXES) -> Geometry:
    """Any steps and offsets along any axes."""
    letters = draw(st.sampled_from(axes))
    steps = draw(st.tuples(*[STEPS] * len(letters)))
    return Geometry(letters, steps, draw(UNITS), draw(st.tuples(*[OFFSETS] * len(letters))), draw(TIMES))


def shape_for(axes: str) -> tuple[int, ...]:
    return (*(2, 3, 2)[: len(axes) - 2], 6, 7)


def painted(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(sum(shape)).choice(np.array([0, 1, 2, 4], np.uint8), size=shape)


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp())
    yield made
    shutil.rmtree(made)


def assert_same(found: Geometry, expected: Geometry, axes: str = "") -> None:
    """Compare to 1e-6 of the value, or of the step for an offset."""
    for letter in axes or expected.axes:
        here, there = found.axes.index(letter), expected.axes.index(letter)
        assert found.scale[here] == pytest.approx(expected.scale[there], rel=1e-6), letter
        assert found.translate[here] == pytest.approx(
            expected.translate[there], rel=1e-6, abs=1e-6 * expected.scale[there]), letter


@settings(max_examples=60, deadline=None)
@given(place=geometries(), version=st.sampled_from(VERSIONS), code=st.sampled_from(["mask", "painted", "objects"]),
       dtype=st.sampled_from(["uint8", "uint16", "uint32"]))
def test_masks_in_ome_zarr(place: Geometry, version: str, code: io.SavedCode, dtype: str) -> None:
    values = painted(shape_for(place.axes))
    expected = to_mask(values) if code == "mask" else values
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.ome.zarr"
        io.save_mask(path, values, classes=CLASSES if code != "objects" else ClassTable(()), geometry=place, code=code,
                     dtype=dtype if code == "objects" else "uint8", version=version, chunk=16)
        validate(path, version)
        (node,) = ome_zarr_nodes(path)
        axes, steps, offsets = level_geometry(node)
        order = [place.axes.index(letter) for letter in axes.upper()]
        np.testing.assert_allclose(steps, np.array(place.scale)[order], rtol=1e-6)
        np.testing.assert_allclose(offsets, np.array(place.translate)[order], rtol=1e-6)
        np.testing.assert_array_equal(np.asarray(node.data[0]), expected.transpose(order))
        units = {one["name"].upper(): one.get("unit", "pixel") for one in node.metadata["axes"]}
        assert units == dict(zip(place.axes, place.units, strict=True))
        image = io.read_image(path)
        if sorted(image.axes) == sorted(place.axes):
            assert_same(image.geometry, place)
        assert (image.unit, image.time_unit) == (place.unit, place.time_unit if "T" in place.axes else "pixel")
        np.testing.assert_array_equal(io.read_labels(path, place.axes)[0], expected)


@settings(max_examples=60, deadline=None)
@given(place=geometries((*AXES, "PQYX", "NTZPYX")), code=st.sampled_from(["mask", "painted", "objects"]),
       dtype=st.sampled_from(["uint8", "uint16", "uint32"]))
def test_masks_in_tiff(place: Geometry, code: io.SavedCode, dtype: str) -> None:
    values = painted((2,) * (len(place.axes) - 2) + (6, 7))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.tif"
        io.save_mask(path, values, classes=CLASSES if code != "objects" else ClassTable(()), geometry=place, code=code,
                     dtype=dtype if code == "objects" else "uint8")
        expected = to_mask(values) if code == "mask" else values
        np.testing.assert_array_equal(io.read_labels(path, place.axes)[0], expected)
        found = io.read_image(path, place.axes)
        assert_same(found.geometry, place)
        assert (found.unit, found.time_unit) == (place.unit, place.time_unit)
        with tifffile.TiffFile(path) as tiff:
            if tiff.is_imagej:  # what Fiji finds without knowing us
                told = tiff.imagej_metadata
                tags = tiff.pages.first.tags
                across = tags["XResolution"].value
                assert across[1] / across[0] == pytest.approx(place.scale[-1], rel=1e-6)
                assert told.get("xorigin", 0.0) == pytest.approx(-place.translate[-1] / place.scale[-1], rel=1e-6)
                seconds = {"millisecond": 1e-3, "second": 1, "minute": 60, "hour": 3600}.get(place.time_unit)
                if "T" in place.axes and seconds:
                    step = place.scale[place.axes.index("T")]
                    assert told["finterval"] == pytest.approx(step * seconds, rel=1e-6)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("axes", ["YX", "TZYX"])
def test_objects_with_their_classes(folder: Path, axes: str, version: str) -> None:
    numbers = painted(shape_for(axes)).astype(np.uint32) * 3
    found = ObjectMap.of(numbers, {3: 2, 6: 4, 12: 2})
    path = io.save_objects(folder / "o.ome.zarr", found, classes=CLASSES, geometry=Geometry(axes), version=version)
    validate(path, version)
    (node,) = ome_zarr_nodes(path)
    np.testing.assert_array_equal(np.asarray(node.data[0]), numbers)
    assert {value: one["class"] for value, one in node.metadata["properties"].items()} == {
        3: "Zellkern", 6: "axon", 12: "Zellkern"}
    assert validate(io.save_objects(folder / "none.zarr", ObjectMap.of(0 * numbers), classes=CLASSES,
                                    geometry=Geometry(axes), version=version), version) is None


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("axes", ["NZYX", "YX", "TZYX"])
def test_a_mask_with_background_alone_is_valid(folder: Path, axes: str, version: str) -> None:
    path = io.save_mask(folder / "m.zarr", np.ones(shape_for(axes), np.uint8), classes=ALONE, axes=axes,
                        version=version)
    validate(path, version)
    attributes = zarr.open_group(str(path), mode="r").attrs.asdict()
    label = attributes["image-label"] if version == "0.4" else attributes["ome"]["image-label"]
    assert not {"colors", "properties"} & set(label)


def test_the_schema_would_notice(folder: Path) -> None:
    """The check that the others rely on: an axis without a type, and an empty list."""
    path = io.save_mask(folder / "m.zarr", np.ones((2, 3, 6, 7), np.uint8), classes=ALONE, axes="NZYX")
    group = zarr.open_group(str(path), mode="a")
    attributes = group.attrs.asdict()
    del attributes["multiscales"][0]["axes"][0]["type"]
    group.attrs.put(attributes)
    with pytest.raises(Exception, match=r"axes|type|valid"):
        ngff_zarr.from_ngff_zarr(str(path), validate=True, version="0.4")


@pytest.mark.parametrize("axes", ["PQYX", "PQCYX"])
def test_two_axes_that_the_format_has_no_word_for_are_refused(folder: Path, axes: str) -> None:
    with pytest.raises(UserError, match=r"one axis more; the axes .* have [23] others .*save as TIFF"):
        io.save_mask(folder / "m.zarr", np.ones(shape_for(axes), np.uint8), classes=ALONE, axes=axes)
    assert not list(folder.iterdir())


@pytest.mark.parametrize("version", VERSIONS)
def test_bioio_reads_masks(folder: Path, version: str) -> None:
    values = painted((2, 3, 40, 50))
    place = Geometry("TZYX", (30.0, 2.5, 0.5, 0.25), "micrometer", (1.0, 2.0, 3.0, 4.0), "second")
    for name in ("m.tif", "m.ome.zarr"):
        io.save_mask(folder / name, values, classes=CLASSES, geometry=place, version=version)
        image = bioio_image(folder / name)
        assert image.physical_pixel_sizes == pytest.approx((2.5, 0.5, 0.25))
        np.testing.assert_array_equal(image.get_image_data("TZYX"), to_mask(values))
    assert image.scale.T == 30  # its TIFF reader looks for no time step


@pytest.mark.parametrize("version", VERSIONS)
def test_labels_inside_an_image_are_found_by_others(folder: Path, version: str) -> None:
    data = np.random.default_rng(0).integers(0, 999, (2, 3, 4, 20, 31), dtype=np.uint16)
    path = image_group(folder / "i.ome.zarr", data, version, scale=(30, 1, 2.5, 0.5, 0.25))
    values = painted((2, 4, 20, 31))
    io.save_mask(path / "labels" / "cells", values, classes=CLASSES, geometry=io.read_image(path).geometry)
    validate(path / "labels" / "cells", version)
    image, labels = ome_zarr_nodes(path)
    np.testing.assert_array_equal(np.asarray(labels.data[0]), to_mask(values))
    assert [level.shape[-2:] for level in labels.data] == [level.shape[-2:] for level in image.data]
    assert {value: one["class"] for value, one in labels.metadata["properties"].items()} == {1: "Zellkern", 3: "axon"}
    np.testing.assert_allclose(level_geometry(labels, 1)[1], [30, 2.5, 1, 0.5])
    assert bioio_image(path).dims.shape == data.shape
    np.testing.assert_array_equal(bioio_image(path / "labels" / "cells").get_image_data("TZYX"), to_mask(values))


@settings(max_examples=25, deadline=None)
@given(place=geometries(("YX", "ZYX", "TZYX", "ZTYX", "NYX")), ending=st.sampled_from([".tif", ".ome.zarr"]))
def test_probabilities_carry_axes_and_voxel_size(place: Geometry, ending: str) -> None:
    planes = shape_for(place.axes)[:-2]
    values = np.random.default_rng(0).random((int(np.prod(planes)), 3, 6, 7), dtype=np.float32)
    if ending == ".ome.zarr" and "N" in place.axes:  # what only counts has no step there
        place = Geometry("NYX", (1.0, *place.scale[1:]), place.unit, (0.0, *place.translate[1:]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"p{ending}"
        with io.create_probabilities(path, values.shape, classes=CLASSES, geometry=place, planes=planes) as out:
            for number in reversed(range(len(values))):
                out[number, :, 0:4] = values[number, :, 0:4]
                out[number, :, 4:6] = values[number, :, 4:6]
        image = io.read_image(path)
        assert_same(image.geometry, place)
        assert (image.unit, image.n_channels) == (place.unit, 3)
        for number, plane in enumerate(values):
            # leading axes may have changed places in the file
            where = dict(zip(place.axes, np.unravel_index(number, planes) if planes else (), strict=False))
            at = tuple(where[letter] for letter in image.label_axes[:-2])
            found = image.plane(int(np.ravel_multi_index(at, image.shape[:-2])) if at else 0)
            np.testing.assert_array_equal(found, plane)
        if ending == ".ome.zarr":
            validate(path, "0.4", labels=False)
            (node,) = ome_zarr_nodes(path)
            assert node.metadata["channel_names"] == ["background", "Zellkern", "axon"]
