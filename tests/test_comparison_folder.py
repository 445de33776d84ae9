"""A comparison as a folder: masks, recipes, parameters."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from report_scene import CASES, TWO, Page

from napari_unet.comparison.contenders import Contender, make_method
from napari_unet.comparison.outcome import Comparison
from napari_unet.comparison.runner import run_comparison
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.io.recipe import load_recipe
from napari_unet.report.folder import ComparisonFolder
from napari_unet.report.html_report import html_page, write_html
from napari_unet.report.methods_text import describe_methods


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
    assert there == {"report.html", "table.csv", "methods.txt", "figure.png", "provenance.json", "masks/threshold.tif",
                     "masks/forest.tif", "recipes/threshold.json", "recipes/forest.json", "models/forest.pt"}
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
    assert there == {"report.html", "table.csv", "methods.txt", "figure.png", "provenance.json",
                     "masks/threshold.tif", "recipes/threshold.json", *(str(path.relative_to(out)) for path in mine)}
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
