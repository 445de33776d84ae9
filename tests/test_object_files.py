"""Objects in files: what is saved comes back the same, others find it, and files of others are read or refused."""

from __future__ import annotations

import contextlib
import json
import struct
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile
import tifffile
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_unet import io
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import InputWarning, UsageError, UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.provenance import Provenance
from napari_unet.objects.object_map import ObjectMap
from napari_unet.objects.outlines import pixels_inside

TABLE = ClassTable.named({1: "background", 2: "nucleus", 3: "Gewebe ä\\b"})
NAMES = ("o.tif", "o.ome.zarr", "o.zip", "o.geojson")
RING = np.array([[5, 5, 5, 0], [5, 0, 5, 9], [5, 5, 5, 0], [0, 0, 0, 5]], np.uint32)
"""Object 5 has a hole and a second part, which touches the first by a corner; 9 touches it by a side."""


def scene(shape: tuple[int, ...] = (4, 4)) -> ObjectMap:
    numbers = np.broadcast_to(RING, shape).copy()
    return ObjectMap.of(numbers, {5: 2, 9: 3}, (1.0,) * len(shape))


@settings(max_examples=25, deadline=None)
@given(numbers=hnp.arrays(np.uint32, hnp.array_shapes(min_dims=2, max_dims=4, min_side=2, max_side=6),
                          elements=st.sampled_from([0, 0, 1, 2, 7, 40])), data=st.data())
def test_all_comes_back(numbers: np.ndarray, data: st.DataObject) -> None:
    axes = data.draw(st.sampled_from({2: ["YX"], 3: ["ZYX", "TYX", "NYX"], 4: ["TZYX", "ZTYX", "NTYX"]}[numbers.ndim]))
    found = ObjectMap.of(numbers, {1: 2, 2: 3, 7: 2, 40: 3})
    place = Geometry(axes, (0.5,) * len(axes), "micrometer")
    with tempfile.TemporaryDirectory() as folder:
        for name in NAMES:
            if name.endswith((".zip", ".geojson")) and not found.count:
                continue
            path = io.save_objects(Path(folder) / name, found, classes=TABLE, geometry=place)
            again = io.load_objects(path, numbers.shape, axes)
            np.testing.assert_array_equal(again.found.numbers, numbers)
            np.testing.assert_array_equal(again.found.classes[: len(found.classes)], found.classes)
            assert again.told == bool(found.count)
            if name.startswith("o.tif") or "zarr" in name:
                assert again.geometry == place


def test_imagej_finds_the_same_pixels_in_the_rois(tmp_path: Path) -> None:
    """``roifile`` reads a ROI as ImageJ's own code does: rings of composites are combined by even and odd."""
    path = io.save_objects(tmp_path / "o.zip", scene((2, 4, 4)), classes=TABLE, geometry=Geometry("ZYX"))
    rois = roifile.roiread(path)
    found = np.zeros((2, 4, 4), int)
    for roi in rois:
        number = int(dict(line.split(": ", 1) for line in roi.props.splitlines())["object"])
        box, inside = pixels_inside([ring[:-1] if (ring[0] == ring[-1]).all() else ring
                                     for ring in roi.coordinates(multi=True)], (4, 4))
        found[roi.position - 1][box][inside] = number
        assert roi.group == {5: 1, 9: 2}[number]
        assert roi.stroke_color[1:].hex() == TABLE.color(roi.group + 1)[1:]
    np.testing.assert_array_equal(found, scene((2, 4, 4)).numbers)
    assert {roi.composite for roi in rois} == {True, False}
    assert len(set(zipfile.ZipFile(path).namelist())) == len(rois) == 4


