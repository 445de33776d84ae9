"""Tables and figures of a comparison: means that can be checked by hand, text that fits, pictures that are right."""

from __future__ import annotations

import csv
import dataclasses
import math
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.comparison.contenders import Contender, make_method
from napari_unet.comparison.outcome import Comparison
from napari_unet.comparison.runner import run_comparison
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.rows import COLUMNS, Row
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.io.recipe import load_recipe
from napari_unet.metrics.scoring import NEEDS_DENSE, score_pair
from napari_unet.report.charts import topology_errors
from napari_unet.report.error_maps import COLOURS, FALSE, MISSED, OTHER, Mark, error_map, painted_errors, ringed
from napari_unet.report.figure import DPI, WIDTH, draw
from napari_unet.report.folder import ComparisonFolder
from napari_unet.report.html_report import html_page, ranking_sentence, write_html
from napari_unet.report.methods_text import describe_methods
from napari_unet.report.plane_choice import DETAIL, planes_to_show
from napari_unet.report.rasters import encode_png, parse_colour, shrunk
from napari_unet.report.summary import SummaryColumn, best_methods, format_value, summarise
from napari_unet.report.table import DASH, format_text, table_grids, write_csv

TWO = ClassTable.named({1: "background", 2: "cell"})


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
    assert summary.values["a", SummaryColumn("dice", 2, "class 2")].count == 3
    assert summary.classes == ((2, "class 2"), (3, "class 3"))
    assert summary.get("a", "iou") is None
    assert summary.get("b", "dice") is None


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
    value = summary.values["a", SummaryColumn("dice", 2, "class 2")]
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
    assert [grid.title for grid in table_grids(summary)] == ["class 2, mean over 2 planes", "class 2, whole volume"]


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
    winners = {(method, column.metric) for method, column in best_methods(summarise(rows)) if column.class_id == 2}
    assert winners == {("a", "dice"), ("b", "dice"), ("b", "components_error"), ("c", "components_error")}, (
        "equal to the digits shown is a tie; a count has no better; one value alone wins nothing"
    )


def test_a_method_judged_on_fewer_planes_wins_nothing():
    rows = [row("late", 0.99), row("a", 0.8), row("a", 0.7, plane=1), row("b", 0.8), row("b", 0.6, plane=1),
            *(row(name, seconds, image="", plane=None, class_id=None, metric="seconds", unit="s")
              for name, seconds in {"late": 1.0, "a": 3.0, "b": 2.0}.items())]
    winners = {(method, column.metric) for method, column in best_methods(summarise(rows))}
    assert winners == {("a", "dice"), ("b", "seconds")}


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.91449, "", "0.914"), (1.0, "", "1.000"), (21.0, "count", "21"), (21.25, "count", "21.2"),
     (12345.6, "count", "12346"), (0.123, "s", "0.12"), (61.25, "s", "61.2"), (2.345, "px", "2.35"),
     (1234.5, "px", "1.23e+03")],
)
def test_digits(value, unit, text):
    assert format_value(value, unit) == text


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
    assert there == ["figure.png", "masks/threshold.tif", "masks/unet.tif", "methods.txt", "report.html", "table.csv"]
    mask = tifffile.imread(tmp_path / "out" / "masks" / "unet.tif")
    np.testing.assert_array_equal(mask, made.masks["unet"][0][[0, 2]] - 1)
    with pytest.raises(UserError, match="holds results already"):
        ComparisonFolder(tmp_path / "out")
    ComparisonFolder(tmp_path / "out", overwrite=True).save(made)


def test_seconds_are_never_nan():
    assert math.isclose(summarise([row(value=0.0, class_id=None, plane=None, metric="seconds", unit="s")])
                        .get("a", "seconds"), 0.0)


# -- where results are wrong ------------------------------------------------------------------------------------------


def test_errors_of_every_kind_by_hand():
    reference = np.array([[1, 2, 2, 3, 0], [1, 1, 2, 3, 0]])
    prediction = np.array([[1, 1, 2, 2, 2], [2, 1, 0, 3, 1]])
    found = error_map(prediction, reference, dense=False)
    np.testing.assert_array_equal(found.codes, [[0, MISSED, 0, OTHER, 0], [FALSE, 0, 0, 0, 0]])
    np.testing.assert_array_equal(found.right, [[0, 0, 1, 0, 0], [0, 0, 0, 1, 0]])
    assert [found.count(code) for code in COLOURS] == [1, 1, 1]
    assert (found.strays, found.holes) == ((), ())


