"""The dock Object table: what a person sees, clicks and saves."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog

from napari_unet.report.csv_cells import ENCODING
from napari_unet.ui.object_table import object_model
from napari_unet.ui.object_table import table_words as wording
from napari_unet.ui.train.viewport import camera_of

PLACE = {"scale": (0.5, 0.5), "units": ("um", "um")}


def squares(shape: tuple[int, int] = (120, 160)) -> np.ndarray:
    """Five squares of sides 10, 12, ... 18, the last at the border; numbers 3, 6, ... 15."""
    numbers = np.zeros(shape, np.uint32)
    for at, (y, x) in enumerate(((10, 10), (10, 60), (60, 20), (60, 90), (102, 140))):
        side = 10 + 2 * at
        numbers[y : y + side, x : x + side] = 3 * (at + 1)
    return numbers


@pytest.fixture
def objects(viewer: Any) -> Any:
    numbers = squares()
    viewer.add_image(np.where(numbers > 0, numbers * 10, 5).astype(np.uint16), name="cells", **PLACE)
    return viewer.add_labels(numbers, name="found elsewhere", **PLACE)


def measured(hands: Any, dock: Any) -> Any:
    hands.wait(lambda: dock.measured is not None and not dock.measurer.stale and not dock.measurer.running)
    return dock.measured.table


def lines(dock: Any, column: str) -> list[str]:
    """The cells of a column, from top to bottom."""
    rows = dock.view.rows
    across = rows.columns.index(column)
    return [rows.index(line, across).data() for line in range(rows.rowCount())]


def test_table_image_and_plot_show_the_same_object(viewer: Any, hands: Any, objects: Any, press: Any) -> None:
    dock = hands.dock("Object table")
    table = measured(hands, dock)
    assert lines(dock, "object") == ["3", "6", "9", "12", "15"]
    assert table.columns["area"].tolist() == [25, 36, 49, 64, 81]
    assert lines(dock, "mean") == ["30", "60", "90", "120", "150"]
    assert list(objects.features["area (micrometer^2)"]) == [25, 36, 49, 64, 81]
    assert dock.count.text() == "5 objects"

    # a row: the image goes there
    area = dock.view.rows.columns.index("area")
    dock.view.sortByColumn(area, Qt.SortOrder.DescendingOrder)
    assert lines(dock, "object") == ["15", "12", "9", "6", "3"]
    view = dock.view
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
                     view.visualRect(view.rows.index(1, 0)).center())
    assert tuple(camera_of(viewer).center[-2:]) == pytest.approx((67.5 / 2, 97.5 / 2))
    assert objects.selected_label == 12
    assert dock.plot.chosen == 3
    assert len(dock.link.marks._marks) == 1

    # an object in the image: its row; elsewhere nothing changes
    hands.drag(objects, [(66, 27)])
    assert view.currentIndex().row() == 2
    assert view.rows.row_at(view.currentIndex().row()) == 2
    hands.drag(objects, [(45, 60)])
    assert dock.chosen == 2
    objects.mode = "pick"
    objects.selected_label = 6
    assert dock.chosen == 1
    objects.mode = "pan_zoom"

    # a dot: its row
    dock.y_box.setCurrentIndex(dock.y_box.findData("mean"))
    place = dock.plot.places()[3]
    press(dock.plot, QPoint(*np.rint(place).astype(int).tolist()))
    assert dock.chosen == 3

    # filters: out of the table, grey in the image, counted
    row = dock.filters.add_row("area")
    row.low.setText("30")
    row.low.editingFinished.emit()
    dock.filters.border.setChecked(True)
    assert sorted(lines(dock, "object")) == ["12", "6", "9"]
    assert dock.count.text() == "3 of 5 objects; 2 filtered out (grey)"
    grey = viewer.layers["found elsewhere filtered out"]
    assert set(np.unique(objects.data[grey.data > 0])) == {3, 15}
    assert dock.view.currentIndex().row() == lines(dock, "object").index("12"), "the selection stays"
    hands.drag(objects, [(np.argwhere(objects.data == 3)[4])])
    assert dock.state.text() == "Object 3 is filtered out."
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
                     view.visualRect(view.rows.index(0, 0)).center())
    assert "filtered out" not in dock.state.text()
    row.low.setText("many")
    row.low.editingFinished.emit()
    assert "is no number" in dock.state.text()
    row.low.setText("")
    row.low.editingFinished.emit()
    dock.filters.border.setChecked(False)
    assert grey not in viewer.layers
    assert dock.count.text() == "5 objects"


def test_the_table_follows_the_layer_and_says_when_it_does_not(viewer: Any, hands: Any, objects: Any) -> None:
    dock = hands.dock("Object table")
    measured(hands, dock)
    objects.data[:] = np.where(objects.data == 3, 0, objects.data)
    objects.refresh()
    hands.wait(lambda: len(dock.measured.table) == 4)
    dock.measurer._seconds = 100.0  # as if it had taken that long
    objects.data[:] = np.where(objects.data == 6, 0, objects.data)
    objects.refresh()
    hands.wait(lambda: dock.state.text() == wording.CHANGED)
    assert len(dock.measured.table) == 4, "the table of before is still there"
    hands.click(dock, "table_measure")
    dock.cancel.click()
    hands.wait(lambda: not dock.measurer.running)
    assert dock.state.text() == wording.CANCELLED
    assert len(dock.measured.table) == 4
    hands.click(dock, "table_measure")
    assert len(measured(hands, dock)) == 3
    assert dock.state.text() == ""

    # what makes no sense is said, and nothing is shown as if it were measured
    other = viewer.add_image(np.zeros((30, 30)), name="another")
    dock.image_box.refresh()
    dock.image_box.layer = other
    assert "(30, 30)" in dock.state.text()
    dock.image_box.setCurrentIndex(0)
    assert "mean" not in measured(hands, dock).columns
    objects.data = np.where(objects.data > 0, -1, 0).astype(np.int32)
    hands.wait(lambda: "negative" in dock.state.text())
    assert dock.view.rows.rowCount() == 0
    objects.data = np.zeros(objects.data.shape, np.uint8)
    hands.click(dock, "table_measure")
    assert len(measured(hands, dock)) == 0
    assert "no object" in dock.state.text()
    viewer.layers.remove(objects)
    hands.wait(lambda: dock.state.text() == wording.NOTHING)


def test_planes_and_volumes_and_their_csv(
    viewer: Any, hands: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = np.zeros((4, 60, 80), np.uint16)
    stack[0, 5:15, 5:15] = 1
    stack[1:3, 30:40, 30:40] = 7
    place = {"scale": (2.0, 0.5, 0.5), "units": ("um",) * 3, "axis_labels": ("z", "y", "x")}
    viewer.add_image(stack.astype(np.float32), name="cells", **place)
    layer = viewer.add_labels(stack, name="cells labels", **place)
    viewer.dims.set_current_step(0, 0)
    dock = hands.dock("Object table")
    assert measured(hands, dock).columns["object"].tolist() == [1]
    viewer.dims.set_current_step(0, 2)
    hands.wait(lambda: dock.measured.table.columns["object"].tolist() == [7])
    dock.extent.setCurrentText("this z-stack")
    hands.wait(lambda: "volume" in dock.measured.table.columns)
    assert measured(hands, dock).columns["volume"].tolist() == [50.0, 100.0]
    dock.extent.setCurrentText("all planes, one by one")
    hands.wait(lambda: "plane" in dock.measured.table.columns)
    assert lines(dock, "plane") == ["Z=0", "Z=1", "Z=2"]
    dock._on_row(0)
    assert viewer.dims.current_step[0] == 0
    assert dock.link.marks._marks
    viewer.dims.set_current_step(0, 1)
    hands.drag(layer, [(35, 35)])
    assert dock.chosen == 1

    path = tmp_path / "table.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(path.with_suffix("")), ""))
    row = dock.filters.add_row("area")
    row.low.setText("26")
    row.low.editingFinished.emit()
    assert dock.view.rows.rowCount() == 0, "all are 25 square micrometers"
    row.low.setText("25")
    row.low.editingFinished.emit()
    hands.click(dock, "table_csv")
    hands.wait(lambda: "Saved" in dock.state.text())
    with path.open(encoding=ENCODING, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(one["image"], one["plane"], one["area (micrometer^2)"]) for one in rows] == [
        ("cells", f"Z={z}", "25") for z in range(3)]
    assert not dock.project_csv.isEnabled(), "no project is open"


def test_the_objects_of_a_project_are_saved_from_the_dock(
    viewer: Any, hands: Any, painted: Any, keeping: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hands.dock("Train U-Net")
    hands.wait(lambda: any(keeping.glob("*.unet/project.json")))
    dock = hands.dock("Object table")
    hands.wait(dock.project_csv.isEnabled)
    path = tmp_path / "all.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(path), ""))
    hands.click(dock, "table_project_csv")
    hands.wait(lambda: "no predictions yet" in dock.state.text())
    assert not path.exists()


def test_twenty_thousand_rows_are_sorted_and_drawn_without_a_stall(
    viewer: Any, hands: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cells are written as they come into view, and not for the other rows."""
    numbers = np.zeros((600, 600), np.uint32)
    numbers[::4, ::4] = np.arange(1, 22_501).reshape(150, 150)
    viewer.add_labels(numbers, name="many")
    dock = hands.dock("Object table")
    assert len(measured(hands, dock)) == 22_500
    written: list[object] = []
    monkeypatch.setattr(object_model, "number_text", lambda value: written.append(value) or str(value))
    dock.view.scrollToBottom()
    dock.view.grab()
    assert 22_500 in written
    dock.view.sortByColumn(0, Qt.SortOrder.DescendingOrder)
    dock.view.scrollToBottom()
    dock.view.grab()
    assert 1 in written
    assert len(written) < 10_000