def test_qupath_finds_class_colour_plane_and_holes(tmp_path: Path) -> None:
    place = Geometry("TZYX")
    path = io.save_objects(tmp_path / "o.geojson", scene((2, 3, 4, 4)), classes=TABLE, geometry=place)
    whole = json.loads(path.read_text())
    assert whole["type"] == "FeatureCollection"
    assert len(whole["features"]) == 2 * 3 * 2
    first = whole["features"][0]
    assert first["geometry"]["type"] == "MultiPolygon"
    assert first["geometry"]["plane"] == {"c": -1, "z": 0, "t": 0}
    ((shell, hole), (other,)) = first["geometry"]["coordinates"]
    assert all(ring[0] == ring[-1] for ring in (shell, hole, other))
    assert first["properties"]["classification"] == {"name": "nucleus",
                                                     "color": list(bytes.fromhex(TABLE.color(2)[1:]))}
    assert first["properties"]["objectType"] == "detection"
    assert whole["features"][-1]["geometry"]["plane"] == {"c": -1, "z": 2, "t": 1}
    io.save_objects(path, scene(), classes=TABLE, overwrite=True, kind="annotation")
    assert json.loads(path.read_text())["features"][0]["properties"]["objectType"] == "annotation"


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_each_object_has_its_class_in_ome_zarr(tmp_path: Path, version: str) -> None:
    path = io.save_objects(tmp_path / "o.ome.zarr", scene(), classes=TABLE, version=version)
    attributes = zarr.open_group(str(path), mode="r").attrs.asdict()
    label = attributes["image-label"] if version == "0.4" else attributes["ome"]["image-label"]
    assert label["properties"] == [{"label-value": 5, "class": "nucleus"}, {"label-value": 9, "class": TABLE.name(3)}]
    colours = {one["label-value"]: tuple(one["rgba"][:3]) for one in label["colors"]}
    assert len(set(colours.values())) == 2


def test_seventy_thousand_objects_take_32_bits_and_it_is_said(tmp_path: Path) -> None:
    numbers = np.arange(1, 70_001, dtype=np.uint32).reshape(200, 350)
    with pytest.warns(InputWarning, match="numbers up to 70000, more than 16 bits can hold: o.tif has 32 bits"):
        path = io.save_objects(tmp_path / "o.tif", ObjectMap.of(numbers), classes=TABLE)
    assert tifffile.imread(path).dtype == np.uint32
    np.testing.assert_array_equal(io.load_objects(path).found.numbers, numbers)
    small = io.save_objects(tmp_path / "s.tif", scene(), classes=TABLE)
    assert tifffile.imread(small).dtype == np.uint16


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_replaced_unasked_and_provenance_goes_along(tmp_path: Path, name: str) -> None:
    told = Provenance.here("objects", note="first")
    path = io.save_objects(tmp_path / name, scene(), classes=TABLE, provenance=told)
    beside = io.provenance_path(path)
    assert '"note": "first"' in beside.read_text()
    with pytest.raises(UserError, match="exists already and is not overwritten"):
        io.save_objects(path, scene(), classes=TABLE)
    io.save_objects(path, scene(), classes=TABLE, overwrite=True)
    assert not beside.exists()


@pytest.mark.parametrize("name", NAMES)
def test_no_object_at_all(tmp_path: Path, name: str) -> None:
    nothing = ObjectMap.of(np.zeros((4, 4), np.uint32))
    path = io.save_objects(tmp_path / name, nothing, classes=TABLE)
    if name.endswith((".zip", ".geojson")):
        with pytest.raises(UserError, match="holds no"):
            io.load_objects(path, (4, 4))
    else:
        assert io.load_objects(path).found.count == 0


def test_one_object_that_fills_the_plane(tmp_path: Path) -> None:
    whole = ObjectMap.of(np.ones((5, 6), np.uint32))
    for name in NAMES:
        path = io.save_objects(tmp_path / name, whole, classes=TABLE)
        assert io.load_objects(path, (5, 6)).found.numbers.all()


# -- files of other programs -----------------------------------------------------------------------------------------


def rois(path: Path, **named: Any) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in named.items():
            archive.writestr(f"{name}.roi", data if isinstance(data, bytes) else data.tobytes())
    return path


def square(left: int, top: int, size: int, **options: Any) -> roifile.ImagejRoi:
    corners = [[left, top], [left + size, top], [left + size, top + size], [left, top + size]]
    return roifile.ImagejRoi.frompoints(np.array(corners, np.int32), **options)


def test_rois_of_imagej_overlap_reach_out_and_may_be_lines(tmp_path: Path) -> None:
    line = roifile.ImagejRoi(roitype=roifile.ROI_TYPE.LINE, x1=0, y1=0, x2=3, y2=3)
    oval = roifile.ImagejRoi(roitype=roifile.ROI_TYPE.OVAL, top=10, left=10, bottom=16, right=18)
    path = rois(tmp_path / "r.zip", a=square(0, 0, 6), b=square(4, 4, 6), c=square(17, 17, 6), d=line, e=oval)
    again = io.load_objects(path, (20, 20), classes=TABLE)
    assert again.found.count == 4
    assert [int((again.found.numbers == number).sum()) for number in (1, 2, 3)] == [36 - 4, 36, 9]
    assert abs(int((again.found.numbers == 4).sum()) - np.pi * 3 * 4) < 4
    assert not again.told
    assert again.found.count_of(2) == 4
    for words in ("1 of 5 ROIs", "overlap an earlier one", "reach out of the image"):
        assert words in again.note


