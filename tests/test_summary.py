"""Rows become one number per method and metric; which is best."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_scene import row

from napari_unet.report.summary import SummaryColumn, best_methods, format_value, summarise
from napari_unet.report.table import format_text, table_grids


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
        row("a", 3.0, metric="components_unmatched", unit="count"),
        row("b", 1.0, metric="components_unmatched", unit="count"),
        row("c", 1.0, metric="components_unmatched", unit="count"),
        row("a", 9.0, metric="components", unit="count"), row("b", 1.0, metric="components", unit="count"),
        row("a", 9.0, metric="holes_unmatched", unit="count"), row("b", None, metric="holes_unmatched", unit="count"),
        row("a", 0.0, metric="betti_error", unit="count"), row("b", 2.0, metric="betti_error", unit="count"),
        row("a", 0.0, metric="components_error", unit="count"), row("b", 2.0, metric="components_error", unit="count"),
    ]
    winners = {(method, column.metric) for method, column in best_methods(summarise(rows)) if column.class_id == 2}
    assert winners == {("a", "dice"), ("b", "dice"), ("b", "components_unmatched"), ("c", "components_unmatched")}, (
        "equal to the digits shown is a tie; a count has no better; one value alone wins nothing; nor does a number "
        "that can agree by accident"
    )


def counted(method: str, found: int, true: int, unmatched: int) -> list:
    """Return the rows of holes."""
    values = {"holes": found, "holes_reference": true, "holes_error": abs(found - true), "holes_unmatched": unmatched}
    return [row(method, float(value), metric=name, unit="count") for name, value in values.items()]


@pytest.mark.parametrize(("rows", "best"), [
    ([("elsewhere", 3, 3, 6), ("two of three", 2, 3, 1)], {"two of three"}),
    ([("elsewhere", 3, 3, 6), ("none", 0, 3, 3)], set()),
    ([("none", 0, 3, 3), ("one of many", 2, 3, 3)], {"one of many"}),
    ([("no holes", 0, 0, 0), ("none either", 0, 0, 0), ("one", 1, 0, 1)], {"no holes", "none either"}),
])
def test_the_best_holes_are_those_in_their_place(rows, best):
    summary = summarise([one for method in rows for one in counted(*method)])
    winners = best_methods(summary)
    assert {method for method, column in winners if column.class_id == 2} == best
    assert {column.metric for _, column in winners} <= {"holes_unmatched"}


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
