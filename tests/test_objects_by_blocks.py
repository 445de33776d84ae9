"""Objects found and measured block by block are those of the whole in memory."""

from __future__ import annotations

import csv
import dataclasses
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_scene import run

import napari_unet
from napari_unet.core.classes import ClassTable, to_mask
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.image import Image
from napari_unet.core.work import run_to_end
from napari_unet.io import load_objects, save_mask, save_objects, save_probabilities
from napari_unet.io.ome_zarr import OmeZarr
from napari_unet.objects.block_grid import BlockGrid
from napari_unet.objects.image_objects import ObjectSearch, find_in_image, with_areas
from napari_unet.objects.matching import match
from napari_unet.objects.object_map import ObjectMap
from napari_unet.workflows import block_search, object_store, store_measures, store_outlines
from napari_unet.workflows.class_store import open_class_store
from napari_unet.workflows.object_store import objects_to_store
from napari_unet.workflows.store_measures import LEFT_OUT, NumberedStore, measure_store
from napari_unet.workflows.store_outlines import outlines_of_store

TABLE = ClassTable.named({1: "background", 2: "nucleus", 3: "tissue"})
FORMAT = OmeZarr(chunk=16)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks are small."""
    monkeypatch.setattr(block_search, "SIDE", 16)
    monkeypatch.setattr(block_search, "VOLUME_SIDES", (3, 7, 8))
    monkeypatch.setattr(store_measures, "SIDE", 11)
    monkeypatch.setattr(store_measures, "VOLUME_SIDES", (3, 7, 8))


def discs(shape: tuple[int, int] = (150, 170), seed: int = 0, radius: float = 7.0) -> np.ndarray:
    """Painted ids: nuclei on a grid, shaken so that many touch."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:shape[0], :shape[1]]
    found = np.ones(shape, np.uint8)
    for y in np.arange(8, shape[0], 2 * radius):
        for x in np.arange(8, shape[1], 2 * radius):
            near = np.hypot(rows - y - rng.normal(0, 2), columns - x - rng.normal(0, 2)) < radius
            found[near] = 2
    return found


def in_memory(painted: np.ndarray, axes: str, search: ObjectSearch, **more: Any) -> ObjectMap:
    return run_to_end(find_in_image(painted, axes, search, **more))


@pytest.mark.parametrize("shape", [(40, 50), (1, 33), (5, 17, 18), (1, 1), (16, 16), (2, 9, 40)])
def test_blocks_are_the_whole_and_meet_on_both_sides(shape: tuple[int, ...]) -> None:
    grid = BlockGrid(shape, (4, 16, 16)[-len(shape):], (2, 5, 3)[-len(shape):], band=2)
    seen = np.zeros(shape, int)
    for window in grid:
        seen[window.core] += 1
        assert np.zeros(shape)[window.outer][window.inner].shape == seen[window.core].shape
        for seam in grid.seams_of(window.number):
            for one in (seam.one, seam.other):
                outer = grid.window(one).outer
                assert all(part.start >= out.start and part.stop <= out.stop
                           for part, out in zip(seam.part, outer, strict=True)), "both see all of it"
    assert (seen == 1).all()


