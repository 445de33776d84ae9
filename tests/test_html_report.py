"""The report of a comparison as one page."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from report_scene import CASES, Page, comparison_of, noise, row

from napari_unet.comparison.outcome import Comparison
from napari_unet.core.classes import ClassTable
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.metrics.scoring import score_pair
from napari_unet.report.charts import topology_errors
from napari_unet.report.html_report import html_page, ranking_sentence
from napari_unet.report.summary import summarise


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
    few = dataclasses.replace(made, rows=(), held_out=True, references=tuple(None for _ in made.references))
    assert ranking_sentence(few).startswith("No method has a score. None of so few strokes could be held out")
    folded = dataclasses.replace(level, held_out=True, folds=4)
    assert "every stroke was kept from the methods once, in 4 folds of whole strokes" in ranking_sentence(folded)
