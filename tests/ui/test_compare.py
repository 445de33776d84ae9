"""Methods compete in the window: rows fill in, the best is marked, failures say why, each can be called off."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog
from scipy import ndimage

from napari_unet.comparison.outcome import Comparison
from napari_unet.ui.compare.time_budget import TimeBudget, duration_text
from napari_unet.ui.layer_metadata import KEY


def against(dock: Any, word: str) -> None:
    """Choose what to score against."""
    box = dock.scoring.against
    box.setCurrentIndex(next(index for index in range(box.count()) if word in box.itemText(index)))


def run(hands: Any, dock: Any) -> Comparison:
    """Compare to the end."""
    hands.click(dock, "compare_run")
    hands.wait(lambda: not dock.running)
    made: Comparison = dock.board.comparison
    return made


def cells(dock: Any, method: str) -> list[str]:
    """Texts of a method's row."""
    return next(row for row in dock.table.texts() if method in row[0])


def endless_network(hands: Any, dock: Any) -> None:
    """Let the U-Net learn for ten minutes in tiny steps."""
    form = next(row.form for row in dock.methods.rows if row.name == "unet")
    form.set_values({"width": 4, "depth": 2, "patch": 32})
    hands.find(dock, "compare_training").setValue(600.0)


def learning(dock: Any, method: str = "unet") -> bool:
    """Whether a network has begun to learn."""
    line = dock.queue.lines.get(method)
    return line is not None and "step" in line.words.text()


def test_methods_compete_against_a_reference(viewer: Any, hands: Any, painted: Any, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    dock = hands.dock("Compare methods")
    hands.tick_methods(dock, "threshold", "slic")
    against(dock, "reference")
    comparison = run(hands, dock)
    assert len(dock.table.texts()) == 2
    assert sum("best ★" in row for row in dock.table.texts()) == 1
    assert "Dice" in dock.state.text()
    assert not dock.queue.lines
    best = dock.table.chosen
    shown = [layer for layer in viewer.layers if layer.metadata.get(KEY, {}).get("role") == "result"]
    assert [layer.visible for layer in shown] == [True], "only the best is there; nobody has asked for the other"
    assert np.array_equal(shown[0].data, comparison.masks[best][0])

    target = tmp_path / "table.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    hands.click(dock, "compare_save_csv")
    hands.wait(lambda: not dock.saving.busy)
    with target.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    dice = {row["method"]: float(row["value"]) for row in rows if row["metric"] == "dice"}
    mask, truth = comparison.masks["threshold"][0] == 2, painted == 2
    assert dice["threshold"] == pytest.approx(2 * (mask & truth).sum() / (mask.sum() + truth.sum()))
    assert f"{dice['threshold']:.3f}" in cells(dock, "Threshold")[1]

    target.write_text("mine")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target.with_suffix("")), ""))
    hands.click(dock, "compare_save_csv")
    hands.wait(lambda: not dock.saving.busy)
    assert target.read_text() == "mine", "a name that the dialog has not asked about is never replaced"


@pytest.mark.parametrize("folds", [1, 3])
def test_without_a_reference_strokes_are_held_out(hands: Any, painted: Any, folds: int) -> None:
    dock = hands.dock("Compare methods")
    hands.tick_methods(dock, "threshold")
    against(dock, "held out")
    hands.find(dock, "compare_folds").setValue(folds)
    comparison = run(hands, dock)
    assert comparison.held_out
    assert comparison.folds == folds
    assert comparison.references[0] is not None
    every = (dock.images.rows[0].strokes.layer.data > 0).sum()
    assert ((comparison.references[0] > 0).sum() == every) == (folds > 1), "in folds every stroke is held out once"
    row = cells(dock, "Threshold")
    assert row[1].startswith(("0.", "1."))
    assert "–" in row, "no components on strokes"
    assert "on strokes held out" in dock.state.text()


def test_a_reference_needs_no_folds(hands: Any, painted: Any) -> None:
    dock = hands.dock("Compare methods")
    against(dock, "held out")
    hands.find(dock, "compare_folds").setValue(4)
    assert not dock.scoring.folds.isHidden()
    against(dock, "reference")
    assert dock.scoring.folds.isHidden()
    assert dock._make_request().folds == 1


def test_references_of_other_codes_are_recognised_or_asked_about(viewer: Any, hands: Any, painted: Any) -> None:
    single = ndimage.label(painted == 2)[0]
    assert single.max() > 2
    layer = viewer.layers["cells reference"]
    dock = hands.dock("Compare methods")
    hands.tick_methods(dock, "threshold")
    against(dock, "reference")
    cases = ((255 * (painted == 2), "mask of one class"), (single, "single objects of one"), (painted, "1 = back"))
    for values, words in cases:
        layer.data = values
        request = dock._make_request()
        assert words in dock.scoring.why.text()
        np.testing.assert_array_equal(request.references[0], np.where(painted == 2, 2, 1))
        assert request.training.classes.ids == (1, 2), "no class for each object"
    layer.data = np.where(single == 1, 1, 2 * (single == 3))  # two objects, or two classes; strokes lie on the first
    viewer.layers["cells strokes"].data = np.where(single == 1, 2, viewer.layers["cells strokes"].data == 1)
    hands.click(dock, "compare_run")
    assert not dock.running
    assert dock.state.text() == (
        "Reference 'cells reference' holds the values 1 and 2, and one class was painted besides the background: are "
        'these single objects or classes? Choose under "Its values".')
    assert dock.scoring.code.currentIndex() == -1
    dock.scoring.code.setCurrentIndex(2)
    dock.scoring.code.activated.emit(2)
    np.testing.assert_array_equal(dock._make_request().references[0], (layer.data > 0) + 1)