def test_a_roi_without_a_plane_lies_on_all(tmp_path: Path) -> None:
    path = rois(tmp_path / "r.zip", a=square(0, 0, 3), b=square(5, 5, 3, position=2))
    again = io.load_objects(path, (3, 10, 10), "ZYX")
    assert [int((plane == 1).sum()) for plane in again.found.numbers] == [9, 9, 9]
    assert [int((plane == 2).sum()) for plane in again.found.numbers] == [0, 0, 9]
    assert "name no plane" in again.note


def inside_out(path: Path) -> None:
    """Make what the first ROI is packed into impossible to unpack."""
    with zipfile.ZipFile(path) as archive:
        first = archive.infolist()[0]
    data = bytearray(path.read_bytes())
    data[first.header_offset + 30 + len(first.filename)] = 0xFF
    path.write_bytes(data)


def test_shapes_of_a_stack_on_one_plane_are_told(tmp_path: Path) -> None:
    volume = np.zeros((3, 9, 9), np.uint32)
    volume[1:, 2:5, 2:5] = 1
    path = io.save_objects(tmp_path / "r.zip", ObjectMap.of(volume), classes=TABLE, geometry=Geometry("ZYX"))
    assert not io.load_objects(path, (3, 9, 9), "ZYX").note
    assert "2 of 2 shapes" in (note := io.load_objects(path, (9, 9)).note)
    assert "axes that the image does not have" in note


@pytest.mark.parametrize(("make", "words"), [
    (lambda path: path.write_bytes(b"no zip at all"), "is no zip, or damaged or locked"),
    (lambda path: rois(path, a=b"Iout"), "'a' in .* is no ROI of ImageJ, or damaged"),
    (lambda path: rois(path, a=square(0, 0, 6).tobytes()[:70]), "is no ROI of ImageJ, or damaged"),
    (lambda path: rois(path, a=square(100, 3, 6)), r"lies outside of the image: x 100 to 106, y 3 to 9, but the image "
                                                   "is 20 wide and 20 high"),
    (lambda path: rois(path, a=square(0, 0, 6, position=7)), r"lies on plane 8 \(counted from 1\), but "
                                                             "the image has 3"),
    (lambda path: rois(path), "holds no ROI with an area"),
    (lambda path: inside_out(io.save_objects(path, scene(), classes=TABLE)), "is no zip, or damaged or locked"),
])
def test_damaged_rois_are_refused(tmp_path: Path, make: Any, words: str) -> None:
    make(path := tmp_path / "r.zip")
    with pytest.raises(UserError, match=words):
        io.load_objects(path, (3, 20, 20), "ZYX")


def test_a_cut_or_changed_zip_never_ends_in_a_traceback(tmp_path: Path) -> None:
    whole = io.save_objects(tmp_path / "o.zip", scene(), classes=TABLE).read_bytes()
    random = np.random.default_rng(3)
    path = tmp_path / "h.zip"
    for _ in range(150):
        data = bytearray(whole[: random.integers(1, len(whole) + 1)])
        for _ in range(random.integers(0, 4)):
            data[random.integers(len(data))] = random.integers(256)
        path.write_bytes(data)
        with contextlib.suppress(UserError):  # anything else ends the test
            io.load_objects(path, (4, 4))


def polygon(ring: Any, **more: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring], **more}, "properties": {}}


def test_polygons_of_qupath(tmp_path: Path) -> None:
    ring = [[0.5, 0.5], [6.5, 0.5], [6.5, 4.5], [0.5, 4.5], [0.5, 0.5]]
    named = polygon(ring) | {"properties": {"classification": {"name": "Tumor", "color": [200, 0, 0]}}}
    known = polygon([[10, 10], [14, 10], [14, 14], [10, 14]]) | {"properties": {"classification": {"name": "nucleus"}}}
    point = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}}
    path = tmp_path / "q.geojson"
    path.write_text(json.dumps([named, known, point]))
    again = io.load_objects(path, (20, 20), classes=TABLE)
    assert [again.classes.name(int(again.found.classes[number])) for number in (1, 2)] == ["Tumor", "nucleus"]
    assert again.classes.color(int(again.found.classes[1])) == "#c80000"
    assert int((again.found.numbers == 2).sum()) == 16
    assert "1 of 3 features" in again.note


