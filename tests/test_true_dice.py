"""What is said of a true Dice on the strength of held-out strokes, and which method is called best on them."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import numpy as np
import pytest
from comparison_scene import few
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.comparison.held_out_evidence import (
    FitAgreement,
    HeldOutLoss,
    StrokeCount,
    dice_on_strokes,
    evidence_rows,
)
from napari_unet.core.classes import ClassTable
from napari_unet.core.image import Image
from napari_unet.core.method import Patch, Progress
from napari_unet.core.rows import Row
from napari_unet.learning.trainer import Step
from napari_unet.learning.true_dice import (
    ALIKE,
    DifferenceModel,
    HeldOutEvidence,
    IntervalModel,
    expected_dice,
    expected_difference,
    strokes_to_tell,
)
from napari_unet.report.held_out_ranking import by_likelihood, cannot_tell, named_best
from napari_unet.report.held_out_verdict import held_out_verdict
from napari_unet.report.paired_differences import rank_methods
from napari_unet.report.summary import best_methods, summarise
from napari_unet.report.table import format_text, write_csv
from napari_unet.session.annotation_session import Session
from napari_unet.session.held_out_score import HeldOutScore

CLASSES = ClassTable.named({1: "background", 2: "cell", 3: "vessel"})
shares = st.floats(0, 1)


def test_the_interval_by_hand() -> None:
    model = IntervalModel(0.0, 1.0, 0.0, (0.3, 0.8), (0.1, 0.0))
    known = HeldOutEvidence(0.8, 4)
    assert expected_dice(known, model).value == pytest.approx(0.8)
    assert expected_dice(known, model).low == pytest.approx(0.8 - 0.5), "root of 0.3^2 + 0.8^2/4"
    assert expected_dice(known, model).high == pytest.approx(0.9)
    assert expected_dice(HeldOutEvidence(1.0, 4), model).value == pytest.approx(0.9), "four strokes prove no more"
    assert expected_dice(HeldOutEvidence(1.0, 49), model).value == pytest.approx(0.99)


@few
@given(shares, shares, st.integers(1, 200))
def test_an_interval_is_one_and_fewer_strokes_never_make_it_narrower(dice: float, agree: float, strokes: int) -> None:
    found = expected_dice(HeldOutEvidence(dice, strokes, agree))
    assert 0 <= found.low <= found.value <= found.high <= 1
    model = IntervalModel(0.0, 0.0, 0.0, (0.1, 0.2), (0.1, 0.2))
    fewer, more = (expected_dice(HeldOutEvidence(dice, count, agree), model) for count in (strokes, strokes + 1))
    assert fewer.high - fewer.low >= more.high - more.low
    better = expected_dice(HeldOutEvidence(dice, strokes, min(1.0, agree + 0.1)))
    assert better.value >= found.value, "fits that agree more are likelier to be right"


def test_four_perfect_strokes_do_not_make_a_perfect_method() -> None:
    found = expected_dice(HeldOutEvidence(1.0, 4, 0.9))
    assert found.low < 0.6
    assert found.high - found.low > 0.3
    assert expected_dice(HeldOutEvidence(0.94, 8)).low < 0.72, "seen: 0.94 held out where the truth was 0.72"


def test_more_strokes_are_asked_for_until_they_would_tell() -> None:
    model = DifferenceModel(0.0, 0.1, (0.0, 0.4))
    mine, other = HeldOutEvidence(1.0, 4, 0.9), HeldOutEvidence(1.0, 4, 0.7)
    ahead = expected_difference(mine, other, model).value
    assert ahead == pytest.approx(0.1 * (np.log(9) - np.log(7 / 3)))
    more = strokes_to_tell(mine, other, model)
    assert more is not None
    assert 0.4 / np.sqrt(4 + more) - ahead <= ALIKE < 0.4 / np.sqrt(3 + more) - ahead
    assert strokes_to_tell(mine, mine, DifferenceModel(0.1, 0.1, (0.2, 0.4))) is None, "no number would do"
    assert strokes_to_tell(mine, HeldOutEvidence(1.0, 4, 0.0), DifferenceModel(0.0, 1.0, (0.0, 0.4))) == 0


def test_nothing_is_best_inside_its_uncertainty() -> None:
    alike = {"a": HeldOutEvidence(1.0, 4, 0.95, 0.2), "b": HeldOutEvidence(1.0, 4, 0.95, 0.1),
             "c": HeldOutEvidence(0.97, 4, 0.94, 0.3)}
    assert named_best(alike) is None
    assert by_likelihood(alike) == ["b", "a", "c"], "of equals, the smaller log loss"
    assert cannot_tell(alike, "b").startswith("cannot tell yet: ")
    clear = {"a": HeldOutEvidence(1.0, 16, 0.98), "b": HeldOutEvidence(0.5, 16, 0.4)}
    assert named_best(clear) == "a"
    assert named_best(clear, whole=["b"]) is None, "a method that did not do all planes may be better"
    assert named_best({"a": clear["a"]}) is None, "there is nothing to be better than"


def test_the_words_name_the_strokes_that_would_tell() -> None:
    near = {"a": HeldOutEvidence(1.0, 8, 0.95), "b": HeldOutEvidence(0.8, 8, 0.7)}
    more = strokes_to_tell(near["a"], near["b"])
    assert more
    assert cannot_tell(near, "a") == f"cannot tell yet: {more} more strokes of each class would"
    grown = {name: HeldOutEvidence(one.dice, 8 + more, one.agreement) for name, one in near.items()}
    assert named_best(grown) == "a"
    same = {"a": near["a"], "b": near["a"]}
    assert cannot_tell(same, "a").endswith("a labelled reference would")
    assert cannot_tell({"a": near["a"]}, "a").endswith("too little is known of the other methods")


def test_the_order_does_not_depend_on_who_came_first() -> None:
    mixed = {"once": HeldOutEvidence(0.9, 8), "steady": HeldOutEvidence(0.85, 8, 0.95),
             "unsteady": HeldOutEvidence(0.95, 8, 0.1)}
    orders = {tuple(by_likelihood({name: mixed[name] for name in names})) for names in itertools.permutations(mixed)}
    assert orders == {("unsteady", "once", "steady")}, "two fits that agree count only if all methods were fitted twice"


def known_rows(method: str, dice: float, agreement: float, strokes: int = 4) -> list[Row]:
    """Rows of a method without a reference."""
    rows = [Row(method, "i", 0, number, CLASSES.name(number), "dice", dice) for number in (2, 3)]
    rows += evidence_rows(method, CLASSES, StrokeCount(strokes, strokes), dict.fromkeys((1, 2, 3), dice),
                          dict.fromkeys((1, 2, 3), agreement), {1: (1.0, 10), 2: (4.0, 20), 3: (3.0, 10)})
    return [*rows, Row(method, "", None, None, "", "seconds", 1.0 if method == "a" else 2.0, "s")]


def test_table_sentence_and_csv_say_the_same(tmp_path: Path) -> None:
    rows = known_rows("a", 1.0, 0.95) + known_rows("b", 1.0, 0.9)
    summary = summarise(rows)
    assert {column.metric for _, column in best_methods(summary)} == {"seconds"}, "a clock needs no reference"
    likely = summary.likely("a")
    assert likely is not None
    text = format_text(summary)
    assert likely.text in text
    assert "1.000*" not in text
    assert "what to expect where nothing is painted, with 90% confidence" in text
    first, second = rank_methods(rows)
    assert (first.method, first.best, first.first, first.likely) == ("a", False, True, likely)
    assert second.level
    assert held_out_verdict(rows, {"a": "A", "b": "B"}).startswith("Cannot tell yet: ")
    write_csv(tmp_path / "t.csv", rows)
    with (tmp_path / "t.csv").open(encoding="utf-8-sig") as file:
        read = {(row["method"], row["metric"], row["class_id"]): row["value"] for row in csv.DictReader(file)}
    assert float(read["a", "likely_dice_low", ""]) == pytest.approx(likely.low)
    assert float(read["a", "likely_dice_high", ""]) == pytest.approx(likely.high)
    assert float(read["a", "log_loss", ""]) == pytest.approx(np.mean([0.1, 0.2, 0.3]))
    assert float(read["a", "fits_agree", "2"]) == pytest.approx(0.95)


def test_with_a_reference_what_is_known_is_said_as_before() -> None:
    rows = [Row(method, "i", plane, 2, "cell", "dice", value) for method, value in (("a", 0.9), ("b", 0.8))
            for plane in range(3)]
    assert not summarise(rows).held_out
    assert {(method, column.metric) for method, column in best_methods(summarise(rows))} == {("a", "dice")}
    first, second = rank_methods(rows)
    assert first.best
    assert not second.level
    assert held_out_verdict([], {}) == ""


def test_one_class_held_out_is_no_score() -> None:
    rows = [Row("a", "i", 0, 2, "cell", "dice", 1.0), Row("b", "i", 0, 2, "cell", "dice", 0.5)]
    for method in "ab":
        rows += evidence_rows(method, CLASSES, StrokeCount(1, 1), {2: 1.0}, {}, {})
    assert not best_methods(summarise(rows))
    assert "takes three separate strokes of each of two classes" in held_out_verdict(rows, {})
    assert "too few strokes to tell" in format_text(summarise(rows))


def test_dice_agreement_and_loss_by_hand() -> None:
    truth = np.array([[[1, 1, 2, 2], [0, 0, 0, 0]], [[0, 0, 0, 0], [2, 0, 0, 0]]], np.uint8)
    mask = np.array([[[1, 2, 2, 2], [1, 1, 1, 1]], [[1, 1, 1, 1], [1, 1, 1, 1]]], np.uint8)
    assert dice_on_strokes([mask], [truth], [(0,)]) == {1: pytest.approx(2 / 3), 2: pytest.approx(4 / 5)}
    assert dice_on_strokes([mask], [truth], [(0, 1)])[2] == pytest.approx(4 / 6), "all pixels together"
    fits = FitAgreement()
    fits.add(mask[0], np.ones_like(mask[0]))
    assert fits.dice == {1: pytest.approx(2 * 5 / 13), 2: 0.0}
    image = Image(np.zeros((2, 2, 4), np.float32), "NYX")
    table = ClassTable.default((1, 2))
    hard = HeldOutLoss([truth], 4, (1, 2))
    for plane in (0, 1):
        hard.see(0, image, Patch(image.where(plane), mask[plane]), table)
    right, wrong = -np.log(4.5 / 5), -np.log(0.5 / 5)
    assert hard.total([(0,)]) == {1: (pytest.approx(right + wrong), 2), 2: (pytest.approx(2 * right), 2)}
    assert hard.total([(0, 1)])[2] == (pytest.approx(2 * right + wrong), 3)
    soft = HeldOutLoss([truth], 4, (1, 2))
    shares = np.stack([np.full((2, 4), 0.75), np.full((2, 4), 0.25)]).astype(np.float32)
    soft.see(0, image, Patch(image.where(0), mask[0], shares), table)
    assert soft.total([(0, 1)]) == {1: (pytest.approx(-2 * np.log(3.5 / 5)), 2),
                                    2: (pytest.approx(-2 * np.log(1.5 / 5)), 2)}


def test_a_training_says_how_far_its_score_holds() -> None:
    score = HeldOutScore.of(Step("Learning", held_out_mean=0.94, strokes_a_class=8))
    assert score.likely is not None
    assert score.likely == expected_dice(HeldOutEvidence(0.94, 8))
    assert score.likely.low < 0.72 < score.likely.high, "seen: 0.94 held out, 0.72 in truth"
    assert score.text == f"likely true Dice {score.likely.text}"
    assert HeldOutScore.of(Step("Learning", strokes_a_class=8)).text == "", "no score, nothing to expect"
    assert HeldOutScore.of(Progress("fitted")).likely is None
    session = Session()
    session.set_state("learning", "Warming up...")
    session.take(Step("Learning", step=3, loss=0.1, seconds=4, held_out_mean=0.94, strokes_a_class=8))
    assert session.state.text == f"Learning: step 3, 4 s; held-out Dice 0.94 ({score.text})"
    assert session.learning_curve[-1].likely == score.likely