def test_stray_components_and_holes_are_pointed_out():
    reference = np.ones((40, 60), np.uint8)
    reference[5:25, 5:25] = 2
    prediction = reference.copy()
    prediction[10:13, 10:13] = 1  # a hole in what should be whole
    prediction[30:32, 50:56] = 2  # far from anything
    prediction[25:27, 10] = 2  # false, but part of the square
    found = error_map(prediction, reference)
    assert [(mark.y, mark.x) for mark in found.strays] == [(30.5, 52.5)]
    assert [(mark.y, mark.x) for mark in found.holes] == [(11, 11)]
    assert found.strays[0].radius == pytest.approx(0.5 * np.hypot(2, 6))
    reference[11, 11] = 1  # now there is a hole in the reference too
    assert error_map(prediction, reference).holes == ()
    reference[31, 50] = 0  # not known: it may be true
    assert error_map(prediction, reference).strays == ()


@given(st.integers(0, 2**32 - 1))
def test_error_maps_agree_with_a_plain_count(seed):
    generator = np.random.default_rng(seed)
    reference, prediction = generator.integers(0, 4, (2, 9, 11))
    found = error_map(prediction, reference)
    known = (reference > 0) & (prediction > 0)
    assert found.count(MISSED) == np.count_nonzero(known & (reference > 1) & (prediction == 1))
    assert found.count(FALSE) == np.count_nonzero(known & (reference == 1) & (prediction > 1))
    assert np.count_nonzero(found.codes) == np.count_nonzero(known & (reference != prediction))
    assert error_map(reference, reference).codes.max() == 0


def test_pictures_of_errors_have_their_colours():
    reference, prediction = np.array([[1, 2], [2, 1]]), np.array([[2, 1], [2, 1]])
    base = np.full((2, 2, 3), 0.5, np.float32)
    painted = painted_errors(base, error_map(prediction, reference))
    assert np.abs(painted[0, 0] - parse_colour(COLOURS[FALSE])).max() < 0.12
    assert np.abs(painted[0, 1] - parse_colour(COLOURS[MISSED])).max() < 0.12
    assert painted[1, 0].min() > painted[1, 1].max(), "what is right is pale"
    assert (base == 0.5).all()
    ring = ringed(np.zeros((30, 30, 3), np.float32), (Mark(15, 15, 4),), "#f0e442")
    assert (ring[15, 15] == 0).all()
    np.testing.assert_allclose(ring[15, 23], parse_colour("#f0e442"))
    with pytest.raises(UserError, match=r"A result of shape \(2, 2\) cannot be held against a reference of"):
        error_map(prediction, np.ones((3, 3)))


def test_smaller_pictures_are_means_and_keep_their_size_in_bounds(tmp_path):
    board = (np.indices((90, 61)).sum(axis=0) % 2)[..., None].repeat(3, axis=2).astype(np.float32)
    small = shrunk(board, 45)
    assert small.shape == (45, 31, 3)
    np.testing.assert_allclose(small[:, :30], 0.5)
    assert shrunk(small, 45) is small
    (tmp_path / "p.png").write_bytes(encode_png(np.full((5, 4, 3), parse_colour("#d55e00"))))
    assert np.abs(picture(tmp_path / "p.png")[0, 0].astype(int) - [213, 94, 0]).max() <= 3