@pytest.mark.parametrize(("text", "words"), [
    ("{", "is no JSON, or damaged"),
    ("[" * 100_000, "is no JSON, or damaged"),
    ("3", "holds no features"),
    ('{"features": [1]}', "holds no features"),
    (json.dumps(polygon([[0, 0], [1, 1]])), "Feature 1 of .* is no polygon"),
    (json.dumps(polygon([[0, 0], [1, "a"], [2, 2]])), "Feature 1 of .* is no polygon"),
    (json.dumps(polygon([[0, 0], [None, 1], [2, 2]])), "is no polygon"),
    (json.dumps(polygon([[0, 0], [1e300, 1], [2, 2]])), "corners that are no places"),
    (json.dumps(polygon([[0, 0], [float("nan"), 1], [2, 2]])), "corners that are no places"),
    (json.dumps(polygon([[-9, -9], [-5, -9], [-5, -4]])), "lies outside of the image"),
    (json.dumps({"type": "Feature", "geometry": None}), "is no polygon"),
    (json.dumps(polygon([])), "is no polygon"),
    (json.dumps(polygon([[1], [2], [3]])), "is no polygon"),
])
def test_damaged_polygons_are_refused(tmp_path: Path, text: str, words: str) -> None:
    (path := tmp_path / "q.geojson").write_text(text)
    with pytest.raises(UserError, match=words):
        io.load_objects(path, (20, 20))


def test_labels_of_other_programs(tmp_path: Path) -> None:
    numbers = np.array([[0, 3, 3], [70000, 0, 3]], np.int32)
    tifffile.imwrite(path := tmp_path / "l.tif", numbers.astype(np.float32))
    again = io.load_objects(path, (2, 3), classes=TABLE)
    np.testing.assert_array_equal(again.found.numbers, numbers)
    assert not again.told
    with pytest.raises(UserError, match=r"has shape \(2, 3\), but the image without channels has \(5, 5\)"):
        io.load_objects(path, (5, 5))
    tifffile.imwrite(path, np.array([[0, 2**31], [7, 7]], np.uint32))
    again = io.load_objects(path)
    assert again.found.numbers.tolist() == [[0, 2], [1, 1]]
    assert "numbered anew" in again.note
    for wrong in (np.array([[0.5, 1], [2, 2]], np.float32), np.array([[np.nan, 1], [2, 2]], np.float32),
                  np.array([[-1, 1], [2, 2]], np.int32)):
        tifffile.imwrite(path, wrong)
        with pytest.raises(UserError, match="no object numbers"):
            io.load_objects(path)


def test_a_mask_of_classes_is_no_objects(tmp_path: Path) -> None:
    path = io.save_mask(tmp_path / "m.tif", np.ones((4, 4), np.uint8), classes=TABLE)
    with pytest.raises(UserError, match=r"holds classes \(mask code\), not single objects. Find its objects first"):
        io.load_objects(path)


def test_endings_and_what_is_missing_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"ending that objects are not saved under. Allowed: .geojson, .ome"):
        io.save_objects(tmp_path / "o.png", scene(), classes=TABLE)
    with pytest.raises(UsageError, match="holds shapes, which have no size of an image"):
        io.load_objects(tmp_path / "o.zip")
    with pytest.raises(UserError, match="There is no file"):
        io.load_objects(tmp_path / "o.zip", (4, 4))
    with pytest.raises(UserError, match="holds planes along T, Z and C only, not the axes PQRSYX"):
        io.save_objects(tmp_path / "o.zip", ObjectMap.of(np.ones((2,) * 6, int)), classes=TABLE,
                        geometry=Geometry("PQRSYX"))
    assert not list(tmp_path.iterdir())


# -- against what the documents of the formats say, without the libraries that we write with -------------------------

