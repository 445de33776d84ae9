"""What the comparison dock saves and loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication, QFileDialog
from workbench_scene import compared, row_of

from napari_unet.io.recipe import load_recipe, save_recipe
from napari_unet.segmenters import REGISTRY
from napari_unet.ui.compare.saving import report_folder


def test_report_recipe_and_model_are_saved_and_taken_up_again(
    viewer: Any, hands: Any, painted: Any, press: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock = hands.dock("Compare methods")
    form = next(row.form for row in dock.methods.rows if row.name == "forest")
    form.set_values({"trees": 5, "largest": 2.0})
    dock = compared(hands, "threshold", "forest")
    (tmp_path / "mine.txt").write_text("mine")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    press(dock.save_report)
    hands.wait(lambda: not dock.saving.busy)
    assert (tmp_path / "comparison" / "report.html").is_file(), "in a folder of its own: there was something"
    assert {one.name for one in (tmp_path / "comparison" / "masks").iterdir()} == {"threshold.tif", "forest.tif"}
    assert str(tmp_path / "comparison" / "report.html") in dock.state.text()

    press(dock.table.viewport(), row_of(dock.table, "Threshold"))
    assert not dock.save_model.isEnabled(), "a threshold is no model file"
    press(dock.table.viewport(), row_of(dock.table, "Random forest"))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *given: (str(tmp_path / given[2]), ""))
    for button in (dock.save_recipe, dock.save_model):
        press(button)
        hands.wait(lambda: not dock.saving.busy)
    assert load_recipe(tmp_path / "forest.json").make() == dock.board.comparison.methods["forest"]

    monkeypatch.setattr(QFileDialog, "getOpenFileNames",
                        lambda *_: ([str(tmp_path / "forest.json"), str(tmp_path / "forest.pt")], ""))
    dock.turn_to("Set up")
    press(dock.methods.load)
    hands.wait(lambda: not dock.saving.busy)
    labels = dock.board.comparison.masks["forest"][0]
    hands.tick_methods(dock)
    assert dock.methods.ticked() == ["forest (2)", "forest (3)"]
    hands.click(dock, "compare_run")
    hands.wait(lambda: not dock.running)
    again = dock.board.comparison
    assert np.array_equal(again.masks["forest (2)"][0], labels), "the recipe, fitted again to the same strokes"
    assert np.array_equal(again.masks["forest (3)"][0], labels), "the model, as it was"


def test_what_cannot_be_loaded_is_said(hands: Any, viewer: Any, press: Any, tmp_path: Path,
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad.json").write_text("{}")
    save_recipe(tmp_path / "good.json", REGISTRY["slic"]())
    paths = [str(tmp_path / "good.json"), str(tmp_path / "bad.json")]
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (paths, ""))
    dock = hands.dock("Compare methods")
    press(dock.methods.load)
    hands.wait(lambda: not dock.saving.busy)
    assert "no recipe of napari-unet" in dock.state.text()
    assert "good" in dock.methods.ticked()


def test_the_model_of_the_training_dock_takes_part(hands: Any, painted: Any) -> None:
    dock = compared(hands, "threshold")
    assert "trained" not in dock.methods.titles
    dock._session.set_model(dock.board.comparison.models["threshold"])
    QApplication.processEvents()
    hands.find(dock, "compare_trained_tick").setChecked(True)
    hands.tick_methods(dock)
    made = dock.methods.contenders(dock.time.budget)
    assert [one.name for one in made] == ["trained"]
    assert made[0].model is dock._session.model
    dock._session.set_model(None)
    assert "trained" not in dock.methods.titles


def test_a_report_takes_a_folder_of_its_own(tmp_path: Path) -> None:
    assert report_folder(tmp_path / "new") == tmp_path / "new"
    assert report_folder(tmp_path) == tmp_path
    (tmp_path / "mine.txt").touch()
    assert report_folder(tmp_path) == tmp_path / "comparison"
    (tmp_path / "comparison").mkdir()
    assert report_folder(tmp_path) == tmp_path / "comparison 2"