def test_a_method_that_cannot_says_why_and_the_others_go_on(viewer: Any, hands: Any, squares: Any) -> None:
    viewer.add_image(squares[0], name="cells")
    viewer.add_labels(squares[1], name="cells reference")
    dock = hands.dock("Compare methods")
    hands.tick_methods(dock, "threshold", "instant")
    against(dock, "reference")
    comparison = run(hands, dock)
    assert "Could not: Instant" in dock.state.text()
    assert comparison.failures["instant"] in cells(dock, "Instant")[1]
    assert cells(dock, "Threshold")[1].startswith(("0.", "1."))
    dock.table.sort_by("dice")
    assert dock.table.texts()[-1][0].startswith("Instant"), "without a value, at the end"


def test_a_comparison_can_be_cancelled(viewer: Any, hands: Any, painted: Any) -> None:
    dock = hands.dock("Compare methods")
    hands.tick_methods(dock, "unet", "vit")
    endless_network(hands, dock)
    hands.click(dock, "compare_run")
    hands.wait(lambda: learning(dock))
    assert not dock.methods.isEnabled()
    hands.click(dock, "compare_cancel")
    hands.wait(lambda: not dock.running)
    assert dock.state.text() == "No method has a result. Left out: 2 methods."
    assert not [layer for layer in viewer.layers if "U-Net" in layer.name]
    assert not dock.save_report.isEnabled()
    assert dock.methods.isEnabled()


def test_one_method_is_called_off_and_the_others_go_on(hands: Any, painted: Any, press: Any) -> None:
    dock = hands.dock("Compare methods")
    hands.tick_methods(dock, "threshold", "unet", "segnet")
    endless_network(hands, dock)
    against(dock, "reference")
    hands.click(dock, "compare_run")
    hands.wait(lambda: learning(dock))
    assert list(dock.queue.lines) == ["unet", "segnet"], "what is through has left the queue"
    assert len(dock.table.texts()) == 1, "and is in the table while the others go on"
    press(dock.queue.lines["unet"].cancel)
    hands.wait(lambda: learning(dock, "segnet"))
    assert list(dock.queue.lines) == ["segnet"]
    press(dock.queue.lines["segnet"].cancel)
    hands.wait(lambda: not dock.running)
    assert list(dock.board.comparison.masks) == ["threshold"]
    assert [row[0] for row in dock.table.texts()] == ["Threshold"]
    assert "Left out: 2 methods." in dock.state.text()


def test_a_closed_window_stops_the_comparison(viewer: Any, hands: Any, painted: Any) -> None:
    dock = hands.dock("Compare methods")
    hands.tick_methods(dock, "unet")
    endless_network(hands, dock)
    hands.click(dock, "compare_run")
    hands.wait(lambda: learning(dock))
    worker = dock._worker
    viewer.window._qt_window.hide()  # as closing does
    hands.wait(lambda: not worker._thread.is_alive())


def test_what_is_asked_is_what_is_shown(hands: Any, painted: Any) -> None:
    dock = hands.dock("Compare methods")
    hands.tick_methods(dock, "threshold", "unet")
    hands.find(dock, "compare_budget").setValue(7.5)
    hands.find(dock, "compare_training").setValue(12.0)
    assert dock.count.text() == "2 methods, at most about 32 s"
    threshold, network = dock._make_request().contenders
    assert (threshold.name, threshold.budget) == ("threshold", 7.5)
    assert (network.method.seconds, network.budget) == (12.0, 12.0)
    hands.find(dock, "compare_budget").setValue(0)
    threshold, network = dock._make_request().contenders
    assert threshold.budget is None
    assert network.method.seconds == 12.0
    assert dock.count.text() == "2 methods, no limit of time"


def test_the_longest_time_by_hand() -> None:
    assert TimeBudget(20.0, 60.0).longest(methods=3, networks=1, folds=1) == 180.0
    assert TimeBudget(20.0, 60.0).longest(methods=3, networks=1, folds=4) == 720.0
    assert TimeBudget(None, 60.0).longest(methods=0, networks=2, folds=1) == 240.0
    assert TimeBudget(None, 60.0).longest(methods=1, networks=0, folds=1) is None
    assert [duration_text(one) for one in (30.0, 600.0, 7200.0)] == [
        "at most about 30 s", "at most about 10 min", "at most about 2.0 h"]


def test_an_empty_window_teaches(hands: Any) -> None:
    dock = hands.dock("Compare methods")
    assert "Open an image" in dock.hint.text()
    assert not dock.run.isEnabled()


def test_without_a_method_it_says_so(hands: Any, painted: Any) -> None:
    dock = hands.dock("Compare methods")
    hands.tick_methods(dock)
    assert dock.count.text() == "no method"
    hands.click(dock, "compare_run")
    assert dock.state.text() == "No method is ticked. Tick at least one, or choose a preset."
    assert not dock.running


def test_what_a_person_leaves_out_stays_out(viewer: Any, hands: Any, painted: Any) -> None:
    dock = hands.dock("Compare methods")
    against(dock, "reference")
    row = dock.images.rows[0]
    assert row.reference.layer is viewer.layers["cells reference"]
    assert "'cells reference' is taken for the reference of 'cells'" in dock.images.taken
    for box in (row.strokes, row.reference):
        box.setCurrentIndex(0)
        box.activated.emit(0)  # as a click in the list does
    viewer.add_points(np.zeros((1, 2)))
    dock.images.refresh()
    assert row.strokes.layer is None
    assert row.reference.layer is None
    row.reference.layer = viewer.layers["cells strokes"]
    assert not dock.images.taken, "this one was chosen by a person"
