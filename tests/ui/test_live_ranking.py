"""What the tables of a comparison say: ties, partial results, planes, and how it ended in words."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from qtpy.QtCore import Qt

from napari_unet.comparison.contender_run import ComparisonEvent
from napari_unet.comparison.held_out_evidence import StrokeCount, evidence_rows
from napari_unet.core.classes import ClassTable
from napari_unet.core.rows import Row
from napari_unet.ui.compare.live_ranking import EXPECTED, TO_BEST, LiveRanking, ending_sentence
from napari_unet.ui.compare.plane_scores import plane_lines, scored_planes
from napari_unet.ui.score_table import ScoreTable


def stood(**dice: list[float]) -> LiveRanking:
    """Return how methods with these Dice values on the planes stand; an empty list is a failure."""
    made = LiveRanking({name: name.title() for name in dice})
    for name, values in dice.items():
        rows = tuple(Row(name, "cells", plane, 2, "cell", "dice", value) for plane, value in enumerate(values))
        made.take(ComparisonEvent(name, "done", rows=rows)
                  if values else ComparisonEvent(name, "failed", "It needs more memory."))
    return made


def on_strokes(strokes: int, **known: tuple[float, float]) -> LiveRanking:
    """Return how methods stand without a reference: Dice on held-out strokes, and how far two fits agree."""
    made = LiveRanking({name: name.title() for name in known})
    for name, (dice, agreement) in known.items():
        rows = [Row(name, "cells", 0, 2, "cell", "dice", dice), Row(name, "cells", 0, 2, "cell", "iou", dice),
                *evidence_rows(name, ClassTable.named({1: "background", 2: "cell"}), StrokeCount(strokes, strokes),
                               {1: dice, 2: dice}, {1: agreement, 2: agreement}, {1: (1.0, 10), 2: (3.0, 10)})]
        made.take(ComparisonEvent(name, "done", rows=tuple(rows)))
    return made


def test_on_strokes_nothing_is_best_inside_its_uncertainty() -> None:
    made = on_strokes(4, same=(1.0, 0.95), equal=(1.0, 0.94), worse=(0.95, 0.93))
    lines = {line.name: line for line in made.lines(None)}
    assert not [name for name, line in lines.items() for cell in line.cells.values() if cell.best]
    assert lines["same"].cells[TO_BEST].text == "cannot tell yet"
    assert "a labelled reference would" in lines["same"].cells[TO_BEST].tooltip
    assert lines["equal"].cells[TO_BEST].text.startswith("tie [")
    assert lines["same"].cells["dice"].text == "1.000"
    likely = made.summary.likely("same")
    assert likely is not None
    assert lines["same"].cells[EXPECTED].text == likely.text
    assert likely.low < 0.7, "four strokes say little"
    assert [one.key for one in made.columns(2)][:3] == ["dice", EXPECTED, TO_BEST]
    assert "log_loss" not in [one.key for one in made.columns(2)], "it is in the CSV"
    said = ending_sentence(made, True)
    assert said.startswith("Cannot tell yet: ")
    assert "Ahead so far: Same (Dice 1.000 on strokes held out, likely " in said
    assert said.endswith("level with it: Equal, Worse.")


def test_on_strokes_it_is_said_how_many_more_would_tell() -> None:
    made = on_strokes(8, a=(1.0, 0.95), b=(0.8, 0.7))
    told = re.match(r"Cannot tell yet: (\d+) more strokes of each class would\. Ahead so far: A ",
                    ending_sentence(made, True))
    assert told
    more = int(told[1])
    tooltip = made.lines(None)[0].cells[TO_BEST].tooltip
    assert tooltip.endswith(f"cannot tell yet: {more} more strokes of each class would.")
    grown = on_strokes(8 + more, a=(1.0, 0.95), b=(0.8, 0.7))
    assert ending_sentence(grown, True).startswith("A is best: ")


def test_on_strokes_what_is_far_ahead_is_best() -> None:
    made = on_strokes(16, good=(1.0, 0.98), bad=(0.5, 0.4))
    lines = {line.name: line for line in made.lines(None)}
    assert lines["good"].cells[TO_BEST].text == "best ★"
    assert [name for name, line in lines.items() if line.cells["dice"].best] == ["good"]
    assert ending_sentence(made, True).startswith("Good is best: Dice 1.000 on strokes held out, likely ")
    assert made.level_methods() == ["good"]


def test_a_single_method_on_strokes_has_its_interval_and_no_rank() -> None:
    made = on_strokes(4, only=(1.0, 0.9))
    likely = made.summary.likely("only")
    assert likely is not None
    assert ending_sentence(made, True) == f"Only: Dice 1.000 on strokes held out, likely {likely.text} elsewhere."
    assert TO_BEST not in [one.key for one in made.columns(2)]


def test_ties_are_told_from_differences() -> None:
    made = stood(best=[0.90, 0.92, 0.91, 0.93, 0.92, 0.90], near=[0.91, 0.91, 0.90, 0.93, 0.93, 0.89],
                 far=[0.80, 0.82, 0.81, 0.83, 0.82, 0.80], part=[0.99, 0.99], bad=[])
    lines = {line.name: line for line in made.lines(2)}
    cells = {name: line.cells.get(TO_BEST) for name, line in lines.items()}
    assert cells["best"].text == "best ★"
    assert cells["near"].text.startswith("tie [−0.0")
    assert "do not tell the two apart" in cells["near"].tooltip
    assert cells["far"].text == "−0.10 [−0.10, −0.10]"
    assert "−0.100 against Best on 6 planes" in cells["far"].tooltip
    assert lines["part"].partial == (2, 6)
    assert "Fewer than 5 planes" in cells["part"].tooltip
    assert lines["bad"].instead == "could not: It needs more memory."
    assert lines["best"].cells["dice"].text == "0.913 ± .012"
    assert [name for name, line in lines.items() if line.cells and line.cells["dice"].best] == ["best"]
    assert made.columns(2)[1].key == TO_BEST
    assert made.level_methods(2) == ["best", "near"]


def test_the_star_of_holes_goes_to_those_in_their_place(qtbot: Any) -> None:
    made = LiveRanking({"a": "Elsewhere", "b": "In place", "c": "None"})
    for name, numbers in (("a", (3, 3, 0, 6)), ("b", (2, 3, 1, 1)), ("c", (0, 3, 3, 3))):
        named = zip(("", "_reference", "_error", "_unmatched"), numbers, strict=True)
        made.take(ComparisonEvent(name, "done", rows=(Row(name, "cells", 0, 2, "cell", "dice", 0.5), *(
            Row(name, "cells", 0, 2, "cell", f"holes{end}", float(number), "count") for end, number in named))))
    cells = {line.title: line.cells["holes"] for line in made.lines(2)}
    assert {title: (cell.text, cell.best) for title, cell in cells.items()} == {
        "Elsewhere": ("3 / 3 (6)", False), "In place": ("2 / 3 (1)", True), "None": ("0 / 3 (3)", False)}
    assert cells["Elsewhere"].tooltip == (
        "holes found / in the reference; off by 0 on average; 6 of both together have no partner at the same place.")
    table = ScoreTable("a")
    qtbot.addWidget(table)
    table.show_lines(made.columns(2), made.lines(2))
    table.sort_by("holes")
    assert [row[0] for row in table.texts()] == ["In place", "None", "Elsewhere"], "the best first"
    assert "in brackets how many of both have no partner" in next(
        one.tooltip for one in made.columns(2) if one.key == "holes")


def test_what_a_narrow_dock_shows_comes_first() -> None:
    made = LiveRanking({"a": "A", "b": "B"})
    for name, value in (("a", 0.8), ("b", 0.9)):
        scores = {"dice": value, "iou": 0.6, "holes": 3, "holes_reference": 1, "holes_error": 2, "components": 4}
        made.take(ComparisonEvent(name, "done", rows=tuple(
            Row(name, "cells", 0, 2, "cell", metric, number) for metric, number in scores.items())))
    assert [one.key for one in made.columns(2)][:5] == ["dice", "components", "holes", TO_BEST, "iou"]


def test_partial_results_are_marked_and_stand_below_whole_ones(qtbot: Any) -> None:
    made = stood(part=[0.99, 0.98], best=[0.90, 0.92, 0.91], bad=[], far=[0.80, 0.82, 0.81])
    table = ScoreTable("a")
    qtbot.addWidget(table)
    table.show_lines(made.columns(2), made.lines(2))
    for key, order in (("dice", ["Best", "Far", "Part", "Bad"]), (TO_BEST, ["Best", "Far", "Part", "Bad"])):
        table.sort_by(key)
        assert [row[0] for row in table.texts()] == order
    table.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    assert [row[0] for row in table.texts()] == ["Far", "Best", "Part", "Bad"]
    assert [row[1] for row in table.texts()] == [
        "0.810 ± .010", "0.910 ± .010 ★", "0.985 ± .007 (2/3)", "could not: It needs more memory."]


def test_a_failure_widens_no_column_and_names_take_the_room_there_is(qtbot: Any) -> None:
    long = "A method whose name does not fit into a narrow dock"
    made = LiveRanking({"a": long, "b": "Bad"})
    made.take(ComparisonEvent("a", "done", rows=(Row("a", "cells", 0, 2, "cell", "dice", 0.5),)))
    lines = [dataclasses.replace(one, instead="could not: " + "much to read, " * 20) if one.name == "b" else one
             for one in made.lines(2)]
    table = ScoreTable("a")
    qtbot.addWidget(table)
    table.resize(1200, 200)
    table.show()
    table.show_lines(made.columns(2), lines)
    assert table.columnWidth(1) < 200
    whole = table.columnWidth(0)
    assert whole >= table.fontMetrics().horizontalAdvance(long)
    table.resize(300, 200)
    assert table.columnWidth(0) < whole
    table.resize(1200, 200)
    assert table.columnWidth(0) == whole


def test_why_no_method_has_a_result_is_read_in_the_table(qtbot: Any) -> None:
    table = ScoreTable("table")
    qtbot.addWidget(table)
    failed = stood(bad=[], worse=[])
    table.show_lines(failed.columns(None), failed.lines(None))
    assert sorted(table.texts()) == [[name, "could not: It needs more memory."] for name in ("Bad", "Worse")]
    table.resize(400, 140)
    table.show()
    assert table.columnWidth(1) > table.fontMetrics().horizontalAdvance("could not: It needs more memory.")
    assert LiveRanking({"bad": "Bad"}).columns(None) == [], "nothing is said before any is through"


def test_the_verdict_says_how_sure_it_is() -> None:
    level = stood(best=[0.90, 0.92, 0.91], near=[0.91, 0.91, 0.90])
    assert ending_sentence(level, False) == "Best has the best Dice (0.910 on the reference), but level with it: Near."
    clear = stood(best=[0.9, 0.9, 0.9], far=[0.5, 0.5, 0.5], bad=[])
    assert ending_sentence(clear,
                           False) == "Best is best: Dice 0.900 on the reference. Could not: Bad (see the table)."
    late = stood(best=[0.9, 0.9, 0.9], far=[0.5, 0.5, 0.5], part=[0.95])
    assert ending_sentence(late, False) == (
        "Best is best: Dice 0.900 on the reference. 1 did not do all planes in their time.")
    single = stood(best=[0.9], far=[0.5])
    assert "One plane only: no telling how sure that is." in ending_sentence(single, False)
    assert ending_sentence(stood(bad=[]), False) == "No method has a result. Could not: Bad (see the table)."


def test_planes_of_several_images_carry_their_names() -> None:
    rows = [Row("a", image, plane, 2, "cell", "dice", 0.5) for image in ("one", "two") for plane in (0, 1)]
    rows.append(dataclasses.replace(rows[0], method="b"))
    assert scored_planes(rows, "a") == [("one", 0), ("one", 1), ("two", 0), ("two", 1)]
    _, lines, places = plane_lines(rows, "a", 2)
    assert [line.title for line in lines] == ["one · plane 0", "one · plane 1", "two · plane 0", "two · plane 1"]
    assert [places[line.name] for line in lines] == scored_planes(rows, "a")
