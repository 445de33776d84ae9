"""Tables and figures of a comparison: means that can be checked by hand, text that fits, pictures that are right."""

from __future__ import annotations

import csv
import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.comparison import Comparison
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.rows import COLUMNS, Row
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.metrics.scoring import NEEDS_DENSE, score_pair
from napari_unet.report.figure import DPI, WIDTH, draw
from napari_unet.report.folder import ComparisonFolder
from napari_unet.report.planes import DETAIL, planes_to_show
from napari_unet.report.summary import Column, best, shown, summarise
from napari_unet.report.table import DASH, format_text, grids, write_csv

TWO = ClassTable.named({1: "background", 2: "cell"})
patient = settings(deadline=None)  # a busy machine is no failure


def row(method="a", value=None, *, image="i", plane=0, class_id=2, metric="dice", unit="", note="") -> Row:
    return Row(method, image, plane, class_id, f"class {class_id}" if class_id else "", metric, value, unit, note)


# -- summary ----------------------------------------------------------------------------------------------------------


def test_the_mean_over_planes_of_all_images_and_then_over_classes():
    rows = [
        row(value=0.2, image="one", plane=0), row(value=0.4, image="one", plane=1), row(value=0.9, image="two"),
        row(value=0.1, image="one", plane=0, class_id=3), row(value=0.3, image="one", plane=1, class_id=3),
        row(value=0.2, image="two", class_id=3),
    ]
    summary = summarise(rows)
    assert summary.get("a", "dice", 2) == pytest.approx(0.5), "each plane counts once, not each image"
    assert summary.get("a", "dice", 3) == pytest.approx(0.2)
    assert summary.get("a", "dice") == pytest.approx(0.35)
    assert summary.values["a", Column("dice", 2, "class 2")].count == 3
    assert summary.classes == ((2, "class 2"), (3, "class 3"))
    assert summary.get("a", "iou") is None
    assert summary.get("b", "dice") is None


@patient
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.integers(2, 4),
                          st.none() | st.floats(0, 1)), min_size=1, max_size=30))
def test_means_agree_with_numpy_and_missing_values_are_left_out(given_values):
    rows = [row(method, value, plane=plane, class_id=class_id, note="" if value is not None else "why")
            for method, plane, class_id, value in given_values]
    summary = summarise(rows)
    for method in {one.method for one in rows}:
        means = []
        for class_id in {one.class_id for one in rows if one.method == method}:
            values = [one.value for one in rows if (one.method, one.class_id) == (method, class_id)]
            known = [value for value in values if value is not None]
            found = summary.get(method, "dice", class_id)
            if known:
                assert found == pytest.approx(np.mean(known))
                means.append(found)
            else:
                assert found is None
        assert summary.get(method, "dice") == (pytest.approx(np.mean(means)) if means else None)
    assert "nan" not in format_text(summary)


def test_what_is_left_out_is_said():
    summary = summarise([row(value=0.5), row(plane=1, note="nothing was predicted"), row(plane=2, note="no stroke")])
    value = summary.values["a", Column("dice", 2, "class 2")]
    assert (value.value, value.count) == (0.5, 1)
    assert value.note == "1 of 3 planes (nothing was predicted; no stroke)"
    assert "Dice of a (class 2): 1 of 3 planes (nothing was predicted; no stroke)" in format_text(summary)


def test_seconds_are_added_up_and_belong_to_no_class():
    rows = [row(value=0.5), row(value=2.0, image="", plane=None, class_id=None, metric="seconds", unit="s"),
            row(value=3.5, image="", plane=None, class_id=None, metric="seconds", unit="s")]
    summary = summarise(rows)
    assert summary.get("a", "seconds") == 5.5
    assert summary.classes == ((2, "class 2"),)


def test_whole_volumes_keep_apart_from_planes():
    rows = [row(value=4.0, metric="components", unit="count"),
            row(value=6.0, plane=1, metric="components", unit="count"),
            row(value=2.0, plane=None, metric="components", unit="count")]
    summary = summarise(rows)
    assert summary.get("a", "components", 2) == 5.0
    volume = summary.column("components", 2, volume=True)
    assert volume is not None
    assert summary.values["a", volume].value == 2.0
    assert [grid.title for grid in grids(summary)] == ["class 2, mean over 2 planes", "class 2, whole volume"]


def test_no_rows_at_all():
    summary = summarise([])
    assert (summary.methods, summary.columns, summary.classes) == ((), (), ())
    assert format_text(summary) == "Nothing was scored."
    assert format_text(summary, markdown=True) == "Nothing was scored."


