"""Names that others chose are harmless where they are shown: in tables, spreadsheets, figures and on the terminal."""

from __future__ import annotations

import csv
import dataclasses
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_scene import CASES, comparison_of, picture, row

from napari_unet.core.classes import ClassTable, PaintedClass
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.readable import readable
from napari_unet.core.rows import Row
from napari_unet.report import lettering as lettering_module
from napari_unet.report.csv_cells import harmless_cell, word_of_cell
from napari_unet.report.figure import draw
from napari_unet.report.folder import ComparisonFolder
from napari_unet.report.html_report import html_page
from napari_unet.report.lettering import lettering
from napari_unet.report.table import format_text, summarise, write_csv

EVIL = ("=HYPERLINK(1)", "+1", "-1+1", "@SUM(1)", "\tx", "\rx", " =1", "＝1", "\x1b[31mred", "a\u202eb", "\udc80")


def _named(name: str, value: float) -> Row:
    """A row in which every word is the same name."""
    return dataclasses.replace(row(name, value, image=name, unit=name), class_name=name)


@given(st.text(st.characters(exclude_categories=[])))
def test_readable_text_can_be_written_and_steers_nothing(text: str) -> None:
    shown = readable(text)
    shown.encode("utf-8")
    assert not any(letter < " " or "\x7f" <= letter < "\xa0" or letter in "\u2028\u2029\u202a\u202e\u2066\ufeff"
                   for letter in shown)
    assert readable(shown) == shown


@pytest.mark.parametrize("text", ["cells", "Zellen µ", "細胞 1", "خلية", "a b", "क्‍ष", "👩‍🔬", "a_b-c.tif"])
def test_words_of_all_languages_stay(text: str) -> None:
    assert readable(text) == text


@pytest.mark.parametrize("name", EVIL)
def test_no_cell_is_run_and_the_word_can_be_read_again(tmp_path: Path, name: str) -> None:
    write_csv(tmp_path / "t.csv", [_named(name, -0.5)])
    data = (tmp_path / "t.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbfmethod,"), "the mark by which Excel knows UTF-8"
    assert b"\x1b" not in data
    with (tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as file:
        (line,) = csv.DictReader(file)
    for column in ("method", "image", "class_name", "unit"):
        assert line[column].lstrip(" ")[:1] not in "=+-@\t\r＝"
        assert word_of_cell(line[column]) == readable(name, lines=True)
    assert line["value"] == "-0.5", "numbers are numbers"


def test_values_of_other_kinds_are_cells_as_they_are() -> None:
    assert [harmless_cell(value) for value in (None, 3, 2.0, 0.25, -1, "a", "'a")] == ["", 3, 2, 0.25, -1, "a", "'a"]
    assert harmless_cell(float("inf")) == float("inf")
    assert word_of_cell("'a") == "'a"


def test_a_link_is_followed_and_a_device_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "t.csv", tmp_path / "link.csv"
    link.symlink_to(target)
    write_csv(link, [row(value=1.0)])
    assert link.is_symlink()
    assert target.read_bytes().startswith(b"\xef\xbb\xbfmethod")
    with pytest.raises(UserError, match="exists already"):
        write_csv(link, [row(value=1.0)])
    write_csv(link, [row(value=2.0)], overwrite=True)
    assert link.is_symlink()
    assert sorted(os.listdir(tmp_path / "real")) == ["t.csv"]
    for device in ("/dev/null", "/dev/stdout"):
        if Path(device).exists():
            with pytest.raises(UserError, match=r"not written: it is no file but a device.*Choose the name of a file"):
                write_csv(device, [row(value=1.0)], overwrite=True)


def test_tables_on_the_terminal_hold_nothing_that_steers_it() -> None:
    for name in EVIL:
        shown = format_text(summarise([_named(name, 0.5), dataclasses.replace(_named(name, 0.25), method="b")]))
        assert not {"\x1b", "\u202e", "\udc80", "\r", "\t"} & set(shown)


@pytest.mark.parametrize("color", ["red", "", "#12345", "#gggggg", "#0072b2\x1b", 5, None])
def test_a_colour_is_one(color: object) -> None:
    with pytest.raises(UserError, match=r"The colour of class 1 is .* Allowed: #rrggbb"):
        ClassTable((PaintedClass(1, "a", color),))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["a\ud800", 3])
def test_a_name_is_text_that_can_be_written(name: object) -> None:
    with pytest.raises(UserError, match="name of class 1 is no text"):
        ClassTable((PaintedClass(1, name, "#0072b2"),))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["細胞", "세포", "a\x1b[31m", "𓀀", "\udc80", "$x_$"])
def test_a_figure_has_letters_for_every_name_or_spells_them(tmp_path: Path, name: str) -> None:
    made = comparison_of([Image(np.zeros((32, 32), np.uint8), name=name)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of a missing letter, and draws a box
        draw(made, tmp_path / "f.png")
    assert picture(tmp_path / "f.png").size
    html_page(made).encode("utf-8", "backslashreplace")


def test_the_text_of_a_comparison_can_be_shown_on_a_terminal(tmp_path: Path) -> None:
    made = comparison_of([Image(np.zeros((32, 32), np.uint8), name="a\x1b[31m\udc80")])
    ComparisonFolder(tmp_path / "out").save(made)
    shown = (tmp_path / "out" / "methods.txt").read_text(encoding="utf-8")
    assert "\x1b" not in shown
    assert "\n" in shown


def test_without_a_font_letters_are_spelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lettering_module, "_others", lambda: ())
    lettering.cache_clear()
    assert lettering("細胞 a") == ("<U+7D30><U+80DE> a", ())
    lettering.cache_clear()


def test_a_font_that_has_the_letters_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated by parting what the fonts of matplotlib have: no other font is there on every machine."""
    real = lettering_module._lacking
    monkeypatch.setattr(lettering_module, "_others", lambda: (("Poor", "poor.ttf"), ("Rich", "rich.ttf")))
    monkeypatch.setattr(lettering_module, "_lacking", lambda path, letters: {
        "poor.ttf": letters, "rich.ttf": letters - {"細"}}.get(path, real(path, letters)))
    lettering.cache_clear()
    text, families = lettering("細胞")
    assert text == "細<U+80DE>"
    assert families[-1:] == ("Rich",)
    lettering.cache_clear()


def test_usual_names_are_drawn_as_ever() -> None:
    assert lettering("cells µ é Ω") == ("cells µ é Ω", ())
    assert CASES
