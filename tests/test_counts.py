"""Counts of masks: parts, holes and areas, by hand on small pictures; and the CSV of them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.report.counts_table import write_counts
from napari_unet.report.csv_cells import ENCODING
from napari_unet.workflows.counts import COLUMNS, CountRow, count_mask, count_masks

CLASSES = ClassTable.named({1: "background", 2: "ring", 3: "dot"})


def a_plane() -> np.ndarray:
    """A ring of 8 pixels with a hole, and two dots that touch nothing; of the id 3 one pixel."""
    plane = np.ones((9, 12), np.uint8)
    plane[1:4, 1:4] = 2
    plane[2, 2] = 1
    plane[6, 6] = 2
    plane[7, 7] = 2  # touches by its corner: the same part
    plane[0, 11] = 3
    return plane


def by_class(rows: list[CountRow], plane: str = "") -> dict[object, CountRow]:
    return {row["class"]: row for row in rows if row["plane"] == plane}


def test_parts_holes_and_areas_of_a_plane() -> None:
    rows = list(count_mask(a_plane(), CLASSES, Geometry("YX", (0.5, 0.25), "micrometer"), "cells"))
    assert all(tuple(row) == COLUMNS for row in rows)
    found = by_class(rows)
    assert list(found) == ["ring", "dot"]
    assert found["ring"] == {
        "image": "cells", "plane": "", "value": 1, "class": "ring", "parts": 2, "holes": 1, "pixels": 10,
        "percent": 9.2593, "size": 1.25, "unit": "micrometer^2",
    }
    assert (found["dot"]["parts"], found["dot"]["holes"], found["dot"]["pixels"], found["dot"]["value"]) == (1, 0, 1, 2)


def test_a_class_that_is_not_there_has_a_row_of_zeros_and_one_not_in_the_table_has_one_too() -> None:
    found = by_class(list(count_mask(np.where(a_plane() == 3, 7, 1), CLASSES)))
    assert (found["ring"]["parts"], found["ring"]["pixels"]) == (0, 0)
    assert found["class 7"]["pixels"] == 1


def test_without_a_pixel_size_there_is_no_area_in_units() -> None:
    for geometry in (None, Geometry("YX", (2.0, 2.0))):
        assert {(row["size"], row["unit"]) for row in count_mask(a_plane(), CLASSES, geometry)} == {(None, "")}


def test_a_stack_has_a_row_for_each_plane_and_each_volume() -> None:
    stack = np.ones((2, 3, 5, 5), np.uint8)
    stack[1, :, 2, 2] = 2  # a rod through all planes: one part in the volume, one in every plane
    geometry = Geometry("TZYX", (1.0, 2.0, 0.5, 0.5), "micrometer")
    rows = [row for row in count_mask(stack, CLASSES, geometry) if row["class"] == "ring"]
    assert [row["plane"] for row in rows] == [
        "T=0 Z=0", "T=0 Z=1", "T=0 Z=2", "T=0 volume", "T=1 Z=0", "T=1 Z=1", "T=1 Z=2", "T=1 volume"]
    assert [row["parts"] for row in rows] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert (rows[-1]["pixels"], rows[-1]["size"], rows[-1]["unit"]) == (3, 1.5, "micrometer^3")
    turned = np.moveaxis(stack, 0, 1)  # Z before T: the same rows in another order
    again = count_mask(turned, CLASSES, Geometry("ZTYX", (2.0, 1.0, 0.5, 0.5), "micrometer"))
    volumes = [(row["plane"], row["parts"], row["size"]) for row in again
               if row["class"] == "ring" and "volume" in str(row["plane"])]
    assert volumes == [("T=0 volume", 0, 0.0), ("T=1 volume", 1, 1.5)]


def test_axes_that_do_not_fit_are_named() -> None:
    with pytest.raises(UserError, match=r"'mask' have shape \(9, 12\), which does not fit their axes ZYX"):
        list(count_mask(a_plane(), CLASSES, Geometry("ZYX")))


def test_the_table_opens_in_a_spreadsheet_and_runs_nothing(tmp_path: Path) -> None:
    table = ClassTable.named({1: "background", 2: "=1+1", 3: "Zellkern µ"})
    rows = count_masks([a_plane(), a_plane()], table, names=["one", "two"])
    path = tmp_path / "counts.csv"
    write_counts(path, rows, COLUMNS)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding=ENCODING, newline="") as file:
        read = list(csv.DictReader(file))
    assert [line["image"] for line in read] == ["one", "one", "two", "two"]
    assert {line["class"] for line in read} == {"'=1+1", "Zellkern µ"}
    assert read[0]["parts"] == "2"
    assert read[0]["size"] == ""
    with pytest.raises(UserError, match="exists already"):
        write_counts(path, rows, COLUMNS)