# -- the report -------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Tags that are closed, the text, and every address that is asked for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.addresses, self.words, self.rows, self.pictures = [], [], [], 0, 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.rows += tag == "tr"
        for name, value in attrs:
            if name in ("src", "href"):
                self.addresses.append(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.mark.parametrize("name", [name for name in CASES if name not in ("large", "many methods and classes")])
def test_a_report_of_every_kind_of_comparison_is_one_whole_file(name):
    text = html_page(CASES[name])
    found = Page(text)
    assert found.open == []
    assert "nan" not in found.text.lower().split()
    assert all(one.startswith("data:image/png;base64,") for one in found.addresses), "nothing is fetched"
    assert "http" not in text.replace("http-equiv", "")
    for method in CASES[name].masks:
        title = {"unet": "U-Net", "threshold": "Threshold"}.get(method, method)
        assert f'alt="{title}' in text


def test_names_are_only_text_in_the_report():
    made = dataclasses.replace(
        comparison_of([Image(noise(24, 24), name="<script>alert(1)</script>")]), failures={"slic": "<b>no</b> & why"})
    text = html_page(made)
    assert "<script>alert" not in text
    assert "<b>no</b>" not in text
    assert "&lt;b&gt;no&lt;/b&gt; &amp; why" in text


def crafted() -> Comparison:
    """Three masks of nearly equal Dice: one whole, one in crumbs, one full of holes; and a fourth that is unlike."""
    image = Image(noise(2, 120, 120), "NYX")
    truth = np.ones(image.shape, np.uint8)
    truth[:, 20:100, 20:100] = 2
    whole, crumbs, holed = truth.copy(), truth.copy(), truth.copy()
    whole[:, 20:100, 97:100] = 1  # 240 pixels missed
    crumbs[:, 2:18:3, 2:118:3] = 2  # 234 single pixels too many
    holed[:, 22:98:5, 22:98:5] = 1
    holed[:, 24:98:5, 24:75:5] = 1  # 421 holes of a pixel
    strokes = np.zeros_like(truth)
    strokes[0, 50, 30:90], strokes[0, 5, 5:100] = 2, 1
    classes = ClassTable.named({1: "background", 2: "cell"})
    masks = {"whole": (whole,), "crumbs": (crumbs,), "holed": (holed,), "empty": (np.ones_like(truth),)}
    rows = [row for name, (mask,) in masks.items()
            for row in score_pair(mask, truth, classes, method=name, image_name="image")]
    return Comparison(TrainingSet((Pair(image, Scribbles.from_array(strokes)),), classes), ((0, 1),), (truth,), False,
                      tuple(rows), masks, {}, {"slic": "It needs a graphics card."})


def test_masks_of_equal_dice_and_different_topology_are_told_apart():
    made = crafted()
    summary = summarise(made.rows)
    dice = [summary.get(name, "dice") for name in ("whole", "crumbs", "holed")]
    assert max(dice) - min(dice) < 0.02
    wrong = topology_errors(made.rows)
    holes = int(summary.get("holed", "holes"))
    assert (wrong["whole"], wrong["crumbs"], wrong["holed"]) == (0, 234, holes)
    assert holes > 300
    text = Page(html_page(made)).text
    assert "234 stray parts, 0 holes" in text
    assert f"0 stray parts, {holes} holes" in text
    assert "0 stray parts, 0 holes" in text
    assert "It needs a graphics card." in text
    assert [text.index(words) for words in ("1 crumbs", "2 whole", "3 holed", "4 empty")] == sorted(
        text.index(words) for words in ("1 crumbs", "2 whole", "3 holed", "4 empty"))


def test_the_verdict_names_the_best_ties_and_doubt():
    made = crafted()
    assert ranking_sentence(made).startswith("crumbs has the best Dice (0.982, mean over 2 planes).")
    assert "With 2 planes no ranking is sure. Scored against a reference." in ranking_sentence(made)
    rows = [row(name, value, plane=plane) for name, values in {"a": [0.9, 0.5, 0.8, 0.7, 0.6, 0.7],
                                                               "b": [0.6, 0.8, 0.5, 0.9, 0.5, 0.8],
                                                               "c": [0.1] * 6}.items()
            for plane, value in enumerate(values)]
    level = dataclasses.replace(made, rows=tuple(rows), masks={"a": made.masks["whole"], "b": made.masks["whole"],
                                                               "c": made.masks["empty"]})
    assert ranking_sentence(level) == ("a has the best Dice (0.700, mean over 6 planes). Not told apart from it: b. "
                                       "Scored against a reference.")
    assert "No method has a score." in ranking_sentence(dataclasses.replace(made, rows=()))
    folded = dataclasses.replace(level, held_out=True, folds=4)
    assert "every stroke was kept from the methods once, in 4 folds of whole strokes" in ranking_sentence(folded)


def test_a_report_is_never_replaced_unasked(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("mine")
    with pytest.raises(UserError, match=r"report\.html exists already"):
        write_html(path, CASES["grey"])
    assert path.read_text() == "mine"
    write_html(path, CASES["grey"], overwrite=True)
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(UserError, match="cannot be written"):
        write_html(tmp_path / "no" / "report.html", CASES["grey"])


@pytest.fixture(scope="module")
def compared() -> Comparison:
    """A real comparison: one method with parameters to choose, one that can be saved."""
    image = np.zeros((3, 40, 48), np.uint8)
    image[:, 10:30, 10:30] = 120
    image += np.random.default_rng(0).integers(0, 30, image.shape, np.uint8)
    strokes = np.zeros_like(image)
    strokes[:2, 15:18, 12:28] = 2
    strokes[:2, 24:27, 12:28] = 2
    strokes[:2, 2:5, 3:45] = strokes[:2, 34:37, 3:45] = 1
    training = TrainingSet((Pair(Image(image, "NYX", "cells"), Scribbles.from_array(strokes)),), TWO)
    truth = np.where(image > 60, 2, 1).astype(np.uint8)
    work = run_comparison(training, [
        Contender("threshold", make_method("threshold", kind="otsu")),
        Contender("forest", make_method("forest", trees=5, largest=2.0)),
    ], references=[truth], planes=[(1, 2)])
    while True:
        try:
            next(work)
        except StopIteration as stop:
            return stop.value


def test_the_folder_of_a_real_comparison_can_be_run_again_from(compared, tmp_path):
    ComparisonFolder(tmp_path / "out").save(compared, models=True)
    there = {str(one.relative_to(tmp_path / "out")) for one in (tmp_path / "out").rglob("*") if one.is_file()}
    assert there == {"report.html", "table.csv", "methods.txt", "figure.png", "masks/threshold.tif", "masks/forest.tif",
                     "recipes/threshold.json", "recipes/forest.json", "models/forest.pt"}
    recipe = load_recipe(tmp_path / "out" / "recipes" / "threshold.json")
    assert recipe.make() == compared.methods["threshold"]
    assert recipe.parameters["sigma"] is not None, "chosen, so that it is the same again"
    for name in ("recipes/forest.json", "models/forest.pt", "methods.txt"):
        with pytest.raises(UserError, match="is an input of this command"):
            ComparisonFolder(tmp_path / "out", overwrite=True, inputs=[tmp_path / "out" / name])


def test_what_an_earlier_comparison_left_goes_and_the_files_of_others_stay(compared, tmp_path):
    out = tmp_path / "out"
    ComparisonFolder(out).save(compared, formats=(".tif", ".ome.zarr"), models=True)
    mine = (out / "masks" / "mine.tif", out / "masks" / "0_cells_forest.tif.txt", out / "recipes" / "mine.json")
    for path in mine:
        path.write_text("mine")
    only = dataclasses.replace(
        compared, rows=tuple(one for one in compared.rows if one.method == "threshold"),
        masks={"threshold": compared.masks["threshold"]}, methods={"threshold": compared.methods["threshold"]},
        models={},
    )
    ComparisonFolder(out, overwrite=True).save(only)
    there = {str(one.relative_to(out)) for one in out.rglob("*") if one.is_file()}
    assert there == {"report.html", "table.csv", "methods.txt", "figure.png", "masks/threshold.tif",
                     "recipes/threshold.json", *(str(path.relative_to(out)) for path in mine)}
    assert not (out / "masks" / "forest.ome.zarr").exists()


def test_a_folder_in_which_nothing_was_saved_is_empty(tmp_path):
    ComparisonFolder(tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_all_parameters_are_written_down(compared):
    text = describe_methods(compared)
    assert "Scored against a reference." in text
    assert "cells: 3 x 40 x 48 px, 1 channels, planes 1-2 compared" in text
    assert "Painted: background 504 px, cell 192 px." in text
    assert "threshold: Threshold\n--------------------\n" in text
    assert "  kind = otsu\n" in text
    assert "  trees = 5\n" in text
    chosen = compared.methods["threshold"].sigma
    assert f"  sigma = {chosen} px (chosen on the strokes)" in text
    assert "    tried " in text
    assert "Raises" not in text, "what is for programmers stays there"
    assert max(map(len, text.splitlines())) <= 200


def test_partial_results_are_marked_everywhere(compared):
    cut = dataclasses.replace(compared, done={**compared.done, "forest": ((1,),)},
                              notes={**compared.notes, "forest": "1 of 2 planes in its time."})
    assert "cells: planes 1 in time" in describe_methods(cut)
    assert "1 of 2 in its time" in Page(html_page(cut)).text


def test_a_partial_mask_holds_only_what_was_done(compared, tmp_path):
    import tifffile

    cut = dataclasses.replace(compared, done={**compared.done, "forest": ((2,),)})
    ComparisonFolder(tmp_path / "out").save(cut)
    mask = tifffile.imread(tmp_path / "out" / "masks" / "forest.tif").squeeze()
    np.testing.assert_array_equal(mask, compared.masks["forest"][0][2] - 1)