POSITION = {"type": "array", "items": {"type": "number"}, "minItems": 2}
RINGS = {"type": "array", "minItems": 1, "items": {"type": "array", "minItems": 4, "items": POSITION}}
FEATURES = {  # of RFC 7946: sections 3.1.6, 3.1.7, 3.2 and 3.3
    "type": "object", "required": ["type", "features"],
    "properties": {"type": {"const": "FeatureCollection"}, "features": {"type": "array", "items": {
        "type": "object", "required": ["type", "geometry", "properties"],
        "properties": {"type": {"const": "Feature"}, "properties": {"type": "object"}, "geometry": {"oneOf": [
            {"type": "object", "properties": {"type": {"const": "Polygon"}, "coordinates": RINGS}},
            {"type": "object", "properties": {"type": {"const": "MultiPolygon"}, "coordinates": {
                "type": "array", "items": RINGS}}}]}}}}}}


def test_geojson_is_what_its_standard_says(tmp_path: Path) -> None:
    import jsonschema

    numbers = np.zeros((2, 9, 9), np.uint32)
    numbers[0, :4, :4], numbers[1, 4:, 5:], numbers[0, 8, 8] = RING, 4_000_000_000 % 2**24, 3
    path = io.save_objects(tmp_path / "o.geojson", ObjectMap.of(numbers, 2), classes=TABLE)
    whole = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.validate(whole, FEATURES)
    assert len(whole["features"]) == 4
    for feature in whole["features"]:
        geometry = feature["geometry"]
        for polygon in [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]:
            for place, ring in enumerate(polygon):
                assert ring[0] == ring[-1], "closed"
                x, y = np.array(ring[:-1]).T
                area = float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())
                assert (area > 0) is (place == 0), "the right-hand rule: shells one way, holes the other"


def test_rois_are_what_imagej_reads(tmp_path: Path) -> None:
    """Bytes by the offsets in ImageJ's own RoiDecoder (ij.io): big-endian, header of 64 bytes, then coordinates."""
    numbers = np.zeros((3, 2, 12, 14), np.uint32)  # T, Z
    numbers[1, 0, 2:5, 3:9], numbers[2, 1, 11, 13], numbers[0, 0, :4, :4] = 70_000, 2, RING
    path = io.save_objects(tmp_path / "o.zip", ObjectMap.of(numbers, 2), classes=TABLE, geometry=Geometry("TZYX"))
    seen = 0
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            data = archive.read(name)
            assert data[:4] == b"Iout"
            top, left, bottom, right, count = struct.unpack(">5h", data[8:18])
            composite, header2 = struct.unpack(">i", data[36:40])[0], struct.unpack(">i", data[60:64])[0]
            _, z, t = struct.unpack(">3i", data[header2 + 4: header2 + 16])
            plane = numbers[t - 1, z - 1]
            if composite:  # a path of floats: move to (0), line to (1), close (4)
                path_ = np.frombuffer(data[64: 64 + 4 * composite], ">f4")
                assert set(path_[::3][:1].tolist()) == {0.0}
                assert (bottom - top, right - left) == (4, 4)
                continue
            assert data[6] == 8, "traced"
            x, y = (np.frombuffer(data[64 + start: 64 + start + 2 * count], ">i2") for start in (0, 2 * count))
            inside = plane[top:bottom, left:right]
            assert (inside > 0).all()
            assert (x.min(), x.max(), y.min(), y.max()) == (0, right - left, 0, bottom - top)
            word = data[struct.unpack(">i", data[header2 + 16: header2 + 20])[0]:]
            length = struct.unpack(">i", data[header2 + 20: header2 + 24])[0]
            told = word[: 2 * length].decode("utf-16-be")
            assert told.startswith(f"nucleus-{int(inside.max()):05d}")
            seen += 1
    assert seen == 3


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_very_many_objects_are_not_listed_one_by_one(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_unet.io._mask_info.MOST_LISTED", 1)
    for _ in range(2):  # it is still seen to be labels, and may be replaced
        path = io.save_objects(tmp_path / "o.zarr", scene(), classes=TABLE, version=version, overwrite=True)
    again = io.load_objects(path)
    np.testing.assert_array_equal(again.found.numbers, RING)
    assert [again.found.classes[number] for number in (5, 9)] == [2, 3]
    assert again.classes.name(3) == TABLE.name(3)
    assert b"label-value" not in b"".join(one.read_bytes() for one in path.iterdir() if one.is_file())
