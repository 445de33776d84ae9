"""Tables of objects: filtered, as CSV, and of a whole project."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from cli_scene import run

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.io import read_image, save_mask
from napari_unet.objects.filters import BorderFilter, ClassFilter, RangeFilter, kept_rows
from napari_unet.objects.hints import Line
from napari_unet.objects.measure_table import MeasureTable
from napari_unet.objects.measures import measure
from napari_unet.objects.object_map import ObjectMap
from napari_unet.objects.raw_values import raw_values
from napari_unet.project.object_tables import measure_project
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.records import ProjectState
from napari_unet.project.sources import image_record
from napari_unet.report.csv_cells import ENCODING
from napari_unet.report.object_csv import write_objects
from napari_unet.session.object_notes import ObjectNotes, Place, PlaceNotes

CLASSES = ClassTable.named({1: "background", 2: "nucleus", 3: "=debris"})


def three() -> MeasureTable:
    numbers = np.zeros((20, 30), np.uint32)
    numbers[2:6, 2:6], numbers[10:13, 10:13], numbers[18:20, 27:30] = 1, 2, 3
    return measure(ObjectMap.of(numbers, {1: 2, 2: 3, 3: 2}), np.ones((1, 20, 30)), classes=CLASSES)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding=ENCODING, newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("filters", "kept"), [
    ([], [1, 2, 3]),
    ([RangeFilter("area_px", 6, 9)], [2, 3]),
    ([RangeFilter("area_px", low=7)], [1, 2]),
    ([BorderFilter()], [1, 2]),
    ([ClassFilter(frozenset({"nucleus"}))], [1, 3]),
    ([BorderFilter(), ClassFilter(frozenset({"nucleus"})), RangeFilter("mean", 1, 1)], [1]),
    ([RangeFilter("nearest", high=1)], []),
    ([RangeFilter("not there", 1, 2)], [1, 2, 3]),
])
def test_filters_keep_what_all_of_them_let_through(filters: list[Any], kept: list[int]) -> None:
    table = three()
    assert table.only(kept_rows(table, filters)).columns["object"].tolist() == kept


def test_a_row_without_a_value_is_kept_only_while_there_is_no_limit() -> None:
    table = measure(ObjectMap.of(np.eye(3, dtype=np.uint8)), np.full((1, 3, 3), np.nan))
    assert kept_rows(table, [RangeFilter("mean")]).all()
    assert not kept_rows(table, [RangeFilter("mean", low=-1e9)]).any()


def test_a_filter_that_makes_no_sense_is_said() -> None:
    with pytest.raises(UserError, match=r"at least 9 and at most 6\. Swap"):
        kept_rows(three(), [RangeFilter("area_px", 9, 6)])
    with pytest.raises(UserError, match="'class' holds no numbers"):
        kept_rows(three(), [RangeFilter("class", 1)])


def test_a_csv_has_a_line_for_each_object_units_and_harmless_cells(tmp_path: Path) -> None:
    path = tmp_path / "objects.csv"
    write_objects(path, three().with_words(image="=1+1"))
    rows = rows_of(path)
    assert [row["object"] for row in rows] == ["1", "2", "3"]
    assert rows[1]["class"] == "'=debris"
    assert rows[0]["image"] == "'=1+1"
    assert rows[0]["area (pixel)"] == "16"
    assert [row["border"] for row in rows] == ["0", "0", "1"]
    with pytest.raises(UserError, match="exists already"):
        write_objects(path, three())


def test_pixels_are_read_as_they_are() -> None:
    data = np.arange(2 * 3 * 4 * 5, dtype=np.uint16).reshape(3, 2, 4, 5) * 500
    image = Image(data, "ZCYX")
    plane = raw_values(image, (1, slice(None), slice(None)))
    assert plane.dtype == np.uint16
    assert np.array_equal(plane, data[1])
    volume = raw_values(image, (slice(None), slice(None), slice(None)))
    assert np.array_equal(volume, np.moveaxis(data, 1, 0))
    colour = raw_values(Image(np.moveaxis(data[0], 0, -1), "YXC"), (slice(None), slice(None)))
    assert np.array_equal(colour, data[0])
    hole = data[0, 0].astype(np.float32)
    hole[0, 0] = np.nan
    filled = raw_values(Image(hole, no_data=(500.0,)), (slice(None), slice(None)))
    assert np.isnan(filled).sum() == 2


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of two images with predictions and one without; two squares of the first hang together by a bridge."""
    (tmp_path / "data").mkdir()
    path, records = tmp_path / "cells.unet", []
    for name in ("one", "two", "three"):
        file = tmp_path / "data" / f"{name}.tif"
        tifffile.imwrite(file, np.full((40, 60), 7, np.uint8), imagej=True, resolution=(2.0, 2.0),
                         metadata={"unit": "um"})
        records.append(image_record(read_image(file), [file], path, image_id=name))
    folder = ProjectFolder.create(path, state=ProjectState(tuple(records), CLASSES))
    for name in ("one", "two"):
        mask = np.ones((40, 60), np.uint8)
        mask[4:16, 4:16] = mask[4:16, 24:36] = 2
        if name == "one":
            mask[9:11, 16:24] = 2
            cut = PlaceNotes((Line("cut", ((4.0, 20.0), (16.0, 20.0))),))
            folder.write_objects(name, ObjectNotes((40, 60), {Place(0): cut}))
        folder.result_path(name).parent.mkdir(exist_ok=True)
        geometry = read_image(tmp_path / "data" / "one.tif").geometry
        save_mask(folder.result_path(name), mask, classes=CLASSES, geometry=geometry)
        folder.put_result(name)
    folder.close()
    return path


def test_all_objects_of_a_project_in_one_table_with_what_was_cut_by_hand(project: Path, tmp_path: Path) -> None:
    path = tmp_path / "objects.csv"
    assert run("counts", project, "--objects", "-o", path) == 1, "one image has no prediction, which is said"
    rows = rows_of(path)
    assert [row["image"] for row in rows] == ["one", "one", "two", "two"]
    assert {row["class"] for row in rows} == {"nucleus"}
    assert [float(row["area (micrometer^2)"]) for row in rows[2:]] == [36.0, 36.0]
    assert sum(float(row["area (pixel)"]) for row in rows[:2]) == 2 * 144 + 16
    assert {row["mean"] for row in rows} == {"7"}
    assert run("counts", project, "--objects", "-o", path) == 1, "nothing is replaced unasked"


def test_the_window_gets_the_same_table_and_what_was_left_out(project: Path) -> None:
    folder = ProjectFolder.open(project, read_only=True)
    work = measure_project(folder, CLASSES)
    while True:
        try:
            next(work)
        except StopIteration as end:
            table, left_out = end.value
            break
    assert len(table) == 4
    assert left_out == ()
    folder.close()


def test_an_image_that_is_gone_is_left_out_and_named(project: Path, tmp_path: Path) -> None:
    (tmp_path / "data" / "two.tif").unlink()
    path = tmp_path / "objects.csv"
    assert run("counts", project, "--objects", "-o", path) == 1
    assert [row["image"] for row in rows_of(path)] == ["one", "one"]
