"""Methods compete in the window: rows fill in, the best is marked, a click shows a result, nothing is lost."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog

from napari_unet.core.classes import ClassTable
from napari_unet.ui.layers import mark, set_class_table


@pytest.fixture
def painted(viewer: Any, squares: Any) -> Any:
    """An image with strokes, four of each class, and its reference."""
    image, truth = squares
    viewer.add_image(image, name="cells")
    strokes = np.zeros_like(truth)
    for row in (2, 30, 58, 62):
        strokes[row, 2:12] = 1
    for y, x in ((10, 10), (20, 20), (40, 20), (24, 54)):
        strokes[y : y + 3, x : x + 3] = 2
    layer = viewer.add_labels(strokes, name="cells strokes")
    set_class_table(layer, ClassTable.named({1: "background", 2: "cell"}))
    mark(layer, "strokes", "cells")
    viewer.add_labels(truth, name="cells reference", visible=False)
    return truth


def against(dock: Any, word: str) -> None:
    """Choose what to score against."""
    box = dock.scoring.against
    box.setCurrentIndex(next(index for index in range(box.count()) if word in box.itemText(index)))


def run(hands: Any, dock: Any) -> None:
    hands.click(dock, "compare_run")
    hands.wait(lambda: not dock.running)


def cells(dock: Any, method: str) -> list[str]:
    """Texts of a method's row."""
    return next(row for row in dock.table.texts() if method in row[0])


def test_methods_compete_against_a_reference(viewer: Any, hands: Any, painted: Any, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    dock = hands.dock("Compare methods")
    hands.tick_methods(dock, "threshold", "slic")
    against(dock, "reference")
    run(hands, dock)
    assert len(dock.table.texts()) == 2
    assert any("★" in cell or "*" in cell for row in dock.table.texts() for cell in row)
    assert "Dice" in dock.state.text()

    layers = {layer.name: layer for layer in viewer.layers}
    threshold = next(layer for name, layer in layers.items() if "Threshold" in name)
    slic = next(layer for name, layer in layers.items() if "SLIC" in name)
    assert threshold.visible + slic.visible == 1, "only the best is shown"
    assert set(np.unique(threshold.data)) == {1, 2}
    dock._on_method_clicked("slic")
    assert (threshold.visible, slic.visible) == (False, True)

    target = tmp_path / "table.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    hands.click(dock, "compare_save_csv")
    with target.open(newline="") as file:
        rows = list(csv.DictReader(file))
    dice = {row["method"]: float(row["value"]) for row in rows if row["metric"] == "dice"}
    mask = threshold.data == 2
    truth = painted == 2
    assert dice["threshold"] == pytest.approx(2 * (mask & truth).sum() / (mask.sum() + truth.sum()))

    target.write_text("mine")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target.with_suffix("")), ""))
    hands.click(dock, "compare_save_csv")
    assert target.read_text() == "mine", "a name that the dialog has not asked about is never replaced"


def test_without_a_reference_strokes_are_held_out(hands: Any, painted: Any) -> None:
    dock = hands.dock("Compare methods")
    hands.tick_methods(dock, "threshold")
    against(dock, "held out")
    run(hands, dock)
    row = cells(dock, "Threshold")
    assert any(cell.startswith(("0.", "1.")) for cell in row)
    assert any("–" in cell or cell == "-" or cell == "—" for cell in row), "no components on strokes"


def test_a_method_that_cannot_says_why_and_the_others_go_on(viewer: Any, hands: Any, squares: Any) -> None:
    viewer.add_image(squares[0], name="cells")
    viewer.add_labels(squares[1], name="cells reference")
    dock = hands.dock("Compare methods")
    hands.tick_methods(dock, "threshold", "instant")
    against(dock, "reference")
    run(hands, dock)
    assert "Failed: " in dock.state.text()
    assert any(cell.startswith(("0.", "1.")) for cell in cells(dock, "Threshold"))


def test_a_comparison_can_be_cancelled(viewer: Any, hands: Any, painted: Any) -> None:
    dock = hands.dock("Compare methods")
    hands.tick_methods(dock, "unet")
    form = next(row.form for row in dock.methods.rows if row.name == "unet")
    form.set_values({"width": 4, "depth": 2, "patch": 32, "seconds": 600.0})
    hands.click(dock, "compare_run")
    hands.wait(lambda: "step" in dock.state.text())
    hands.click(dock, "compare_cancel")
    hands.wait(lambda: not dock.running)
    assert "Cancelled" in dock.state.text()
    assert not [layer for layer in viewer.layers if "U-Net" in layer.name]


def test_an_empty_window_teaches(hands: Any) -> None:
    dock = hands.dock("Compare methods")
    assert "Open an image" in dock.hint.text()
    assert not dock.run.isEnabled()