def test_the_best_is_the_highest_or_the_lowest_and_ties_share_it():
    rows = [
        row("a", 0.9), row("b", 0.9001), row("c", 0.8),
        row("a", 3.0, metric="components_error", unit="count"), row("b", 1.0, metric="components_error", unit="count"),
        row("c", 1.0, metric="components_error", unit="count"),
        row("a", 9.0, metric="components", unit="count"), row("b", 1.0, metric="components", unit="count"),
        row("a", 9.0, metric="holes_error", unit="count"), row("b", None, metric="holes_error", unit="count"),
    ]
    winners = {(method, column.metric) for method, column in best(summarise(rows)) if column.class_id == 2}
    assert winners == {("a", "dice"), ("b", "dice"), ("b", "components_error"), ("c", "components_error")}, (
        "equal to the digits shown is a tie; a count has no better; one value alone wins nothing"
    )


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.91449, "", "0.914"), (1.0, "", "1.000"), (21.0, "count", "21"), (21.25, "count", "21.2"),
     (12345.6, "count", "12346"), (0.123, "s", "0.12"), (61.25, "s", "61.2"), (2.345, "px", "2.35"),
     (1234.5, "px", "1.23e+03")],
)
def test_digits(value, unit, text):
    assert shown(value, unit) == text


# -- text -------------------------------------------------------------------------------------------------------------


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


# -- csv --------------------------------------------------------------------------------------------------------------


def test_rows_come_back_from_the_file(tmp_path):
    rows = [*rows_of(2, 2), row('say "so", Ü', None, image="a,b\nc", note="why")]
    path = tmp_path / "table.csv"
    write_csv(path, rows)
    assert list(tmp_path.iterdir()) == [path], "nothing is left beside it"
    with path.open(encoding="utf-8", newline="") as file:
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
    assert path.read_text().splitlines() == [",".join(COLUMNS), "a,i,0,2,class 2,dice,1,"]


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


# -- figure -----------------------------------------------------------------------------------------------------------


