"""Tables as text, Markdown and CSV."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from report_scene import comparison_of, row

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.rows import COLUMNS, Row
from napari_unet.metrics.scoring import NEEDS_DENSE, score_pair
from napari_unet.report.figure import draw
from napari_unet.report.folder import ComparisonFolder
from napari_unet.report.summary import summarise
from napari_unet.report.table import DASH, format_text, write_csv


def rows_of(methods: int = 3, classes: int = 1, planes: int = 2, pixel_only: bool = False) -> list[Row]:
    """Rows as a comparison makes them."""
    rng = np.random.default_rng(0)
    table = ClassTable.named({1: "background", **{2 + n: f"a rather long name of class {n}" for n in range(classes)}})
    reference = rng.integers(0 if pixel_only else 1, classes + 2, (planes, 24, 24))
    rows: list[Row] = []
    for number in range(methods):
        wrong = rng.random(reference.shape) < 0.05 * number
        prediction = np.where(wrong, 1, np.maximum(reference, 1))
        name = f"method_with_a_long_name_{number}"
        rows += score_pair(prediction, reference, table, method=name, image_name="i", pixel_only=pixel_only)
        rows.append(Row(name, "", None, None, "", "seconds", 1.5 * number, "s"))
    return rows


@pytest.mark.parametrize(("methods", "classes"), [(1, 1), (3, 1), (8, 1), (8, 3), (2, 12)])
@pytest.mark.parametrize("pixel_only", [False, True])
def test_text_fits_a_terminal_and_shows_every_method(methods, classes, pixel_only):
    text = format_text(summarise(rows_of(methods, classes, pixel_only=pixel_only)))
    assert max(map(len, text.splitlines())) <= 100
    table = [line for line in text.splitlines() if line.startswith(("method ", "method_with"))]
    assert len(table) == (methods + 1) * (classes + (classes > 1))
    assert "Dice" in text


def test_columns_stand_below_each_other_and_the_best_is_marked():
    rows = [row("otsu", 0.5), row("a longer name", 0.75), row("otsu", 12.0, metric="components", unit="count"),
            row("otsu", 20.0, metric="components_reference", unit="count"),
            row("otsu", 8.0, metric="components_error", unit="count")]
    assert format_text(summarise(rows)).splitlines() == [
        "class 2, one plane",
        "method         Dice  parts  off by",
        "otsu          0.500  12/20       8",
        "a longer name 0.750*     -       -",
        "",
        "* best (all that are equal to the digits shown)",
        "- parts: not scored",
    ]


def test_of_parts_and_holes_what_is_matched_in_place_is_marked():
    numbers = {"elsewhere": (3, 3, 0, 6), "in place": (2, 3, 1, 1)}
    rows = [row(method, float(value), metric=f"holes{end}", unit="count") for method, values in numbers.items()
            for end, value in zip(("", "_reference", "_error", "_unmatched"), values, strict=True)]
    assert format_text(summarise(rows)).splitlines() == [
        "class 2, one plane",
        "method    holes  unmatched",
        "elsewhere   3/3          6",
        "in place    2/3          1*",
        "",
        "* best (all that are equal to the digits shown)",
    ]


def test_what_there_is_no_room_for_is_named():
    text = format_text(summarise(rows_of(3, 1)), width=80)
    assert "Not shown for lack of room: " in text
    assert max(map(len, text.splitlines())) <= 80
    assert "Dice" in text
    assert "Not shown" not in format_text(summarise(rows_of(3, 1)), width=500)


def test_dashes_are_explained_once():
    text = format_text(summarise(rows_of(3, 1, pixel_only=True)))
    assert text.count(NEEDS_DENSE) == 1
    assert any(line.startswith(f"{DASH} parts, ") for line in text.splitlines())


def test_markdown_is_a_table_with_the_best_in_bold():
    rows = [row("a|b", 0.5), row("c", 0.75)]
    assert format_text(summarise(rows), markdown=True).splitlines() == [
        "**class 2, one plane**", "", "| method | Dice |", "| --- | ---: |", "| a\\|b | 0.500 |", "| c | **0.750** |",
    ]
    wide = format_text(summarise(rows_of(8, 3)), markdown=True)
    assert "Not shown" not in wide, "Markdown has no width"
    for block in wide.split("\n\n"):
        widths = {line.count(" | ") for line in block.splitlines() if line.startswith("|")}
        assert len(widths) <= 1


def test_rows_come_back_from_the_file(tmp_path):
    rows = [*rows_of(2, 2), row('say "so", Ü', None, image="a,b\nc", note="why")]
    path = tmp_path / "table.csv"
    write_csv(path, rows)
    assert list(tmp_path.iterdir()) == [path], "nothing is left beside it"
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    assert tuple(lines[0]) == COLUMNS
    assert len(lines) == len(rows)
    for line, one in zip(lines, rows, strict=True):
        for name in COLUMNS:
            was = getattr(one, name)
            text = line[name]
            if was is None:
                assert text == ""
            elif isinstance(was, (int, float)):
                assert float(text) == was, "to the last bit"
            else:
                assert text == was


def test_a_file_is_never_replaced_unasked(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("mine")
    with pytest.raises(UserError, match=r"table\.csv exists already.*--overwrite"):
        write_csv(path, [row(value=1.0)])
    assert path.read_text() == "mine"
    write_csv(path, [row(value=1.0)], overwrite=True)
    assert path.read_text(encoding="utf-8-sig").splitlines() == [",".join(COLUMNS), "a,i,0,2,class 2,dice,1,,,"]


def test_an_interrupted_table_leaves_the_old_one_whole(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("mine")

    def broken():
        yield row(value=1.0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_csv(path, broken(), overwrite=True)
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("table.csv", "mine")]


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        write_csv(tmp_path / "nowhere" / "table.csv", [])
    with pytest.raises(UserError, match="cannot be written"):
        draw(comparison_of([Image(np.zeros((8, 8), np.uint8))]), tmp_path / "nowhere" / "figure.png")
    with pytest.raises(UserError, match="cannot be written"):
        ComparisonFolder(tmp_path / "file" / "folder")