@pytest.mark.parametrize("seed", range(12))
def test_connected_parts_are_exactly_those_of_the_whole(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    shape = [(37, 50), (3, 21, 33), (7, 20, 19), (1, 40), (60, 1), (2, 5, 20, 17)][seed % 6]
    axes = {2: "YX", 3: "NYX" if seed % 2 else "ZYX", 4: "TZYX"}[len(shape)]
    painted = np.where(rng.random(shape) < 0.42, rng.integers(2, 4, shape), 1).astype(np.uint8)
    path = save_mask(tmp_path / "m.zarr", painted, classes=TABLE, geometry=Geometry(axes))
    search = ObjectSearch("parts", {"smallest": 3} if seed % 3 == 0 else {}, (2,) if seed % 4 == 1 else ())
    expected = in_memory(painted, axes, search)
    found = objects_to_store(open_class_store(path), tmp_path / "o.zarr", search, format=FORMAT).result()
    read = load_objects(tmp_path / "o.zarr")
    np.testing.assert_array_equal(read.found.numbers, expected.numbers)
    np.testing.assert_array_equal(found.of_number, expected.classes)
    np.testing.assert_array_equal(read.found.classes[read.found.present], expected.classes[expected.present])
    assert not expected.count or read.classes.name(2) == "nucleus"
    assert not list(tmp_path.glob(".o.zarr*")), "nothing unfinished is left"


@pytest.mark.parametrize(("way", "values"), [
    ("watershed", {}), ("auto", {}), ("watershed", {"height": "both"})])
def test_ways_that_look_around_find_what_they_find_in_memory(
    way: str, values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_search, "SIDE", 64)
    painted = discs(seed=4)
    soft = np.where(painted == 2, 0.9, 0.1).astype(np.float32)
    path = save_probabilities(tmp_path / "p.zarr", np.stack([1 - soft, soft])[None],
                              classes=ClassTable.named({1: "background", 2: "nucleus"}))
    search = ObjectSearch(way, values)
    expected = in_memory(painted[None], "NYX", search, probabilities=np.stack([1 - soft, soft])[:, None], ids=(1, 2))
    made = objects_to_store(open_class_store(path), tmp_path / "o.tif", search, format=FORMAT).result()
    found = load_objects(made.path).found
    same = match(expected.numbers.reshape(150, 170), found.numbers.reshape(150, 170))
    assert found.count == expected.count > 15
    assert (same.iou == 1).sum() == expected.count, "object by object the very same pixels"
    assert "nucleus typically" in made.note
    assert "around them" in made.note


@pytest.mark.parametrize(("shape", "axes", "search"), [
    ((60, 70), "YX", ObjectSearch("parts", {"smallest": 9}, (2,))),
    ((3, 21, 33), "ZYX", ObjectSearch("parts", {}, (3,))),
    ((2, 40, 50), "TYX", ObjectSearch("parts", {"fill": True, "smallest": 30}, (2,))),
    ((40, 50), "YX", ObjectSearch("parts", {}, ())),
])
def test_areas_come_after_the_objects_as_in_memory(
    shape: tuple[int, ...], axes: str, search: ObjectSearch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(len(shape) + shape[-1])
    painted = rng.integers(1, 5, [-(-size // 4) for size in shape])
    for axis, size in enumerate(shape):
        painted = np.repeat(painted, 4, axis).take(range(size), axis)
    painted = painted.astype(np.uint8)
    if search.values.get("fill"):
        monkeypatch.setattr(block_search, "SIDE", 512)  # holes are known of the whole only
        painted[painted == 4] = 1
        painted[:, 2:9, 2:9] = 3
        painted[:, 3:8, 3:8], painted[:, 5, 5] = 2, 4  # an object that is left out, and an area it would have covered
    path = save_mask(tmp_path / "m.zarr", painted, classes=TABLE, geometry=Geometry(axes))
    expected = with_areas(in_memory(painted, axes, search), painted, axes, search)
    made = objects_to_store(open_class_store(path), tmp_path / "o.zarr", search, panoptic=True, format=FORMAT).result()
    np.testing.assert_array_equal(load_objects(made.path).found.numbers, expected.numbers)
    np.testing.assert_array_equal(made.of_number, expected.classes)
    assert 4 in made.of_number


@pytest.mark.parametrize(("shape", "axes"), [((60, 70), "YX"), ((3, 21, 33), "ZYX"), ((2, 20, 20), "TYX")])
def test_outlines_by_blocks_are_those_of_the_whole(
    shape: tuple[int, ...], axes: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_outlines, "SIDE", 16)
    rng = np.random.default_rng(1)
    numbers = np.zeros(shape, np.uint32)
    for number in rng.permutation(60) + 1:
        start = [int(rng.integers(0, size)) for size in shape]
        numbers[tuple(slice(at, at + int(rng.integers(1, 7))) for at in start)] = number
    numbers[..., 2, :] = 90  # wider than a block
    found = ObjectMap.of(numbers, {one: 2 + one % 2 for one in range(1, 91)}, (1.0,) * len(shape))
    save_objects(tmp_path / "o.zarr", found, classes=TABLE, geometry=Geometry(axes))
    store = NumberedStore(tmp_path / "o.zarr")
    for name in ("r.zip", "g.geojson"):
        save_objects(tmp_path / name, found, classes=TABLE, geometry=Geometry(axes))
        assert outlines_of_store(store, tmp_path / f"b{name}").result() == ""
        assert entries(tmp_path / f"b{name}") == entries(tmp_path / name)
    monkeypatch.setattr(store_outlines, "MOST_PIXELS", 19)
    told = outlines_of_store(store, tmp_path / "r.zip", overwrite=True).result()
    assert "outlines reach over more than 19 pixels and are not in r.zip" in told
    assert 0 < len(entries(tmp_path / "r.zip")) < len(entries(tmp_path / "br.zip"))
    save_objects(tmp_path / "n.zarr", ObjectMap.of(np.zeros(shape, np.uint8)), classes=TABLE, geometry=Geometry(axes))
    assert outlines_of_store(NumberedStore(tmp_path / "n.zarr"), tmp_path / "n.geojson").result() == ""
    assert entries(tmp_path / "n.geojson") == {}


def entries(path: Path) -> dict[str, Any]:
    """Return what a file of shapes holds, by name."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    features = json.loads(path.read_text())["features"]
    return {f"{one['properties']['name']} {one['geometry']['plane']}": one for one in features}


def test_a_run_that_ends_early_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    painted = discs((60, 70))
    path = save_mask(tmp_path / "m.tif", painted, classes=TABLE)
    whole = objects_to_store(open_class_store(path), tmp_path / "whole.zarr", ObjectSearch(), format=FORMAT).result()
    run = objects_to_store(open_class_store(path), tmp_path / "o.zarr", ObjectSearch(), format=FORMAT)
    for _ in range(7):
        next(run)
    with pytest.raises(UserError, match="Another run is writing"):
        next(objects_to_store(open_class_store(path), tmp_path / "o.zarr", ObjectSearch(), format=FORMAT))
    run.close()
    assert not (tmp_path / "o.zarr").exists()
    with pytest.raises(UserError, match="unfinished search for other objects"):
        next(objects_to_store(open_class_store(path), tmp_path / "o.zarr", ObjectSearch("parts"), format=FORMAT))
    events = list(again := objects_to_store(open_class_store(path), tmp_path / "o.zarr", ObjectSearch(), format=FORMAT))
    assert events[0].before == 7
    one, other = (load_objects(made.path).found.numbers for made in (again.result(), whole))
    np.testing.assert_array_equal(one, other)
    with pytest.raises(UserError, match="exists already"):
        next(objects_to_store(open_class_store(path), tmp_path / "o.zarr", ObjectSearch()))
    given = dataclasses.replace(open_class_store(path), data=_Torn(open_class_store(path).data))
    with pytest.raises(UserError, match=r"block at Y=16 to 31, X=\d+ to \d+ of .*m.tif could not be done: .*torn"):
        objects_to_store(given, tmp_path / "p.zarr", ObjectSearch("parts"), format=FORMAT).result()


class _Torn:
    """Pixels below row 16 cannot be read."""

    def __init__(self, data: Any) -> None:
        self._data, self.shape, self.dtype = data, data.shape, data.dtype

    def __getitem__(self, where: Any) -> Any:
        rows = where[-2]
        if rows.start >= 15 and rows.stop - rows.start < 60:
            raise OSError("torn")
        return np.asarray(self._data[where])


def columns(table: Any) -> dict[str, np.ndarray]:
    return dict(table.columns)


@pytest.mark.parametrize(("shape", "axes", "kind"), [
    ((50, 45), "YX", np.uint8), ((50, 45), "YX", np.float32), ((2, 30, 31), "NYX", np.uint16),
    ((6, 20, 21), "ZYX", np.int16), ((25, 1), "YX", bool)])
def test_measures_are_those_of_the_whole(shape: Any, axes: str, kind: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    painted = np.where(rng.random(shape) < 0.4, 2, 1).astype(np.uint8)
    place = Geometry(axes, tuple(0.5 for _ in shape), "micrometer", tuple(3.0 for _ in shape))
    objects = dataclasses.replace(
        napari_unet.objects_of(to_mask(painted), way="parts", axes=axes, classes=TABLE).result(), geometry=place)
    image = Image((rng.random((*shape, 2)) * 3e4).astype(kind), f"{axes}C")
    if kind == np.float32:
        image.data[..., 0][:3] = np.nan
    expected = napari_unet.measure_objects(objects, image, "i")
    path = save_objects(tmp_path / "o.zarr", objects.found, classes=TABLE, geometry=place)
    found = measure_store(NumberedStore(path), image, "i").result()
    missing = set(columns(expected)) - set(columns(found))
    assert missing == {"solidity", *(["surface"] if "Z" in axes else [])}
    assert LEFT_OUT in found.notes
    for name, values in columns(found).items():
        if values.dtype.kind == "f" and kind == np.float32 and name.split()[0] in ("mean", "std"):
            np.testing.assert_allclose(values, columns(expected)[name], rtol=1e-9, atol=1e-9)
        else:
            np.testing.assert_array_equal(values, columns(expected)[name], name)
    assert found.units == {name: unit for name, unit in expected.units.items() if name in found.columns}


def test_labels_of_others_and_what_is_none(tmp_path: Path) -> None:
    numbers = np.zeros((20, 30), np.uint32)
    numbers[2:5, 2:5], numbers[10:12, 20:25] = 4_000_000_000, 7
    np.save(tmp_path / "n.npy", numbers)
    table = measure_store(NumberedStore(tmp_path / "n.npy")).result()
    assert table.columns["object"].tolist() == [7, 4_000_000_000]
    assert table.columns["area_px"].tolist() == [10, 9]
    path = save_mask(tmp_path / "m.zarr", np.full((20, 20), 2, np.uint8), classes=TABLE)
    with pytest.raises(UserError, match=r"holds classes \(mask code\)"):
        NumberedStore(path)
    with pytest.raises(UserError, match="holds single objects already"):
        open_class_store(save_objects(tmp_path / "o.tif", ObjectMap.of(np.eye(20, dtype=int)), classes=TABLE))
    with pytest.raises(UserError, match="has shape"):
        measure_store(NumberedStore(tmp_path / "n.npy"), Image(np.zeros((20, 31)))).result()
    with pytest.raises(UsageError, match="cannot look 0 pixels around"):
        objects_to_store(open_class_store(path), tmp_path / "p.zarr", ObjectSearch(), halo=0).result()
    none = save_mask(tmp_path / "none.tif", np.ones((20, 20), np.uint8), classes=TABLE)
    assert objects_to_store(open_class_store(none), tmp_path / "none.zarr", ObjectSearch()).result().count_of(2) == 0
    assert len(measure_store(NumberedStore(tmp_path / "none.zarr")).result()) == 0


def test_the_command_line_by_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    painted = discs((60, 70))
    save_mask(tmp_path / "m.zarr", painted, classes=TABLE)
    np.save(tmp_path / "i.npy", (painted * 40).astype(np.uint8))
    monkeypatch.chdir(tmp_path)
    assert run("objects", "m.zarr", "-o", "o.zarr", "--blocks", "--table", "t.csv", "--image", "i.npy") == 0
    monkeypatch.setattr(object_store, "STORE_PIXELS", 100)
    assert run("objects", "m.zarr", "-o", "again.tif", "--halo", "20", "--table", "again.csv") == 0
    with open("t.csv", encoding="utf-8-sig") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == load_objects(tmp_path / "o.zarr").found.count > 10
    assert {line["mean"] for line in lines} == {"80"}
    np.testing.assert_array_equal(load_objects(tmp_path / "again.tif").found.numbers > 0, painted == 2)
    assert run("objects", "m.zarr", "-o", "p.zarr", "--blocks", "--rois", "r.zip") == 0
    assert run("objects", "m.zarr", "-o", "s.zip", "--geojson", "s.geojson", "--table", "s.csv") == 0
    for name in ("r.zip", "s.zip", "s.geojson"):
        np.testing.assert_array_equal(load_objects(tmp_path / name, (60, 70)).found.numbers,
                                      load_objects(tmp_path / "o.zarr").found.numbers)
    with open("s.csv", encoding="utf-8-sig") as file:
        assert len(list(csv.DictReader(file))) == len(lines)
    assert not list(tmp_path.glob(".*")), "the store that nobody asked for is gone"
    assert run("objects", "m.zarr", "-o", "m.zarr/labels/nuclei", "--blocks") == 2
    assert "lies inside an image" in capsys.readouterr().err
    assert run("objects", "o.zarr", "-o", "q.zarr", "--blocks") == 1
    assert run("objects", "o.zarr", "-o", "q.zip") == 0, "single objects are taken as they are, however many"
    assert entries(tmp_path / "q.zip") == entries(tmp_path / "r.zip")


def test_a_mask_of_one_large_value_whose_middle_is_empty(tmp_path: Path) -> None:
    mask = np.zeros((70, 3000), np.uint16)
    mask[2:5, 2:5] = mask[:, 2990:] = 65535
    np.save(tmp_path / "m.npy", mask)
    store = open_class_store(tmp_path / "m.npy")
    assert objects_to_store(store, tmp_path / "o.zarr", ObjectSearch("parts")).result().count_of(2) == 2


def test_a_plane_of_one_block_is_looked_at_as_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_search, "SIDE", 512)
    painted = np.stack([discs((60, 90), seed) for seed in (1, 2)])
    path = save_mask(tmp_path / "m.zarr", painted, classes=TABLE, geometry=Geometry("NYX"))
    objects_to_store(open_class_store(path), tmp_path / "o.zarr", ObjectSearch()).result()
    expected = in_memory(painted, "NYX", ObjectSearch())
    found = load_objects(tmp_path / "o.zarr").found
    assert found.count == expected.count
    assert (match(expected.numbers, found.numbers).iou == 1).all()


def test_objects_never_take_the_place_of_their_mask(tmp_path: Path) -> None:
    path = save_mask(tmp_path / "m.zarr", discs((40, 40)), classes=TABLE, geometry=Geometry("YX"))
    for place in (path, tmp_path / "x" / ".." / "m.zarr", path / "o.zarr"):
        with pytest.raises(UserError, match="input of this command"):
            objects_to_store(open_class_store(path), place, ObjectSearch("parts"), overwrite=True).result()
    assert open_class_store(path).classes.ids == (1, 2, 3)