def comparison_of(
    images: list[Image], *, methods: tuple[str, ...] = ("unet", "threshold"), reference: bool = True,
    painted: bool = True, held_out: bool = False, classes: ClassTable = TWO,
) -> Comparison:
    """A comparison in which the first method is right and the others are shifted."""
    pairs, truths = [], []
    for image in images:
        y, x = np.mgrid[: image.plane_shape[0], : image.plane_shape[1]]
        truth = np.ones(image.shape, np.uint8)
        for number in classes.ids[1:]:
            truth[..., (y // 8 + x // 8) % len(classes.ids) == number - 1] = number
        strokes = np.where((y % 6 == 2) & (x % 16 < 12), truth, 0).astype(np.uint8)
        if image.n_planes > 1:
            strokes.reshape(-1, *image.plane_shape)[1:] = 0
        pairs.append(Pair(image, Scribbles.from_array(strokes if painted else np.zeros_like(strokes))))
        truths.append(np.where(y % 6 == 2, truth, 0).astype(np.uint8) if held_out else truth)
    training = TrainingSet(tuple(pairs), classes)
    masks = {
        method: tuple(np.roll(truth if not held_out else np.maximum(truth, 1), 3 * shift, -1) for truth in truths)
        for shift, method in enumerate(methods)
    }
    references = tuple(truths) if reference else (None,) * len(images)
    rows: list[Row] = []
    for method in methods:
        for pair, mask, truth in zip(pairs, masks[method], references, strict=True):
            if truth is not None:
                rows += score_pair(mask, truth, classes, method=method, image_name=pair.image.name,
                                   pixel_only=held_out)
        rows.append(Row(method, "", None, None, "", "seconds", 1.0, "s"))
    planes = tuple(tuple(range(image.n_planes)) for image in images)
    return Comparison(training, planes, references, held_out, tuple(rows), masks, {}, {})


def noise(*shape: int, dtype: str = "uint8") -> np.ndarray:
    values = np.random.default_rng(0).random(shape)
    return (values * 255).astype(dtype) if np.dtype(dtype).kind in "ui" else values.astype(dtype)


def picture(path: Path) -> np.ndarray:
    """Read a PNG as uint8 (Y, X, 3)."""
    import matplotlib.image

    return (matplotlib.image.imread(path)[..., :3] * 255).round().astype(np.uint8)


FIVE = ClassTable.default(range(1, 6))
CASES = {
    "grey": comparison_of([Image(noise(48, 64))]),
    "colour": comparison_of([Image(noise(2, 40, 56, 3), "NYXC")]),
    "colour of 16 bits": comparison_of([Image(noise(40, 56, 3, dtype="uint16"), "YXC")]),
    "two channels": comparison_of([Image(noise(2, 40, 56, dtype="float32"), "CYX")]),
    "five channels, with NaN": comparison_of([Image(np.where(noise(5, 40, 56) > 250, np.nan, 1.0), "CYX")]),
    "several images": comparison_of([Image(noise(40, 56), name="first"), Image(noise(30, 90), name="second $x^2$")]),
    "no reference": comparison_of([Image(noise(40, 56))], reference=False),
    "held-out strokes": comparison_of([Image(noise(40, 56))], held_out=True),
    "no strokes": comparison_of([Image(noise(40, 56))], painted=False),
    "no method": comparison_of([Image(noise(40, 56))], methods=()),
    "many methods and classes": comparison_of([Image(noise(3, 64, 64), "ZYX")], classes=FIVE,
                                              methods=tuple(f"method with a long name {n}" for n in range(7))),
    "one pixel": comparison_of([Image(noise(1, 1))]),
    "one row": comparison_of([Image(noise(1, 200))]),
    "one column": comparison_of([Image(noise(200, 1))]),
    "constant": comparison_of([Image(np.full((20, 20), 7.0))]),
    "large": comparison_of([Image(noise(1200, 1500))], methods=("unet",)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_figure_of_every_kind_of_image(name, tmp_path):
    draw(CASES[name], tmp_path / "figure.png")
    pixels = picture(tmp_path / "figure.png")
    assert pixels.shape[1] == WIDTH * DPI
    assert 150 < pixels.shape[0] < 4000
    assert (pixels[:, -5:] == 255).all(), "nothing runs out of the paper"
    assert (pixels != 255).any(axis=2).mean() > 0.01, "and it is not empty"


def test_results_are_shown_in_the_colours_of_their_classes(tmp_path):
    made = comparison_of([Image(np.zeros((32, 32), np.uint8))])
    draw(made, tmp_path / "figure.png")
    pixels = picture(tmp_path / "figure.png").reshape(-1, 3)
    for number in (1, 2):  # strokes are opaque; of a result only the outline
        colour = np.array([int(TWO.color(number)[at : at + 2], 16) for at in (1, 3, 5)])
        assert (np.abs(pixels.astype(int) - colour).max(axis=1) <= 2).sum() > 100
    filled = np.round(0.45 * np.array([int(TWO.color(2)[at : at + 2], 16) for at in (1, 3, 5)]))
    assert (np.abs(pixels - filled).max(axis=1) <= 2).sum() > 1000


def test_drawing_changes_neither_images_nor_the_state_of_matplotlib(tmp_path):
    import matplotlib

    before, backend = dict(matplotlib.rcParams), matplotlib.get_backend()
    data = noise(32, 32)
    data.flags.writeable = False
    draw(comparison_of([Image(data)]), tmp_path / "figure.png")
    assert dict(matplotlib.rcParams) == before
    assert matplotlib.get_backend() == backend


def test_planes_that_were_segmented_and_scored_are_shown_before_painted_ones():
    made = comparison_of([Image(noise(5, 32, 32), "ZYX")])  # painted: plane 0
    only = {method: (np.where(np.arange(5)[:, None, None] >= 3, labels, 0).astype(np.uint8),)
            for method, (labels,) in made.masks.items()}
    chosen = planes_to_show(dataclasses.replace(made, masks=only))
    assert [(one.number, one.plane, one.strokes_plane) for one in chosen] == [(0, 3, 0), (0, 4, 0)]
    assert [(one.plane, one.strokes_plane) for one in planes_to_show(made, [(0, 2), (0, 0)])] == [(2, 0), (0, 0)]


def test_of_a_large_plane_the_part_with_most_borders_is_shown():
    image = Image(np.zeros((1400, 2000), np.uint8))
    made = comparison_of([image], methods=())
    truth = np.ones(image.shape, np.uint8)
    truth[1300:1310:2, 1900:1990] = 2
    (one,) = planes_to_show(dataclasses.replace(made, references=(truth,)))
    rows, columns = one.box
    assert (rows.stop - rows.start, columns.stop - columns.start) == (DETAIL, DETAIL)
    assert rows.start <= 1300
    assert rows.stop >= 1310
    assert columns.start <= 1900
    assert columns.stop >= 1990


def test_the_folder_holds_table_figure_and_masks_of_the_planes_segmented(tmp_path):
    import tifffile

    image = Image(noise(3, 24, 20), "ZYX", scale=(0.5, 0.1, 0.1), unit="micrometer")
    made = dataclasses.replace(comparison_of([image]), planes=((0, 2),))
    folder = ComparisonFolder(tmp_path / "out")
    folder.save(made)
    there = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert there == ["figure.png", "masks/threshold.tif", "masks/unet.tif", "table.csv"]
    mask = tifffile.imread(tmp_path / "out" / "masks" / "unet.tif")
    np.testing.assert_array_equal(mask, made.masks["unet"][0][[0, 2]] - 1)
    with pytest.raises(UserError, match="holds results already"):
        ComparisonFolder(tmp_path / "out")
    ComparisonFolder(tmp_path / "out", overwrite=True).save(made)


def test_seconds_are_never_nan():
    assert math.isclose(summarise([row(value=0.0, class_id=None, plane=None, metric="seconds", unit="s")])
                        .get("a", "seconds"), 0.0)
