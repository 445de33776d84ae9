"""What the window says and how it is laid out: tabs, lines that never move, keys, errors with their details."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
from instant_window_scene import answer, filled, open_image
from napari._app_model import get_app_model
from napari.utils.key_bindings import coerce_keybinding
from napari.utils.shortcuts import default_shortcuts
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QComboBox, QLabel, QMainWindow, QPushButton, QScrollArea, QToolButton, QWidget
from superqt import QElidingLabel

from napari_unet.core.errors import UserError, WorkError
from napari_unet.session.update_run import UPDATE_STEPS
from napari_unet.ui.dock_tabs import frame_of
from napari_unet.ui.error_details import TellingLine, details_text
from napari_unet.ui.fixed_lines import FixedLines
from napari_unet.ui.forms import CLOSED, OPEN
from napari_unet.ui.train import shortcuts
from napari_unet.ui.train.device_line import DeviceLine
from napari_unet.ui.train.paint_watch import THREE_D

NAMES = ("Train U-Net", "Compare methods", "Export masks")
FOLDS = ("train_pairs_fold", "train_model_fold", "train_advanced_fold", "train_keys_fold")
LONG = "A sentence that is far too long for any dock of any window on any laptop, again and again. " * 6


@pytest.fixture
def docks(hands: Any) -> list[Any]:
    """All three docks, as they open one after the other."""
    made = []
    for name in NAMES:
        made.append(hands.dock(name))
        hands.wait(lambda: tabbed(made))
    return made


def tabbed(docks: list[Any]) -> bool:
    """Whether all of them are tabs of one area."""
    frames = [frame_of(dock) for dock in docks]
    return None not in frames and set(frames[0].parentWidget().tabifiedDockWidgets(frames[0])) == set(frames[1:])


def bring_forward(hands: Any, dock: Any) -> None:
    """Show the tab of a dock."""
    frame_of(dock).raise_()
    hands.wait(lambda: not dock.visibleRegion().isEmpty())


def test_docks_open_as_tabs_of_one_area_and_the_newest_is_in_front(hands: Any, docks: list[Any]) -> None:
    frames = [frame_of(dock) for dock in docks]
    window = frames[0].parentWidget()
    assert isinstance(window, QMainWindow)
    assert set(window.tabifiedDockWidgets(frames[0])) == set(frames[1:])
    assert all(" " not in one.windowTitle() for one in frames), "one word each: six tabs fit below a narrow dock"
    hands.wait(lambda: not docks[2].visibleRegion().isEmpty() and docks[0].visibleRegion().isEmpty())
    size = window.size()
    table = hands.dock("Object table")
    hands.wait(lambda: tabbed([*docks, table]))
    hands.wait(lambda: window.size() == size)  # below the others, for a moment, it needs more than there is
    hands.wait(lambda: not table.visibleRegion().isEmpty())
    narrow = table.width()
    window.resize(1900, 1000)
    hands.wait(lambda: table.width() > 1900 // 4 - 20 > narrow)  # tables have a use for it
    window.resize(size)
    hands.wait(lambda: table.width() == narrow)


def test_a_dock_that_was_dragged_away_stays_there(hands: Any) -> None:
    first = hands.dock(NAMES[0])
    hands.wait(lambda: frame_of(first) is not None)
    frame_of(first).setFloating(True)
    second, third = hands.dock(NAMES[1]), hands.dock(NAMES[2])
    window = frame_of(second).parentWidget()
    hands.wait(lambda: frame_of(third) in window.tabifiedDockWidgets(frame_of(second)))
    assert frame_of(first).isFloating()
    assert not window.tabifiedDockWidgets(frame_of(first))


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("size", [(1366, 768), (1900, 1000)])
def test_nothing_is_cut(hands: Any, viewer: Any, squares: Any, docks: list[Any], theme: str,
                        size: tuple[int, int]) -> None:
    viewer.theme = theme
    window = viewer.window._qt_window
    window.resize(*size)
    for number in range(10):
        image = viewer.add_image(squares[0], name=f"a rather long name of an image of an experiment, number {number}")
    hands.wait(lambda: docks[0].chooser.image_box.layer is image)
    docks[0].chooser.make_strokes()
    for name in FOLDS:
        docks[0].findChild(QWidget, name).expand()
    for dock in docks:
        bring_forward(hands, dock)
        hands.wait(lambda dock=dock: not cut(dock) and (size[0] >= 1400 or dock.width() <= 420))
    hands.wait(lambda: window.width() <= size[0] + 10)


def cut(dock: QWidget) -> list[str]:
    """Name what cannot be read whole or sticks out of its dock."""
    found = [f"{area.objectName()}: {area.widget().width()} px of {area.viewport().width()}"
             for area in dock.findChildren(QScrollArea)
             if area.isVisible() and area.widget() and area.widget().width() > area.viewport().width()]
    found += [f"{one.objectName()}: {one.width()} px" for one in dock.findChildren(QComboBox)
              if one.isVisible() and one.width() < 70]
    labels = [one for one in dock.findChildren(QLabel)
              if not (one.wordWrap() or isinstance(one, FixedLines | QElidingLabel) or one.text().startswith("<"))]
    worded = [*dock.findChildren(QPushButton), *dock.findChildren(QToolButton), *labels]
    found += [f"{one.objectName()}: {one.text()!r} in {one.width()} px" for one in worded
              if one.isVisible() and one.width() < one.fontMetrics().horizontalAdvance(one.text())]
    return found


def test_nothing_moves_when_something_is_said(hands: Any, viewer: Any, squares: Any) -> None:
    dock = hands.dock(NAMES[0])
    open_image(hands, dock, squares[0])
    controls = [hands.find(dock, name) for name in (
        "train_live", "train_show_prediction", "train_go_unsure", "train_model_fold")]

    def places() -> list[int]:
        QApplication.processEvents()
        return [one.mapTo(dock, one.rect().topLeft()).y() for one in controls]

    hands.wait(lambda: hands.find(dock, "train_live").isVisible())
    seen = [places()]
    hands.wait(lambda: seen.append(places()) is None and len(seen) > 5 and len({str(one) for one in seen[-5:]}) == 1)
    before = places()
    for text in (LONG, "", "short"):
        dock.say(text)
        dock.session.set_state("paused", text or "Paused.")
        dock.device_line.setText(f"CPU ({text})" if text else "")
        assert places() == before, text
    dock._on_job("Predicting", 0.5)
    assert hands.find(dock, "train_progress").isVisible()
    assert places() == before
    dock._on_job("", 0.0)
    assert hands.find(dock, "train_predict").isVisible()


def test_a_long_sentence_is_whole_in_the_tooltip(qtbot: Any) -> None:
    line = FixedLines("line", 2, "What it is for.")
    qtbot.addWidget(line)
    line.resize(120, line.sizeHint().height())
    height = line.sizeHint().height()
    line.setText(LONG)
    line.show()
    QApplication.processEvents()
    assert line.text() == LONG
    assert line.toolTip().replace("\n", " ").startswith(LONG.strip())
    assert line.toolTip().endswith("What it is for.")
    assert max(map(len, line.toolTip().splitlines())) < 90
    assert line.sizeHint().height() == height
    line.actions()[0].trigger()
    assert QApplication.clipboard().text() == LONG


def test_lines_of_a_text_stay_lines(qtbot: Any) -> None:
    line = FixedLines("line", 2)
    qtbot.addWidget(line)
    line.resize(400, line.sizeHint().height())

    def is_written(text: str) -> bool:
        line.setText(text)
        picture = line.grab().toImage()
        rows = range(picture.height() * 5 // 8, picture.height())
        return len({picture.pixel(column, row) for row in rows for column in range(picture.width())}) > 1

    assert is_written("done\nsaved")
    assert not is_written("done saved")


def test_folds_point_the_way_they_open(hands: Any, viewer: Any) -> None:
    dock = hands.dock(NAMES[0])
    for name in FOLDS:
        fold = hands.find(dock, name)
        assert fold.text().startswith(CLOSED)
        fold.toggleButton().click()
        assert fold.text().startswith(OPEN)
        fold.toggleButton().click()
        assert fold.text().startswith(CLOSED)


def test_each_plus_says_what_it_adds(hands: Any, viewer: Any) -> None:
    dock = hands.dock(NAMES[0])
    assert hands.find(dock, "train_new_strokes").text() == "+ strokes"
    assert hands.find(dock, "train_add_class").text() == "+ class"
    assert not [one for one in dock.findChildren(QToolButton) if one.text() == "+"]


def test_no_key_of_napari_is_taken(hands: Any, viewer: Any, squares: Any) -> None:
    dock = hands.dock(NAMES[0])
    before = {str(coerce_keybinding(key)) for keys in default_shortcuts.values() for key in keys}
    before |= {str(one.keybinding) for one in get_app_model().keybindings}
    strokes = open_image(hands, dock, squares[0])
    ours = {str(coerce_keybinding(key)) for key in viewer.keymap}
    assert len(ours) > len(shortcuts.CLASS_KEYS)
    assert not ours & before
    assert not any(layer.keymap for layer in viewer.layers), "what napari does on a layer stays"
    native = viewer.window._qt_viewer.canvas.native
    for layer in (viewer.layers["cells"], strokes):
        dock.hold_class(1)
        viewer.layers.selection.active = layer
        QTest.keyClick(native, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
        assert (strokes.selected_label, strokes.mode, viewer.layers.selection.active) == (2, "paint", strokes)
    QTest.keyClick(native, Qt.Key.Key_1)
    assert (strokes.selected_label, strokes.mode) == (2, "erase"), "napari's key for its eraser"


def test_keys_that_are_shown_are_bound(hands: Any, viewer: Any) -> None:
    hands.dock(NAMES[0])
    bound = {str(coerce_keybinding(key)) for key in viewer.keymap}
    for key in (shortcuts.UPDATE_KEY, shortcuts.PREDICTION_KEY, shortcuts.UNSURE_KEY, shortcuts.PREVIOUS_KEY,
                shortcuts.NEXT_KEY, *shortcuts.CLASS_KEYS.values()):
        assert str(coerce_keybinding(key)) in bound


def test_it_says_why_the_brush_does_not_paint(hands: Any, viewer: Any, squares: Any) -> None:
    dock = hands.dock(NAMES[0])
    strokes = open_image(hands, dock, squares[0])
    hands.wait(lambda: dock.controller.current is not None)
    viewer.dims.ndisplay = 3
    hands.wait(lambda: dock.note_line.text() == THREE_D)
    viewer.dims.ndisplay = 2
    hands.wait(lambda: dock.note_line.text() == "")
    strokes.visible = False
    hands.wait(lambda: "is hidden" in dock.note_line.text())
    strokes.visible = True
    strokes.editable = False
    hands.wait(lambda: "is locked" in dock.note_line.text())
    strokes.editable = True
    hands.wait(lambda: dock.note_line.text() == "")


def test_it_says_that_nothing_is_learnt_from_what_is_painted_elsewhere(
    hands: Any, viewer: Any, squares: Any
) -> None:
    dock = hands.dock(NAMES[0])
    strokes = open_image(hands, dock, squares[0])
    hands.wait(lambda: dock.controller.current is not None)
    answer(hands, dock, strokes)
    others = [viewer.add_labels(np.zeros_like(squares[1]), name="Labels"), viewer.layers["cells prediction"]]
    for other, said in zip(others, ("'Labels' is not learnt from", "The next answer replaces"), strict=True):
        viewer.layers.selection.active = other
        hands.wait(lambda: dock.note_line.text() == "")  # it is looked at, not painted on
        other.mode = "paint"
        hands.wait(lambda said=said: dock.note_line.text().startswith(said))
        assert "'cells strokes'" in dock.note_line.text()
        viewer.layers.selection.active = strokes
        hands.wait(lambda: dock.note_line.text() == "")
    viewer.layers.selection.active = others[0]
    hands.wait(lambda: "choose it under Strokes" in dock.note_line.text())
    dock.chooser.strokes_box.layer = others[0]
    hands.wait(lambda: dock.note_line.text() == "")


def test_a_prediction_that_was_removed_is_told_of_until_it_is_back(hands: Any, viewer: Any, squares: Any) -> None:
    dock = hands.dock(NAMES[0])
    strokes = open_image(hands, dock, squares[0])
    prediction = answer(hands, dock, strokes)
    hands.settle(dock)  # what refines an answer brings the layer back by itself
    viewer.layers.remove(prediction)
    assert dock.note_line.text() == "'cells prediction' was removed. The answer to your next stroke brings it back."
    hands.settle(dock)
    assert "cells prediction" not in viewer.layers
    hands.drag(strokes, [(50, 4), (50, 70)])
    assert filled(hands) is not prediction
    hands.wait(lambda: dock.note_line.text() == "")


def test_a_layer_that_is_gone_is_not_said_to_be_hidden(hands: Any, viewer: Any, squares: Any) -> None:
    dock = hands.dock(NAMES[0])
    strokes = open_image(hands, dock, squares[0])
    hands.wait(lambda: dock.controller.current is not None)
    strokes.visible = False
    hands.wait(lambda: "is hidden" in dock.note_line.text())
    viewer.layers.remove(strokes)
    hands.wait(lambda: "is hidden" not in dock.note_line.text())


def test_an_update_does_its_steps_and_says_what_came_of_it(hands: Any, viewer: Any, squares: Any) -> None:
    dock = hands.dock(NAMES[0])
    dock.settings.fill()
    dock.settings._form.set_values({"patch": 32, "batch": 2})  # steps that are done in moments
    strokes = open_image(hands, dock, squares[0])
    said: list[str] = []
    dock.session.state_changed.connect(lambda state: said.append(state.text))
    answer(hands, dock, strokes)
    hands.wait(lambda: "Judging a network takes more: 1 of 8" in dock.state_line.text())
    hands.click(dock, "train_update")
    assert not hands.find(dock, "train_live").isEnabled()
    hands.wait(lambda: dock.session.state.text.startswith("Updated to step"))
    hands.wait(lambda: not dock.controller.training)
    assert hands.find(dock, "train_live").isEnabled()
    assert any(text.startswith(f"Updating: step {UPDATE_STEPS} of {UPDATE_STEPS}") for text in said)
    assert dock.session.learning_curve[-1].step == UPDATE_STEPS
    assert "so the instant answer stays" in dock.state_line.text()
    assert "Judging a network takes more" in dock.state_line.text()


class Broken:
    """A method that torch stops with an error."""

    seconds, steps, seed = None, None, 0

    def fit(self, _painted: Any) -> Generator[Any, None, Any]:
        yield from ()
        raise RuntimeError("CUDA error: an illegal memory access was encountered")


def test_an_error_has_details_that_can_be_copied(hands: Any, viewer: Any, squares: Any,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    dock = hands.dock(NAMES[0])
    open_image(hands, dock, squares[0])
    monkeypatch.setattr(dock.settings, "method", lambda _model, _once: Broken())
    dock.start_live()
    hands.wait(lambda: dock.session.state.phase == "failed")
    link = hands.find(dock, "train_state_details")
    assert link.isVisible()
    dialog = link.dialog()
    text = dialog.findChild(QWidget, "error_details_text").toPlainText()
    assert "illegal memory access" in text
    assert "Traceback" in text
    assert "torch" in text
    dialog.findChild(QWidget, "error_details_copy").click()
    assert QApplication.clipboard().text() == text
    dialog.deleteLater()
    dock.session.set_state("paused", "Something else.")
    assert not link.isVisible()


def test_a_training_that_does_not_move_is_told_of(hands: Any, viewer: Any, squares: Any) -> None:
    dock = hands.dock(NAMES[0])
    open_image(hands, dock, squares[0])
    dock.start_live()
    worker = dock.controller.runs.worker
    worker.stalled.emit(7.0)
    assert "has not moved for 7 s" in dock.note_line.text()
    worker.stalled.emit(0.0)
    assert dock.note_line.text() == ""
    worker.stalled.emit(7.0)
    hands.click(dock, "train_stop")
    hands.wait(lambda: "has not moved" not in dock.note_line.text())


def test_a_mistake_that_its_sentence_explains_has_no_details(qtbot: Any) -> None:
    line = TellingLine("told", 2)
    qtbot.addWidget(line)
    line.show()
    line.show_failure(UserError("The axes do not fit. Choose others."))
    assert not line.details.isVisible()
    line.show_failure(WorkError("torch stopped"))
    assert line.details.isVisible()
    assert not line.explain(WorkError("another one"))
    assert line.details.isVisible()
    line.setText("News.")
    assert not line.details.isVisible()
    assert "torch stopped" in details_text(WorkError("torch stopped"))


@pytest.mark.parametrize(("text", "chip", "reason"), [
    ("CUDA: Card 0 (the first CUDA device)", "CUDA: Card 0", "the first CUDA device"),
    ("CPU (Card 0 is not used: it failed a first calculation (NotImplementedError: no such thing))", "CPU",
     "Card 0 is not used: it failed a first calculation (NotImplementedError: no such thing)"),
    ("Looking for a graphics card...", "…", "Looking for a graphics card..."),
])
def test_a_chip_says_where_it_computes_and_why(qtbot: Any, text: str, chip: str, reason: str) -> None:
    line = DeviceLine()
    qtbot.addWidget(line)
    line.setText(text)
    assert (line.chip.text(), line.reason.text(), line.text()) == (chip, reason, text)
    assert text in line.toolTip()


def test_a_new_strokes_layer_has_the_brush_of_those_before(hands: Any, viewer: Any, squares: Any) -> None:
    dock = hands.dock(NAMES[0])
    strokes = open_image(hands, dock, squares[0])
    wide = strokes.brush_size
    assert 2 <= wide <= 12, "half as wide as the squares of 18 px, at most"
    strokes.data[20:23, 4:40] = 1
    strokes.events.set_data()
    hands.wait(lambda: bool(dock.session.painted()))
    image = viewer.add_image(np.kron(squares[0], np.ones((2, 2), np.uint8)), name="larger")
    hands.wait(lambda: dock.chooser.image_box.layer is image)
    hands.click(dock, "train_new_strokes")
    assert viewer.layers["larger strokes"].brush_size == 3
